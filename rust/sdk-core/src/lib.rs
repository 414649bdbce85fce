//! The whole C ABI as one archive, from which `libtemporal_sdk_core.a` and `libtemporal_client.a` are
//! made.

pub use temporal_static_libs_c_api::*;
