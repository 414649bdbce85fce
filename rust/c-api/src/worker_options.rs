//! Options of a worker.

use crate::{
    byte_array::{ByteArrayRef, ByteArrayRefArray},
    ffi::{CTaggedUnion, Checked, Lent, read_bool, read_tagged},
    slot_watch::SlotWatch,
    tuner::{Need, Needs, SlotSupplier, TunerHolder, tuner},
    version::with_interface,
};
use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
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

/// Largest number of cached workflows: core allocates memory for all of them at once, and ends the
/// process if there is not enough.
const MAX_CACHED_WORKFLOWS: u32 = 10_000_000;

/// Lowest rate of activities: core measures the time between two with the platform's clock, which must
/// not overflow.
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
    /// Build ID within the deployment.
    pub build_id: ByteArrayRef,
}

/// Versioning by worker deployment.
#[repr(C)]
pub struct WorkerDeploymentOptions {
    /// The worker's version. Both parts are required if `use_worker_versioning` is true.
    pub version: WorkerDeploymentVersion,
    /// Take only tasks of workflows that match the version.
    pub use_worker_versioning: MaybeUninit<bool>,
    /// `temporal.api.enums.v1.VersioningBehavior` of workflows that set none; 0 = none. Requires
    /// `use_worker_versioning`.
    pub default_versioning_behavior: i32,
}

/// Versioning by build ID only (legacy).
#[repr(C)]
pub struct LegacyBuildIdBasedStrategy {
    /// The worker's build ID; not empty.
    pub build_id: ByteArrayRef,
}

/// How a worker is versioned.
#[repr(C)]
pub enum WorkerVersioningStrategy {
    /// Not versioned.
    None(WorkerVersioningNone),
    /// By deployment.
    DeploymentBased(WorkerDeploymentOptions),
    /// By build ID only (legacy).
    LegacyBuildIdBased(LegacyBuildIdBasedStrategy),
}

// SAFETY: all fields are integers, pointers and a `MaybeUninit`.
unsafe impl CTaggedUnion for WorkerVersioningStrategy {
    const VARIANTS: u32 = 3;
}

/// Which kinds of tasks a worker takes. Enable at least one; local activities require workflows.
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
    /// Largest number of polls; at least 1, or at least 2 for workflow tasks with a cache.
    pub simple_maximum: usize,
}

/// As many polls at a time as the server suggests.
#[repr(C)]
pub struct PollerBehaviorAutoscaling {
    /// Smallest number of polls; at least 1.
    pub minimum: usize,
    /// Largest number of polls; at least `minimum`.
    pub maximum: usize,
    /// Number of polls to start with; from `minimum` to `maximum`.
    pub initial: usize,
}

/// How many polls for tasks are open at a time. Set at most one pointer. If both are NULL, core's
/// default applies: a small fixed number, or autoscaling if the namespace asks workers for it.
#[repr(C)]
pub struct PollerBehavior {
    /// A maximum.
    pub simple_maximum: *const PollerBehaviorSimpleMaximum,
    /// As the server suggests.
    pub autoscaling: *const PollerBehaviorAutoscaling,
}

