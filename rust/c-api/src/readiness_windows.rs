//! An event object that is signaled while there is something: what Windows waits for in place of a
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
    /// One that is not signaled.
    ///
    /// # Errors
    /// The operating system's, where it has no handle left.
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

    /// The handle. It fits: Windows uses 32 bits of one, so that processes of both sizes can share it.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn descriptor(&self) -> c_int {
        self.0.as_raw_handle() as isize as c_int
    }

    /// Makes it signaled.
    pub(crate) fn set(&self) {
        // It cannot fail: the handle is an event's.
        // SAFETY: the handle is live.
        let _ = unsafe { SetEvent(self.0.as_raw_handle()) };
    }

    /// Makes it not signaled.
    pub(crate) fn clear(&self) {
        // SAFETY: as above.
        let _ = unsafe { ResetEvent(self.0.as_raw_handle()) };
    }
}
