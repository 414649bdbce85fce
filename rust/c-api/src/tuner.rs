//! How many tasks of each kind a worker takes at a time.

use crate::{
    ffi::{CTaggedUnion, Checked, Lent, with_sigpipe_blocked},
    slot_supplier::{CustomSlotSupplier, CustomSlotSupplierCallbacksImpl},
    slot_watch::{Limits, SlotWatch, WatchedTuner},
    threads::check_room_for,
};
use std::{fmt::Display, mem::MaybeUninit, sync::Arc, time::Duration};
use temporalio_sdk_core::{
    ActivitySlotKind, LocalActivitySlotKind, NexusSlotKind, ResourceBasedSlotsOptions,
    ResourceBasedTunerConfig, ResourceSlotOptions, SlotKind, SlotSupplierOptions,
    TunerHolder as CoreTuner, TunerHolderOptions, WorkflowSlotKind,
};
use tokio::sync::Semaphore;

/// A fixed number of slots.
#[repr(C)]
pub struct FixedSizeSlotSupplier {
    /// Number of slots; at least 1 if tasks of this kind are enabled.
    pub num_slots: usize,
}

/// Targets of resource-based suppliers. All suppliers of a tuner must have the same.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub struct ResourceBasedTunerOptions {
    /// Target share of memory in use, 0 to 1.
    pub target_memory_usage: f64,
    /// Target share of processor time in use, 0 to 1.
    pub target_cpu_usage: f64,
}

/// As many slots as memory and processors allow.
#[repr(C)]
pub struct ResourceBasedSlotSupplier {
    /// Number of slots that are available regardless of the load.
    pub minimum_slots: usize,
    /// Largest number of slots; at least `minimum_slots`, and at least 1 if tasks of this kind are
    /// enabled.
    pub maximum_slots: usize,
    /// Time between additional slots beyond the minimum.
    pub ramp_throttle_ms: u64,
    /// The targets.
    pub tuner_options: ResourceBasedTunerOptions,
}

/// Supplies the slots for one kind of task.
#[repr(C)]
pub enum SlotSupplier {
    /// A fixed number.
    FixedSize(FixedSizeSlotSupplier),
    /// As many as memory and processors allow.
    ResourceBased(ResourceBasedSlotSupplier),
    /// A supplier that you implement.
    Custom(CustomSlotSupplierCallbacksImpl),
}

// SAFETY: all fields are integers, floats and pointers.
unsafe impl CTaggedUnion for SlotSupplier {
    const VARIANTS: u32 = 3;
}

/// A slot supplier for each kind of task.
#[repr(C)]
pub struct TunerHolder {
    /// For workflow tasks.
    pub workflow_slot_supplier: MaybeUninit<SlotSupplier>,
    /// For activities.
    pub activity_slot_supplier: MaybeUninit<SlotSupplier>,
    /// For local activities.
    pub local_activity_slot_supplier: MaybeUninit<SlotSupplier>,
    /// For Nexus tasks.
    pub nexus_task_slot_supplier: MaybeUninit<SlotSupplier>,
}

/// One kind's supplier.
struct Supplier<Kind: SlotKind> {
    options: SlotSupplierOptions<Kind>,
    /// The targets, if it is resource-based.
    target: Option<ResourceBasedTunerOptions>,
    /// Largest number of slots. None if only the caller's own supplier knows it.
    limit: Option<usize>,
}

/// Whether a worker needs slots for a kind of task.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// Not enabled, or a replayer, which takes no such tasks.
    None,
    /// Without a slot, the worker would wait forever. Names the option that enables the kind.
    Required(&'static str),
    /// SDKs enable local activities with workflows, whether a workflow uses them or not.
    Expected,
}

/// [`Need`] for each kind of task.
pub(crate) struct Needs {
    pub(crate) workflow: Need,
    pub(crate) activity: Need,
    pub(crate) local_activity: Need,
    pub(crate) nexus: Need,
}

