//! Ephemeral servers: Temporal's dev server and test server as child processes.

use crate::{
    byte_array::{ByteArray, ByteArrayRef},
    failures::with_causes,
    ffi::{
        Callback, Checked, Lent, Pending, boxed, export_of, guard_infallible, guard_named,
        read_bool, taken_back,
    },
    results::DoneCallback,
    runtime::{Core, Runtime},
    server_process::{ServerProcess, free_port, reachable},
};
use std::{
    ffi::c_void,
    future::Future,
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::Stdio,
    ptr,
    sync::Arc,
    time::Duration,
};
use temporalio_sdk_core::ephemeral_server::{
    EphemeralExe, EphemeralExeVersion, EphemeralServer as DownloadedServer, EphemeralServerError,
    TemporalDevServerConfig, TestServerConfig,
};
use tokio::{sync::Mutex, time::timeout};

/// Time limit for a download.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(300);

/// Options of a test server, and the common options of both kinds of server.
#[repr(C)]
pub struct TestServerOptions {
    /// Path of the executable; empty = download it.
    pub existing_path: ByteArrayRef,
    /// Name of the SDK, by which `default` selects a version.
    pub sdk_name: ByteArrayRef,
    /// Version of the SDK, by which `default` selects a version.
    pub sdk_version: ByteArrayRef,
    /// Version to download, or `default`. Ignored if `existing_path` is set.
    pub download_version: ByteArrayRef,
    /// Directory for the download; empty = the system's temporary directory.
    pub download_dest_dir: ByteArrayRef,
    /// Port to listen on; 0 = a free one.
    pub port: u16,
    /// Additional arguments, separated by newlines.
    pub extra_args: ByteArrayRef,
    /// Age at which a download is repeated; 0 = never.
    pub download_ttl_seconds: u64,
}

/// Options of a dev server.
#[repr(C)]
pub struct DevServerOptions {
    /// The common options. Required.
    pub test_server: *const TestServerOptions,
    /// Namespace to create; empty = `default`.
    pub namespace_: ByteArrayRef,
    /// IP address to listen on; empty = 127.0.0.1.
    pub ip: ByteArrayRef,
    /// File for the state; empty = keep it in memory.
    pub database_filename: ByteArrayRef,
    /// Whether to serve the web UI.
    pub ui: MaybeUninit<bool>,
    /// Port of the web UI, which also turns the UI on; 0 = the server's port plus 1,000.
    pub ui_port: u16,
    /// Format of the server's log on standard error; empty = `pretty`.
    pub log_format: ByteArrayRef,
    /// Level of the server's log; empty = `warn`.
    pub log_level: ByteArrayRef,
}

/// Receives the result of a start: either `success` and `success_target` are set, or `fail` is.
///
/// @param user_data      What you passed to the call.
/// @param success        The server. Free it with `temporal_core_ephemeral_server_free`.
/// @param success_target The address of the server, `host:port`. Free it with
///                       `temporal_core_byte_array_free`.
/// @param fail           The error message. Free it with `temporal_core_byte_array_free`.
pub type EphemeralServerStartCallback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        success: *mut EphemeralServer,
        success_target: *const ByteArray,
        fail: *const ByteArray,
    ),
>;

/// Called when a server has stopped.
///
/// @param user_data What you passed to the call.
/// @param fail      NULL on success, otherwise the error message. Free it with
///                  `temporal_core_byte_array_free`.
pub type EphemeralServerShutdownCallback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, fail: *const ByteArray)>;

type StartCallback =
    unsafe extern "C" fn(*mut c_void, *mut EphemeralServer, *const ByteArray, *const ByteArray);

impl Callback for StartCallback {
    type Answer = Checked<EphemeralServer>;

    fn failure(message: String) -> Self::Answer {
        Err(message)
    }

    fn address(self) -> usize {
        self as usize
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        let (success, target, fail) = match answer {
            Ok(server) => {
                let target = ByteArray::give(server.target.as_str());
                (boxed(server), target, ptr::null())
            }
            Err(message) => (ptr::null_mut(), ptr::null(), ByteArray::give(message)),
        };
        // SAFETY: by this function's contract; the callback owns what it is given.
        unsafe { self(user_data, success, target, fail) }
    }
}

