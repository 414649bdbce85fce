//! Slot suppliers that the caller implements.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{Checked, Lent, PerProcess, UserData, guard_infallible, lock, read_bool},
};
use std::{
    collections::BTreeMap,
    ffi::c_void,
    future::Future,
    marker::PhantomData,
    mem::MaybeUninit,
    num::NonZeroUsize,
    pin::Pin,
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};
use temporalio_sdk_core as core;
use temporalio_sdk_core::SlotInfoTrait;
use tokio::sync::Semaphore;

/// What a slot is for.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(clippy::enum_variant_names)] // the interface's names
pub enum SlotKindType {
    /// A workflow task.
    WorkflowSlotKindType = 0,
    /// An activity.
    ActivitySlotKindType,
    /// A local activity.
    LocalActivitySlotKindType,
    /// A Nexus task.
    NexusSlotKindType,
}

/// What a slot is reserved for. Valid until the callback returns.
#[repr(C)]
pub struct SlotReserveCtx {
    /// What the slot is for.
    pub slot_type: SlotKindType,
    /// The worker's task queue.
    pub task_queue: ByteArrayRef,
    /// The worker's identity.
    pub worker_identity: ByteArrayRef,
    /// The worker's build ID; may be empty.
    pub worker_build_id: ByteArrayRef,
    /// Whether the slot is for polling the sticky queue.
    pub is_sticky: bool,
}

/// Identifies a reservation of a slot. It does not point to memory: the library never reads through
/// it.
///
/// Lifecycle: the supplier's `reserve` receives it, and `temporal_core_complete_async_reserve` with
/// a permit consumes it. If core no longer needs the slot before that, `cancel_reserve` receives
/// it, and `temporal_core_complete_async_cancel_reserve` consumes it.
///
/// Any thread can complete it, in the callback or later, also after the worker is freed. If it is
/// consumed already, both functions return false.
pub struct SlotReserveCompletionCtx(());

/// What occupies a slot. Valid until the callback returns.
#[repr(C)]
#[allow(clippy::enum_variant_names)] // the interface's names
pub enum SlotInfo {
    /// A workflow task.
    WorkflowSlotInfo {
        /// Type of the workflow.
        workflow_type: ByteArrayRef,
        /// Whether the task came from the sticky queue.
        is_sticky: bool,
    },
    /// An activity.
    ActivitySlotInfo {
        /// Type of the activity.
        activity_type: ByteArrayRef,
    },
    /// A local activity.
    LocalActivitySlotInfo {
        /// Type of the activity.
        activity_type: ByteArrayRef,
    },
    /// A Nexus task.
    NexusSlotInfo {
        /// Name of the operation.
        operation: ByteArrayRef,
        /// Name of the service.
        service: ByteArrayRef,
    },
}

/// A slot that is now in use. Valid until the callback returns.
#[repr(C)]
pub struct SlotMarkUsedCtx {
    /// What occupies it.
    pub slot_info: SlotInfo,
    /// The permit from its reservation.
    pub slot_permit: usize,
}

/// A slot that is free again. Valid until the callback returns.
#[repr(C)]
pub struct SlotReleaseCtx {
    /// What occupied it. NULL if it was never in use, for example because core no longer needed it
    /// when its reservation completed.
    pub slot_info: *const SlotInfo,
    /// The permit from its reservation.
    pub slot_permit: usize,
}

/// Starts to reserve a slot. Must not block. Call `temporal_core_complete_async_reserve` when there
/// is a slot, in the callback or later, on any thread.
///
/// @param ctx            What the slot is for. Valid until the callback returns.
/// @param completion_ctx Identifies the reservation.
/// @param user_data      What you set in the supplier.
pub type CustomSlotSupplierReserveCallback = Option<
    unsafe extern "C" fn(
        ctx: *const SlotReserveCtx,
        completion_ctx: *const SlotReserveCompletionCtx,
        user_data: *mut c_void,
    ),
>;

