//! `libtemporal_sdk_core.a`: the whole C ABI as one archive.

pub use temporal_static_libs_c_api::*;