/// Options of a worker. They only need to stay valid for the duration of the call, except custom
/// slot suppliers.
#[repr(C)]
pub struct WorkerOptions {
    /// Namespace; required.
    pub namespace_: ByteArrayRef,
    /// Task queue; required.
    pub task_queue: ByteArrayRef,
    /// How the worker is versioned.
    pub versioning_strategy: MaybeUninit<WorkerVersioningStrategy>,
    /// Identity of the worker; empty = the connection's, which must then not be empty.
    pub identity_override: ByteArrayRef,
    /// Largest number of workflows to keep in memory, at most 10,000,000; 0 = none, and no sticky
    /// queue.
    pub max_cached_workflows: u32,
    /// Slots for each kind of task.
    pub tuner: TunerHolder,
    /// Which kinds of tasks to take.
    pub task_types: WorkerTaskTypes,
    /// How long a workflow task can wait in the sticky queue.
    pub sticky_queue_schedule_to_start_timeout_millis: u64,
    /// Longest time between the heartbeats sent for an activity.
    pub max_heartbeat_throttle_interval_millis: u64,
    /// Time between the heartbeats sent for an activity without a heartbeat timeout.
    pub default_heartbeat_throttle_interval_millis: u64,
    /// Largest number of activities per second in this worker; 0.0 = unlimited.
    pub max_activities_per_second: f64,
    /// Largest number of activities per second in the task queue, enforced by the server; 0.0 =
    /// unlimited.
    pub max_task_queue_activities_per_second: f64,
    /// Time between the start of the shutdown and the cancellation of running activities; 0 = at
    /// once.
    pub graceful_shutdown_period_millis: u64,
    /// How to poll for workflow tasks.
    pub workflow_task_poller_behavior: PollerBehavior,
    /// Share of workflow task polls that go to the normal queue if there is a sticky queue; not
    /// negative.
    pub nonsticky_to_sticky_poll_ratio: f32,
    /// How to poll for activities.
    pub activity_task_poller_behavior: PollerBehavior,
    /// How to poll for Nexus tasks.
    pub nexus_task_poller_behavior: PollerBehavior,
    /// Whether nondeterminism fails the workflow. If false, it fails the workflow task, which is
    /// retried.
    pub nondeterminism_as_workflow_fail: MaybeUninit<bool>,
    /// Workflow types whose nondeterminism fails the workflow.
    pub nondeterminism_as_workflow_fail_for_types: ByteArrayRefArray,
    /// Names of the plugins in use, for worker heartbeats.
    pub plugins: ByteArrayRefArray,
    /// Types of the storage drivers in use, for worker heartbeats.
    pub storage_drivers: ByteArrayRefArray,
    /// Send payloads even if they are larger than the namespace allows.
    pub disable_payload_error_limit: MaybeUninit<bool>,
    /// Largest number of activities to start together with the workflow task that schedules them; 0
    /// = none.
    pub max_eager_activity_reservations_per_workflow_task: u32,
}

