//! Cancellation tokens.

use crate::ffi::{boxed, free, guard_infallible, handle};
use std::ptr;

/// Cancels the calls that were started with it.
pub struct CancellationToken(pub(crate) tokio_util::sync::CancellationToken);

/// A new token, to be freed with `temporal_core_cancellation_token_free`.
///
/// @return Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_cancellation_token_new() -> *mut CancellationToken {
    guard_infallible(
        "temporal_core_cancellation_token_new",
        ptr::null_mut(),
        || Ok(boxed(CancellationToken(Default::default()))),
    )
}

/// Makes every running call that took this token end with the failure `Cancelled`. Idempotent; any
/// thread.
///
/// @param token From `temporal_core_cancellation_token_new`; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_cancellation_token_cancel(token: *mut CancellationToken) {
    guard_infallible("temporal_core_cancellation_token_cancel", (), || {
        // SAFETY: NULL or live, by this function's contract.
        unsafe { handle(token, "token") }?.0.cancel();
        Ok(())
    });
}

/// Frees the token. Calls that took it run on: freeing early is safe and does not cancel.
///
/// @param token From `temporal_core_cancellation_token_new`, not used again; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_cancellation_token_free(token: *mut CancellationToken) {
    guard_infallible("temporal_core_cancellation_token_free", (), || {
        // SAFETY: NULL or from `_new`, once, by this function's contract.
        unsafe { free(token) };
        Ok(())
    });
}
