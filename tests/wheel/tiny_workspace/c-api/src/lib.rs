//! Three functions of the C ABI, one of them behind a feature. They do not use Temporal.

// Like the real crate: see rust/.cargo/config.toml.
const _: Option<&str> = option_env!("TEMPORAL_STATIC_LIBS_WORKSPACE");

// The tests read it.
#[repr(transparent)]
pub struct Random(pub u64);

#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_random_new(seed: u64) -> Box<Random> {
    Box::new(Random(seed))
}

#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_random_free(random: Option<Box<Random>>) {
    drop(random);
}

#[cfg(feature = "worker")]
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_worker_free(_worker: *mut std::ffi::c_void) {}
