//! Options of a connection, and their conversion to core's.

use crate::{
    byte_array::{ByteArrayRef, MetadataRef},
    ffi::{Checked, Lent, c_enum},
    grpc_override::{ClientGrpcOverrideCallback, override_service},
    runtime::Core,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::CertifiedKey,
};
use std::{ffi::c_void, mem::MaybeUninit, time::Duration};
use temporalio_client::{
    ClientKeepAliveOptions as CoreKeepAlive, ClientTlsOptions as CoreClientTls,
    DnsLoadBalancingOptions, GrpcCompression, HttpConnectProxyOptions, PayloadLimitsOptions,
    RetryOptions, TlsOptions, callback_based::CallbackBasedGrpcService,
};
use url::{Host, Url};

/// Time limit for a TCP connection and, with a proxy, its CONNECT and TLS. It also applies to each
/// reconnect, which looks the name up again. All addresses of a name share it.
const TCP_PATIENCE: Duration = Duration::from_secs(60);

/// TLS options. If all are empty, the connection uses TLS with the system's CA certificates.
#[repr(C)]
pub struct ClientTlsOptions {
    /// CA certificate to trust, as PEM; empty = the system's.
    pub server_root_ca_cert: ByteArrayRef,
    /// Server name to send and verify; empty = the host in the URL.
    pub domain: ByteArrayRef,
    /// Client certificate, as PEM. Set it together with `client_private_key`, or leave both empty.
    pub client_cert: ByteArrayRef,
    /// Private key of the client certificate, as PEM. Set it together with `client_cert`, or leave
    /// both empty.
    pub client_private_key: ByteArrayRef,
}

/// How failed calls are retried.
#[repr(C)]
pub struct ClientRetryOptions {
    /// Wait before the first retry.
    pub initial_interval_millis: u64,
    /// Jitter as a fraction of the wait, 0 to 1.
    pub randomization_factor: f64,
    /// Factor by which the wait grows from one retry to the next.
    pub multiplier: f64,
    /// Longest wait.
    pub max_interval_millis: u64,
    /// Longest time since the first attempt; 0 = unlimited.
    pub max_elapsed_time_millis: u64,
    /// Largest number of attempts; 0 = unlimited.
    pub max_retries: usize,
}

/// HTTP/2 keep-alive pings.
#[repr(C)]
pub struct ClientKeepAliveOptions {
    /// Time between pings.
    pub interval_millis: u64,
    /// How long to wait for a response before the connection is closed.
    pub timeout_millis: u64,
}

/// An HTTP CONNECT proxy.
#[repr(C)]
pub struct ClientHttpConnectProxyOptions {
    /// `host:port`, or `unix:/path`, which fails on Windows.
    pub target_host: ByteArrayRef,
    /// User name for basic authentication, used only if the password is also set.
    pub username: ByteArrayRef,
    /// Password for basic authentication.
    pub password: ByteArrayRef,
}

/// Distributes calls over all addresses of the server's name.
#[repr(C)]
pub struct ClientDnsLoadBalancingOptions {
    /// Time between lookups; at least 1,000.
    pub resolution_interval_millis: u64,
}

/// Transport compression: traffic against CPU time.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum ClientGrpcCompression {
    /// Compresses requests with gzip, and accepts compressed responses. A small call takes about
    /// 1.3 times the CPU time, a large one many times.
    Gzip = 0,
    /// No compression: for a server in the same data center, or for payloads that are already
    /// compressed.
    None,
}

c_enum!(ClientGrpcCompression { Gzip, None });

/// Options of a connection. Everything they reference must stay valid until the callback.
#[repr(C)]
pub struct ConnectionOptions {
    /// `http://host:port`, or `https://…` together with `tls_options`. Required. Not used with
    /// `grpc_override_callback`.
    pub target_url: ByteArrayRef,
    /// Name of the SDK: the `client-name` header.
    pub client_name: ByteArrayRef,
    /// Version of the SDK: the `client-version` header.
    pub client_version: ByteArrayRef,
    /// Headers sent with every call.
    pub metadata: MetadataRef,
    /// Binary headers sent with every call; their names end in `-bin`.
    pub binary_metadata: MetadataRef,
    /// Bearer token sent with every call; empty = none.
    pub api_key: ByteArrayRef,
    /// Identity of this client, as the server records it.
    pub identity: ByteArrayRef,
    /// Required if `target_url` is `https://…`, otherwise NULL. Not used with
    /// `grpc_override_callback`.
    pub tls_options: *const ClientTlsOptions,
    /// NULL = defaults.
    pub retry_options: *const ClientRetryOptions,
    /// NULL = no keep-alive.
    pub keep_alive_options: *const ClientKeepAliveOptions,
    /// NULL = no proxy.
    pub http_connect_proxy_options: *const ClientHttpConnectProxyOptions,
    /// If set, no connection is made and every RPC goes to this callback.
    pub grpc_override_callback: ClientGrpcOverrideCallback,
    /// Passed to `grpc_override_callback`.
    pub grpc_override_callback_user_data: *mut c_void,
    /// NULL = no load balancing. Ignored, with a warning, if a proxy or an override is set.
    pub dns_load_balancing_options: *const ClientDnsLoadBalancingOptions,
    /// Transport compression; the zero value is gzip.
    pub grpc_compression: MaybeUninit<ClientGrpcCompression>,
    /// Log a warning for payloads larger than this, in bytes; 0 = never.
    pub payloads_warn_size: u64,
    /// Log a warning for memos larger than this, in bytes; 0 = never.
    pub memo_warn_size: u64,
}

