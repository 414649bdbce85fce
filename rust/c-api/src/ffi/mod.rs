//! What every exported function is built from: checked reads of what C handed in, and the boundary
//! that no panic crosses. Nothing here knows about Temporal.

mod answer;
mod boundary;
mod enums;
mod lock;
mod pointers;

pub(crate) use answer::{Callback, Pending, UserData};
pub(crate) use boundary::{guard, guard_infallible, panic_text};
pub(crate) use enums::{CEnum, CTaggedUnion, c_enum, read_bool, read_enum, read_tagged};
pub(crate) use lock::lock;
pub(crate) use pointers::{boxed, free, handle, optional, slice};

/// The value, or the sentence that tells the caller what is wrong with the argument.
pub(crate) type Checked<T> = Result<T, String>;
