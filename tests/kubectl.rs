//! The real kubectl against the sand table as it is served, beside the real server: the same lines, the
//! same answers.

mod emergency;
mod line;
mod sandtable;
mod story;
mod wire;