/// Core's options.
///
/// # Errors
/// The name of an option that cannot work, and the reason.
pub(crate) fn core_options(
    core: &Core,
    options: Lent<'_, ConnectionOptions>,
    queued_override: Option<CallbackBasedGrpcService>,
) -> Checked<temporalio_client::ConnectionOptions> {
    let proxy = options
        .field("http_connect_proxy_options", |it| {
            &it.http_connect_proxy_options
        })
        .target()
        .map(proxy_options)
        .transpose()?;
    let called_override = options
        .grpc_override_callback
        .map(|callback| override_service(callback, options.grpc_override_callback_user_data));
    if called_override.is_some() && queued_override.is_some() {
        return Err(
            "grpc_override_callback and extra.grpc_override_queue are both set; set only one of them"
                .to_owned(),
        );
    }
    let service_override = called_override.or(queued_override);
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
                "dns_load_balancing_options is ignored: it cannot be combined with {what}"
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
    let target = options.field("target_url", |it| &it.target_url).line()?;
    let url = target_url(target)?;
    let tls = options.field("tls_options", |it| &it.tls_options).target();
    if service_override.is_none() {
        check_encryption(target, url.scheme(), tls.is_some())?;
    }
    let client_name = options.field("client_name", |it| &it.client_name);
    let client_version = options.field("client_version", |it| &it.client_version);
    let identity = options.field("identity", |it| &it.identity);
    let metadata = options.field("metadata", |it| &it.metadata);
    let binary_metadata = options.field("binary_metadata", |it| &it.binary_metadata);
    let api_key = options.field("api_key", |it| &it.api_key);
    let retry = options
        .field("retry_options", |it| &it.retry_options)
        .target();
    let keep_alive = options
        .field("keep_alive_options", |it| &it.keep_alive_options)
        .target();
    let api_key = api_key.optional_line()?;
    if api_key.is_some() && service_override.is_none() && !is_protected(&url) {
        tracing::warn!(
            target: "temporal_static_libs",
            "api_key is sent unencrypted to {}; use https:// and set tls_options",
            url.host_str().unwrap_or_default()
        );
    }
    Ok(temporalio_client::ConnectionOptions::new(url)
        .connect_timeout(TCP_PATIENCE)
        .client_name(client_name.line()?)
        .client_version(client_version.line()?)
        .identity(identity.text()?)
        .headers(metadata.metadata()?)
        .binary_headers(binary_metadata.binary_metadata()?)
        .maybe_api_key(api_key)
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

/// Rejects TLS options that would not be used, and an unencrypted connection that was not asked
/// for.
fn check_encryption(url: &str, scheme: &str, tls: bool) -> Checked<()> {
    match (scheme, tls) {
        ("http", true) => Err(format!(
            "tls_options is set, but target_url `{url}` is not encrypted; use https://, or set tls_options to NULL"
        )),
        ("https", false) => Err(format!(
            "target_url `{url}` needs tls_options, which may be all zeros; for a connection without TLS use http://"
        )),
        _ => Ok(()),
    }
}

/// Whether nobody else can read what is sent to this URL.
fn is_protected(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
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
    if let Some(name) = &domain
        && ServerName::try_from(name.as_str()).is_err()
    {
        return Err(format!(
            "tls_options.domain `{name}` is not a host name or an IP address"
        ));
    }
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
        (Some(cert), Some(key)) => {
            check_client_certificate(&cert, &key)?;
            Some(
                CoreClientTls::builder()
                    .client_cert(cert)
                    .client_private_key(key)
                    .build(),
            )
        }
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

/// The TLS library uses the certificates that it can and silently drops the rest. Without this
/// check, a file that contains no certificate would only show up as failing handshakes.
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
        return Err(invalid(&"it contains none"));
    }
    Ok(())
}

/// Finds errors that the TLS library would only report when it connects.
fn check_client_certificate(cert: &[u8], key: &[u8]) -> Checked<()> {
    const KEY: &str = "tls_options.client_private_key";
    const CERT: &str = "tls_options.client_cert";
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{CERT} is not a PEM certificate: {error}"))?;
    if chain.is_empty() {
        return Err(format!("{CERT} is not a PEM certificate: it contains none"));
    }
    let text = String::from_utf8_lossy(key);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(format!(
            "{KEY} is encrypted; decrypt it first (openssl pkey -in KEY -out PLAIN)"
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| format!("{KEY} is not a PEM private key: {error}"))?;
    match CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(format!("{KEY} does not belong to {CERT}")),
        Err(error) => Err(format!("{CERT} and {KEY}: {error}")),
    }
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
