//! The operations of a JSON Patch, from pointers that this folder has built.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde_json::Value;

/// Sets a member of an object, or adds an item to a list.
pub(crate) fn add(path: &str, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: pointer(path),
        value,
    })
}

/// Replaces what is there.
pub(crate) fn replace(path: &str, value: Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation {
        path: pointer(path),
        value,
    })
}

/// Removes what is there.
pub(crate) fn remove(path: &str) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation {
        path: pointer(path),
    })
}

/// Refuses the whole patch unless this is there.
pub(crate) fn test(path: &str, value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation {
        path: pointer(path),
        value,
    })
}

fn pointer(path: &str) -> PointerBuf {
    PointerBuf::parse(path).expect("each token was escaped when it was put into the pointer")
}

/// Patches as the API server does, where a test for null holds where nothing is.
#[cfg(test)]
pub(crate) fn carry_out(
    object: &mut Value,
    operations: &[PatchOperation],
) -> Result<(), json_patch::PatchError> {
    let holds = |operation: &&PatchOperation| match operation {
        PatchOperation::Test(test) => {
            test.value.is_null() && object.pointer(test.path.as_str()).is_none()
        }
        PatchOperation::Add(_)
        | PatchOperation::Remove(_)
        | PatchOperation::Replace(_)
        | PatchOperation::Move(_)
        | PatchOperation::Copy(_) => false,
    };
    let operations: Vec<_> = operations
        .iter()
        .filter(|one| !holds(one))
        .cloned()
        .collect();
    json_patch::patch(object, &operations)
}
