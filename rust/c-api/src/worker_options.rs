//! Options of a worker.

use crate::{
    byte_array::{ByteArrayRef, ByteArrayRefArray},
    ffi::{CTaggedUnion, Checked, optional, read_bool, read_tagged},
    tuner::TunerHolder,
    version::with_interface,
};
use std::{
    collections::{HashMap, HashSet},
    mem::MaybeUninit,
    sync::Arc,
    time::Duration,
};
use temporalio_common::{
    protos::temporal::api::{
        enums::v1::VersioningBehavior,
        worker::v1::{PluginInfo, StorageDriverInfo},
    },
    worker as common,
};
use temporalio_sdk_core::{
    PollerBehavior as CorePollerBehavior, WorkerConfig,
    WorkerVersioningStrategy as CoreVersioningStrategy, WorkflowErrorType,
};

/// Most workflows that can be cached: core makes room for all of them at once, and would end the
/// process when there is no memory for it.
const MAX_CACHED_WORKFLOWS: u32 = 10_000_000;

/// Slowest rate of activities: core counts the time between two in the platform's clock, which
/// must not overflow.
const MIN_ACTIVITIES_PER_SECOND: f64 = 1e-9;

/// No versioning.
#[repr(C)]
pub struct WorkerVersioningNone {
    /// Identifies the worker's code; may be empty.
    pub build_id: ByteArrayRef,
}

/// A version of a worker deployment.
#[repr(C)]
pub struct WorkerDeploymentVersion {
    /// Name of the deployment.
    pub deployment_name: ByteArrayRef,
    /// Build id within it.
    pub build_id: ByteArrayRef,
}

/// Worker deployment versioning.
#[repr(C)]
pub struct WorkerDeploymentOptions {
    /// The worker's version; both parts set when `use_worker_versioning`.
    pub version: WorkerDeploymentVersion,
    /// Take only tasks of workflows that the version suits.
    pub use_worker_versioning: MaybeUninit<bool>,
    /// `temporal.api.enums.v1.VersioningBehavior` of workflows that state none; 0 = none. Only with
    /// `use_worker_versioning`.
    pub default_versioning_behavior: i32,
}

/// Versioning by build id alone, the older way.
#[repr(C)]
pub struct LegacyBuildIdBasedStrategy {
    /// The worker's build id; not empty.
    pub build_id: ByteArrayRef,
}

/// How a worker is versioned.
#[repr(C)]
pub enum WorkerVersioningStrategy {
    /// Not at all.
    None(WorkerVersioningNone),
    /// By deployment.
    DeploymentBased(WorkerDeploymentOptions),
    /// By build id alone.
    LegacyBuildIdBased(LegacyBuildIdBasedStrategy),
}

// SAFETY: all fields are integers, pointers and a `MaybeUninit`.
unsafe impl CTaggedUnion for WorkerVersioningStrategy {
    const VARIANTS: u32 = 3;
}

/// Which kinds of tasks a worker takes: at least one, and local activities only with workflows.
#[repr(C)]
pub struct WorkerTaskTypes {
    /// Workflow tasks.
    pub enable_workflows: MaybeUninit<bool>,
    /// Local activities.
    pub enable_local_activities: MaybeUninit<bool>,
    /// Activities.
    pub enable_remote_activities: MaybeUninit<bool>,
    /// Nexus tasks.
    pub enable_nexus: MaybeUninit<bool>,
}

/// As many polls at a time as there are slots, up to a maximum.
#[repr(C)]
pub struct PollerBehaviorSimpleMaximum {
    /// Most polls; at least 1, for workflow tasks with a cache at least 2.
    pub simple_maximum: usize,
}

/// As many polls at a time as the server suggests.
#[repr(C)]
pub struct PollerBehaviorAutoscaling {
    /// Fewest polls; at least 1.
    pub minimum: usize,
    /// Most polls; not below `minimum`.
    pub maximum: usize,
    /// Polls to begin with; from `minimum` to `maximum`.
    pub initial: usize,
}

