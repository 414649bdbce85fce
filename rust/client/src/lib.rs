//! `libtemporal_client.a`: the part of the C ABI that needs no worker.

pub use temporal_static_libs_c_api::*;
