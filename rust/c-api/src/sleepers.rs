//! Threads that wait for work. Each is woken only once for a piece of work.

use std::{
    sync::{Condvar, MutexGuard, PoisonError},
    time::Instant,
};

/// Counts waiting threads; part of the state that their lock protects. A condition variable does not
/// know whether a notified thread has woken up yet, and each notification is a system call.
#[derive(Default)]
pub(crate) struct Sleepers {
    asleep: usize,
    /// Notified, but not awake yet.
    woken: usize,
}

impl Sleepers {
    /// Records that one of them should wake up, and then the caller notifies one. False if none is asleep.
    pub(crate) fn wake_one(&mut self) -> bool {
        let is_any = self.asleep > 0;
        if is_any {
            self.asleep -= 1;
            self.woken += 1;
        }
        is_any
    }

    /// How many were notified and are not awake yet.
    pub(crate) fn woken(&self) -> usize {
        self.woken
    }
}

/// Sleeps until [`Sleepers::wake_one`] or until `until`. Also returns when `is_over` is true, which must be
/// notified to all.
///
/// Returns the lock, and whether the thread was woken.
pub(crate) fn sleep<'a, T>(
    wakeup: &Condvar,
    mut guard: MutexGuard<'a, T>,
    sleepers: impl Fn(&mut T) -> &mut Sleepers,
    until: Option<Instant>,
    is_over: impl Fn(&T) -> bool,
) -> (MutexGuard<'a, T>, bool) {
    sleepers(&mut guard).asleep += 1;
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let state = sleepers(&mut guard);
        if state.woken > 0 {
            state.woken -= 1;
            return (guard, true);
        }
        if left.is_some_and(|left| left.is_zero()) || is_over(&guard) {
            sleepers(&mut guard).asleep -= 1;
            return (guard, false);
        }
        guard = match left {
            None => wakeup.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                wakeup
                    .wait_timeout(guard, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
    }
}
