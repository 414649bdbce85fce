//! The state of a worker's slots. Core's own counts are private.
//!
//! Each of core's slot suppliers is wrapped in one that counts its slots.

use crate::ffi::lock;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use temporalio_common::telemetry::metrics::TemporalMeter;
use temporalio_sdk_core::{
    ActivitySlotKind, LocalActivitySlotKind, NexusSlotKind, SlotKind, SlotMarkUsedContext,
    SlotReleaseContext, SlotReservationContext, SlotSupplier, SlotSupplierPermit, WorkerTuner,
    WorkflowSlotKind,
};

/// How long polls wait for a slot before this is logged.
const PATIENCE: Duration = Duration::from_secs(60);

/// Largest number of slots of each kind, if the options set it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) workflow: Option<usize>,
    pub(crate) activity: Option<usize>,
    pub(crate) local_activity: Option<usize>,
    pub(crate) nexus: Option<usize>,
}

/// The slots of one kind of task.
pub(crate) struct KindSlots {
    /// Name of the kind in messages.
    name: &'static str,
    pub(crate) supplier: String,
    /// Largest number of slots, if the options set it.
    pub(crate) limit: Option<usize>,
    /// Largest number of slots that core asks for, whatever the supplier has: the size of the cache.
    pub(crate) cache_limit: Option<usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    normal: Counts,
    sticky: Counts,
    waiting: BTreeMap<u64, Reservation>,
    next: u64,
    /// Since when core asks for no more slots, so that the normal queue is not polled.
    full_since: Option<Instant>,
    warned_at: Option<Instant>,
    /// Whether it was logged that polls wait because slots are in use; once, until a slot is free.
    use_is_logged: bool,
}

/// Slots that were given to core, for tasks of one queue.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(crate) struct Counts {
    /// Including those in use.
    pub(crate) reserved: usize,
    pub(crate) used: usize,
}

/// A reservation that waits for a slot.
#[derive(Clone, Copy)]
pub(crate) struct Reservation {
    pub(crate) since: Instant,
    pub(crate) is_sticky: bool,
}

/// The state of the slots of one kind.
pub(crate) struct Snapshot {
    pub(crate) normal: Counts,
    pub(crate) sticky: Counts,
    pub(crate) waiting: Vec<Reservation>,
    pub(crate) full_since: Option<Instant>,
}

/// What should be logged.
#[derive(PartialEq, Debug)]
enum Notice {
    /// Polls wait for a slot, and none is in use.
    Stuck { is_sticky: bool, reserved: usize },
    /// Polls wait for a slot, and all are in use.
    Busy { used: usize },
    /// The normal queue is not polled, because as many slots are taken as workflows can be cached.
    CacheLimit { used: usize },
}

impl KindSlots {
    fn new(
        name: &'static str,
        supplier: String,
        limit: Option<usize>,
        cache_limit: Option<usize>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            supplier,
            limit,
            cache_limit,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            normal: state.normal,
            sticky: state.sticky,
            waiting: state.waiting.values().copied().collect(),
            full_since: state.full_since,
        }
    }

    /// Finds out what should be logged.
    fn look(&self, now: Instant) -> Option<Notice> {
        let mut state = self.state();
        let is_long = |since: Instant| now.saturating_duration_since(since) >= PATIENCE;
        let used = state.normal.used + state.sticky.used;
        let reserved = state.normal.reserved + state.sticky.reserved;
        if used > 0 {
            // No poll is in progress that could bring a task.
            let is_waiting = state.waiting.values().any(|it| {
                let normal = state.normal;
                let none_is_out =
                    used == reserved || !it.is_sticky && normal.used == normal.reserved;
                is_long(it.since) && none_is_out
            });
            let notice = if state.full_since.is_some_and(is_long) {
                Notice::CacheLimit { used }
            } else if is_waiting {
                Notice::Busy { used }
            } else {
                return None;
            };
            return (!std::mem::replace(&mut state.use_is_logged, true)).then_some(notice);
        }
        // Polls in progress have slots, and then others can wait for a long time without harm. But if a
        // poll of the sticky queue has the only slot, the first task of any workflow is not polled for.
        let stuck = state.waiting.values().find(|it| {
            is_long(it.since) && (reserved == 0 || !it.is_sticky && state.normal.reserved == 0)
        })?;
        let is_sticky = stuck.is_sticky;
        if state.warned_at.is_some_and(|at| !is_long(at)) {
            return None;
        }
        state.warned_at = Some(now);
        Some(Notice::Stuck {
            is_sticky,
            reserved,
        })
    }

    fn log(&self, notice: &Notice) {
        let (kind, supplier, seconds) = (self.name, &self.supplier, PATIENCE.as_secs());
        match notice {
            Notice::Stuck {
                is_sticky,
                reserved,
            } => {
                let queue = if *is_sticky {
                    "the sticky"
                } else {
                    "the normal"
                };
                tracing::warn!(
                    target: "temporal_static_libs",
                    "no slot for {kind} tasks of {queue} queue for {seconds} s, and none is in use (supplier {supplier}, {reserved} reserved): the worker does not poll for them; see temporal_static_libs_worker_state"
                );
            }
            Notice::Busy { used } => tracing::info!(
                target: "temporal_static_libs",
                "all {used} slots for {kind} tasks have been in use for {seconds} s: the worker polls for more when one is free"
            ),
            Notice::CacheLimit { used } => tracing::info!(
                target: "temporal_static_libs",
                "{used} {kind} tasks have been in progress for {seconds} s, as many as max_cached_workflows allows: the worker polls for more when one is done"
            ),
        }
    }
}

