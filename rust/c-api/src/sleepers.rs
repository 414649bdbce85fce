//! Threads that wait for something to do, each woken once for it.

use std::{
    sync::{Condvar, MutexGuard, PoisonError},
    time::Instant,
};

/// How many threads wait, as a part of what their lock guards. A condition variable by itself does not
/// know whether a thread that was notified has woken up yet, and each notice costs a system call.
#[derive(Default)]
pub(crate) struct Sleepers {
    asleep: usize,
    /// Notified, and not awake yet.
    woken: usize,
}

impl Sleepers {
    /// Takes note that one of them is to wake up; false if none is asleep. The caller notifies one.
    pub(crate) fn wake_one(&mut self) -> bool {
        let is_any = self.asleep > 0;
        if is_any {
            self.asleep -= 1;
            self.woken += 1;
        }
        is_any
    }

    /// How many are on their way.
    pub(crate) fn woken(&self) -> usize {
        self.woken
    }
}

/// Sleeps until [`Sleepers::wake_one`], or `until`. Also returns when `is_over` says so, of which the
/// caller notifies all.
///
/// Returns the lock, and whether it was woken.
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
