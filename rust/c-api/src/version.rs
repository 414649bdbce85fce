//! Which version, and which interface, an archive holds.

use std::ffi::{CStr, c_char};

// ABI_ID, and the no-op function whose name spells version and ABI id, written by build.rs. The header's
// TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE calls it.
include!(concat!(env!("OUT_DIR"), "/abi_symbol.rs"));

/// Adds to a message about a value that no correct caller passes which interface this library has:
/// the likely cause is a binding whose declarations were made for another one.
pub(crate) fn with_interface(problem: String) -> String {
    let id = ABI_ID.to_string_lossy();
    format!(
        "{problem} (this library is {}, interface {id}; were the caller's declarations made for it?)",
        env!("CARGO_PKG_VERSION")
    )
}

/// Returns the version of the archive that is linked.
///
/// @return A NUL-terminated string that is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the ABI id of the archive that is linked: a hash of the interface that it implements.
///
/// @return A NUL-terminated string of 16 hexadecimal digits that is never freed.
///
/// A binding that does not include the header calls this first, and compares the result with the
/// `TEMPORAL_STATIC_LIBS_ABI_ID` of the header that its declarations were made from. If they differ,
/// sizes, offsets or signatures may differ as well.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_abi_id() -> *const c_char {
    ABI_ID.as_ptr()
}