impl State {
    /// Records whether core asks for no more slots. Core also counts the slots of waiting polls.
    fn note_fullness(&mut self, cache_limit: Option<usize>) {
        let (normal, sticky) = (self.normal, self.sticky);
        let is_full = cache_limit.is_some_and(|limit| normal.reserved + sticky.reserved >= limit)
            && normal.used + sticky.used > 0
            && normal.used == normal.reserved;
        self.full_since = is_full.then(|| self.full_since.unwrap_or_else(Instant::now));
    }

    fn counts(&mut self, is_sticky: bool) -> &mut Counts {
        if is_sticky {
            &mut self.sticky
        } else {
            &mut self.normal
        }
    }
}

/// A waiting reservation. It ends when this is dropped.
struct Waiting<'a> {
    slots: &'a KindSlots,
    id: u64,
}

impl<'a> Waiting<'a> {
    fn begin(slots: &'a KindSlots, is_sticky: bool) -> Self {
        let mut state = slots.state();
        let id = state.next;
        state.next += 1;
        let since = Instant::now();
        state.waiting.insert(id, Reservation { since, is_sticky });
        drop(state);
        Self { slots, id }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.slots.state().waiting.remove(&self.id);
    }
}

type Supplier<Kind> = Arc<dyn SlotSupplier<SlotKind = Kind> + Send + Sync>;

/// Core's supplier, and the counts of its slots.
struct Watched<Kind: SlotKind> {
    supplier: Supplier<Kind>,
    slots: Arc<KindSlots>,
}

/// The data of a permit: the supplier's own permit, and the kind of queue.
struct WatchedPermit {
    permit: SlotSupplierPermit,
    is_sticky: bool,
}

/// A context with the supplier's own permit.
struct Own<'a, Context: ?Sized> {
    context: &'a Context,
    permit: &'a SlotSupplierPermit,
}

impl<Kind: SlotKind> SlotMarkUsedContext
    for Own<'_, dyn SlotMarkUsedContext<SlotKind = Kind> + '_>
{
    type SlotKind = Kind;

    fn permit(&self) -> &SlotSupplierPermit {
        self.permit
    }

    fn info(&self) -> &Kind::Info {
        self.context.info()
    }

    fn get_metrics_meter(&self) -> Option<TemporalMeter> {
        self.context.get_metrics_meter()
    }
}

impl<Kind: SlotKind> SlotReleaseContext for Own<'_, dyn SlotReleaseContext<SlotKind = Kind> + '_> {
    type SlotKind = Kind;

    fn permit(&self) -> &SlotSupplierPermit {
        self.permit
    }

    fn info(&self) -> Option<&Kind::Info> {
        self.context.info()
    }

    fn get_metrics_meter(&self) -> Option<TemporalMeter> {
        self.context.get_metrics_meter()
    }
}

impl<Kind: SlotKind> Watched<Kind> {
    fn given(&self, permit: SlotSupplierPermit, is_sticky: bool) -> SlotSupplierPermit {
        {
            let mut state = self.slots.state();
            state.counts(is_sticky).reserved += 1;
            state.note_fullness(self.slots.cache_limit);
        }
        SlotSupplierPermit::with_user_data(WatchedPermit { permit, is_sticky })
    }
}

/// The permit that [`Watched::given`] returned.
fn watched(permit: &SlotSupplierPermit) -> &WatchedPermit {
    permit
        .user_data()
        .expect("core returns the permits that it received")
}

