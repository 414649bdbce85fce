//! Connections to a Temporal server.

use crate::{
    byte_array::{ByteArray, ByteArrayRef, MetadataRef},
    ffi::{
        Callback, Checked, Lent, Pending, boxed, c_enum, export_of, guard_infallible, guard_named,
        taken_back,
    },
    grpc_override::{ClientGrpcOverrideCallback, override_service},
    runtime::{Core, Runtime},
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{collections::HashMap, ffi::c_void, mem::MaybeUninit, ptr, sync::Arc, time::Duration};
use temporalio_client::{
    ClientKeepAliveOptions as CoreKeepAlive, ClientTlsOptions as CoreClientTls,
    DnsLoadBalancingOptions, GrpcCompression, HttpConnectProxyOptions, PayloadLimitsOptions,
    RetryOptions, TlsOptions,
};
use url::Url;

/// TLS towards the server. All empty: TLS with the system's roots.
#[repr(C)]
pub struct ClientTlsOptions {
    /// PEM of the CA to trust; empty = the system's.
    pub server_root_ca_cert: ByteArrayRef,
    /// Server name to verify and to send; empty = the URL's host.
    pub domain: ByteArrayRef,
    /// PEM of the client's certificate; together with `client_private_key`, or both empty.
    pub client_cert: ByteArrayRef,
    /// PEM of the client's key; together with `client_cert`, or both empty.
    pub client_private_key: ByteArrayRef,
}

/// How failed calls that allow it are sent again.
#[repr(C)]
pub struct ClientRetryOptions {
    /// Wait before the first retry.
    pub initial_interval_millis: u64,
    /// Jitter as a fraction of the wait, 0 to 1.
    pub randomization_factor: f64,
    /// Growth of the wait from one retry to the next.
    pub multiplier: f64,
    /// Longest wait.
    pub max_interval_millis: u64,
    /// Longest time from the first attempt; 0 = unlimited.
    pub max_elapsed_time_millis: u64,
    /// Most attempts; 0 = unlimited.
    pub max_retries: usize,
}

/// HTTP/2 keep-alive pings.
#[repr(C)]
pub struct ClientKeepAliveOptions {
    /// Time between pings.
    pub interval_millis: u64,
    /// How long an answer may take before the connection is closed.
    pub timeout_millis: u64,
}

/// HTTP CONNECT proxy.
#[repr(C)]
pub struct ClientHttpConnectProxyOptions {
    /// `host:port`, or `unix:/path`.
    pub target_host: ByteArrayRef,
    /// For basic auth, which is used when this and the password are set.
    pub username: ByteArrayRef,
    /// For basic auth.
    pub password: ByteArrayRef,
}

/// Spreads calls over all addresses of the server's name.
#[repr(C)]
pub struct ClientDnsLoadBalancingOptions {
    /// Time between look-ups; at least a second.
    pub resolution_interval_millis: u64,
}

/// Transport compression.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum ClientGrpcCompression {
    /// Compressed requests; compressed responses accepted.
    Gzip = 0,
    /// None.
    None,
}

c_enum!(ClientGrpcCompression { Gzip, None });

/// Options of a connection. All that they reference lives until the callback.
#[repr(C)]
pub struct ConnectionOptions {
    /// `http://host:port`, or `https://…` together with `tls_options`. Required.
    pub target_url: ByteArrayRef,
    /// Name of the SDK, the `client-name` header.
    pub client_name: ByteArrayRef,
    /// Version of the SDK, the `client-version` header.
    pub client_version: ByteArrayRef,
    /// Headers of every call.
    pub metadata: MetadataRef,
    /// Binary headers (names end in `-bin`) of every call.
    pub binary_metadata: MetadataRef,
    /// Bearer token of every call; empty = none.
    pub api_key: ByteArrayRef,
    /// Identity of this client in the server's records.
    pub identity: ByteArrayRef,
    /// NULL: no TLS.
    pub tls_options: *const ClientTlsOptions,
    /// NULL: defaults.
    pub retry_options: *const ClientRetryOptions,
    /// NULL: no keep-alive.
    pub keep_alive_options: *const ClientKeepAliveOptions,
    /// NULL: no proxy.
    pub http_connect_proxy_options: *const ClientHttpConnectProxyOptions,
    /// When set, no connection is made and every RPC goes to this callback.
    pub grpc_override_callback: ClientGrpcOverrideCallback,
    /// Passed to it.
    pub grpc_override_callback_user_data: *mut c_void,
    /// NULL: no load balancing. A proxy or an override switches it off, with a warning.
    pub dns_load_balancing_options: *const ClientDnsLoadBalancingOptions,
    /// Transport compression; the zero value is gzip.
    pub grpc_compression: MaybeUninit<ClientGrpcCompression>,
    /// Warn of payloads larger than this, in bytes; 0 = off.
    pub payloads_warn_size: u64,
    /// Warn of memos larger than this, in bytes; 0 = off.
    pub memo_warn_size: u64,
}

