//! An event object that is signaled while a queue has an event: Windows' counterpart of a
//! descriptor.

use std::{
    ffi::c_int,
    io,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
    ptr,
};
use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};

/// The handle of an event that only `clear` resets.
pub(crate) struct Readiness(OwnedHandle);

impl Readiness {
    /// Creates one that is not signaled.
    ///
    /// # Errors
    /// The operating system's, if it has no free handles.
    pub(crate) fn new() -> io::Result<Self> {
        let (manual_reset, signaled) = (1, 0);
        // SAFETY: no security attributes and no name are allowed.
        let handle = unsafe { CreateEventW(ptr::null(), manual_reset, signaled, ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the new handle has no other owner.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// The handle. It fits: Windows uses only 32 bits, so that 32-bit and 64-bit processes can share it.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn descriptor(&self) -> c_int {
        self.0.as_raw_handle() as isize as c_int
    }

    /// Makes it signaled.
    pub(crate) fn set(&self) {
        // It cannot fail: the handle is that of an event.
        // SAFETY: the handle is live.
        let _ = unsafe { SetEvent(self.0.as_raw_handle()) };
    }

    /// Makes it not signaled.
    pub(crate) fn clear(&self) {
        // SAFETY: as above.
        let _ = unsafe { ResetEvent(self.0.as_raw_handle()) };
    }
}
