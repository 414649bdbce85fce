pub use temporal_static_libs_c_api::*;