/// Cancels a reservation. Must not block. Call `temporal_core_complete_async_cancel_reserve`, in
/// the callback or later, on any thread.
///
/// @param completion_ctx What `reserve` received.
/// @param user_data      What you set in the supplier.
pub type CustomSlotSupplierCancelReserveCallback = Option<
    unsafe extern "C" fn(completion_ctx: *const SlotReserveCompletionCtx, user_data: *mut c_void),
>;

/// Reserves a slot if one is free at this moment. Must not block.
///
/// @param ctx       What the slot is for. Valid until the callback returns.
/// @param user_data What you set in the supplier.
/// @return A permit, or 0 if no slot is free.
pub type CustomSlotSupplierTryReserveCallback =
    Option<unsafe extern "C" fn(ctx: *const SlotReserveCtx, user_data: *mut c_void) -> usize>;

/// Called when a reserved slot comes into use. Must not block.
///
/// @param ctx       The slot, and what occupies it. Valid until the callback returns.
/// @param user_data What you set in the supplier.
pub type CustomSlotSupplierMarkUsedCallback =
    Option<unsafe extern "C" fn(ctx: *const SlotMarkUsedCtx, user_data: *mut c_void)>;

/// Called when a reserved slot, whether it was used or not, is free again. Must not block.
///
/// @param ctx       The slot. Valid until the callback returns.
/// @param user_data What you set in the supplier.
pub type CustomSlotSupplierReleaseCallback =
    Option<unsafe extern "C" fn(ctx: *const SlotReleaseCtx, user_data: *mut c_void)>;

/// Returns how many slots are free at this moment. Must not block.
///
/// @param available_slots Where to write the number.
/// @param user_data       What you set in the supplier.
/// @return Whether you know the number and have written it.
pub type CustomSlotSupplierAvailableSlotsCallback = Option<
    unsafe extern "C" fn(available_slots: *mut usize, user_data: *mut c_void) -> MaybeUninit<bool>,
>;

/// Frees the supplier. None of its callbacks runs afterwards.
///
/// @param userimpl What you set in the tuner.
pub type CustomSlotSupplierFreeCallback =
    Option<unsafe extern "C" fn(userimpl: *const CustomSlotSupplierCallbacks)>;

/// A slot supplier that you implement. All callbacks except `available_slots` are required. They
/// are called from any thread, several at the same time. They must not block or wait for another
/// call, because core waits for them and holds locks; they cannot be queued.
///
/// The struct must stay valid until `free`, which is called exactly once for each place in a tuner
/// where you set it: when the worker no longer needs it, or when creating the worker failed.
#[repr(C)]
pub struct CustomSlotSupplierCallbacks {
    /// Starts to reserve a slot.
    pub reserve: CustomSlotSupplierReserveCallback,
    /// Cancels a reservation.
    pub cancel_reserve: CustomSlotSupplierCancelReserveCallback,
    /// Reserves a slot if one is free.
    pub try_reserve: CustomSlotSupplierTryReserveCallback,
    /// A slot came into use.
    pub mark_used: CustomSlotSupplierMarkUsedCallback,
    /// A slot is free again.
    pub release: CustomSlotSupplierReleaseCallback,
    /// Returns the number of free slots. May be NULL.
    pub available_slots: CustomSlotSupplierAvailableSlotsCallback,
    /// Frees the supplier.
    pub free: CustomSlotSupplierFreeCallback,
    /// Passed to all callbacks except `free`.
    pub user_data: *mut c_void,
}

/// Points to a slot supplier that you implement.
#[repr(C)]
pub struct CustomSlotSupplierCallbacksImpl(pub *const CustomSlotSupplierCallbacks);

/// The supplier as core uses it, for one kind of slot.
pub(crate) struct CustomSlotSupplier<Kind> {
    callbacks: Callbacks,
    kind: PhantomData<fn() -> Kind>,
}

