//! References, slices and boxes from raw pointers.

use super::Checked;
use crate::version::with_interface;
use std::fmt::Display;

/// A required handle or struct: a NULL pointer is the caller's error.
///
/// # Safety
/// A pointer that is not NULL points to a live `T` that outlives `'a`.
pub(crate) unsafe fn handle<'a, T>(pointer: *const T, what: &str) -> Checked<&'a T> {
    // SAFETY: not NULL means live, by this function's own condition.
    unsafe { pointer.as_ref() }.ok_or_else(|| format!("{what} is NULL"))
}

/// An optional struct: NULL means that the caller left it out.
///
/// # Safety
/// As for [`handle`].
pub(crate) unsafe fn optional<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: as for `handle`.
    unsafe { pointer.as_ref() }
}

/// `size` elements from `data`. No elements is legal whatever `data` holds. `what` names them in the
/// message of a failure, which is all that it is formatted for.
///
/// # Safety
/// A `data` that is not NULL points to `size` live `T` that outlive `'a`.
pub(crate) unsafe fn slice<'a, T>(
    data: *const T,
    size: usize,
    what: impl Display,
) -> Checked<&'a [T]> {
    if size == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(format!("{what} has size {size} but its data is NULL"));
    }
    if size
        .checked_mul(size_of::<T>())
        .is_none_or(|bytes| isize::try_from(bytes).is_err())
    {
        return Err(with_interface(format!(
            "{what} has an impossible size: {size}"
        )));
    }
    // SAFETY: not NULL, a possible size, and live by this function's own condition.
    Ok(unsafe { std::slice::from_raw_parts(data, size) })
}

/// Hands `value` to the caller, who gives it back to the matching `_free`.
pub(crate) fn boxed<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes back what [`boxed`] handed out; NULL is a no-op.
///
/// # Safety
/// `pointer` came from [`boxed`] and is not used again.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: from `boxed`, once, by this function's own condition.
        drop(unsafe { Box::from_raw(pointer) });
    }
}
