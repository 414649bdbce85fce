//! Cancellation tokens.

use crate::ffi::{Lent, boxed, guard_infallible, taken_back};
use std::ptr;

/// Cancels the calls that were started with it.
///
/// Lifecycle: create it with `temporal_core_cancellation_token_new`, set it in the options of any
/// number of calls, call `temporal_core_cancellation_token_cancel` to cancel them, and free it with
/// `temporal_core_cancellation_token_free`.
///
/// Any thread can cancel it, including inside a callback. A call reads the token when it starts, so
/// you can free the token while the call runs.
pub struct CancellationToken(pub(crate) tokio_util::sync::CancellationToken);

/// Creates a token.
///
/// @return Never NULL. Free it with `temporal_core_cancellation_token_free`.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_cancellation_token_new() -> *mut CancellationToken {
    guard_infallible(ptr::null_mut(), || {
        Ok(boxed(CancellationToken(Default::default())))
    })
}

/// Cancels the running calls that were started with this token: each fails with `Cancelled`.
/// Canceling again has no effect.
///
/// @param token From `temporal_core_cancellation_token_new`. If NULL, the call has no effect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_cancellation_token_cancel(token: *mut CancellationToken) {
    guard_infallible((), || {
        // SAFETY: the token is not freed during this call.
        unsafe { Lent::handle(token, "token") }?.0.cancel();
        Ok(())
    });
}

/// Frees the token. Calls that were started with it continue.
///
/// @param token From `temporal_core_cancellation_token_new`; do not use it again. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_cancellation_token_free(token: *mut CancellationToken) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_cancellation_token_new` boxed the token; this is its last use.
        drop(unsafe { taken_back(token) });
        Ok(())
    });
}