/// [`CustomSlotSupplierCallbacks`], checked to be complete.
struct Callbacks {
    reserve:
        unsafe extern "C" fn(*const SlotReserveCtx, *const SlotReserveCompletionCtx, *mut c_void),
    cancel_reserve: unsafe extern "C" fn(*const SlotReserveCompletionCtx, *mut c_void),
    try_reserve: unsafe extern "C" fn(*const SlotReserveCtx, *mut c_void) -> usize,
    mark_used: unsafe extern "C" fn(*const SlotMarkUsedCtx, *mut c_void),
    release: unsafe extern "C" fn(*const SlotReleaseCtx, *mut c_void),
    available_slots: CustomSlotSupplierAvailableSlotsCallback,
    user_data: UserData,
    _owned: Owned,
}

/// Calls `free` after the last use.
struct Owned {
    given: *const CustomSlotSupplierCallbacks,
    free: unsafe extern "C" fn(*const CustomSlotSupplierCallbacks),
}

// SAFETY: the interface requires callbacks that any thread can call.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: alive until this call, which is the only one.
        unsafe { (self.free)(self.given) }
    }
}

impl<Kind> CustomSlotSupplier<Kind> {
    /// Takes over the caller's callbacks. If one is missing, `free` is called at once.
    pub(crate) fn take(callbacks: Lent<'_, CustomSlotSupplierCallbacks>) -> Checked<Self> {
        let what = callbacks.label();
        let given = ptr::from_ref(callbacks.get());
        let missing = |name| move || format!("{what}.{name} is NULL");
        let free = callbacks.free.ok_or_else(missing("free"))?;
        let owned = Owned { given, free };
        Ok(Self {
            callbacks: Callbacks {
                reserve: callbacks.reserve.ok_or_else(missing("reserve"))?,
                cancel_reserve: callbacks
                    .cancel_reserve
                    .ok_or_else(missing("cancel_reserve"))?,
                try_reserve: callbacks.try_reserve.ok_or_else(missing("try_reserve"))?,
                mark_used: callbacks.mark_used.ok_or_else(missing("mark_used"))?,
                release: callbacks.release.ok_or_else(missing("release"))?,
                available_slots: callbacks.available_slots,
                user_data: UserData(callbacks.user_data),
                _owned: owned,
            },
            kind: PhantomData,
        })
    }
}

impl Callbacks {
    fn release(&self, slot_info: Option<&SlotInfo>, permit: Permit) {
        let ctx = SlotReleaseCtx {
            slot_info: slot_info.map_or(ptr::null(), ptr::from_ref),
            slot_permit: permit.0.get(),
        };
        // SAFETY: the context, with what it references, outlives the call.
        unsafe { (self.release)(&raw const ctx, self.user_data.0) }
    }
}

/// The caller's identifier for a reserved slot.
#[derive(Clone, Copy)]
struct Permit(NonZeroUsize);

#[async_trait::async_trait]
impl<Kind> core::SlotSupplier for CustomSlotSupplier<Kind>
where
    Kind: core::SlotKind + Send + Sync + 'static,
{
    type SlotKind = Kind;

    async fn reserve_slot(
        &self,
        ctx: &dyn core::SlotReservationContext,
    ) -> core::SlotSupplierPermit {
        let permit = {
            let reservation = Reservation::start(&self.callbacks);
            let completion_ctx = reservation.completion_ctx();
            let ctx = reserve_ctx::<Kind>(ctx);
            // SAFETY: the context outlives the call; the reservation is only identified, not lent.
            unsafe {
                (self.callbacks.reserve)(
                    &raw const ctx,
                    completion_ctx,
                    self.callbacks.user_data.0,
                );
            }
            reservation
        }
        .await;
        core::SlotSupplierPermit::with_user_data(permit)
    }

    fn try_reserve_slot(
        &self,
        ctx: &dyn core::SlotReservationContext,
    ) -> Option<core::SlotSupplierPermit> {
        let ctx = reserve_ctx::<Kind>(ctx);
        // SAFETY: the context outlives the call.
        let permit =
            unsafe { (self.callbacks.try_reserve)(&raw const ctx, self.callbacks.user_data.0) };
        NonZeroUsize::new(permit)
            .map(|permit| core::SlotSupplierPermit::with_user_data(Permit(permit)))
    }

    fn mark_slot_used(&self, ctx: &dyn core::SlotMarkUsedContext<SlotKind = Kind>) {
        let Some(permit) = ctx.permit().user_data::<Permit>() else {
            return;
        };
        let ctx = SlotMarkUsedCtx {
            slot_info: slot_info(ctx.info().downcast()),
            slot_permit: permit.0.get(),
        };
        // SAFETY: the context, with the texts in it, outlives the call.
        unsafe { (self.callbacks.mark_used)(&raw const ctx, self.callbacks.user_data.0) }
    }

    fn release_slot(&self, ctx: &dyn core::SlotReleaseContext<SlotKind = Kind>) {
        let Some(permit) = ctx.permit().user_data::<Permit>() else {
            return;
        };
        let slot_info = ctx.info().map(|info| slot_info(info.downcast()));
        self.callbacks.release(slot_info.as_ref(), *permit);
    }

    fn available_slots(&self) -> Option<usize> {
        let mut available = 0;
        // SAFETY: the number outlives the call.
        let known = unsafe {
            (self.callbacks.available_slots?)(&raw mut available, self.callbacks.user_data.0)
        };
        // Core adds to it, which must not overflow.
        read_bool(&known).then(|| available.min(Semaphore::MAX_PERMITS))
    }
}

