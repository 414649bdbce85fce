//! Cancellation tokens.

use crate::ffi::{Lent, boxed, guard_infallible, taken_back};
use std::ptr;

/// Cancels the RPC calls that are started with it.
///
/// Life: `temporal_core_cancellation_token_new`, `temporal_core_client_rpc_call` with it in the
/// options, any number of times, `temporal_core_cancellation_token_cancel` if need be,
/// `temporal_core_cancellation_token_free`.
///
/// Any thread may cancel it, also inside a callback. A call takes the token when it starts, so the
/// token may be freed while the call runs.
pub struct CancellationToken(pub(crate) tokio_util::sync::CancellationToken);

/// A new token, to be freed with `temporal_core_cancellation_token_free`.
///
/// @return Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_cancellation_token_new() -> *mut CancellationToken {
    guard_infallible(ptr::null_mut(), || {
        Ok(boxed(CancellationToken(Default::default())))
    })
}

/// Makes every running call that took this token end with the failure `Cancelled`. Idempotent; any
/// thread.
///
/// @param token From `temporal_core_cancellation_token_new`; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_cancellation_token_cancel(token: *mut CancellationToken) {
    guard_infallible((), || {
        // SAFETY: the token is not freed during this call.
        unsafe { Lent::handle(token, "token") }?.0.cancel();
        Ok(())
    });
}

/// Frees the token. Calls that took it run on: freeing early is safe and does not cancel.
///
/// @param token From `temporal_core_cancellation_token_new`, not used again; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_cancellation_token_free(token: *mut CancellationToken) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_cancellation_token_new` boxed the token; this is its last use.
        drop(unsafe { taken_back(token) });
        Ok(())
    });
}
