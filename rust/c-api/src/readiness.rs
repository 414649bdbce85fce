//! A descriptor that is readable while a queue has an event.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// The descriptor: an eventfd on Linux, elsewhere a pipe with at most one byte in it.
pub(crate) struct Readiness {
    reader: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
}

impl Readiness {
    /// Creates one that is not readable.
    ///
    /// # Errors
    /// The operating system's, if it has no free descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: takes no pointers; a new descriptor has no other owner.
            unsafe {
                let descriptor = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
                if descriptor < 0 {
                    return Err(io::Error::last_os_error());
                }
                let reader = OwnedFd::from_raw_fd(descriptor);
                Ok(Self { reader })
            }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let (reader, writer) = io::pipe()?;
            let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
            for end in [&reader, &writer] {
                // SAFETY: the descriptor is live, and the commands take no pointers.
                let flags = unsafe { libc::fcntl(end.as_raw_fd(), libc::F_GETFL) };
                // SAFETY: as above.
                let set = unsafe {
                    libc::fcntl(end.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)
                };
                if flags < 0 || set < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(Self { reader, writer })
        }
    }

    pub(crate) fn descriptor(&self) -> c_int {
        self.reader.as_raw_fd()
    }

    /// Makes it readable. It must not be readable yet.
    pub(crate) fn set(&self) {
        #[cfg(target_os = "linux")]
        let (writer, one) = (&self.reader, 1_u64.to_ne_bytes());
        #[cfg(not(target_os = "linux"))]
        let (writer, one) = (&self.writer, [1_u8]);
        // It cannot fail: there is space, and nobody else can close the other end.
        // SAFETY: the descriptor is live, and so are the bytes.
        let _ = unsafe { libc::write(writer.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it not readable. It must be readable.
    pub(crate) fn clear(&self) {
        let mut bytes = [0_u8; 8];
        // SAFETY: the descriptor is live, and so are the bytes, as many as an eventfd returns.
        let _ = unsafe {
            libc::read(
                self.reader.as_raw_fd(),
                bytes.as_mut_ptr().cast(),
                bytes.len(),
            )
        };
    }
}
