//! The committed generated files are what the types say.

use crate::support;

/// CRDs that lag behind the types would make the API server drop what the operator writes.
#[test]
fn committed_files_are_what_the_types_say() {
    support::xtask(&["generate", "--check"]);
}

/// Kinds of GitOps that are not what their makers publish would let tests pass that no cluster does. The
/// modules are fetched the first time, as those of the control plane are.
#[test]
fn committed_kinds_are_what_the_go_modules_publish() {
    support::xtask(&["generate", "kinds", "--check"]);
}