#[async_trait::async_trait]
impl<Kind> SlotSupplier for Watched<Kind>
where
    Kind: SlotKind + Send + Sync + 'static,
{
    type SlotKind = Kind;

    async fn reserve_slot(&self, ctx: &dyn SlotReservationContext) -> SlotSupplierPermit {
        let waiting = Waiting::begin(&self.slots, ctx.is_sticky());
        let permit = self.supplier.reserve_slot(ctx).await;
        drop(waiting);
        self.given(permit, ctx.is_sticky())
    }

    fn try_reserve_slot(&self, ctx: &dyn SlotReservationContext) -> Option<SlotSupplierPermit> {
        let permit = self.supplier.try_reserve_slot(ctx)?;
        Some(self.given(permit, ctx.is_sticky()))
    }

    fn mark_slot_used(&self, ctx: &dyn SlotMarkUsedContext<SlotKind = Kind>) {
        let WatchedPermit { permit, is_sticky } = watched(ctx.permit());
        {
            let mut state = self.slots.state();
            state.counts(*is_sticky).used += 1;
            state.note_fullness(self.slots.cache_limit);
        }
        let context = ctx;
        self.supplier.mark_slot_used(&Own { context, permit });
    }

    fn release_slot(&self, ctx: &dyn SlotReleaseContext<SlotKind = Kind>) {
        let WatchedPermit { permit, is_sticky } = watched(ctx.permit());
        {
            let mut state = self.slots.state();
            state.use_is_logged = false;
            let counts = state.counts(*is_sticky);
            counts.reserved = counts.reserved.saturating_sub(1);
            if ctx.info().is_some() {
                counts.used = counts.used.saturating_sub(1);
            }
            state.note_fullness(self.slots.cache_limit);
        }
        let context = ctx;
        self.supplier.release_slot(&Own { context, permit });
    }

    fn available_slots(&self) -> Option<usize> {
        self.supplier.available_slots()
    }

    fn slot_supplier_kind(&self) -> String {
        self.supplier.slot_supplier_kind()
    }
}

/// The slots of a worker, for each kind of task.
pub(crate) struct SlotWatch {
    pub(crate) workflow: Arc<KindSlots>,
    pub(crate) activity: Arc<KindSlots>,
    pub(crate) local_activity: Arc<KindSlots>,
    pub(crate) nexus: Arc<KindSlots>,
}

impl SlotWatch {
    /// Logs polls that have waited a long time for a slot.
    pub(crate) fn log_long_waits(&self, now: Instant) {
        for slots in [
            &self.workflow,
            &self.activity,
            &self.local_activity,
            &self.nexus,
        ] {
            if let Some(notice) = slots.look(now) {
                slots.log(&notice);
            }
        }
    }
}

/// A tuner that counts slots.
pub(crate) struct WatchedTuner {
    workflow: Supplier<WorkflowSlotKind>,
    activity: Supplier<ActivitySlotKind>,
    local_activity: Supplier<LocalActivitySlotKind>,
    nexus: Supplier<NexusSlotKind>,
}

impl WatchedTuner {
    /// Wraps the suppliers of a tuner; `max_cached_workflows` as in the worker's options.
    pub(crate) fn new(
        tuner: &impl WorkerTuner,
        limits: Limits,
        max_cached_workflows: usize,
    ) -> (Self, SlotWatch) {
        // The same rule as core's.
        let cache_limit = (max_cached_workflows > 0).then(|| max_cached_workflows.max(2));
        let (workflow, workflow_slots) = watch(
            "workflow",
            tuner.workflow_task_slot_supplier(),
            limits.workflow,
            cache_limit,
        );
        let (activity, activity_slots) = watch(
            "activity",
            tuner.activity_task_slot_supplier(),
            limits.activity,
            None,
        );
        let (local_activity, local_activity_slots) = watch(
            "local activity",
            tuner.local_activity_slot_supplier(),
            limits.local_activity,
            None,
        );
        let (nexus, nexus_slots) = watch(
            "Nexus",
            tuner.nexus_task_slot_supplier(),
            limits.nexus,
            None,
        );
        (
            Self {
                workflow,
                activity,
                local_activity,
                nexus,
            },
            SlotWatch {
                workflow: workflow_slots,
                activity: activity_slots,
                local_activity: local_activity_slots,
                nexus: nexus_slots,
            },
        )
    }
}

