//! Byte ranges in, byte arrays out.

use crate::ffi::{Checked, Lent, Range, export_of, guard_named, read_bool};
use libc::size_t;
use std::{
    collections::HashMap,
    fmt::Display,
    mem::{ManuallyDrop, MaybeUninit},
    ptr,
};

/// Borrowed bytes: whoever receives them neither keeps nor frees them. `{NULL, 0}` is always valid,
/// and means "absent" where the bytes are optional.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByteArrayRef {
    /// First byte. May be NULL if `size` is 0.
    pub data: *const u8,
    /// Number of bytes.
    pub size: size_t,
}

/// An array of borrowed byte ranges.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByteArrayRefArray {
    /// First element. May be NULL if `size` is 0.
    pub data: *const ByteArrayRef,
    /// Number of elements.
    pub size: size_t,
}

/// Metadata: one element per entry, `key\nvalue`. Entries without a newline are ignored.
pub type MetadataRef = ByteArrayRefArray;

/// A map as a string: `key1\nvalue1\nkey2\nvalue2`. A last key without a value is ignored.
pub type NewlineDelimitedMapRef = ByteArrayRef;

/// Bytes that the library gives you. Free them exactly once, with `temporal_core_byte_array_free`.
#[repr(C)]
pub struct ByteArray {
    /// First byte.
    pub data: *const u8,
    /// Number of bytes.
    pub size: size_t,
    /// For internal use only.
    cap: size_t,
    /// For internal use only.
    disable_free: MaybeUninit<bool>,
}

impl ByteArrayRef {
    pub(crate) const EMPTY: Self = Self {
        data: ptr::null(),
        size: 0,
    };

    /// Lends `bytes`: the result is valid as long as they are.
    pub(crate) fn lend(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            size: bytes.len(),
        }
    }

    /// The body of an accessor: lends a part of the handle's data. NULL gives an empty range, and
    /// an error log with the name of the export that contains `part`.
    pub(crate) fn lend_part<T, Part>(owner: Option<&T>, part: Part) -> Self
    where
        Part: FnOnce(&T) -> &[u8],
    {
        guard_named(export_of::<Part>, Self::EMPTY, || {
            Ok(Self::lend(part(owner.ok_or("the handle is NULL")?)))
        })
    }
}

// SAFETY: by the interface, `data` points to `size` bytes.
unsafe impl Range for ByteArrayRef {
    type Element = u8;

    fn range(&self) -> (*const u8, usize) {
        (self.data, self.size)
    }
}

// SAFETY: by the interface, `data` points to `size` byte ranges.
unsafe impl Range for ByteArrayRefArray {
    type Element = ByteArrayRef;

    fn range(&self) -> (*const ByteArrayRef, usize) {
        (self.data, self.size)
    }
}

impl<'a> Lent<'a, ByteArrayRef> {
    /// The bytes of the range.
    pub(crate) fn bytes(self) -> Checked<&'a [u8]> {
        self.elements()
    }

    /// The range as UTF-8.
    pub(crate) fn text(self) -> Checked<&'a str> {
        self.text_of(self.label())
    }

    /// [`Lent::text`], with another label in messages.
    pub(crate) fn text_of(self, label: impl Display + Copy) -> Checked<&'a str> {
        std::str::from_utf8(self.elements_of(label)?)
            .map_err(|error| format!("{label} is not UTF-8: {error}"))
    }

    /// Text for a header or a URL, where a line break would change the meaning.
    pub(crate) fn line(self) -> Checked<&'a str> {
        let text = self.text()?;
        if text.contains(['\n', '\r']) {
            return Err(format!("{} contains a line break", self.label()));
        }
        Ok(text)
    }

    /// A line, or None if it is empty.
    pub(crate) fn optional_line(self) -> Checked<Option<String>> {
        let line = self.line()?;
        Ok((!line.is_empty()).then(|| line.to_owned()))
    }

    /// The bytes, or None if there are none.
    pub(crate) fn optional_bytes(self) -> Checked<Option<Vec<u8>>> {
        let bytes = self.bytes()?;
        Ok((!bytes.is_empty()).then(|| bytes.to_vec()))
    }

    /// The map in a [`NewlineDelimitedMapRef`].
    pub(crate) fn newline_map(self) -> Checked<HashMap<String, String>> {
        let mut lines = self.text()?.split('\n');
        let mut map = HashMap::new();
        while let (Some(key), Some(value)) = (lines.next(), lines.next()) {
            map.insert(key.to_owned(), value.to_owned());
        }
        Ok(map)
    }
}

