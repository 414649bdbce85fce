//! Which version, and which interface, an archive holds.

use std::ffi::c_char;

// The no-op function whose name spells version and ABI id, written by build.rs. The header's
// TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE calls it.
include!(concat!(env!("OUT_DIR"), "/abi_symbol.rs"));

/// The version of the archive that is linked.
///
/// @return A NUL-terminated string that is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
