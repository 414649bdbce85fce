//! Keeps the library from raising SIGPIPE in its host.
//!
//! Writing to a socket or pipe that the other side has closed raises SIGPIPE, which by default ends the
//! process. Blocking it in a thread does not change dispositions, and threads inherit blocked signals
//! from the thread that starts them.

/// Runs `body` with SIGPIPE blocked in this thread, and thereby in all threads that it starts.
pub(crate) fn with_sigpipe_blocked<T>(body: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _blocked = unix::Blocked::sigpipe();
    body()
}

/// Runs `body` with all signals blocked in this thread, to start short-lived threads that run no code of
/// the host.
pub(crate) fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _blocked = unix::Blocked::all();
    body()
}

#[cfg(unix)]
pub(crate) use unix::{HostMask, with_own_sigpipe_consumed};

#[cfg(unix)]
mod unix {
    use std::{io, mem::MaybeUninit, ptr};

    fn sigpipe() -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: the first call initializes the set.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
            set.assume_init()
        }
    }

    fn contains_sigpipe(set: &libc::sigset_t) -> bool {
        // SAFETY: the set is initialized.
        unsafe { libc::sigismember(set, libc::SIGPIPE) == 1 }
    }

    /// Blocks additional signals in this thread, until it is dropped.
    pub(super) struct Blocked {
        before: libc::sigset_t,
    }

    impl Blocked {
        pub(super) fn sigpipe() -> Self {
            Self::new(&sigpipe())
        }

        pub(super) fn all() -> Self {
            let mut set = MaybeUninit::uninit();
            // SAFETY: the call initializes the set.
            let set = unsafe {
                libc::sigfillset(set.as_mut_ptr());
                set.assume_init()
            };
            Self::new(&set)
        }

        fn new(signals: &libc::sigset_t) -> Self {
            let mut before = MaybeUninit::uninit();
            // SAFETY: both sets outlive the call, which initializes the second.
            let before = unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, signals, before.as_mut_ptr());
                before.assume_init()
            };
            Self { before }
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            // SAFETY: the set outlives the call.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut());
            }
        }
    }

    /// Whether a SIGPIPE is pending for this thread.
    fn is_sigpipe_pending() -> bool {
        let mut pending = MaybeUninit::uninit();
        // SAFETY: the call initializes the set.
        let pending = unsafe {
            libc::sigpending(pending.as_mut_ptr());
            pending.assume_init()
        };
        contains_sigpipe(&pending)
    }

    /// Runs `write` with SIGPIPE blocked. If it raises SIGPIPE in this thread, the signal is consumed. If
    /// one was pending before, it belongs to the host and stays pending.
    pub(crate) fn with_own_sigpipe_consumed(write: impl FnOnce() -> io::Result<()>) {
        let _blocked = Blocked::sigpipe();
        let waited_before = is_sigpipe_pending();
        let written = write();
        let broken = written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if broken && !waited_before && is_sigpipe_pending() {
            let mut signal = 0;
            // Returns at once: the signal is pending, and that of this thread is taken first.
            // SAFETY: set and number outlive the call.
            unsafe { libc::sigwait(&sigpipe(), &raw mut signal) };
        }
    }

    /// The signals that a thread of the host has blocked.
    #[derive(Clone, Copy)]
    pub(crate) struct HostMask(libc::sigset_t);

    impl HostMask {
        /// The signals that are blocked in this thread.
        pub(crate) fn of_this_thread() -> Self {
            let mut mask = MaybeUninit::uninit();
            // SAFETY: without a new set nothing changes, and the call initializes the old one.
            unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), mask.as_mut_ptr());
                Self(mask.assume_init())
            }
        }

        /// Runs `body` with these signals and SIGPIPE also blocked in this thread, and thereby in all
        /// threads that it starts.
        pub(crate) fn with_blocked<T>(&self, body: impl FnOnce() -> T) -> T {
            let _sigpipe = Blocked::sigpipe();
            let _blocked = Blocked::new(&self.0);
            body()
        }

        /// Blocks exactly these signals in this thread. Async-signal-safe.
        pub(crate) fn apply(&self) -> io::Result<()> {
            // SAFETY: the set outlives the call.
            match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, ptr::null_mut()) } {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }
}
