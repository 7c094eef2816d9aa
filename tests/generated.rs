//! The committed generated files are what the types say.

use crate::support;

/// CRDs that lag behind the types would make the API server drop what the operator writes.
#[test]
fn committed_files_are_what_the_types_say() {
    support::xtask(&["generate", "--check"]);
}