/// A dev server or test server that runs as a child process.
///
/// Lifecycle: `temporal_core_ephemeral_server_start_dev_server` or
/// `temporal_core_ephemeral_server_start_test_server` gives it to its callback. Stop it with
/// `temporal_core_ephemeral_server_shutdown`, then free it with
/// `temporal_core_ephemeral_server_free`. Freeing it without a shutdown kills the process.
///
/// Any thread can stop or free it, including inside a callback, before or after its runtime is
/// freed.
pub struct EphemeralServer {
    core: Arc<Core>,
    target: String,
    /// None once it is shut down.
    process: Arc<Mutex<Option<ServerProcess>>>,
}

/// [`TestServerOptions`], checked.
struct Launch {
    executable: Executable,
    /// 0 selects a free one.
    port: u16,
    extra_args: Vec<String>,
}

enum Executable {
    Existing(PathBuf),
    Download(Download),
}

struct Download {
    version: EphemeralExeVersion,
    directory: Option<String>,
    ttl: Option<Duration>,
}

/// The options that only a dev server has.
struct DevServer {
    namespace: String,
    ip: IpAddr,
    database_filename: Option<String>,
    ui: bool,
    ui_port: Option<u16>,
    log_format: String,
    log_level: String,
}

fn launch(options: Lent<'_, TestServerOptions>) -> Checked<Launch> {
    let existing_path = options
        .field("existing_path", |it| &it.existing_path)
        .optional_line()?;
    let sdk_name = options
        .field("sdk_name", |it| &it.sdk_name)
        .line()?
        .to_owned();
    let sdk_version = options
        .field("sdk_version", |it| &it.sdk_version)
        .line()?
        .to_owned();
    let version = options
        .field("download_version", |it| &it.download_version)
        .optional_line()?;
    let directory = options
        .field("download_dest_dir", |it| &it.download_dest_dir)
        .optional_line()?;
    let extra_args = options.field("extra_args", |it| &it.extra_args).text()?;
    let executable = match (existing_path, version) {
        (Some(path), _) => Executable::Existing(existing(&path)?),
        (None, None) => {
            return Err(
                    "neither existing_path nor download_version is set; set download_version to `default` for the version that matches the SDK"
                        .to_owned(),
                );
        }
        (None, Some(version)) => {
            for (part, what) in [
                (&version, "download_version"),
                (&sdk_name, "sdk_name"),
                (&sdk_version, "sdk_version"),
            ] {
                // They become part of a file name.
                if part.contains(['/', '\\']) {
                    return Err(format!("{what} `{part}` must not contain a path separator"));
                }
            }
            Executable::Download(Download {
                version: if version == "default" {
                    EphemeralExeVersion::SDKDefault {
                        sdk_name,
                        sdk_version,
                    }
                } else {
                    EphemeralExeVersion::Fixed(version)
                },
                directory,
                ttl: (options.download_ttl_seconds > 0)
                    .then(|| Duration::from_secs(options.download_ttl_seconds)),
            })
        }
    };
    Ok(Launch {
        executable,
        port: options.port,
        extra_args: extra_args
            .split_terminator('\n')
            .map(str::to_owned)
            .collect(),
    })
}

/// Makes the path absolute, so that a bare name is not looked up in `PATH`.
fn existing(path: &str) -> Checked<PathBuf> {
    let absolute = std::path::absolute(path)
        .map_err(|error| format!("existing_path `{path}` cannot be made absolute: {error}"))?;
    if !absolute.is_file() {
        return Err(format!("existing_path `{path}` is not a file"));
    }
    Ok(absolute)
}

fn dev_server(options: Lent<'_, DevServerOptions>) -> Checked<DevServer> {
    let namespace = options
        .field("namespace_", |it| &it.namespace_)
        .optional_line()?;
    let ip = options.field("ip", |it| &it.ip).optional_line()?;
    let database_filename = options
        .field("database_filename", |it| &it.database_filename)
        .optional_line()?;
    let log_format = options
        .field("log_format", |it| &it.log_format)
        .optional_line()?;
    let log_level = options
        .field("log_level", |it| &it.log_level)
        .optional_line()?;
    Ok(DevServer {
        namespace: namespace.unwrap_or_else(|| "default".to_owned()),
        ip: ip.map_or(Ok(Ipv4Addr::LOCALHOST.into()), |ip| {
            ip.parse()
                .map_err(|_| format!("ip `{ip}` is not an IP address"))
        })?,
        database_filename,
        ui: read_bool(&options.ui),
        ui_port: (options.ui_port > 0).then_some(options.ui_port),
        log_format: log_format.unwrap_or_else(|| "pretty".to_owned()),
        log_level: log_level.unwrap_or_else(|| "warn".to_owned()),
    })
}

