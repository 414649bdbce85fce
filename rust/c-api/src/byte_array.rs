//! Byte ranges in, byte arrays out.

use crate::ffi::{Checked, guard_infallible, handle, read_bool, slice};
use crate::runtime::Runtime;
use libc::size_t;
use std::{collections::HashMap, fmt::Display, mem::MaybeUninit, ptr};

/// Bytes that the caller lends for the duration of a call. `{NULL, 0}` is legal everywhere and
/// means "absent" where the bytes are optional.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByteArrayRef {
    /// First byte; may be NULL when `size` is 0.
    pub data: *const u8,
    /// Number of bytes.
    pub size: size_t,
}

/// Several byte ranges, lent like one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByteArrayRefArray {
    /// First element; may be NULL when `size` is 0.
    pub data: *const ByteArrayRef,
    /// Number of elements.
    pub size: size_t,
}

/// Metadata: one element an entry, `key\nvalue`. An entry without a newline is dropped.
pub type MetadataRef = ByteArrayRefArray;

/// A map as text: `key1\nvalue1\nkey2\nvalue2`. An odd last element is dropped.
pub type NewlineDelimitedMapRef = ByteArrayRef;

/// Bytes that the library hands out. They belong to the caller, who frees them exactly once with
/// `temporal_core_byte_array_free`.
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

    /// Lends `bytes`; the receiver must not keep it longer.
    pub(crate) fn lend(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            size: bytes.len(),
        }
    }

    /// The body of an accessor: lends what is within a handle; NULL gives an empty range.
    ///
    /// # Safety
    /// `owner` is NULL, or live for as long as the range is used.
    pub(crate) unsafe fn lend_from<T: 'static>(
        function: &str,
        owner: *const T,
        bytes: impl FnOnce(&'static T) -> &'static [u8],
    ) -> Self {
        guard_infallible(function, Self::EMPTY, || {
            // SAFETY: the caller's promise.
            let owner = unsafe { handle(owner, "the handle") }?;
            Ok(Self::lend(bytes(owner)))
        })
    }

    /// # Safety
    /// As for [`slice`].
    pub(crate) unsafe fn bytes<'a>(&self, what: impl Display) -> Checked<&'a [u8]> {
        // SAFETY: the caller's promise.
        unsafe { slice(self.data, self.size, what) }
    }

    /// # Safety
    /// As for [`slice`].
    pub(crate) unsafe fn text<'a>(&self, what: impl Display + Copy) -> Checked<&'a str> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.bytes(what) }?;
        std::str::from_utf8(bytes).map_err(|error| format!("{what} is not UTF-8: {error}"))
    }

    /// Text that goes into a header or an address, where a line break would change the meaning.
    ///
    /// # Safety
    /// As for [`slice`].
    pub(crate) unsafe fn line<'a>(&self, what: &str) -> Checked<&'a str> {
        // SAFETY: the caller's promise.
        let text = unsafe { self.text(what) }?;
        if text.contains(['\n', '\r']) {
            return Err(format!("{what} holds a line break"));
        }
        Ok(text)
    }

    /// # Safety
    /// As for [`slice`].
    pub(crate) unsafe fn optional_line(&self, what: &str) -> Checked<Option<String>> {
        // SAFETY: the caller's promise.
        let line = unsafe { self.line(what) }?;
        Ok((!line.is_empty()).then(|| line.to_owned()))
    }

    /// # Safety
    /// As for [`slice`].
    pub(crate) unsafe fn optional_bytes(&self, what: &str) -> Checked<Option<Vec<u8>>> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.bytes(what) }?;
        Ok((!bytes.is_empty()).then(|| bytes.to_vec()))
    }

    /// The map that a [`NewlineDelimitedMapRef`] spells.
    ///
    /// # Safety
    /// As for [`slice`].
    pub(crate) unsafe fn newline_map(&self, what: &str) -> Checked<HashMap<String, String>> {
        // SAFETY: the caller's promise.
        let text = unsafe { self.text(what) }?;
        let mut lines = text.split('\n');
        let mut map = HashMap::new();
        while let (Some(key), Some(value)) = (lines.next(), lines.next()) {
            map.insert(key.to_owned(), value.to_owned());
        }
        Ok(map)
    }
}

impl ByteArrayRefArray {
    /// # Safety
    /// As for [`slice`].
    unsafe fn elements<'a>(&self, what: &str) -> Checked<&'a [ByteArrayRef]> {
        // SAFETY: the caller's promise.
        unsafe { slice(self.data, self.size, what) }
    }

