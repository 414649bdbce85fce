//! Freeing what the library gave out.

use crate::{byte_array::ByteArray, ffi::guard_infallible, runtime::Runtime};

/// Frees bytes that the library handed out.
///
/// @param runtime Any runtime, or NULL: it is not needed.
/// @param bytes   What a call or callback gave; NULL is a no-op, and so is `disable_free == true`.
///
/// Each `TemporalCoreByteArray` is freed exactly once. Any thread, also inside a callback.
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
