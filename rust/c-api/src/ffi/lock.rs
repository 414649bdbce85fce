//! Mutexes that a panic cannot make unusable.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic while it was held became the failure of that call; later calls continue.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
