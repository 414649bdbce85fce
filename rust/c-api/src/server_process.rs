//! A server as a child process: starting it, waiting until it is ready, stopping and reaping it.

#[cfg(unix)]
use crate::ffi::HostMask;
use crate::{failures::connect_failure, ffi::Checked};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
#[cfg(unix)]
use std::{net::TcpStream, os::unix::process::CommandExt};
use temporalio_client::{Connection, ConnectionOptions, RetryOptions, grpc::WorkflowService};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;
use tokio::time::{Instant, sleep, timeout};
use tonic::Request;
use url::Url;

/// How long a server may take to become ready. The core crate waits only five seconds, which is too
/// short for a cold dev server.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
const PER_ATTEMPT: Duration = Duration::from_secs(5);

/// How long to wait for a killed process to end.
const END_PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A running server. It is killed when this is dropped.
///
/// Uses the standard library's `Child`: without process descriptors, the async runtime's would need a
/// handler for SIGCHLD.
pub(crate) struct ServerProcess {
    child: Child,
}

impl ServerProcess {
    /// Starts `executable`, with the host's signal mask, and waits until a Temporal frontend answers on
    /// `address`. If `namespace` is set, also waits until the namespace exists.
    pub(crate) async fn start(
        executable: &Path,
        arguments: &[String],
        address: SocketAddr,
        namespace: Option<&str>,
        #[cfg(unix)] mask: HostMask,
    ) -> Checked<Self> {
        let name = executable.display();
        let mut command = Command::new(executable);
        command
            .args(arguments)
            .stdin(Stdio::null())
            // The host program did not ask for the banner. The log, whose level it set, goes to
            // standard error.
            .stdout(Stdio::null());
        #[cfg(unix)]
        // SAFETY: the closure is async-signal-safe.
        unsafe {
            command.pre_exec(move || mask.apply());
        }
        let mut server = Self {
            child: command
                .spawn()
                .map_err(|error| format!("{name} did not start: {error}"))?,
        };
        if let Err(message) = wait_until_served(&mut server.child, address, namespace).await {
            let _ = server.stop().await;
            return Err(format!("{name} {message}"));
        }
        Ok(server)
    }

    /// Ends the process and reaps it.
    pub(crate) async fn stop(&mut self) -> Checked<()> {
        let failed = |error: io::Error| format!("the process did not stop: {error}");
        let deadline = Instant::now() + END_PATIENCE;
        let mut killed = false;
        loop {
            // A process that has already ended is only reaped.
            if self.child.try_wait().map_err(failed)?.is_some() {
                return Ok(());
            }
            if !killed {
                self.child.kill().map_err(failed)?;
                killed = true;
            }
            if Instant::now() >= deadline {
                let seconds = END_PATIENCE.as_secs();
                return Err(format!("the process did not stop within {seconds} s"));
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Kills the process; [`ServerProcess::stop`] reaps it.
    pub(crate) fn kill(&mut self) {
        // An error means that it has already ended.
        let _ = self.child.kill();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

async fn wait_until_served(
    child: &mut Child,
    address: SocketAddr,
    namespace: Option<&str>,
) -> Checked<()> {
    let target = format!("http://{address}");
    let url = Url::parse(&target).map_err(|error| error.to_string())?;
    let options = ConnectionOptions::new(url)
        .identity("readiness-check")
        .client_name("temporal-static-libs")
        .client_version(env!("CARGO_PKG_VERSION"))
        .retry_options(RetryOptions::no_retries())
        .build();
    let deadline = Instant::now() + PATIENCE;
    let mut last_reason = None;
    loop {
        let answer = timeout(PER_ATTEMPT, probe(options.clone(), &target, namespace)).await;
        // Checked after the attempt, because another server may have answered on this port.
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended ({status}) before it served on {address}"));
        }
        match answer {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => last_reason = Some(reason),
            // The reason of an earlier attempt is more useful.
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

async fn probe(options: ConnectionOptions, target: &str, namespace: Option<&str>) -> Checked<()> {
    let mut connection = Connection::connect(options)
        .await
        .map_err(|error| connect_failure(target, &error))?;
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

/// The address at which a server that listens on `ip` and `port` can be reached.
pub(crate) fn reachable(ip: IpAddr, port: u16) -> SocketAddr {
    let ip = match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, port)
}

/// `port`, or a free port for 0. An error if a server cannot listen on it.
pub(crate) fn free_port(ip: IpAddr, port: u16) -> Checked<u16> {
    let listen = |address: SocketAddr| {
        let listener = TcpListener::bind(address)
            .map_err(|error| format!("port {} on {ip} is not free: {error}", address.port()))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Checked::Ok((listener, address))
    };
    // On Windows a server can listen on all addresses while another program listens on this one; the
    // other program would then get its connections.
    let free = if cfg!(windows) {
        listen(reachable(ip, port))?.1.port()
    } else {
        port
    };
    let (listener, address) = listen(SocketAddr::new(ip, free))?;
    // Windows assigns ports in turn, so a port is repeated only after all others. Core relies on that, too.
    #[cfg(windows)]
    drop(listener);
    #[cfg(unix)]
    if port == 0 {
        // If it fails, the port is still free, only not reserved.
        let _ = reserve(&listener, reachable(ip, address.port()));
    }
    Ok(address.port())
}

/// Keeps the system from assigning the port of a listener again for a while, but allows a server to
/// listen on it: a connection whose listening side closed first leaves the port in TIME_WAIT.
///
/// Both ends are closed when this returns. If a connection were half open when the server starts, the
/// server could not listen on macOS, and would see a client on Linux.
#[cfg(unix)]
fn reserve(listener: &TcpListener, address: SocketAddr) -> io::Result<()> {
    let mut caller = TcpStream::connect_timeout(&address, PER_ATTEMPT)?;
    let (accepted, _) = listener.accept()?;
    drop(accepted);
    caller.set_read_timeout(Some(PER_ATTEMPT))?;
    // Nothing is sent: this ends when the other side has closed.
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
        // An address that nothing else uses: on others, connections may have the same local port.
        let ip = Ipv4Addr::new(127, 83, 65, 71);
        let port = free_port(ip.into(), 0).expect("a port");
        let table = std::fs::read_to_string("/proc/self/net/tcp").expect("Linux has it");
        let address = format!("{:08X}:{port:04X}", u32::from_ne_bytes(ip.octets()));
        // A set, because the kernel may list a connection twice while the table changes.
        let states: HashSet<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|row| row[1] == address || row[2] == address)
            .map(|row| row[3])
            .collect();
        assert_eq!(states, HashSet::from([TIME_WAIT]));
    }
}
