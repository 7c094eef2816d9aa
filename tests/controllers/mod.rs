//! The operator beside the cluster's own controllers, as they are shipped, with pods whose kubelets
//! are played: what they make of a switch, of holding and of a return.

mod matrix;
