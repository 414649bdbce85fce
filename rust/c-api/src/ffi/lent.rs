//! What the caller lends for a call.
//!
//! The caller of an export guarantees that its pointers are NULL or live, with everything that they
//! point to, for as long as the function's documentation requires. The export turns that guarantee into
//! a [`Lent`], once. Reading through it is then safe, and checks for NULL and checks sizes, UTF-8 and
//! enum values.

use super::{CEnum, CTaggedUnion, Checked, pointers::is_of_parent, read_enum, read_tagged};
use crate::version::with_interface;
use std::{
    fmt::{self, Display, Formatter},
    mem::MaybeUninit,
    ops::Deref,
    ptr,
};

/// Something lent for `'a`: a handle, a struct of options, or a part of one.
pub(crate) struct Lent<'a, T> {
    value: &'a T,
    label: Label,
}

/// Its name in messages: an argument or an option, or an element of one.
#[derive(Clone, Copy)]
pub(crate) struct Label {
    /// What it is a part of, if messages name that.
    owner: &'static str,
    name: &'static str,
    index: Option<usize>,
}

/// A struct of the interface that stands for a range of elements.
///
/// # Safety
/// By the interface, the pointer is NULL or points to that many elements.
pub(crate) unsafe trait Range {
    /// Type of the elements.
    type Element;

    /// The first element, and their number.
    fn range(&self) -> (*const Self::Element, usize);
}

/// Checks a range without reading it. If it is empty, any pointer is valid.
pub(crate) fn check_range<T>(data: *const T, size: usize, label: impl Display) -> Checked<()> {
    if size > 0 && data.is_null() {
        return Err(format!("{label} has size {size} but its data is NULL"));
    }
    if size
        .checked_mul(size_of::<T>())
        .is_none_or(|bytes| isize::try_from(bytes).is_err())
    {
        return Err(with_interface(format!(
            "{label} has an impossible size: {size}"
        )));
    }
    Ok(())
}

/// Checks the size at the start of a struct of this project, which shows which fields it has.
pub(crate) fn check_size<T>(lent: Lent<'_, T>, size: usize) -> Checked<()> {
    check_size_of::<T>(lent.label(), size)
}

/// [`check_size`] for a struct that is only written to.
pub(crate) fn check_size_of<T>(label: impl Display, size: usize) -> Checked<()> {
    if size == size_of::<T>() {
        return Ok(());
    }
    Err(with_interface(format!(
        "{label}.size must be {}, not {size}",
        size_of::<T>()
    )))
}

impl Label {
    fn named(name: &'static str) -> Self {
        Self {
            owner: "",
            name,
            index: None,
        }
    }
}

impl<T> Clone for Lent<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Lent<'_, T> {}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl Display for Label {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if !self.owner.is_empty() {
            write!(formatter, "{}.", self.owner)?;
        }
        formatter.write_str(self.name)?;
        match self.index {
            Some(index) => write!(formatter, "[{index}]"),
            None => Ok(()),
        }
    }
}

impl<'a, T> Lent<'a, T> {
    /// A required argument: NULL is an error.
    ///
    /// # Safety
    /// `pointer` is NULL or points to a `T` that outlives `'a`, as does everything it references.
    pub(crate) unsafe fn required(pointer: *const T, name: &'static str) -> Checked<Self> {
        // SAFETY: by this function's contract, a non-NULL pointer is live.
        unsafe { Self::optional(pointer, name) }.ok_or_else(|| format!("{name} is NULL"))
    }

    /// An optional argument: NULL means that it is absent.
    ///
    /// # Safety
    /// As for [`Lent::required`].
    pub(crate) unsafe fn optional(pointer: *const T, name: &'static str) -> Option<Self> {
        // SAFETY: by this function's contract, a non-NULL pointer is live.
        let value = unsafe { pointer.as_ref() }?;
        Some(Self {
            value,
            label: Label::named(name),
        })
    }

    /// A required handle: neither NULL nor, in a forked process, a handle of the parent.
    ///
    /// # Safety
    /// As for [`Lent::required`], and `pointer` came from [`super::boxed`].
    pub(crate) unsafe fn handle(pointer: *const T, name: &'static str) -> Checked<Self> {
        // SAFETY: by this function's contract.
        unsafe { Self::optional_handle(pointer, name) }?.ok_or_else(|| format!("{name} is NULL"))
    }