/// Core's configuration, and the counts of its slots. It owns the custom slot suppliers; on an error,
/// they have been freed.
///
/// A replayer only takes workflow tasks, whatever else is enabled.
pub(crate) fn worker_config(
    options: Lent<'_, WorkerOptions>,
    is_replayer: bool,
) -> Checked<(WorkerConfig, SlotWatch)> {
    // First of all, so that custom slot suppliers are taken over even if something else fails.
    let needs = options.task_types.needs(is_replayer);
    let max_cached_workflows = options.max_cached_workflows as usize;
    let (tuner, slots) = tuner(
        options.field("tuner", |it| &it.tuner),
        &needs,
        max_cached_workflows,
    )?;
    let namespace = options.field("namespace_", |it| &it.namespace_).text()?;
    let task_queue = options.field("task_queue", |it| &it.task_queue).text()?;
    let identity = options
        .field("identity_override", |it| &it.identity_override)
        .text()?;
    let versioning =
        versioning(options.field("versioning_strategy", |it| &it.versioning_strategy))?;
    let workflow_polls = options.field("workflow_task_poller_behavior", |it| {
        &it.workflow_task_poller_behavior
    });
    let activity_polls = options.field("activity_task_poller_behavior", |it| {
        &it.activity_task_poller_behavior
    });
    let nexus_polls = options.field("nexus_task_poller_behavior", |it| {
        &it.nexus_task_poller_behavior
    });
    let (workflow_polls, activity_polls, nexus_polls) = (
        poller_behavior(workflow_polls)?,
        poller_behavior(activity_polls)?,
        poller_behavior(nexus_polls)?,
    );
    let failing_types = options
        .field("nondeterminism_as_workflow_fail_for_types", |it| {
            &it.nondeterminism_as_workflow_fail_for_types
        })
        .texts()?;
    let plugins = options.field("plugins", |it| &it.plugins).texts()?;
    let storage_drivers = options
        .field("storage_drivers", |it| &it.storage_drivers)
        .texts()?;
    if options.max_cached_workflows > MAX_CACHED_WORKFLOWS {
        return Err(format!(
            "max_cached_workflows must be at most {MAX_CACHED_WORKFLOWS}, not {}",
            options.max_cached_workflows
        ));
    }
    if !is_replayer {
        options.warn_of_slots_for_the_cache();
    }
    if let Some(CorePollerBehavior::SimpleMaximum(1)) = workflow_polls
        && options.max_cached_workflows > 0
    {
        return Err(
            "workflow_task_poller_behavior.simple_maximum must be at least 2 when max_cached_workflows is not 0, not 1"
                .to_owned(),
        );
    }
    let sticky_ratio = options.nonsticky_to_sticky_poll_ratio;
    if !sticky_ratio.is_finite() || sticky_ratio < 0.0 {
        return Err(format!(
            "nonsticky_to_sticky_poll_ratio must be a finite number that is not negative, not {sticky_ratio}"
        ));
    }
    let nondeterminism = || HashSet::from([WorkflowErrorType::Nondeterminism]);
    let config = WorkerConfig::builder()
        .namespace(namespace)
        .task_queue(task_queue)
        .versioning_strategy(versioning)
        .maybe_client_identity_override((!identity.is_empty()).then_some(identity))
        .max_cached_workflows(max_cached_workflows)
        .tuner(Arc::new(tuner))
        .task_types(options.task_types.core_types())
        .sticky_queue_schedule_to_start_timeout(Duration::from_millis(
            options.sticky_queue_schedule_to_start_timeout_millis,
        ))
        .max_heartbeat_throttle_interval(Duration::from_millis(
            options.max_heartbeat_throttle_interval_millis,
        ))
        .default_heartbeat_throttle_interval(Duration::from_millis(
            options.default_heartbeat_throttle_interval_millis,
        ))
        .maybe_max_worker_activities_per_second(rate(
            options.max_activities_per_second,
            "max_activities_per_second",
        )?)
        .maybe_max_task_queue_activities_per_second(rate(
            options.max_task_queue_activities_per_second,
            "max_task_queue_activities_per_second",
        )?)
        .graceful_shutdown_period(Duration::from_millis(
            options.graceful_shutdown_period_millis,
        ))
        .maybe_workflow_task_poller_behavior(workflow_polls)
        .nonsticky_to_sticky_poll_ratio(sticky_ratio)
        .maybe_activity_task_poller_behavior(activity_polls)
        .maybe_nexus_task_poller_behavior(nexus_polls)
        .workflow_failure_errors(if read_bool(&options.nondeterminism_as_workflow_fail) {
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
        .disable_payload_error_limit(read_bool(&options.disable_payload_error_limit))
        .max_eager_activity_reservations_per_workflow_task(
            options.max_eager_activity_reservations_per_workflow_task as usize,
        )
        .build()?;
    Ok((config, slots))
}

fn versioning(
    strategy: Lent<'_, MaybeUninit<WorkerVersioningStrategy>>,
) -> Checked<CoreVersioningStrategy> {
    let strategy = strategy.tagged()?;
    Ok(match strategy.get() {
        WorkerVersioningStrategy::None(none) => CoreVersioningStrategy::None {
            build_id: strategy
                .part("none.build_id", &none.build_id)
                .text()?
                .to_owned(),
        },
        WorkerVersioningStrategy::DeploymentBased(deployment) => {
            let version = &deployment.version;
            let name = strategy.part(
                "deployment_based.version.deployment_name",
                &version.deployment_name,
            );
            let build_id = strategy.part("deployment_based.version.build_id", &version.build_id);
            let (name, build_id) = if read_bool(&deployment.use_worker_versioning) {
                let required = "must not be empty when use_worker_versioning is true";
                (not_empty(name, required)?, not_empty(build_id, required)?)
            } else {
                (name.text()?, build_id.text()?)
            };
            let options = deployment_options(deployment, name, build_id)?;
            CoreVersioningStrategy::WorkerDeploymentBased(options)
        }
        WorkerVersioningStrategy::LegacyBuildIdBased(legacy) => {
            let build_id = strategy.part("legacy_build_id_based.build_id", &legacy.build_id);
            CoreVersioningStrategy::LegacyBuildIdBased {
                build_id: not_empty(build_id, "is empty")?.to_owned(),
            }
        }
    })
}

/// A text that must not be empty.
fn not_empty<'a>(range: Lent<'a, ByteArrayRef>, problem: &str) -> Checked<&'a str> {
    match range.text()? {
        "" => Err(format!("{} {problem}", range.label())),
        text => Ok(text),
    }
}