impl Download {
    /// The executable that an earlier start downloaded, if it is not too old.
    fn cached(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name);
        let modified = path.metadata().and_then(|found| found.modified()).ok()?;
        let fresh = self
            .ttl
            .is_none_or(|ttl| modified.elapsed().unwrap_or_default() < ttl);
        fresh.then_some(path)
    }

    /// Where the core crate stores the executable. Under another name it would be downloaded again.
    fn path(&self, name: &str) -> PathBuf {
        let name = match &self.version {
            EphemeralExeVersion::SDKDefault {
                sdk_name,
                sdk_version,
            } => format!("{name}-{sdk_name}-{sdk_version}"),
            EphemeralExeVersion::Fixed(version) => format!("{name}-{version}"),
        };
        let directory = self
            .directory
            .as_ref()
            .map_or_else(std::env::temp_dir, PathBuf::from);
        directory.join(name + std::env::consts::EXE_SUFFIX)
    }

    fn exe(&self) -> EphemeralExe {
        EphemeralExe::CachedDownload {
            version: self.version.clone(),
            dest_dir: self.directory.clone(),
            ttl: self.ttl,
        }
    }
}

/// The differences between a dev server and a test server.
trait Server: Sync {
    /// The executable's name.
    const NAME: &str;

    /// The address that it listens on.
    fn ip(&self) -> IpAddr;

    /// The namespace that exists when it is ready.
    fn namespace(&self) -> Option<&str>;

    /// Its arguments, before the caller's own.
    fn arguments(&self, port: u16) -> Vec<String>;

    /// Downloads and starts it, through the core crate.
    fn download_and_start(
        &self,
        launch: &Launch,
        download: &Download,
    ) -> impl Future<Output = Result<DownloadedServer, EphemeralServerError>> + Send;
}

impl Server for DevServer {
    const NAME: &str = "temporal";

    fn ip(&self) -> IpAddr {
        self.ip
    }

    fn namespace(&self) -> Option<&str> {
        Some(&self.namespace)
    }

    /// The same arguments as those of the core crate.
    fn arguments(&self, port: u16) -> Vec<String> {
        let mut arguments: Vec<String> = ["server", "start-dev"].map(str::to_owned).into();
        let mut option = |name: &str, value: &str| {
            arguments.extend([format!("--{name}"), value.to_owned()]);
        };
        option("port", &port.to_string());
        option("namespace", &self.namespace);
        option("ip", &self.ip.to_string());
        option("log-format", &self.log_format);
        option("log-level", &self.log_level);
        for setting in [
            "frontend.enableServerVersionCheck=false",
            "frontend.enableUpdateWorkflowExecution=true",
            "frontend.enableUpdateWorkflowExecutionAsyncAccepted=true",
        ] {
            option("dynamic-config-value", setting);
        }
        if let Some(file) = &self.database_filename {
            option("db-filename", file);
        }
        match self.ui_port {
            Some(ui_port) => option("ui-port", &ui_port.to_string()),
            None if self.ui => option("ui-port", &port.saturating_add(1000).to_string()),
            None => arguments.push("--headless".to_owned()),
        }
        arguments
    }

    async fn download_and_start(
        &self,
        launch: &Launch,
        download: &Download,
    ) -> Result<DownloadedServer, EphemeralServerError> {
        TemporalDevServerConfig::builder()
            .exe(download.exe())
            .namespace(&self.namespace)
            .ip(self.ip.to_string())
            .maybe_port((launch.port > 0).then_some(launch.port))
            .maybe_ui_port(self.ui_port)
            .maybe_db_filename(self.database_filename.clone())
            .ui(self.ui)
            .log((self.log_format.clone(), self.log_level.clone()))
            .extra_args(launch.extra_args.clone())
            .build()
            .start_server_with_output(Stdio::null(), Stdio::inherit())
            .await
    }
}

struct TestServer;

impl Server for TestServer {
    const NAME: &str = "temporal-test-server";

