//! Enums and bools that C writes are integers until checked: a Rust value with another bit pattern
//! than its own would be undefined behaviour. Such fields are `MaybeUninit<T>`, which cbindgen
//! renders as `T`.

use super::Checked;
use crate::version::with_interface;
use std::{fmt::Display, mem::MaybeUninit};

/// A `#[repr(C)]` enum that can come from outside.
pub(crate) trait CEnum: Sized {
    /// The variant with this value, if there is one.
    fn from_raw(raw: u32) -> Option<Self>;
}

/// Implements [`CEnum`]; the unused match makes a forgotten variant a compile error.
macro_rules! c_enum {
    ($name:ident { $($variant:ident),+ $(,)? }) => {
        impl $crate::ffi::CEnum for $name {
            fn from_raw(raw: u32) -> Option<Self> {
                let _every_variant_is_listed = |value: $name| match value { $($name::$variant => ()),+ };
                $(if raw == $name::$variant as u32 { return Some($name::$variant); })+
                None
            }
        }
    };
}
pub(crate) use c_enum;

/// The enum that a field or argument holds.
pub(crate) fn read_enum<E: CEnum>(field: &MaybeUninit<E>, what: impl Display) -> Checked<E> {
    const { assert!(size_of::<E>() == size_of::<u32>()) };
    // SAFETY: the caller's struct is initialised memory, and any four bytes are a `u32`.
    let raw = unsafe { field.as_ptr().cast::<u32>().read() };
    E::from_raw(raw).ok_or_else(|| with_interface(format!("{what} has no value {raw}")))
}

/// A `#[repr(C)]` enum with fields that can come from outside.
///
/// # Safety
/// The tag is a `u32` that counts from 0 up to `VARIANTS`, and whatever bytes a caller leaves in a
/// variant's fields are values of them: integers, floats, pointers, `MaybeUninit`.
pub(crate) unsafe trait CTaggedUnion: Sized {
    /// Number of variants.
    const VARIANTS: u32;
}

/// The enum that a field holds, once its tag is known to be one.
pub(crate) fn read_tagged<T: CTaggedUnion>(
    field: &MaybeUninit<T>,
    what: impl Display,
) -> Checked<&T> {
    // SAFETY: as in `read_enum`; the tag comes first in a `#[repr(C)]` enum. With a known tag, any
    // bytes are the fields' values, as the trait demands.
    unsafe {
        let tag = field.as_ptr().cast::<u32>().read();
        if tag >= T::VARIANTS {
            return Err(with_interface(format!("{what}.tag has no value {tag}")));
        }
        Ok(field.assume_init_ref())
    }
}

/// The bool that a field or argument holds: as in C, anything but zero is true.
pub(crate) fn read_bool(field: &MaybeUninit<bool>) -> bool {
    // SAFETY: as in `read_enum`, for one byte.
    unsafe { field.as_ptr().cast::<u8>().read() != 0 }
}