fn deployment_options(
    deployment: &WorkerDeploymentOptions,
    deployment_name: &str,
    build_id: &str,
) -> Checked<common::WorkerDeploymentOptions> {
    let behavior = match deployment.default_versioning_behavior {
        0 => None,
        value => Some(VersioningBehavior::try_from(value).map_err(|_| {
            with_interface(format!(
                "versioning_strategy.deployment_based.default_versioning_behavior has the invalid value {value}"
            ))
        })?),
    };
    if behavior.is_some() && !read_bool(&deployment.use_worker_versioning) {
        return Err(format!(
            "versioning_strategy.deployment_based.default_versioning_behavior must be 0 when use_worker_versioning is false, not {}",
            deployment.default_versioning_behavior
        ));
    }
    Ok(common::WorkerDeploymentOptions::new(
        common::WorkerDeploymentVersion::builder()
            .deployment_name(deployment_name)
            .build_id(build_id)
            .build(),
    )
    .use_worker_versioning(read_bool(&deployment.use_worker_versioning))
    .maybe_default_versioning_behavior(behavior.map(Into::into))
    .build())
}

impl WorkerOptions {
    /// With cached workflows, core takes workflow tasks from two queues, and needs a slot for each.
    fn warn_of_slots_for_the_cache(&self) {
        let supplier = read_tagged(&self.tuner.workflow_slot_supplier, "");
        let (option, slots) = match supplier {
            Ok(SlotSupplier::FixedSize(fixed)) => ("fixed_size.num_slots", fixed.num_slots),
            Ok(SlotSupplier::ResourceBased(resources)) => {
                ("resource_based.maximum_slots", resources.maximum_slots)
            }
            _ => return,
        };
        if self.max_cached_workflows > 0
            && read_bool(&self.task_types.enable_workflows)
            && slots == 1
        {
            tracing::warn!(
                target: "temporal_static_libs",
                "tuner.workflow_slot_supplier.{option} is 1, but max_cached_workflows is {}; cached workflows need at least 2",
                self.max_cached_workflows
            );
        }
    }
}

impl WorkerTaskTypes {
    fn needs(&self, is_replayer: bool) -> Needs {
        let required = |enabled, option| {
            if read_bool(enabled) && !is_replayer {
                Need::Required(option)
            } else {
                Need::None
            }
        };
        Needs {
            // Core's replayer uses the caller's slots, too.
            workflow: if read_bool(&self.enable_workflows) {
                Need::Required("task_types.enable_workflows")
            } else {
                Need::None
            },
            activity: required(
                &self.enable_remote_activities,
                "task_types.enable_remote_activities",
            ),
            local_activity: if read_bool(&self.enable_local_activities) && !is_replayer {
                Need::Expected
            } else {
                Need::None
            },
            nexus: required(&self.enable_nexus, "task_types.enable_nexus"),
        }
    }

    pub(crate) fn core_types(&self) -> common::WorkerTaskTypes {
        common::WorkerTaskTypes {
            enable_workflows: read_bool(&self.enable_workflows),
            enable_local_activities: read_bool(&self.enable_local_activities),
            enable_remote_activities: read_bool(&self.enable_remote_activities),
            enable_nexus: read_bool(&self.enable_nexus),
        }
    }
}

fn poller_behavior(behavior: Lent<'_, PollerBehavior>) -> Checked<Option<CorePollerBehavior>> {
    let simple = behavior
        .field("simple_maximum", |it| &it.simple_maximum)
        .target();
    let autoscaling = behavior.field("autoscaling", |it| &it.autoscaling).target();
    let label = behavior.label();
    // Core checks the same again when it builds the configuration, but does not name the option.
    Ok(Some(match (simple, autoscaling) {
        (Some(simple), None) => {
            at_least_1(simple.simple_maximum, label, "simple_maximum")?;
            CorePollerBehavior::SimpleMaximum(simple.simple_maximum)
        }
        (None, Some(autoscaling)) => {
            let PollerBehaviorAutoscaling {
                minimum,
                maximum,
                initial,
            } = *autoscaling;
            at_least_1(minimum, label, "autoscaling.minimum")?;
            if maximum < minimum {
                return Err(format!(
                    "{label}.autoscaling.maximum must be at least minimum ({minimum}), not {maximum}"
                ));
            }
            if !(minimum..=maximum).contains(&initial) {
                return Err(format!(
                    "{label}.autoscaling.initial must be between minimum ({minimum}) and maximum ({maximum}), not {initial}"
                ));
            }
            CorePollerBehavior::Autoscaling {
                minimum,
                maximum,
                initial,
            }
        }
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(format!(
                "simple_maximum and autoscaling cannot both be non-null values ({label})"
            ));
        }
    }))
}

fn at_least_1(count: usize, what: impl Display, option: &str) -> Checked<()> {
    if count == 0 {
        return Err(format!("{what}.{option} must be at least 1, not 0"));
    }
    Ok(())
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
