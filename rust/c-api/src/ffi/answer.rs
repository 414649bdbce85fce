//! A callback that is called exactly once.

use std::{ffi::c_void, sync::OnceLock};

/// Addresses of this library's functions that are used as callbacks and never block.
static NEVER_BLOCK: OnceLock<[usize; 7]> = OnceLock::new();

/// Sets the addresses of this library's functions that are used as callbacks and never block.
pub(crate) fn never_block(addresses: [usize; 7]) {
    NEVER_BLOCK.get_or_init(|| addresses);
}

/// A C function pointer that ends an asynchronous call.
pub(crate) trait Callback: Copy + Send + 'static {
    /// What it receives.
    type Answer: Send + 'static;

    /// The answer for an error in this library.
    fn failure(message: String) -> Self::Answer;

    /// The address of the function.
    fn address(self) -> usize;

    /// Converts the answer to C values and calls the function.
    ///
    /// # Safety
    /// `self` is a function with that signature, and `user_data` belongs to it.
    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer);
}

/// The caller's pointer: never read here, passed back unchanged.
#[derive(Clone, Copy)]
pub(crate) struct UserData(pub(crate) *mut c_void);

// SAFETY: opaque; the caller must accept it on a runtime thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

/// An answer that is owed to a caller. If it is dropped unanswered, because its runtime has ended, it
/// answers with a failure, so that no caller waits forever.
pub(crate) struct Pending<C: Callback> {
    callback: C,
    user_data: UserData,
    answered: bool,
}

impl<C: Callback> Pending<C> {
    pub(crate) fn new(callback: C, user_data: *mut c_void) -> Self {
        Self {
            callback,
            user_data: UserData(user_data),
            answered: false,
        }
    }

    /// Whether the callback may block: it belongs to the host, not to this library.
    pub(crate) fn may_block(&self) -> bool {
        let address = self.callback.address();
        NEVER_BLOCK
            .get()
            .is_none_or(|addresses| !addresses.contains(&address))
    }

    pub(crate) fn answer(mut self, answer: C::Answer) {
        self.deliver(answer);
    }

    pub(crate) fn fail(self, message: impl Into<String>) {
        self.answer(C::failure(message.into()));
    }

    fn deliver(&mut self, answer: C::Answer) {
        self.answered = true;
        // SAFETY: the caller passed both together, for this call.
        unsafe { self.callback.call(self.user_data.0, answer) }
    }
}

impl<C: Callback> Drop for Pending<C> {
    fn drop(&mut self) {
        if !self.answered {
            let reason = if std::thread::panicking() {
                "panic: the call was abandoned"
            } else {
                "The runtime was shut down before the call ended"
            };
            self.deliver(C::failure(reason.to_owned()));
        }
    }
}