    /// An optional handle: NULL means that it is absent.
    ///
    /// # Safety
    /// As for [`Lent::handle`].
    pub(crate) unsafe fn optional_handle(
        pointer: *const T,
        name: &'static str,
    ) -> Checked<Option<Self>> {
        let label = Label::named(name);
        // SAFETY: by this function's contract, a non-NULL pointer is live.
        unsafe {
            if !pointer.is_null() && is_of_parent(pointer) {
                return Err(format!(
                    "a forked process must create its own runtime and handles: {label} was made before fork"
                ));
            }
            Ok(pointer.as_ref().map(|value| Self { value, label }))
        }
    }

    /// An argument that is passed by value, with everything it references.
    ///
    /// # Safety
    /// Everything that `value` references outlives `'a`.
    pub(crate) unsafe fn by_value(value: &'a T, name: &'static str) -> Self {
        Self {
            value,
            label: Label::named(name),
        }
    }

    /// Its name in messages.
    pub(crate) fn label(self) -> Label {
        self.label
    }

    /// The whole of it, for as long as it is lent.
    pub(crate) fn get(self) -> &'a T {
        self.value
    }

    /// A part of it.
    pub(crate) fn field<Part>(
        self,
        name: &'static str,
        part: impl FnOnce(&T) -> &Part,
    ) -> Lent<'a, Part> {
        Lent {
            value: part(self.value),
            label: Label::named(name),
        }
    }

    /// A part of it that a match has found.
    pub(crate) fn part<Part>(self, name: &'static str, part: &'a Part) -> Lent<'a, Part> {
        // Anything else is not covered by the caller's guarantee.
        let whole = ptr::from_ref(self.value).addr();
        let offset = ptr::from_ref(part).addr().wrapping_sub(whole);
        assert!(
            offset.saturating_add(size_of::<Part>()) <= size_of::<T>(),
            "{name} is not a part of {}",
            self.label
        );
        Lent {
            value: part,
            label: Label {
                owner: self.label.name,
                name,
                index: None,
            },
        }
    }
}

impl<'a, T> Lent<'a, *const T> {
    /// The target of a required pointer.
    pub(crate) fn required_target(self) -> Checked<Lent<'a, T>> {
        self.target()
            .ok_or_else(|| format!("{} is NULL", self.label))
    }

    /// The target of an optional pointer; NULL means that it is absent.
    pub(crate) fn target(self) -> Option<Lent<'a, T>> {
        Some(Lent {
            // SAFETY: the caller's guarantee includes what the pointer points to.
            value: unsafe { self.value.as_ref() }?,
            label: self.label,
        })
    }
}

impl<'a, T> Lent<'a, *const T> {
    /// The handle that an optional pointer points to.
    ///
    /// # Safety
    /// What the pointer points to came from [`super::boxed`].
    pub(crate) unsafe fn target_handle(self) -> Checked<Option<Lent<'a, T>>> {
        // SAFETY: the caller's guarantee includes what the pointer points to.
        let handle = unsafe { Lent::optional_handle(*self.value, self.label.name) }?;
        Ok(handle.map(|handle| Lent {
            label: self.label,
            ..handle
        }))
    }
}

impl<'a, R: Range> Lent<'a, R> {
    /// The elements of a range. If it is empty, any pointer is valid.
    pub(crate) fn elements(self) -> Checked<&'a [R::Element]> {
        self.elements_of(self.label)
    }

    /// [`Lent::elements`], with another label in messages.
    pub(crate) fn elements_of(self, label: impl Display) -> Checked<&'a [R::Element]> {
        let (data, size) = self.value.range();
        check_range(data, size, label)?;
        if size == 0 {
            return Ok(&[]);
        }
        // SAFETY: neither NULL nor too long, so the elements exist, as `Range` and the caller
        // guarantee.
        Ok(unsafe { std::slice::from_raw_parts(data, size) })
    }

    /// Iterates over the elements, each lent like the range.
    pub(crate) fn each(
        self,
    ) -> Checked<impl ExactSizeIterator<Item = Lent<'a, R::Element>> + use<'a, R>> {
        let label = self.label;
        let lend = move |(index, value)| Lent {
            value,
            label: Label {
                index: Some(index),
                ..label
            },
        };
        Ok(self.elements()?.iter().enumerate().map(lend))
    }
}

impl<E: CEnum> Lent<'_, MaybeUninit<E>> {
    /// The enum's constant.
    pub(crate) fn constant(self) -> Checked<E> {
        read_enum(self.value, self.label)
    }
}

impl<'a, T: CTaggedUnion> Lent<'a, MaybeUninit<T>> {
    /// The tagged union, if its tag is valid.
    pub(crate) fn tagged(self) -> Checked<Lent<'a, T>> {
        Ok(Lent {
            value: read_tagged(self.value, self.label)?,
            label: self.label,
        })
    }
}