/// How many polls for tasks are open at a time. At most one pointer is set. If none is, core's
/// default applies: a small fixed number, or autoscaling in a namespace that asks workers for it.
#[repr(C)]
pub struct PollerBehavior {
    /// Up to a maximum.
    pub simple_maximum: *const PollerBehaviorSimpleMaximum,
    /// What the server suggests.
    pub autoscaling: *const PollerBehaviorAutoscaling,
}

/// Options of a worker. Dropped by the caller once the call returns, except custom slot suppliers.
#[repr(C)]
pub struct WorkerOptions {
    /// Namespace; required.
    pub namespace_: ByteArrayRef,
    /// Task queue; required.
    pub task_queue: ByteArrayRef,
    /// Versioning.
    pub versioning_strategy: MaybeUninit<WorkerVersioningStrategy>,
    /// Identity of the worker; empty = the connection's, and then that is not empty.
    pub identity_override: ByteArrayRef,
    /// Most workflows to keep in memory, at most 10,000,000; 0 = none, and no sticky queue.
    pub max_cached_workflows: u32,
    /// Slots for each kind of task.
    pub tuner: TunerHolder,
    /// Which kinds of tasks to take.
    pub task_types: WorkerTaskTypes,
    /// Time that a workflow task may wait in the sticky queue.
    pub sticky_queue_schedule_to_start_timeout_millis: u64,
    /// Longest time between heartbeats sent for an activity.
    pub max_heartbeat_throttle_interval_millis: u64,
    /// Time between heartbeats sent for an activity without heartbeat timeout.
    pub default_heartbeat_throttle_interval_millis: u64,
    /// Most activities a second in this worker; 0.0 = unlimited.
    pub max_activities_per_second: f64,
    /// Most activities a second in the task queue, kept by the server; 0.0 = unlimited.
    pub max_task_queue_activities_per_second: f64,
    /// Time from the start of the shutdown until running activities are cancelled; 0 = at once.
    pub graceful_shutdown_period_millis: u64,
    /// Polls for workflow tasks.
    pub workflow_task_poller_behavior: PollerBehavior,
    /// Share of workflow task polls that go to the normal queue when there is a sticky one; not
    /// negative.
    pub nonsticky_to_sticky_poll_ratio: f32,
    /// Polls for activities.
    pub activity_task_poller_behavior: PollerBehavior,
    /// Polls for Nexus tasks.
    pub nexus_task_poller_behavior: PollerBehavior,
    /// Nondeterminism fails the workflow; false: the workflow task, which is retried.
    pub nondeterminism_as_workflow_fail: MaybeUninit<bool>,
    /// Workflow types whose nondeterminism fails the workflow.
    pub nondeterminism_as_workflow_fail_for_types: ByteArrayRefArray,
    /// Names of the plugins in use, for worker heartbeats.
    pub plugins: ByteArrayRefArray,
    /// Types of the storage drivers in use, for worker heartbeats.
    pub storage_drivers: ByteArrayRefArray,
    /// Send payloads also when they are larger than the namespace allows.
    pub disable_payload_error_limit: MaybeUninit<bool>,
    /// Most activities started together with the workflow task that schedules them; 0 = none.
    pub max_eager_activity_reservations_per_workflow_task: u32,
}

