//! The end of calls that have no result.

use crate::{
    byte_array::ByteArray,
    ffi::{Callback, Checked},
};
use std::ffi::c_void;

/// Ends a call that has no result: the failure, or NULL.
pub(crate) type DoneCallback = unsafe extern "C" fn(*mut c_void, *const ByteArray);

impl Callback for DoneCallback {
    type Answer = Checked<()>;

    fn failure(message: String) -> Self::Answer {
        Err(message)
    }

    fn address(self) -> usize {
        self as usize
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        // SAFETY: by this function's contract; the callback owns what it is given.
        unsafe { self(user_data, ByteArray::give_optional(answer.err())) }
    }
}
