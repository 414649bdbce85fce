//! The version and the interface of an archive.

use std::ffi::{CStr, c_char};

// ABI_ID, and the function whose name contains the version and the ABI ID, both written by build.rs. The
// function does nothing; the header's TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE calls it.
include!(concat!(env!("OUT_DIR"), "/abi_symbol.rs"));

/// Adds this library's interface to a message about a value that no correct caller passes: most likely,
/// the declarations of a binding were made for another interface.
pub(crate) fn with_interface(problem: String) -> String {
    let id = ABI_ID.to_string_lossy();
    format!(
        "{problem} (this library is {}, interface {id}; check that your declarations match it)",
        env!("CARGO_PKG_VERSION")
    )
}

/// Returns the version of the linked archive.
///
/// @return A NUL-terminated string. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the ABI ID of the linked archive: a hash of the interface that it implements.
///
/// @return A NUL-terminated string of 16 hexadecimal digits. Do not free it.
///
/// If your bindings do not include the header, call this first, and compare the result with
/// `TEMPORAL_STATIC_LIBS_ABI_ID` in the header that your declarations were made from. If they
/// differ, sizes, offsets or signatures may differ as well.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_abi_id() -> *const c_char {
    ABI_ID.as_ptr()
}