    fn ip(&self) -> IpAddr {
        Ipv4Addr::UNSPECIFIED.into()
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn arguments(&self, port: u16) -> Vec<String> {
        vec![port.to_string()]
    }

    async fn download_and_start(
        &self,
        launch: &Launch,
        download: &Download,
    ) -> Result<DownloadedServer, EphemeralServerError> {
        TestServerConfig::builder()
            .exe(download.exe())
            .maybe_port((launch.port > 0).then_some(launch.port))
            .extra_args(launch.extra_args.clone())
            .build()
            .start_server_with_output(Stdio::null(), Stdio::inherit())
            .await
    }
}

impl Launch {
    /// Starts the executable, after downloading it if necessary.
    async fn start<S: Server>(
        self,
        server: S,
        core: Arc<Core>,
    ) -> Checked<(ServerProcess, String)> {
        let executable = match &self.executable {
            Executable::Existing(path) => path.clone(),
            Executable::Download(download) => match download.cached(S::NAME) {
                Some(path) => path,
                None => timeout(DOWNLOAD_PATIENCE, self.download(&server, download))
                    .await
                    .unwrap_or_else(|_| {
                        let seconds = DOWNLOAD_PATIENCE.as_secs();
                        Err(format!("{} was not downloaded within {seconds} s", S::NAME))
                    })?,
            },
        };
        self.run(&executable, &server, &core).await
    }

    /// Downloads through the core crate, which also starts the server, with a shorter time limit
    /// and another signal mask. So that server is stopped again.
    async fn download<S: Server>(&self, server: &S, download: &Download) -> Checked<PathBuf> {
        let path = download.path(S::NAME);
        match server.download_and_start(self, download).await {
            Ok(mut downloaded) => {
                let _ = downloaded.shutdown().await;
                Ok(path)
            }
            // The download succeeded, but the server was slow to start.
            Err(EphemeralServerError::StartupTimeout { .. }) if path.is_file() => Ok(path),
            Err(error) => Err(with_causes(&error)),
        }
    }

    async fn run<S: Server>(
        &self,
        executable: &Path,
        server: &S,
        core: &Core,
    ) -> Checked<(ServerProcess, String)> {
        let port = free_port(server.ip(), self.port)?;
        let address = reachable(server.ip(), port);
        let mut arguments = server.arguments(port);
        arguments.extend_from_slice(&self.extra_args);
        let process = ServerProcess::start(
            executable,
            &arguments,
            address,
            server.namespace(),
            #[cfg(unix)]
            core.host_mask,
        )
        .await?;
        #[cfg(not(unix))]
        let _ = core;
        Ok((process, address.to_string()))
    }
}

fn start<Start, Make, Prepare>(
    runtime: Checked<Lent<'_, Runtime>>,
    user_data: *mut c_void,
    callback: EphemeralServerStartCallback,
    prepare: Prepare,
) where
    Start: Future<Output = Checked<(ServerProcess, String)>> + Send + 'static,
    Prepare: FnOnce() -> Checked<Make>,
    Make: FnOnce(Arc<Core>) -> Start + Send + 'static,
{
    guard_named(export_of::<Prepare>, (), || {
        let pending = Pending::<StartCallback>::new(callback.ok_or("callback is NULL")?, user_data);
        let ready = runtime
            .and_then(Runtime::core)
            .and_then(|core| Ok((core.clone(), prepare()?)));
        match ready {
            Err(message) => pending.fail(format!("Invalid options: {message}")),
            Ok((core, start)) => {
                let server_core = core.clone();
                core.spawn(pending, move || async move {
                    let (process, target) = start(server_core.clone())
                        .await
                        .map_err(|message| format!("Connection failed: {message}"))?;
                    Ok(EphemeralServer {
                        core: server_core,
                        target,
                        process: Arc::new(Mutex::new(Some(process))),
                    })
                });
            }
        }
        Ok(())
    });
}

/// Starts Temporal's dev server (`temporal server start-dev`).
///
/// @param runtime   The runtime.
/// @param options   Which server to start, and how.
/// @param user_data Passed to the callback.
/// @param callback  If the options are wrong (`Invalid options: …`), called on your thread;
///                  otherwise on a runtime thread, when the server is ready or the start has
///                  failed. A server has 30 seconds to become ready, after a download of at most
///                  300 seconds.
///
/// If `existing_path` is set, starts that executable. Otherwise downloads `download_version` to
/// `download_dest_dir`, unless it already exists there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_ephemeral_server_start_dev_server(
    runtime: *mut Runtime,
    options: *const DevServerOptions,
    user_data: *mut c_void,
    callback: EphemeralServerStartCallback,
) {
    // SAFETY: the runtime and the options, with everything they reference, are live for this call.
    let (runtime, options) = unsafe {
        (
            Lent::handle(runtime, "runtime"),
            Lent::required(options, "options"),
        )
    };
    start(runtime, user_data, callback, || {
        let options = options?;
        let test_server = options.field("options.test_server", |it| &it.test_server);
        let launch = launch(test_server.required_target()?)?;
        let server = dev_server(options)?;
        Ok(|core| launch.start(server, core))
    });
}

