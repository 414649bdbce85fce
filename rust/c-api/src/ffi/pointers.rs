//! Handles: given to the caller, and taken back.

/// Gives `value` to the caller, who returns it to the matching `_free`.
pub(crate) fn boxed<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes back what [`boxed`] gave; None for NULL.
///
/// # Safety
/// `pointer` is NULL, or came from [`boxed`] and is not used again.
pub(crate) unsafe fn taken_back<T>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: not NULL means from `boxed`, once, by this function's own condition.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}
