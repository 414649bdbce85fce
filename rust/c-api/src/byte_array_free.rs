//! Freeing the bytes that the library gave to the caller.

use crate::{byte_array::ByteArray, ffi::guard_infallible, runtime::Runtime};

/// Frees bytes that the library gave you.
///
/// @param runtime Not used. May be NULL.
/// @param bytes   What a call or callback gave you. May be NULL. If `disable_free` is true, the
///                call has no effect.
///
/// Free each `TemporalCoreByteArray` exactly once, from any thread, including inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_byte_array_free(
    runtime: *mut Runtime,
    bytes: *const ByteArray,
) {
    let _ = runtime;
    guard_infallible((), || {
        // SAFETY: the caller's own bytes, freed for the first and last time.
        unsafe { ByteArray::free(bytes) };
        Ok(())
    });
}
