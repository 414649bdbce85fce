//! Decoding protobuf with little of the caller's stack.
//!
//! The decoder calls itself for each nested message, up to 100 deep, which takes about 100 KiB of
//! stack. A thread of the host may have less.

use crate::ffi::{lock, with_signals_blocked};
use prost::{DecodeError, Message};
use std::{sync::Mutex, thread};

/// Largest nesting of messages that are decoded on the caller's thread.
const DEEPEST_HERE: usize = 24;

/// Decodes a message. A deeply nested one is decoded on a separate thread with enough stack.
pub(crate) fn decode<M: Message + Default + 'static>(bytes: &[u8]) -> Result<M, DecodeError> {
    with_stack_for(bytes, || M::decode(bytes))
}

/// Runs `body`, which decodes `bytes` and uses the message. If the message is deeply nested, it runs on
/// a separate thread with enough stack. Dropping such a message takes as much stack as decoding it.
pub(crate) fn with_stack_for<T: Send>(bytes: &[u8], body: impl FnOnce() -> T + Send) -> T {
    if is_shallow(bytes) {
        return body();
    }
    let (mut body, mut value) = (Some(body), None);
    on_thread(&mut || value = body.take().map(|body| body()));
    value.expect("run once")
}

/// Runs `body` once, on a new thread. Not generic, because it is large.
fn on_thread(body: &mut (dyn FnMut() + Send)) {
    let body = Mutex::new(body);
    let run = || (lock(&body))();
    thread::scope(|scope| {
        let spawned = with_signals_blocked(|| {
            thread::Builder::new()
                .name("temporal-decode".to_owned())
                .spawn_scoped(scope, run)
        });
        match spawned.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(())) => {}
            Ok(Err(payload)) => std::panic::resume_unwind(payload),
            // No thread can be started; the stack of the caller's thread may be large enough.
            Err(_) => run(),
        }
    });
}

/// Whether no message in these bytes can be nested deeper than [`DEEPEST_HERE`]. Which fields are
/// messages is not known here, so everything that can be read as one counts.
fn is_shallow(bytes: &[u8]) -> bool {
    // Each level has at least two bytes, a tag and a length.
    if bytes.len() <= 2 * DEEPEST_HERE {
        return true;
    }
    let mut ends = [0; DEEPEST_HERE];
    let (mut depth, mut at, mut end) = (0, 0, bytes.len());
    loop {
        match field(&bytes[at..end]) {
            Some(Field::Other { size }) => at += size,
            Some(Field::Delimited { start, size }) => {
                if depth == DEEPEST_HERE {
                    return false;
                }
                ends[depth] = end;
                depth += 1;
                at += start;
                end = at + size;
            }
            // The end of a message, or of something that reads as one: back to the enclosing one.
            None => {
                if depth == 0 {
                    return true;
                }
                at = end;
                depth -= 1;
                end = ends[depth];
            }
        }
    }
}

/// A field of an encoded message.
enum Field {
    /// Possibly a message: its start, after tag and length, and its size.
    Delimited { start: usize, size: usize },
    /// Anything else, with its tag.
    Other { size: usize },
}

/// The first field, or None if there is none.
fn field(bytes: &[u8]) -> Option<Field> {
    let (tag, tag_size) = varint(bytes)?;
    let rest = &bytes[tag_size..];
    let value_size = match tag & 7 {
        0 => varint(rest)?.1,
        1 => 8,
        2 => {
            let (size, prefix) = varint(rest)?;
            let size = usize::try_from(size).ok()?;
            let start = tag_size + prefix;
            return (size <= bytes.len() - start).then_some(Field::Delimited { start, size });
        }
        // The start or end of a group is only a tag. The messages here have no groups, and skipping
        // one takes little stack.
        3 | 4 => 0,
        5 => 4,
        _ => return None,
    };
    (value_size <= rest.len()).then_some(Field::Other {
        size: tag_size + value_size,
    })
}

/// A base-128 number and its size.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporalio_common::protos::temporal::api::failure::v1::Failure;

    fn nested(depth: usize) -> Vec<u8> {
        let mut failure = Failure::default();
        for _ in 1..depth {
            failure = Failure {
                cause: Some(Box::new(failure)),
                ..Failure::default()
            };
        }
        failure.message = "a message that is long enough to matter".to_owned();
        failure.encode_to_vec()
    }

    #[test]
    fn depth_decides_and_not_size() {
        assert!(is_shallow(&nested(3)));
        assert!(!is_shallow(&nested(DEEPEST_HERE + 2)));
        assert!(is_shallow(&vec![b'a'; 100_000]));
    }

    #[test]
    fn a_deep_field_after_shallow_ones_is_found() {
        let mut bytes = nested(2);
        bytes.extend(nested(DEEPEST_HERE + 2));
        assert!(!is_shallow(&bytes));
    }

    #[test]
    fn deep_messages_decode_the_same() {
        let bytes = nested(90);
        let failure: Failure = decode(&bytes).expect("not too deep for the decoder");
        assert_eq!(failure.encode_to_vec(), bytes);
        assert!(decode::<Failure>(&nested(200)).is_err());
        assert!(decode::<Failure>(&[0xFF; 200]).is_err());
    }
}