/// Borrows from `ctx`, and must not outlive it.
fn reserve_ctx<Kind: core::SlotKind>(ctx: &dyn core::SlotReservationContext) -> SlotReserveCtx {
    SlotReserveCtx {
        slot_type: match Kind::kind() {
            core::SlotKindType::Workflow => SlotKindType::WorkflowSlotKindType,
            core::SlotKindType::Activity => SlotKindType::ActivitySlotKindType,
            core::SlotKindType::LocalActivity => SlotKindType::LocalActivitySlotKindType,
            core::SlotKindType::Nexus => SlotKindType::NexusSlotKindType,
        },
        task_queue: ByteArrayRef::lend(ctx.task_queue().as_bytes()),
        worker_identity: ByteArrayRef::lend(ctx.worker_identity().as_bytes()),
        worker_build_id: ctx
            .worker_deployment_version()
            .as_ref()
            .map_or(ByteArrayRef::EMPTY, |version| {
                ByteArrayRef::lend(version.build_id.as_bytes())
            }),
        is_sticky: ctx.is_sticky(),
    }
}

/// Borrows from `info`, and must not outlive it.
fn slot_info(info: core::SlotInfo<'_>) -> SlotInfo {
    match info {
        core::SlotInfo::Workflow(info) => SlotInfo::WorkflowSlotInfo {
            workflow_type: ByteArrayRef::lend(info.workflow_type.as_bytes()),
            is_sticky: info.is_sticky,
        },
        core::SlotInfo::Activity(info) => SlotInfo::ActivitySlotInfo {
            activity_type: ByteArrayRef::lend(info.activity_type.as_bytes()),
        },
        core::SlotInfo::LocalActivity(info) => SlotInfo::LocalActivitySlotInfo {
            activity_type: ByteArrayRef::lend(info.activity_type.as_bytes()),
        },
        core::SlotInfo::Nexus(info) => SlotInfo::NexusSlotInfo {
            operation: ByteArrayRef::lend(info.operation.as_bytes()),
            service: ByteArrayRef::lend(info.service.as_bytes()),
        },
    }
}

/// Core's side of a reservation: waits for the caller, and cancels if core drops it first.
struct Reservation<'a> {
    id: usize,
    state: Arc<Mutex<ReservationState>>,
    callbacks: &'a Callbacks,
}

/// The state of a reservation. Both sides change it under its lock, so exactly one of them finds
/// that the other was first.
enum ReservationState {
    /// The caller owes a permit.
    Waiting(Option<Waker>),
    /// There is a permit, which core has not seen yet.
    Completed(Permit),
    /// Core has the permit.
    Taken,
    /// Core no longer needs it; the caller owes a confirmation.
    Cancelled,
}

/// The reservations that the caller has not consumed, by ID. The caller has IDs, not addresses, so
/// a second use of one is a lookup that finds nothing, never a use of freed memory.
static UNCONSUMED: PerProcess<Mutex<BTreeMap<usize, Arc<Mutex<ReservationState>>>>> =
    PerProcess::new(Mutex::default);

