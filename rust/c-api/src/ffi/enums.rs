//! Enums and bools from C are integers until they are checked: an invalid bit pattern in a Rust value
//! is undefined behavior. Such fields are `MaybeUninit<T>`, which cbindgen writes as `T`.

use super::Checked;
use crate::version::with_interface;
use std::{fmt::Display, mem::MaybeUninit};

/// A `#[repr(C)]` enum that can come from outside.
pub(crate) trait CEnum: Sized {
    /// The variant with this value, if it exists.
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

/// The enum value in a field or argument.
pub(crate) fn read_enum<E: CEnum>(field: &MaybeUninit<E>, what: impl Display) -> Checked<E> {
    const { assert!(size_of::<E>() == size_of::<u32>()) };
    // SAFETY: the caller's struct is initialized memory, and any four bytes are a `u32`.
    let raw = unsafe { field.as_ptr().cast::<u32>().read() };
    E::from_raw(raw).ok_or_else(|| with_interface(format!("{what} has the invalid value {raw}")))
}

/// A `#[repr(C)]` enum with fields that can come from outside.
///
/// # Safety
/// The tag is a `u32` from 0 to below `VARIANTS`, and any bytes are valid values of the variants' fields:
/// integers, floats, pointers, `MaybeUninit`.
pub(crate) unsafe trait CTaggedUnion: Sized {
    /// Number of variants.
    const VARIANTS: u32;
}

/// The tagged union in a field, if its tag is valid.
pub(crate) fn read_tagged<T: CTaggedUnion>(
    field: &MaybeUninit<T>,
    what: impl Display,
) -> Checked<&T> {
    // SAFETY: as in `read_enum`; the tag comes first in a `#[repr(C)]` enum. With a valid tag, any bytes
    // are valid values of the fields, as the trait requires.
    unsafe {
        let tag = field.as_ptr().cast::<u32>().read();
        if tag >= T::VARIANTS {
            return Err(with_interface(format!(
                "{what}.tag has the invalid value {tag}"
            )));
        }
        Ok(field.assume_init_ref())
    }
}

/// The bool in a field or argument. As in C, anything except zero is true.
pub(crate) fn read_bool(field: &MaybeUninit<bool>) -> bool {
    // SAFETY: as in `read_enum`, for one byte.
    unsafe { field.as_ptr().cast::<u8>().read() != 0 }
}