/// Ends `temporal_core_client_connect`: a connection XOR a failure, the other being NULL.
///
/// @param user_data As given to the call.
/// @param success   To be freed with `temporal_core_client_free`.
/// @param fail      A message, to be freed with `temporal_core_byte_array_free`.
pub type ClientConnectCallback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, success: *mut Connection, fail: *const ByteArray),
>;

type ConnectCallback = unsafe extern "C" fn(*mut c_void, *mut Connection, *const ByteArray);

impl Callback for ConnectCallback {
    type Answer = Checked<Connection>;

    fn failure(message: String) -> Self::Answer {
        Err(message)
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        let (success, fail) = match answer {
            Ok(connection) => (boxed(connection), ptr::null()),
            Err(message) => (ptr::null_mut(), ByteArray::give(message)),
        };
        // SAFETY: by this function's own condition; the callback owns what it is given.
        unsafe { self(user_data, success, fail) }
    }
}

/// A connection to a Temporal server, for RPC calls and workers.
///
/// Life: `temporal_core_client_connect` gives it to its callback; `temporal_core_client_rpc_call`,
/// `temporal_core_worker_new` and the `temporal_core_client_update_…` functions use it, any number
/// of times; `temporal_core_client_free`.
///
/// Any thread may use it, several at once, also inside callbacks. It must not be freed before the
/// callback of a call that was started with it. It may be freed before or after its runtime.
pub struct Connection {
    pub(crate) core: Arc<Core>,
    pub(crate) client: temporalio_client::Connection,
}

/// Connects to a Temporal server and asks for its capabilities.
///
/// @param runtime   Live for the call.
/// @param options   Live, with all it references, until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Fires exactly once: on the caller's thread for an error found before any work
///                  starts (`Invalid options: …`), else on a runtime thread (`Connection failed:
///                  …`). NULL: nothing is done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_connect(
    runtime: *mut Runtime,
    options: *const ConnectionOptions,
    user_data: *mut c_void,
    callback: ClientConnectCallback,
) {
    guard_infallible((), || {
        let pending = Pending::new(callback.ok_or("callback is NULL")?, user_data);
        // SAFETY: the runtime is live for this call, the options with all they lead to until the
        // callback.
        let (runtime, options) = unsafe {
            (
                Lent::required(runtime, "runtime"),
                Lent::required(options, "options"),
            )
        };
        let core = match runtime.and_then(Runtime::core) {
            // The callback may free the runtime before this function returns.
            Ok(core) => core.clone(),
            Err(message) => {
                pending.fail(format!("Invalid options: {message}"));
                return Ok(());
            }
        };
        core.enter(
            || match options.and_then(|options| core_options(&core, options)) {
                Err(message) => pending.fail(format!("Invalid options: {message}")),
                Ok(options) => {
                    let connection_core = core.clone();
                    core.spawn(pending, async move {
                        match temporalio_client::Connection::connect(options).await {
                            Ok(client) => Ok(Connection {
                                core: connection_core,
                                client,
                            }),
                            Err(error) => Err(format!("Connection failed: {error}")),
                        }
                    });
                }
            },
        );
        Ok(())
    });
}

