//! Which process this is: the child of a fork has its parent's memory, and none of its threads.

use std::{
    ptr,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};

/// How many forks lie between the process that loaded this library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number that tells a process from its parent. Reading it is no system call.
pub(crate) fn process() -> u32 {
    #[cfg(unix)]
    {
        use std::sync::atomic::AtomicBool;

        // Not a `Once`: a process that is forked while another thread is inside one waits for ever.
        static WATCHED: AtomicBool = AtomicBool::new(false);
        if !WATCHED.load(Ordering::Relaxed) && !WATCHED.swap(true, Ordering::Relaxed) {
            // SAFETY: the handler only stores to atomics. If there is no memory for it, forks stay unnoticed.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        }
    }
    FORKS.load(Ordering::Relaxed)
}

/// Runs in each child, before anything else does.
#[cfg(unix)]
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    // Those of the parent: their memory is where new threads of this process will have theirs.
    parking_lot_core::forget_parked_threads();
}

/// Global state that each process has for itself, because a thread that is no longer there may have
/// been changing the parent's. What a fork copied is left as it is.
pub(crate) struct PerProcess<T: Sync + 'static> {
    current: AtomicPtr<Owned<T>>,
    new: fn() -> T,
}

struct Owned<T> {
    process: u32,
    value: T,
}

impl<T: Sync + 'static> PerProcess<T> {
    pub(crate) const fn new(new: fn() -> T) -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
            new,
        }
    }

    /// This process's state.
    pub(crate) fn get(&self) -> &'static T {
        let process = process();
        loop {
            let current = self.current.load(Ordering::Acquire);
            // SAFETY: not NULL means from `Box::into_raw`, below, and never freed.
            if let Some(owned) = unsafe { current.as_ref() }
                && owned.process == process
            {
                return &owned.value;
            }
            let new = Box::into_raw(Box::new(Owned {
                process,
                value: (self.new)(),
            }));
            if self
                .current
                .compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                // SAFETY: from `Box::into_raw`, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }
}