impl WorkerOptions {
    /// Core's configuration. Custom slot suppliers belong to it or, on an error, have been freed.
    ///
    /// # Safety
    /// All ranges and pointers within are live; custom slot suppliers until `free` is called.
    pub(crate) unsafe fn config(&self) -> Checked<WorkerConfig> {
        // SAFETY: the caller's promise.
        // First of all, so that custom slot suppliers are taken over whatever else is wrong.
        let tuner = unsafe { self.tuner.tuner() }?;
        // SAFETY: the caller's promise.
        let (namespace, task_queue, identity, versioning) = unsafe {
            (
                self.namespace_.text("namespace_")?,
                self.task_queue.text("task_queue")?,
                self.identity_override.text("identity_override")?,
                self.versioning()?,
            )
        };
        // SAFETY: the caller's promise.
        let (workflow_polls, activity_polls, nexus_polls) = unsafe {
            (
                self.workflow_task_poller_behavior
                    .core_behavior("workflow_task_poller_behavior")?,
                self.activity_task_poller_behavior
                    .core_behavior("activity_task_poller_behavior")?,
                self.nexus_task_poller_behavior
                    .core_behavior("nexus_task_poller_behavior")?,
            )
        };
        // SAFETY: the caller's promise.
        let (failing_types, plugins, storage_drivers) = unsafe {
            (
                self.nondeterminism_as_workflow_fail_for_types
                    .texts("nondeterminism_as_workflow_fail_for_types")?,
                self.plugins.texts("plugins")?,
                self.storage_drivers.texts("storage_drivers")?,
            )
        };
        if self.max_cached_workflows > MAX_CACHED_WORKFLOWS {
            return Err(format!(
                "max_cached_workflows must be at most {MAX_CACHED_WORKFLOWS}, not {}",
                self.max_cached_workflows
            ));
        }
        let sticky_ratio = self.nonsticky_to_sticky_poll_ratio;
        if !sticky_ratio.is_finite() || sticky_ratio < 0.0 {
            return Err(format!(
                "nonsticky_to_sticky_poll_ratio must be a finite number that is not negative, not {sticky_ratio}"
            ));
        }
        let nondeterminism = || HashSet::from([WorkflowErrorType::Nondeterminism]);
        WorkerConfig::builder()
            .namespace(namespace)
            .task_queue(task_queue)
            .versioning_strategy(versioning)
            .maybe_client_identity_override((!identity.is_empty()).then_some(identity))
            .max_cached_workflows(self.max_cached_workflows as usize)
            .tuner(Arc::new(tuner))
            .task_types(self.task_types.core_types())
            .sticky_queue_schedule_to_start_timeout(Duration::from_millis(
                self.sticky_queue_schedule_to_start_timeout_millis,
            ))
            .max_heartbeat_throttle_interval(Duration::from_millis(
                self.max_heartbeat_throttle_interval_millis,
            ))
            .default_heartbeat_throttle_interval(Duration::from_millis(
                self.default_heartbeat_throttle_interval_millis,
            ))
            .maybe_max_worker_activities_per_second(rate(
                self.max_activities_per_second,
                "max_activities_per_second",
            )?)
            .maybe_max_task_queue_activities_per_second(rate(
                self.max_task_queue_activities_per_second,
                "max_task_queue_activities_per_second",
            )?)
            .graceful_shutdown_period(Duration::from_millis(self.graceful_shutdown_period_millis))
            .maybe_workflow_task_poller_behavior(workflow_polls)
            .nonsticky_to_sticky_poll_ratio(sticky_ratio)
            .maybe_activity_task_poller_behavior(activity_polls)
            .maybe_nexus_task_poller_behavior(nexus_polls)
            .workflow_failure_errors(if read_bool(&self.nondeterminism_as_workflow_fail) {
                nondeterminism()
            } else {
                HashSet::new()
            })
            .workflow_types_to_failure_errors(
                failing_types
                    .into_iter()
                    .map(|workflow_type| (workflow_type.to_owned(), nondeterminism()))
                    .collect::<HashMap<_, _>>(),
            )
            .plugins(
                plugins
                    .into_iter()
                    .map(|name| PluginInfo {
                        name: name.to_owned(),
                        version: String::new(),
                    })
                    .collect::<HashSet<_>>(),
            )
            .storage_drivers(
                storage_drivers
                    .into_iter()
                    .map(|driver| StorageDriverInfo {
                        r#type: driver.to_owned(),
                    })
                    .collect::<HashSet<_>>(),
            )
            .disable_payload_error_limit(read_bool(&self.disable_payload_error_limit))
            .max_eager_activity_reservations_per_workflow_task(
                self.max_eager_activity_reservations_per_workflow_task as usize,
            )
            .build()
    }

