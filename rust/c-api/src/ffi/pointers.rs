//! Handles: giving them to the caller and taking them back.

use super::fork;
use std::mem::ManuallyDrop;

/// The memory of a handle. The value comes first, so a pointer to it is a pointer to the handle.
#[repr(C)]
struct Handle<T> {
    value: ManuallyDrop<T>,
    /// The process that made it.
    process: u32,
}

/// Gives `value` to the caller, who passes it to the matching `_free` function.
pub(crate) fn boxed<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(Handle {
        value: ManuallyDrop::new(value),
        process: fork::process(),
    }))
    .cast()
}

/// Whether a handle was made by a parent of this process.
///
/// # Safety
/// `pointer` came from [`boxed`] and is live.
pub(crate) unsafe fn is_of_parent<T>(pointer: *const T) -> bool {
    // SAFETY: a handle begins with its value, and by this function's contract this one is live.
    let handle = unsafe { &*pointer.cast::<Handle<T>>() };
    handle.process != fork::process()
}

/// Takes back what [`boxed`] gave. None for NULL, and for a handle of a parent process: its memory is
/// freed, but nothing that it refers to, because the parent uses the same descriptors.
///
/// # Safety
/// `pointer` is NULL, or came from [`boxed`] and is not used again.
pub(crate) unsafe fn taken_back<T>(pointer: *mut T) -> Option<T> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: by this function's contract, a non-NULL pointer came from `boxed` and is freed once.
    let handle = *unsafe { Box::from_raw(pointer.cast::<Handle<T>>()) };
    (handle.process == fork::process()).then(|| ManuallyDrop::into_inner(handle.value))
}