/// IDs look like aligned addresses and never repeat.
static NEXT_ID: AtomicUsize = AtomicUsize::new(ID_STEP);
const ID_STEP: usize = 16;

impl<'a> Reservation<'a> {
    fn start(callbacks: &'a Callbacks) -> Self {
        let id = NEXT_ID.fetch_add(ID_STEP, Ordering::Relaxed);
        let state = Arc::new(Mutex::new(ReservationState::Waiting(None)));
        lock(UNCONSUMED.get()).insert(id, state.clone());
        Self {
            id,
            state,
            callbacks,
        }
    }

    fn completion_ctx(&self) -> *const SlotReserveCompletionCtx {
        ptr::without_provenance(self.id)
    }
}

impl Future for Reservation<'_> {
    type Output = Permit;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit> {
        let mut state = lock(&self.state);
        match *state {
            ReservationState::Completed(permit) => {
                *state = ReservationState::Taken;
                Poll::Ready(permit)
            }
            _ => {
                *state = ReservationState::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let left = std::mem::replace(&mut *lock(&self.state), ReservationState::Cancelled);
        match left {
            ReservationState::Waiting(_) => {
                let completion_ctx = self.completion_ctx();
                // SAFETY: it identifies a reservation that `reserve` received.
                unsafe {
                    (self.callbacks.cancel_reserve)(completion_ctx, self.callbacks.user_data.0);
                }
            }
            ReservationState::Completed(permit) => self.callbacks.release(None, permit),
            ReservationState::Taken | ReservationState::Cancelled => {}
        }
    }
}

/// The reservation of a context, unless it is consumed. The pointer is an ID, never dereferenced.
fn unconsumed(
    completion_ctx: *const SlotReserveCompletionCtx,
) -> Checked<Option<Arc<Mutex<ReservationState>>>> {
    if completion_ctx.is_null() {
        return Err("completion_ctx is NULL".to_owned());
    }
    Ok(lock(UNCONSUMED.get()).get(&completion_ctx.addr()).cloned())
}

/// Completes a reservation that a `reserve` callback started.
///
/// @param completion_ctx What the callback received.
/// @param permit_id      Your identifier for the slot; not 0.
/// @return True if the reservation is complete; `completion_ctx` is then consumed. False if it was
///         canceled (call `temporal_core_complete_async_cancel_reserve`), if it was consumed
///         before, or if an argument is NULL or 0.
///
/// You can call it inside the callback, and after the worker is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_complete_async_reserve(
    completion_ctx: *const SlotReserveCompletionCtx,
    permit_id: usize,
) -> bool {
    guard_infallible(false, || {
        let permit = Permit(NonZeroUsize::new(permit_id).ok_or("permit_id is 0")?);
        let Some(reservation) = unconsumed(completion_ctx)? else {
            return Ok(false);
        };
        let mut state = lock(&reservation);
        let ReservationState::Waiting(waker) = &mut *state else {
            return Ok(false);
        };
        let waker = waker.take();
        *state = ReservationState::Completed(permit);
        lock(UNCONSUMED.get()).remove(&completion_ctx.addr());
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(true)
    })
}

/// Confirms that a reservation is canceled.
///
/// @param completion_ctx What the `cancel_reserve` callback received.
/// @return True if `completion_ctx` is now consumed. False if the reservation was not canceled, if
///         it was consumed before, or if it is NULL.
///
/// You can call it inside the callback, and after the worker is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_complete_async_cancel_reserve(
    completion_ctx: *const SlotReserveCompletionCtx,
) -> bool {
    guard_infallible(false, || {
        let Some(reservation) = unconsumed(completion_ctx)? else {
            return Ok(false);
        };
        let state = lock(&reservation);
        if !matches!(*state, ReservationState::Cancelled) {
            return Ok(false);
        }
        Ok(lock(UNCONSUMED.get())
            .remove(&completion_ctx.addr())
            .is_some())
    })
}
