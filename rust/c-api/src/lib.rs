//! The C ABI over Temporal's Rust core: `temporal_core_*` functions and `TemporalCore*` types, as
//! `temporal-sdk-core-c-bridge.h` declares them. There is one module per noun of the interface; `ffi`
//! has the building blocks of the exported functions.
//!
//! An exported function turns the requirements in its documentation into an `ffi::Lent`, once. Reading
//! through that is safe, and checks for NULL and checks ranges, UTF-8 and enum values.

// Makes cargo compile this again for another checkout; see .cargo/config.toml.
const _: Option<&str> = option_env!("TEMPORAL_STATIC_LIBS_WORKSPACE");

mod attempts;
mod callbacks;
mod console;
mod decoding;
mod failures;
mod ffi;
#[cfg(test)]
mod gzip_tests;
mod metric_naming;
mod open_activations;
#[cfg(test)]
mod panic_tests;
mod polls;
#[cfg_attr(windows, path = "readiness_windows.rs")]
mod readiness;
mod results;
mod server_process;
mod sleepers;
mod slot_watch;
mod task_watch;
mod threads;
mod worker_calls;

pub mod byte_array;
pub mod byte_array_free;
pub mod cancellation_token;
pub mod completion_queue;
pub mod connect;
pub mod connection;
pub mod connection_options;
pub mod custom_meter;
pub mod env_config;
pub mod ephemeral_server;
pub mod event;
pub mod grpc_override;
pub mod log_forwarding;
pub mod metric;
pub mod metric_export;
pub mod metric_kind;
pub mod queue;
pub mod queue_callbacks;
pub mod random;
pub mod replay;
pub mod rpc;
pub mod runtime;
pub mod slot_supplier;
pub mod startup;
pub mod telemetry;
pub mod tuner;
pub mod version;
pub mod worker;
pub mod worker_ask_server;
pub mod worker_options;
pub mod worker_state;