fn core_options(
    core: &Core,
    options: Lent<'_, ConnectionOptions>,
) -> Checked<temporalio_client::ConnectionOptions> {
    let proxy = options
        .field("http_connect_proxy_options", |it| {
            &it.http_connect_proxy_options
        })
        .target()
        .map(proxy_options)
        .transpose()?;
    let service_override = options
        .grpc_override_callback
        .map(|callback| override_service(callback, options.grpc_override_callback_user_data));
    let mut dns = options
        .field("dns_load_balancing_options", |it| {
            &it.dns_load_balancing_options
        })
        .target()
        .map(|dns| dns.core_options())
        .transpose()?;
    for (what, set) in [
        ("an HTTP CONNECT proxy", proxy.is_some()),
        ("a gRPC override", service_override.is_some()),
    ] {
        if set && dns.take().is_some() {
            tracing::warn!(
                target: "temporal_static_libs",
                "dns_load_balancing_options is ignored: it does not go together with {what}"
            );
        }
    }
    let compression = match options
        .field("grpc_compression", |it| &it.grpc_compression)
        .constant()?
    {
        ClientGrpcCompression::Gzip => GrpcCompression::Gzip,
        ClientGrpcCompression::None => GrpcCompression::None,
    };
    let url = target_url(options.field("target_url", |it| &it.target_url).line()?)?;
    let client_name = options.field("client_name", |it| &it.client_name);
    let client_version = options.field("client_version", |it| &it.client_version);
    let identity = options.field("identity", |it| &it.identity);
    let metadata = options.field("metadata", |it| &it.metadata);
    let binary_metadata = options.field("binary_metadata", |it| &it.binary_metadata);
    let api_key = options.field("api_key", |it| &it.api_key);
    let tls = options.field("tls_options", |it| &it.tls_options).target();
    let retry = options
        .field("retry_options", |it| &it.retry_options)
        .target();
    let keep_alive = options
        .field("keep_alive_options", |it| &it.keep_alive_options)
        .target();
    Ok(temporalio_client::ConnectionOptions::new(url)
        .client_name(client_name.line()?)
        .client_version(client_version.line()?)
        .identity(identity.text()?)
        .headers(metadata.metadata()?)
        .binary_headers(binary_metadata.binary_metadata()?)
        .maybe_api_key(api_key.optional_line()?)
        .maybe_tls_options(tls.map(tls_options).transpose()?)
        .retry_options(
            retry
                .map(|retry| retry.core_options())
                .transpose()?
                .unwrap_or_default(),
        )
        .keep_alive(keep_alive.map(|it| it.core_options()).transpose()?)
        .maybe_http_connect_proxy(proxy)
        .dns_load_balancing(dns)
        .maybe_service_override(service_override)
        .maybe_metrics_meter(core.core_runtime().telemetry().get_temporal_metric_meter())
        .grpc_compression(compression)
        .payload_limits(
            PayloadLimitsOptions::builder()
                .payloads_warn_size(options.payloads_warn_size)
                .memo_warn_size(options.memo_warn_size)
                .build(),
        )
        .build())
}

fn target_url(text: &str) -> Checked<Url> {
    let url =
        Url::parse(text).map_err(|error| format!("target_url `{text}` is malformed: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "target_url `{text}` has the scheme `{}`; it must be http or https",
            url.scheme()
        ));
    }
    Ok(url)
}

fn tls_options(options: Lent<'_, ClientTlsOptions>) -> Checked<TlsOptions> {
    let ca = options
        .field("tls_options.server_root_ca_cert", |it| {
            &it.server_root_ca_cert
        })
        .optional_bytes()?;
    let domain = options
        .field("tls_options.domain", |it| &it.domain)
        .optional_line()?;
    let cert = options
        .field("tls_options.client_cert", |it| &it.client_cert)
        .optional_bytes()?;
    let key = options
        .field("tls_options.client_private_key", |it| {
            &it.client_private_key
        })
        .optional_bytes()?;
    if let Some(ca) = &ca {
        check_ca(ca)?;
    }
    let client = match (cert, key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some(
            CoreClientTls::builder()
                .client_cert(cert)
                .client_private_key(key)
                .build(),
        ),
        _ => return Err("Must have both client cert and private key or neither".to_owned()),
    };
    Ok(TlsOptions::builder()
        .maybe_server_root_ca_cert(ca)
        .maybe_domain(domain)
        .maybe_client_tls_options(client)
        .build())
}

fn proxy_options(
    options: Lent<'_, ClientHttpConnectProxyOptions>,
) -> Checked<HttpConnectProxyOptions> {
    let target = options
        .field("http_connect_proxy_options.target_host", |it| {
            &it.target_host
        })
        .line()?;
    let username = options
        .field("http_connect_proxy_options.username", |it| &it.username)
        .text()?;
    let password = options
        .field("http_connect_proxy_options.password", |it| &it.password)
        .text()?;
    if target.is_empty() {
        return Err("http_connect_proxy_options.target_host is empty".to_owned());
    }
    let auth = (!username.is_empty() && !password.is_empty())
        .then(|| (username.to_owned(), password.to_owned()));
    Ok(HttpConnectProxyOptions::new(target)
        .maybe_basic_auth(auth)
        .build())
}

/// The TLS library takes the certificates it can use and drops the rest without a word; a caller
/// whose file is not one would learn it from failing handshakes.
fn check_ca(pem: &[u8]) -> Checked<()> {
    let invalid = |reason: &dyn std::fmt::Display| {
        format!("tls_options.server_root_ca_cert is not a PEM certificate: {reason}")
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| invalid(&error))?;
        roots.add(certificate).map_err(|error| invalid(&error))?;
    }
    if roots.is_empty() {
        return Err(invalid(&"it holds none"));
    }
    Ok(())
}

