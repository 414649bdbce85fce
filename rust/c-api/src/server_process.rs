//! A server as a child process: started, waited for until it serves, stopped and reaped.

use crate::ffi::Checked;
use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Stdio,
    time::Duration,
};
use temporalio_client::{Connection, ConnectionOptions, RetryOptions, grpc::WorkflowService};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use tonic::Request;
use url::Url;

/// How long a server may take until it serves: a cold dev server needs more than the five seconds
/// that the core crate grants.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
const PER_ATTEMPT: Duration = Duration::from_secs(5);

/// A server that serves. Dropped, it is killed.
pub(crate) struct ServerProcess {
    child: Child,
}

impl ServerProcess {
    /// Starts `executable` and waits until a Temporal frontend answers on `address` and, when a
    /// namespace is named, knows it.
    pub(crate) async fn start(
        executable: &Path,
        arguments: &[String],
        address: SocketAddr,
        namespace: Option<&str>,
    ) -> Checked<Self> {
        let name = executable.display();
        let mut child = Command::new(executable)
            .args(arguments)
            .stdin(Stdio::null())
            // Its banner is nothing that the host program meant to print; its log, on standard
            // error, is what was asked for with a level.
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{name} did not start: {error}"))?;
        let served = wait_until_served(&mut child, address, namespace).await;
        if let Err(message) = served {
            let _ = child.kill().await;
            return Err(format!("{name} {message}"));
        }
        Ok(Self { child })
    }

    /// Ends the process and reaps it.
    pub(crate) async fn stop(&mut self) -> Checked<()> {
        // A process that ended by itself is only reaped.
        if let Ok(Some(_)) = self.child.try_wait() {
            return Ok(());
        }
        self.child
            .kill()
            .await
            .map_err(|error| format!("the process did not stop: {error}"))
    }

    /// Ends the process at once; [`ServerProcess::stop`] reaps it.
    pub(crate) fn kill(&mut self) {
        // An error means that it ended by itself.
        let _ = self.child.start_kill();
    }
}

async fn wait_until_served(
    child: &mut Child,
    address: SocketAddr,
    namespace: Option<&str>,
) -> Checked<()> {
    let url = Url::parse(&format!("http://{address}")).map_err(|error| error.to_string())?;
    let options = ConnectionOptions::new(url)
        .identity("readiness-check")
        .client_name("temporal-static-libs")
        .client_version(env!("CARGO_PKG_VERSION"))
        .retry_options(RetryOptions::no_retries())
        .build();
    let deadline = Instant::now() + PATIENCE;
    let mut last_reason = None;
    loop {
        let answer = timeout(PER_ATTEMPT, probe(options.clone(), namespace)).await;
        // Asked after the attempt: another server's answer on this port is not this one's.
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended ({status}) before it served on {address}"));
        }
        match answer {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => last_reason = Some(reason),
            // What an earlier attempt learned says more.
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            let seconds = PATIENCE.as_secs();
            let reason = last_reason.as_deref().unwrap_or("no answer");
            return Err(format!(
                "did not serve on {address} within {seconds} s: {reason}"
            ));
        }
        sleep(BETWEEN_ATTEMPTS).await;
    }
}

async fn probe(options: ConnectionOptions, namespace: Option<&str>) -> Checked<()> {
    let mut connection = Connection::connect(options)
        .await
        .map_err(|error| with_causes(&error))?;
    if let Some(namespace) = namespace {
        let request = DescribeNamespaceRequest {
            namespace: namespace.to_owned(),
            ..Default::default()
        };
        connection
            .describe_namespace(Request::new(request))
            .await
            .map_err(|status| status.message().to_owned())?;
    }
    Ok(())
}

/// An error's text and those of its causes, as far as it does not repeat them.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// The address to reach a server at that listens on `ip` and `port`.
pub(crate) fn reachable(ip: IpAddr, port: u16) -> SocketAddr {
    let ip = match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, port)
}

/// `port`, or a free one for 0; an error when it cannot be listened on.
pub(crate) fn free_port(ip: IpAddr, port: u16) -> Checked<u16> {
    let listener = TcpListener::bind((ip, port))
        .map_err(|error| format!("port {port} on {ip} is not free: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    #[cfg(unix)]
    if port == 0 {
        // The port is free all the same; it is only not reserved.
        let _ = reserve(&listener, reachable(ip, address.port()));
    }
    Ok(address.port())
}

/// Keeps the port of a listener out of the system's choice for a while, without keeping a server from
/// listening on it: a connection whose listening side closed first leaves it in TIME_WAIT.
///
/// Both ends are closed when this returns. A connection that is half open when the server starts would
/// keep it from listening on macOS, and be taken for a client of it on Linux.
#[cfg(unix)]
fn reserve(listener: &TcpListener, address: SocketAddr) -> io::Result<()> {
    let mut caller = TcpStream::connect_timeout(&address, PER_ATTEMPT)?;
    let (accepted, _) = listener.accept()?;
    drop(accepted);
    caller.set_read_timeout(Some(PER_ATTEMPT))?;
    // Nothing is ever sent: this ends when the other side's close has arrived.
    io::copy(&mut caller, &mut io::sink())?;
    drop(caller);
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_free_port_is_reserved_and_can_be_listened_on() {
        let mut given = HashSet::new();
        for _ in 0..200 {
            let port = free_port(LOCALHOST, 0).expect("a port");
            assert!(given.insert(port), "{port} was given twice");
        }
        for port in given {
            TcpListener::bind((LOCALHOST, port)).expect("what is reserved can be listened on");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_reservation_leaves_no_connection_that_is_open_on_either_end() {
        const TIME_WAIT: &str = "06";
        let port = free_port(LOCALHOST, 0).expect("a port");
        let table = std::fs::read_to_string("/proc/self/net/tcp").expect("Linux has it");
        let ending = format!(":{port:04X}");
        let states: Vec<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|row| row[1].ends_with(&ending) || row[2].ends_with(&ending))
            .map(|row| row[3])
            .collect();
        assert_eq!(states, [TIME_WAIT]);
    }
}
