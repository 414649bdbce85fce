//! Connections to a Temporal server.

use crate::{
    attempts::{TIMEOUT_HEADER, stated_time},
    byte_array::{ByteArrayRef, MetadataRef},
    ffi::{Checked, Lent, export_of, guard_infallible, guard_named, lock, taken_back},
    runtime::Core,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use temporalio_client::RetryOptions;

/// A connection to a Temporal server, for RPCs and workers.
///
/// Lifecycle: `temporal_core_client_connect` gives it to its callback. Use it any number of times
/// with `temporal_core_client_rpc_call`, `temporal_core_worker_new` and the
/// `temporal_core_client_update_…` functions, then free it with `temporal_core_client_free`.
///
/// Several threads can use it at the same time, including inside callbacks. Do not free it before
/// the callbacks of all calls that were started with it. You can free it before or after its
/// runtime.
pub struct Connection {
    pub(crate) core: Arc<Core>,
    pub(crate) client: temporalio_client::Connection,
    /// The same for RPC calls, which are retried here and not by core. Set once here, not in each
    /// request, because core copies the extensions of a request.
    pub(crate) without_retries: temporalio_client::Connection,
    /// How the connection's calls are retried.
    pub(crate) retry: Arc<RetryOptions>,
    /// The time limit in the headers of every call.
    timeout: Mutex<Option<Duration>>,
}

impl Connection {
    pub(crate) fn new(
        core: Arc<Core>,
        client: temporalio_client::Connection,
        retry: RetryOptions,
        headers: &HashMap<String, String>,
    ) -> Self {
        let mut without_retries = client.clone();
        *without_retries.retry_options_mut() = RetryOptions::no_retries();
        Self {
            core,
            client,
            without_retries,
            retry: Arc::new(retry),
            timeout: Mutex::new(stated_in(headers)),
        }
    }

    /// Time limit of calls that set none.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        *lock(&self.timeout)
    }
}

fn stated_in(headers: &HashMap<String, String>) -> Option<Duration> {
    let stated = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(TIMEOUT_HEADER));
    stated.and_then(|(_, value)| stated_time(value))
}

/// Frees the connection. Calls in flight continue and run their callbacks.
///
/// @param client From `temporal_core_client_connect`; do not use it again. May be NULL.
///
/// You can call it inside a callback, and before or after the runtime is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_free(client: *mut Connection) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_client_connect` boxed the connection; this is its last use.
        drop(unsafe { taken_back(client) });
        Ok(())
    });
}

/// The body of an update. An error is logged, and nothing is changed.
fn update<Change>(connection: Checked<Lent<'_, Connection>>, change: Change)
where
    Change: FnOnce(&Connection) -> Checked<()>,
{
    let export = export_of::<Change>;
    match connection {
        Ok(connection) => connection
            .core
            .enter(|| guard_named(export, (), || change(connection.get()))),
        Err(message) => guard_named(export, (), || Err(message)),
    }
}

/// Replaces the headers that later calls send.
///
/// @param client   If NULL, the call has no effect.
/// @param metadata The new headers. If a name or value is invalid, the call logs an error and
///                 changes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_update_metadata(
    client: *mut Connection,
    metadata: MetadataRef,
) {
    // SAFETY: connection and headers are live for this call.
    let (connection, metadata) = unsafe {
        (
            Lent::handle(client, "client"),
            Lent::by_value(&metadata, "metadata"),
        )
    };
    update(connection, |connection| {
        let headers: HashMap<_, _> = metadata.metadata()?;
        let timeout = stated_in(&headers);
        connection
            .client
            .set_headers(headers)
            .map_err(|error| error.to_string())?;
        *lock(&connection.timeout) = timeout;
        Ok(())
    });
}

/// Replaces the binary headers that later calls send.
///
/// @param client   If NULL, the call has no effect.
/// @param metadata The new headers. If a name is invalid, the call logs an error and changes
///                 nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_update_binary_metadata(
    client: *mut Connection,
    metadata: MetadataRef,
) {
    // SAFETY: connection and headers are live for this call.
    let (connection, metadata) = unsafe {
        (
            Lent::handle(client, "client"),
            Lent::by_value(&metadata, "metadata"),
        )
    };
    update(connection, |connection| {
        connection
            .client
            .set_binary_headers(metadata.binary_metadata()?)
            .map_err(|error| error.to_string())
    });
}

/// Replaces the API key that later calls send.
///
/// @param client  If NULL, the call has no effect.
/// @param api_key The new key. An empty one removes the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_update_api_key(
    client: *mut Connection,
    api_key: ByteArrayRef,
) {
    // SAFETY: connection and key are live for this call.
    let (connection, api_key) = unsafe {
        (
            Lent::handle(client, "client"),
            Lent::by_value(&api_key, "api_key"),
        )
    };
    update(connection, |connection| {
        connection.client.set_api_key(api_key.optional_line()?);
        Ok(())
    });
}