impl ClientRetryOptions {
    fn core_options(&self) -> Checked<RetryOptions> {
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            return Err(format!(
                "retry_options.randomization_factor must be between 0 and 1, not {}",
                self.randomization_factor
            ));
        }
        if !self.multiplier.is_finite() || self.multiplier < 0.0 {
            return Err(format!(
                "retry_options.multiplier must be a finite number that is not negative, not {}",
                self.multiplier
            ));
        }
        Ok(RetryOptions::builder()
            .initial_interval(Duration::from_millis(self.initial_interval_millis))
            .randomization_factor(self.randomization_factor)
            .multiplier(self.multiplier)
            .max_interval(Duration::from_millis(self.max_interval_millis))
            .max_elapsed_time(match self.max_elapsed_time_millis {
                0 => None,
                millis => Some(Duration::from_millis(millis)),
            })
            .max_retries(self.max_retries)
            .build())
    }
}

impl ClientKeepAliveOptions {
    fn core_options(&self) -> Checked<CoreKeepAlive> {
        if self.interval_millis == 0 {
            return Err("keep_alive_options.interval_millis must not be 0".to_owned());
        }
        Ok(CoreKeepAlive::builder()
            .interval(Duration::from_millis(self.interval_millis))
            .timeout(Duration::from_millis(self.timeout_millis))
            .build())
    }
}

impl ClientDnsLoadBalancingOptions {
    fn core_options(&self) -> Checked<DnsLoadBalancingOptions> {
        if self.resolution_interval_millis < 1_000 {
            return Err(format!(
                "dns_load_balancing_options.resolution_interval_millis must be at least 1000, not {}",
                self.resolution_interval_millis
            ));
        }
        Ok(DnsLoadBalancingOptions::builder()
            .resolution_interval(Duration::from_millis(self.resolution_interval_millis))
            .build())
    }
}

/// Frees the connection. Calls in flight run on and fire their callbacks.
///
/// @param client From `temporal_core_client_connect`, not used again; NULL is a no-op.
///
/// Any thread, also inside a callback, before or after the runtime is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_free(client: *mut Connection) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_client_connect` boxed the connection; this is its last use.
        drop(unsafe { taken_back(client) });
        Ok(())
    });
}

/// An update's body: what is wrong is logged, and then nothing is changed.
fn update<Change>(connection: Checked<Lent<'_, Connection>>, change: Change)
where
    Change: FnOnce(&temporalio_client::Connection) -> Checked<()>,
{
    let export = export_of::<Change>;
    match connection {
        Ok(connection) => connection
            .core
            .enter(|| guard_named(export, (), || change(&connection.client))),
        Err(message) => guard_named(export, (), || Err(message)),
    }
}

/// Replaces the headers that later calls send.
///
/// @param client   NULL is a no-op.
/// @param metadata Dropped by the caller once the call returns. An invalid name or value is logged
///                 as an error and changes nothing.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_update_metadata(
    client: *mut Connection,
    metadata: MetadataRef,
) {
    // SAFETY: connection and headers are live for this call.
    let (connection, metadata) = unsafe {
        (
            Lent::required(client, "client"),
            Lent::by_value(&metadata, "metadata"),
        )
    };
    update(connection, |client| {
        let headers: HashMap<_, _> = metadata.metadata()?;
        client
            .set_headers(headers)
            .map_err(|error| error.to_string())
    });
}

/// Replaces the binary headers that later calls send.
///
/// @param client   NULL is a no-op.
/// @param metadata Dropped by the caller once the call returns. An invalid name is logged as an
///                 error and changes nothing.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_update_binary_metadata(
    client: *mut Connection,
    metadata: MetadataRef,
) {
    // SAFETY: connection and headers are live for this call.
    let (connection, metadata) = unsafe {
        (
            Lent::required(client, "client"),
            Lent::by_value(&metadata, "metadata"),
        )
    };
    update(connection, |client| {
        client
            .set_binary_headers(metadata.binary_metadata()?)
            .map_err(|error| error.to_string())
    });
}

/// Replaces the API key that later calls send; an empty one removes it.
///
/// @param client  NULL is a no-op.
/// @param api_key Dropped by the caller once the call returns.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_update_api_key(
    client: *mut Connection,
    api_key: ByteArrayRef,
) {
    // SAFETY: connection and key are live for this call.
    let (connection, api_key) = unsafe {
        (
            Lent::required(client, "client"),
            Lent::by_value(&api_key, "api_key"),
        )
    };
    update(connection, |client| {
        client.set_api_key(api_key.optional_line()?);
        Ok(())
    });
}
