//! The building blocks of exported functions: checked reads of what C passes in, and the boundary that
//! no panic crosses. Nothing here knows about Temporal.

mod answer;
mod boundary;
mod enums;
mod fork;
mod lent;
mod lock;
mod panics;
mod pointers;
mod signals;

pub(crate) use answer::{Callback, Pending, UserData, never_block};
pub(crate) use boundary::{
    Export, export_of, export_of_val, guard, guard_infallible, guard_named, log_error, panic_text,
};
pub(crate) use enums::{CEnum, CTaggedUnion, c_enum, read_bool, read_enum, read_tagged};
pub(crate) use fork::{PerProcess, process};
pub(crate) use lent::{Lent, Range, check_range, check_size, check_size_of};
pub(crate) use lock::lock;
pub(crate) use panics::before_unwinding;
pub(crate) use pointers::{boxed, taken_back};
#[cfg(unix)]
pub(crate) use signals::{HostMask, with_own_sigpipe_consumed};
pub(crate) use signals::{with_signals_blocked, with_sigpipe_blocked};

/// The value, or a message about what is wrong.
pub(crate) type Checked<T> = Result<T, String>;