impl<'a> Lent<'a, ByteArrayRefArray> {
    /// The elements as UTF-8.
    pub(crate) fn texts(self) -> Checked<Vec<&'a str>> {
        self.each()?.map(Lent::<ByteArrayRef>::text).collect()
    }

    /// The entries of a [`MetadataRef`] with text values, in order.
    pub(crate) fn metadata_entries(
        self,
    ) -> Checked<impl Iterator<Item = Checked<(&'a str, &'a str)>> + use<'a>> {
        let entry = |element: Lent<'a, ByteArrayRef>| Ok(element.text()?.split_once('\n'));
        Ok(self.each()?.map(entry).filter_map(Result::transpose))
    }

    /// The entries of a [`MetadataRef`] with binary values, in order.
    pub(crate) fn binary_metadata_entries(
        self,
    ) -> Checked<impl Iterator<Item = Checked<(&'a str, &'a [u8])>> + use<'a>> {
        let entry = |element: Lent<'a, ByteArrayRef>| {
            let entry = element.bytes()?;
            let Some(newline) = entry.iter().position(|&byte| byte == b'\n') else {
                return Ok(None);
            };
            let key = std::str::from_utf8(&entry[..newline])
                .map_err(|error| format!("the key of {} is not UTF-8: {error}", element.label()))?;
            Ok(Some((key, &entry[newline + 1..])))
        };
        Ok(self.each()?.map(entry).filter_map(Result::transpose))
    }

    /// An owned copy of the entries of a [`MetadataRef`] with text values.
    pub(crate) fn metadata(self) -> Checked<HashMap<String, String>> {
        self.metadata_entries()?
            .map(|entry| entry.map(|(key, value)| (key.to_owned(), value.to_owned())))
            .collect()
    }

    /// An owned copy of the entries of a [`MetadataRef`] with binary values.
    pub(crate) fn binary_metadata(self) -> Checked<HashMap<String, Vec<u8>>> {
        self.binary_metadata_entries()?
            .map(|entry| entry.map(|(key, value)| (key.to_owned(), value.to_vec())))
            .collect()
    }
}

impl ByteArray {
    /// Gives `bytes` to the caller.
    pub(crate) fn give(bytes: impl Into<Vec<u8>>) -> *const Self {
        let bytes = ManuallyDrop::new(bytes.into());
        Box::into_raw(Box::new(Self {
            data: bytes.as_ptr(),
            size: bytes.len(),
            cap: bytes.capacity(),
            disable_free: MaybeUninit::new(false),
        }))
    }

    /// Gives the bytes to the caller, or NULL if there are none.
    pub(crate) fn give_optional(bytes: Option<impl Into<Vec<u8>>>) -> *const Self {
        bytes.map_or(ptr::null(), Self::give)
    }

    /// Frees what [`ByteArray::give`] gave, unless it is marked as not to be freed.
    ///
    /// # Safety
    /// `bytes` is NULL, or came from `give` and is not used again.
    pub(crate) unsafe fn free(bytes: *const Self) {
        // SAFETY: by this function's contract, a non-NULL pointer came from `give` and is freed once.
        unsafe {
            if bytes.is_null() || read_bool(&(*bytes).disable_free) {
                return;
            }
            let Self {
                data, size, cap, ..
            } = *Box::from_raw(bytes.cast_mut());
            drop(Vec::from_raw_parts(data.cast_mut(), size, cap));
        }
    }
}
