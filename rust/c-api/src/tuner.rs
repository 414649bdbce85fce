//! How many tasks of each kind a worker takes at a time.

use crate::{
    ffi::{CTaggedUnion, Checked, read_tagged},
    slot_supplier::{CustomSlotSupplier, CustomSlotSupplierCallbacksImpl},
};
use std::{mem::MaybeUninit, sync::Arc, time::Duration};
use temporalio_sdk_core::{
    ActivitySlotKind, LocalActivitySlotKind, NexusSlotKind, ResourceBasedSlotsOptions,
    ResourceBasedTunerConfig, ResourceSlotOptions, SlotKind, SlotSupplierOptions,
    TunerHolder as CoreTuner, TunerHolderOptions, WorkflowSlotKind,
};
use tokio::sync::Semaphore;

/// A fixed number of slots.
#[repr(C)]
pub struct FixedSizeSlotSupplier {
    /// Number of slots. With 0, no task of this kind is ever taken.
    pub num_slots: usize,
}

/// What resource-based suppliers aim at. All of a tuner's share equal ones.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub struct ResourceBasedTunerOptions {
    /// Share of the memory in use to aim at, 0 to 1.
    pub target_memory_usage: f64,
    /// Share of the processors in use to aim at, 0 to 1.
    pub target_cpu_usage: f64,
}

/// As many slots as memory and processors allow.
#[repr(C)]
pub struct ResourceBasedSlotSupplier {
    /// Slots given whatever the load.
    pub minimum_slots: usize,
    /// Most slots; not below `minimum_slots`.
    pub maximum_slots: usize,
    /// Time between slots beyond the minimum.
    pub ramp_throttle_ms: u64,
    /// What to aim at.
    pub tuner_options: ResourceBasedTunerOptions,
}

/// Where the slots of one kind of task come from.
#[repr(C)]
pub enum SlotSupplier {
    /// A fixed number.
    FixedSize(FixedSizeSlotSupplier),
    /// As many as memory and processors allow.
    ResourceBased(ResourceBasedSlotSupplier),
    /// The caller's own supplier.
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

/// One kind's supplier, and what it aims at when it is resource-based.
struct Supplier<Kind: SlotKind> {
    options: SlotSupplierOptions<Kind>,
    target: Option<ResourceBasedTunerOptions>,
}

impl TunerHolder {
    /// Takes over the custom suppliers and makes core's tuner. When something is wrong, all custom
    /// suppliers have been freed.
    ///
    /// # Safety
    /// Custom suppliers are NULL or alive until their `free` is called.
    pub(crate) unsafe fn tuner(&self) -> Checked<CoreTuner> {
        // SAFETY: the caller's promise.
        let (workflow, activity, local_activity, nexus) = unsafe {
            (
                supplier::<WorkflowSlotKind>(
                    &self.workflow_slot_supplier,
                    "tuner.workflow_slot_supplier",
                ),
                supplier::<ActivitySlotKind>(
                    &self.activity_slot_supplier,
                    "tuner.activity_slot_supplier",
                ),
                supplier::<LocalActivitySlotKind>(
                    &self.local_activity_slot_supplier,
                    "tuner.local_activity_slot_supplier",
                ),
                supplier::<NexusSlotKind>(
                    &self.nexus_task_slot_supplier,
                    "tuner.nexus_task_slot_supplier",
                ),
            )
        };
        // Only now, with all of them taken over, may one's error end it.
        let (workflow, activity, local_activity, nexus) =
            (workflow?, activity?, local_activity?, nexus?);
        let targets = [
            workflow.target,
            activity.target,
            local_activity.target,
            nexus.target,
        ];
        let target = shared_target(targets)?;
        TunerHolderOptions::builder()
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
            }))
            .build_tuner_holder()
            .map_err(|error| format!("tuner: {error:#}"))
    }
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

/// # Safety
/// A custom supplier is NULL or alive until its `free` is called.
unsafe fn supplier<Kind>(field: &MaybeUninit<SlotSupplier>, what: &str) -> Checked<Supplier<Kind>>
where
    Kind: SlotKind + Send + Sync + 'static,
{
    Ok(match read_tagged(field, what)? {
        SlotSupplier::FixedSize(fixed) => Supplier {
            options: fixed.options(what)?,
            target: None,
        },
        SlotSupplier::ResourceBased(resources) => Supplier {
            options: resources.options(what)?,
            target: Some(resources.tuner_options),
        },
        SlotSupplier::Custom(custom) => Supplier {
            options: SlotSupplierOptions::Custom(Arc::new(
                // SAFETY: the caller's promise.
                unsafe { CustomSlotSupplier::<Kind>::take(custom.0, &format!("{what}.custom")) }?,
            )),
            target: None,
        },
    })
}

impl FixedSizeSlotSupplier {
    fn options<Kind: SlotKind>(&self, what: &str) -> Checked<SlotSupplierOptions<Kind>> {
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
    fn options<Kind: SlotKind>(&self, what: &str) -> Checked<SlotSupplierOptions<Kind>> {
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