/// Takes over the custom suppliers and creates core's tuner, whose slots are counted. On an error, all
/// custom suppliers have been freed.
pub(crate) fn tuner(
    holder: Lent<'_, TunerHolder>,
    needs: &Needs,
    max_cached_workflows: usize,
) -> Checked<(WatchedTuner, SlotWatch)> {
    let workflow = holder.field("tuner.workflow_slot_supplier", |it| {
        &it.workflow_slot_supplier
    });
    let activity = holder.field("tuner.activity_slot_supplier", |it| {
        &it.activity_slot_supplier
    });
    let local_activity = holder.field("tuner.local_activity_slot_supplier", |it| {
        &it.local_activity_slot_supplier
    });
    let nexus = holder.field("tuner.nexus_task_slot_supplier", |it| {
        &it.nexus_task_slot_supplier
    });
    let (workflow, activity, local_activity, nexus) = (
        supplier::<WorkflowSlotKind>(workflow, needs.workflow),
        supplier::<ActivitySlotKind>(activity, needs.activity),
        supplier::<LocalActivitySlotKind>(local_activity, needs.local_activity),
        supplier::<NexusSlotKind>(nexus, needs.nexus),
    );
    // Only now, when all of them are taken over, can the error of one be returned.
    let (workflow, activity, local_activity, nexus) =
        (workflow?, activity?, local_activity?, nexus?);
    let targets = [
        workflow.target,
        activity.target,
        local_activity.target,
        nexus.target,
    ];
    let target = shared_target(targets)?;
    let limits = Limits {
        workflow: workflow.limit,
        activity: activity.limit,
        local_activity: local_activity.limit,
        nexus: nexus.limit,
    };
    if target.is_some() {
        // Core starts a thread that watches memory and processors, and panics if it cannot.
        check_room_for(1).map_err(|reason| format!("tuner: {reason}"))?;
    }
    let options = TunerHolderOptions::builder()
        .workflow_slot_options(workflow.options)
        .activity_slot_options(activity.options)
        .local_activity_slot_options(local_activity.options)
        .nexus_slot_options(nexus.options)
        .maybe_resource_based_config(target.map(|target| {
            ResourceBasedTunerConfig::Options(
                ResourceBasedSlotsOptions::builder()
                    .target_mem_usage(target.target_memory_usage)
                    .target_cpu_usage(target.target_cpu_usage)
                    .build(),
            )
        }));
    let tuner: CoreTuner = with_sigpipe_blocked(|| options.build_tuner_holder())
        .map_err(|error| format!("tuner: {error:#}"))?;
    Ok(WatchedTuner::new(&tuner, limits, max_cached_workflows))
}

fn shared_target(
    targets: [Option<ResourceBasedTunerOptions>; 4],
) -> Checked<Option<ResourceBasedTunerOptions>> {
    let mut set = targets.into_iter().flatten();
    let first = set.next();
    match set.find(|&other| Some(other) != first) {
        None => Ok(first),
        Some(_) => Err(
            "All resource-based slot suppliers must have the same ResourceBasedTunerOptions (tuner)"
                .to_owned(),
        ),
    }
}

fn supplier<Kind>(field: Lent<'_, MaybeUninit<SlotSupplier>>, need: Need) -> Checked<Supplier<Kind>>
where
    Kind: SlotKind + Send + Sync + 'static,
{
    let supplier = field.tagged()?;
    let label = supplier.label();
    Ok(match supplier.get() {
        SlotSupplier::FixedSize(fixed) => {
            need.check(label, "fixed_size.num_slots", fixed.num_slots)?;
            Supplier {
                options: fixed.options(label)?,
                target: None,
                limit: Some(fixed.num_slots),
            }
        }
        SlotSupplier::ResourceBased(resources) => {
            need.check(
                label,
                "resource_based.maximum_slots",
                resources.maximum_slots,
            )?;
            Supplier {
                options: resources.options(label)?,
                target: Some(resources.tuner_options),
                limit: Some(resources.maximum_slots),
            }
        }
        SlotSupplier::Custom(custom) => Supplier {
            options: SlotSupplierOptions::Custom(Arc::new(CustomSlotSupplier::<Kind>::take(
                supplier.part("custom", &custom.0).required_target()?,
            )?)),
            target: None,
            limit: None,
        },
    })
}

impl Need {
    fn check(self, what: impl Display, option: &str, slots: usize) -> Checked<()> {
        match self {
            Self::Required(enabling) if slots == 0 => Err(format!(
                "{what}.{option} must be at least 1 when {enabling} is set, not 0"
            )),
            Self::Expected if slots == 0 => {
                tracing::warn!(
                    target: "temporal_static_libs",
                    "{what}.{option} is 0, so no local activity will ever run"
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl FixedSizeSlotSupplier {
    fn options<Kind: SlotKind>(&self, what: impl Display) -> Checked<SlotSupplierOptions<Kind>> {
        if self.num_slots > Semaphore::MAX_PERMITS {
            return Err(format!(
                "{what}.fixed_size.num_slots must be at most {}, not {}",
                Semaphore::MAX_PERMITS,
                self.num_slots
            ));
        }
        Ok(SlotSupplierOptions::FixedSize {
            slots: self.num_slots,
        })
    }
}

impl ResourceBasedSlotSupplier {
    fn options<Kind: SlotKind>(&self, what: impl Display) -> Checked<SlotSupplierOptions<Kind>> {
        for (name, target) in [
            (
                "target_memory_usage",
                self.tuner_options.target_memory_usage,
            ),
            ("target_cpu_usage", self.tuner_options.target_cpu_usage),
        ] {
            if !(0.0..=1.0).contains(&target) {
                return Err(format!(
                    "{what}.resource_based.tuner_options.{name} must be between 0 and 1, not {target}"
                ));
            }
        }
        if self.minimum_slots > self.maximum_slots {
            return Err(format!(
                "{what}.resource_based.minimum_slots ({}) must not exceed maximum_slots ({})",
                self.minimum_slots, self.maximum_slots
            ));
        }
        Ok(SlotSupplierOptions::ResourceBased(
            ResourceSlotOptions::new(
                self.minimum_slots,
                self.maximum_slots,
                Duration::from_millis(self.ramp_throttle_ms),
            ),
        ))
    }
}
