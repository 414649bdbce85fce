//! Recognizes a forked child process, which has its parent's memory but none of its threads.

use std::{
    ptr,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};

/// Number of forks between the process that loaded this library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A number that distinguishes a process from its parent. Reading it needs no system call.
pub(crate) fn process() -> u32 {
    #[cfg(unix)]
    {
        use std::sync::atomic::AtomicBool;

        // Not a `Once`: if another thread is inside one during the fork, the child would wait forever.
        static WATCHED: AtomicBool = AtomicBool::new(false);
        if !WATCHED.load(Ordering::Relaxed) && !WATCHED.swap(true, Ordering::Relaxed) {
            // SAFETY: the handler only stores to atomics. Without memory for it, forks are not noticed.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        }
    }
    FORKS.load(Ordering::Relaxed)
}

/// Runs in each child, before anything else.
#[cfg(unix)]
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    // They are the parent's. New threads of this process will use the same memory.
    parking_lot_core::forget_parked_threads();
}

/// Global state that is separate in each process, because during the fork another thread may have been
/// changing the parent's. The copy of the parent's state is not touched.
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
            // SAFETY: a non-NULL pointer comes from `Box::into_raw` below, and is never freed.
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