fn watch<Kind>(
    name: &'static str,
    supplier: Supplier<Kind>,
    limit: Option<usize>,
    cache_limit: Option<usize>,
) -> (Supplier<Kind>, Arc<KindSlots>)
where
    Kind: SlotKind + Send + Sync + 'static,
{
    let slots = KindSlots::new(name, supplier.slot_supplier_kind(), limit, cache_limit);
    let watched = Watched {
        supplier,
        slots: slots.clone(),
    };
    (Arc::new(watched), slots)
}

impl WorkerTuner for WatchedTuner {
    fn workflow_task_slot_supplier(&self) -> Supplier<WorkflowSlotKind> {
        self.workflow.clone()
    }

    fn activity_task_slot_supplier(&self) -> Supplier<ActivitySlotKind> {
        self.activity.clone()
    }

    fn local_activity_slot_supplier(&self) -> Supplier<LocalActivitySlotKind> {
        self.local_activity.clone()
    }

    fn nexus_task_slot_supplier(&self) -> Supplier<NexusSlotKind> {
        self.nexus.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(state: State) -> Arc<KindSlots> {
        let slots = KindSlots::new("workflow", "Fixed".to_owned(), Some(2), Some(2));
        *slots.state() = state;
        slots
    }

    fn waiting(since: Instant, is_sticky: bool) -> BTreeMap<u64, Reservation> {
        BTreeMap::from([(0, Reservation { since, is_sticky })])
    }

    fn counts(reserved: usize, used: usize) -> Counts {
        Counts { reserved, used }
    }

    #[test]
    fn a_reservation_without_any_slot_in_use_gives_a_warning_every_minute() {
        let start = Instant::now();
        let slots = slots(State {
            waiting: waiting(start, false),
            ..State::default()
        });
        let stuck = Some(Notice::Stuck {
            is_sticky: false,
            reserved: 0,
        });
        assert_eq!(slots.look(start + PATIENCE / 2), None);
        assert_eq!(slots.look(start + PATIENCE), stuck);
        assert_eq!(slots.look(start + PATIENCE * 3 / 2), None);
        assert_eq!(slots.look(start + PATIENCE * 2), stuck);
    }

    #[test]
    fn an_idle_worker_with_more_polls_than_slots_gives_no_warning() {
        let start = Instant::now();
        let slots = slots(State {
            normal: counts(1, 0),
            sticky: counts(1, 0),
            waiting: waiting(start, false),
            ..State::default()
        });
        assert_eq!(slots.look(start + PATIENCE), None);
    }

    #[test]
    fn a_sticky_poll_with_the_only_slot_gives_a_warning() {
        let start = Instant::now();
        let slots = slots(State {
            sticky: counts(1, 0),
            waiting: waiting(start, false),
            ..State::default()
        });
        let stuck = Some(Notice::Stuck {
            is_sticky: false,
            reserved: 1,
        });
        assert_eq!(slots.look(start + PATIENCE), stuck);
    }

    #[test]
    fn slots_in_use_are_logged_once() {
        let start = Instant::now();
        let slots = slots(State {
            normal: counts(2, 2),
            waiting: waiting(start, false),
            ..State::default()
        });
        assert_eq!(slots.look(start + PATIENCE), Some(Notice::Busy { used: 2 }));
        assert_eq!(slots.look(start + PATIENCE * 2), None);
    }

    #[test]
    fn a_cache_is_full_with_the_slot_of_a_sticky_poll() {
        let mut state = State {
            normal: counts(1, 1),
            sticky: counts(1, 0),
            ..State::default()
        };
        state.note_fullness(Some(2));
        let since = state.full_since;
        assert!(since.is_some());
        state.note_fullness(Some(2));
        assert_eq!(state.full_since, since);
        state.normal = counts(1, 0);
        state.note_fullness(Some(2));
        assert_eq!(state.full_since, None);
    }

    #[test]
    fn a_full_cache_is_logged_once() {
        let start = Instant::now();
        let slots = slots(State {
            normal: counts(2, 2),
            full_since: Some(start),
            ..State::default()
        });
        let full = Some(Notice::CacheLimit { used: 2 });
        assert_eq!(slots.look(start + PATIENCE / 2), None);
        assert_eq!(slots.look(start + PATIENCE), full);
        assert_eq!(slots.look(start + PATIENCE * 2), None);
    }

    #[test]
    fn a_sticky_poll_does_not_hide_slots_in_use() {
        let start = Instant::now();
        let slots = slots(State {
            normal: counts(2, 2),
            sticky: counts(1, 0),
            waiting: waiting(start, false),
            ..State::default()
        });
        assert_eq!(slots.look(start + PATIENCE), Some(Notice::Busy { used: 2 }));
    }
}