    /// The elements as text.
    ///
    /// # Safety
    /// As for [`slice`], for the array and for each element.
    pub(crate) unsafe fn texts<'a>(&self, what: &'a str) -> Checked<Vec<&'a str>> {
        // SAFETY: the caller's promise.
        unsafe { self.each_text(what) }?.collect()
    }

    /// # Safety
    /// As for [`slice`], for the array and for each element.
    unsafe fn each_text<'a>(
        &self,
        what: &'a str,
    ) -> Checked<impl Iterator<Item = Checked<&'a str>> + use<'a>> {
        // SAFETY: the caller's promise.
        let elements = unsafe { self.elements(what) }?;
        // SAFETY: the caller's promise.
        let text = move |(index, element): (usize, &ByteArrayRef)| unsafe {
            element.text(format_args!("{what}[{index}]"))
        };
        Ok(elements.iter().enumerate().map(text))
    }

    /// The entries of a [`MetadataRef`], text values, in their order.
    ///
    /// # Safety
    /// As for [`slice`], for the array and for each element.
    pub(crate) unsafe fn metadata_entries<'a>(
        &self,
        what: &'a str,
    ) -> Checked<impl Iterator<Item = Checked<(&'a str, &'a str)>> + use<'a>> {
        // SAFETY: the caller's promise.
        let texts = unsafe { self.each_text(what) }?;
        Ok(texts.filter_map(|text| text.map(|text| text.split_once('\n')).transpose()))
    }

    /// The entries of a [`MetadataRef`], raw byte values, in their order.
    ///
    /// # Safety
    /// As for [`slice`], for the array and for each element.
    pub(crate) unsafe fn binary_metadata_entries<'a>(
        &self,
        what: &'a str,
    ) -> Checked<impl Iterator<Item = Checked<(&'a str, &'a [u8])>> + use<'a>> {
        // SAFETY: the caller's promise.
        let elements = unsafe { self.elements(what) }?;
        let entry = move |(index, element): (usize, &ByteArrayRef)| {
            // SAFETY: the caller's promise.
            let entry = unsafe { element.bytes(format_args!("{what}[{index}]")) }?;
            let Some(newline) = entry.iter().position(|&byte| byte == b'\n') else {
                return Ok(None);
            };
            let key = std::str::from_utf8(&entry[..newline])
                .map_err(|error| format!("the key of {what}[{index}] is not UTF-8: {error}"))?;
            Ok(Some((key, &entry[newline + 1..])))
        };
        let entries = elements.iter().enumerate().map(entry);
        Ok(entries.filter_map(Result::transpose))
    }

    /// The entries of a [`MetadataRef`], text values, to keep.
    ///
    /// # Safety
    /// As for [`slice`], for the array and for each element.
    pub(crate) unsafe fn metadata(&self, what: &str) -> Checked<HashMap<String, String>> {
        // SAFETY: the caller's promise.
        unsafe { self.metadata_entries(what) }?
            .map(|entry| entry.map(|(key, value)| (key.to_owned(), value.to_owned())))
            .collect()
    }

    /// The entries of a [`MetadataRef`], raw byte values, to keep.
    ///
    /// # Safety
    /// As for [`slice`], for the array and for each element.
    pub(crate) unsafe fn binary_metadata(&self, what: &str) -> Checked<HashMap<String, Vec<u8>>> {
        // SAFETY: the caller's promise.
        unsafe { self.binary_metadata_entries(what) }?
            .map(|entry| entry.map(|(key, value)| (key.to_owned(), value.to_vec())))
            .collect()
    }
}

impl ByteArray {
    /// Gives `bytes` to the caller.
    pub(crate) fn give(bytes: impl Into<Vec<u8>>) -> *const Self {
        let bytes = std::mem::ManuallyDrop::new(bytes.into());
        crate::ffi::boxed(Self {
            data: bytes.as_ptr(),
            size: bytes.len(),
            cap: bytes.capacity(),
            disable_free: MaybeUninit::new(false),
        })
    }

    /// Gives the bytes, or NULL for none.
    pub(crate) fn give_optional(bytes: Option<impl Into<Vec<u8>>>) -> *const Self {
        bytes.map_or(ptr::null(), Self::give)
    }
}

/// Frees bytes that the library handed out.
///
/// @param runtime Any runtime, or NULL: it is not needed.
/// @param bytes   What a call or callback gave; NULL is a no-op, and so is `disable_free == true`.
///
/// Each `TemporalCoreByteArray` is freed exactly once. Any thread, also inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_byte_array_free(
    runtime: *mut Runtime,
    bytes: *const ByteArray,
) {
    let _ = runtime;
    guard_infallible("temporal_core_byte_array_free", (), || {
        // SAFETY: NULL or from `ByteArray::give`, once, by this function's contract.
        unsafe {
            if bytes.is_null() || read_bool(&(*bytes).disable_free) {
                return Ok(());
            }
            let bytes = Box::from_raw(bytes.cast_mut());
            drop(Vec::from_raw_parts(
                bytes.data.cast_mut(),
                bytes.size,
                bytes.cap,
            ));
        }
        Ok(())
    });
}