/// Starts Temporal's test server, which can skip time.
///
/// @param runtime   The runtime.
/// @param options   Which server to start, and how.
/// @param user_data Passed to the callback.
/// @param callback  If the options are wrong (`Invalid options: …`), called on your thread;
///                  otherwise on a runtime thread, when the server is ready or the start has
///                  failed. A server has 30 seconds to become ready, after a download of at most
///                  300 seconds.
///
/// If `existing_path` is set, starts that executable, with the port as its first argument.
/// Otherwise downloads `download_version` to `download_dest_dir`, unless it already exists there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_ephemeral_server_start_test_server(
    runtime: *mut Runtime,
    options: *const TestServerOptions,
    user_data: *mut c_void,
    callback: EphemeralServerStartCallback,
) {
    // SAFETY: the runtime and the options, with everything they reference, are live for this call.
    let (runtime, options) = unsafe {
        (
            Lent::handle(runtime, "runtime"),
            Lent::required(options, "options"),
        )
    };
    start(runtime, user_data, callback, || {
        let launch = launch(options?)?;
        Ok(|core| launch.start(TestServer, core))
    });
}

/// Frees the server. If it was not shut down, its process is killed.
///
/// @param server From the callback of a start; do not use it again. May be NULL.
///
/// You can call it inside a callback, and before or after the runtime is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_ephemeral_server_free(server: *mut EphemeralServer) {
    guard_infallible((), || {
        // SAFETY: a start's callback got the server from `boxed`; this is its last use.
        unsafe { free_server(server) };
        Ok(())
    });
}

/// Frees a server.
///
/// # Safety
/// `server` is NULL, or came from `boxed` and is not used again.
pub(crate) unsafe fn free_server(server: *mut EphemeralServer) {
    // SAFETY: by this function's contract.
    let Some(server) = (unsafe { taken_back(server) }) else {
        return;
    };
    let EphemeralServer { core, process, .. } = server;
    // If it is locked, a shutdown is in progress.
    let Some(mut process) = process
        .try_lock()
        .ok()
        .and_then(|mut process| process.take())
    else {
        return;
    };
    process.kill();
    // The runtime stays up until the process is reaped.
    core.spawn_work(move || async move {
        let _ = process.stop().await;
    });
}

/// Ends the server's process. Calling it again succeeds and does nothing more.
///
/// @param server    Must stay valid until the callback. Free it afterwards.
/// @param user_data Passed to the callback.
/// @param callback  Called on a runtime thread when the process has ended, after at most 10
///                  seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_ephemeral_server_shutdown(
    server: *mut EphemeralServer,
    user_data: *mut c_void,
    callback: EphemeralServerShutdownCallback,
) {
    guard_infallible((), || {
        let pending = Pending::<DoneCallback>::new(callback.ok_or("callback is NULL")?, user_data);
        // SAFETY: the server is live until the callback.
        match unsafe { Lent::handle(server, "server") } {
            Err(message) => pending.fail(message),
            Ok(server) => {
                let (core, process) = (server.core.clone(), server.process.clone());
                core.spawn(pending, move || async move {
                    let mut process = process.lock().await;
                    match process.as_mut() {
                        Some(process) => process.stop().await,
                        None => Ok(()),
                    }
                    .map_err(|message| format!("Failed shutting down server: {message}"))?;
                    *process = None;
                    Ok(())
                });
            }
        }
        Ok(())
    });
}