    /// # Safety
    /// The ranges within are live.
    unsafe fn versioning(&self) -> Checked<CoreVersioningStrategy> {
        const WHAT: &str = "versioning_strategy";
        Ok(match read_tagged(&self.versioning_strategy, WHAT)? {
            WorkerVersioningStrategy::None(none) => CoreVersioningStrategy::None {
                // SAFETY: the caller's promise.
                build_id: unsafe { none.build_id.text(&format!("{WHAT}.none.build_id")) }?
                    .to_owned(),
            },
            WorkerVersioningStrategy::DeploymentBased(deployment) => {
                CoreVersioningStrategy::WorkerDeploymentBased(
                    // SAFETY: the caller's promise.
                    unsafe { deployment.core_options(&format!("{WHAT}.deployment_based")) }?,
                )
            }
            WorkerVersioningStrategy::LegacyBuildIdBased(legacy) => {
                let what = format!("{WHAT}.legacy_build_id_based.build_id");
                CoreVersioningStrategy::LegacyBuildIdBased {
                    // SAFETY: the caller's promise.
                    build_id: unsafe { legacy.build_id.text(&what) }?.to_owned(),
                }
            }
        })
    }
}

impl WorkerDeploymentOptions {
    /// # Safety
    /// The ranges within are live.
    unsafe fn core_options(&self, what: &str) -> Checked<common::WorkerDeploymentOptions> {
        // SAFETY: the caller's promise.
        let (deployment_name, build_id) = unsafe {
            (
                self.version
                    .deployment_name
                    .text(&format!("{what}.version.deployment_name"))?,
                self.version
                    .build_id
                    .text(&format!("{what}.version.build_id"))?,
            )
        };
        let behavior = match self.default_versioning_behavior {
            0 => None,
            value => Some(VersioningBehavior::try_from(value).map_err(|_| {
                with_interface(format!(
                    "{what}.default_versioning_behavior has no value {value}"
                ))
            })?),
        };
        Ok(common::WorkerDeploymentOptions::new(
            common::WorkerDeploymentVersion::builder()
                .deployment_name(deployment_name)
                .build_id(build_id)
                .build(),
        )
        .use_worker_versioning(read_bool(&self.use_worker_versioning))
        .maybe_default_versioning_behavior(behavior.map(Into::into))
        .build())
    }
}

impl WorkerTaskTypes {
    fn core_types(&self) -> common::WorkerTaskTypes {
        common::WorkerTaskTypes {
            enable_workflows: read_bool(&self.enable_workflows),
            enable_local_activities: read_bool(&self.enable_local_activities),
            enable_remote_activities: read_bool(&self.enable_remote_activities),
            enable_nexus: read_bool(&self.enable_nexus),
        }
    }
}

impl PollerBehavior {
    /// # Safety
    /// Both pointers are NULL or live.
    unsafe fn core_behavior(&self, what: &str) -> Checked<Option<CorePollerBehavior>> {
        // SAFETY: the caller's promise.
        let behavior = match unsafe { (optional(self.simple_maximum), optional(self.autoscaling)) }
        {
            (Some(simple), None) => CorePollerBehavior::SimpleMaximum(simple.simple_maximum),
            (None, Some(autoscaling)) => CorePollerBehavior::Autoscaling {
                minimum: autoscaling.minimum,
                maximum: autoscaling.maximum,
                initial: autoscaling.initial,
            },
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(format!(
                    "simple_maximum and autoscaling cannot both be non-null values ({what})"
                ));
            }
        };
        behavior
            .validate()
            .map_err(|error| format!("{what}: {error}"))?;
        Ok(Some(behavior))
    }
}

/// Zero means unlimited.
fn rate(per_second: f64, what: &str) -> Checked<Option<f64>> {
    if per_second == 0.0 {
        return Ok(None);
    }
    if !per_second.is_finite() || per_second < MIN_ACTIVITIES_PER_SECOND {
        return Err(format!(
            "{what} must be 0 (unlimited) or a finite number of at least {MIN_ACTIVITIES_PER_SECOND}, not {per_second}"
        ));
    }
    Ok(Some(per_second))
}
