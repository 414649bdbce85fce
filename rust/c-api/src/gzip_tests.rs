//! The workspace's copy of flate2 uses a thread's compressor again for the next message. What it writes
//! must not depend on the messages before.

use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use std::io::Read;
use std::thread;

/// Messages of several sizes; the large ones fill the window of 32 KB more than once.
fn messages() -> Vec<Vec<u8>> {
    [0, 1, 100, 70_000, 20, 300_000, 1_000]
        .into_iter()
        .map(|size| {
            (0..size)
                .map(|place| b"temporal"[place % 8] ^ (place * place / 251) as u8)
                .collect()
        })
        .collect()
}

/// Compress as tonic does.
fn compress(message: &[u8], level: u32) -> Vec<u8> {
    let mut compressed = Vec::new();
    GzEncoder::new(message, Compression::new(level))
        .read_to_end(&mut compressed)
        .unwrap();
    compressed
}

/// Compress in a thread that has no compressor yet.
fn compress_first(message: &[u8], level: u32) -> Vec<u8> {
    thread::scope(|scope| scope.spawn(|| compress(message, level)).join().unwrap())
}

#[test]
fn a_used_compressor_writes_what_a_new_one_writes() {
    for level in [6, 1, 6] {
        for message in messages() {
            let compressed = compress(&message, level);
            assert_eq!(compressed, compress_first(&message, level));
            let mut read = Vec::new();
            GzDecoder::new(&compressed[..])
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, message);
        }
    }
}

#[test]
fn a_compressor_that_was_dropped_before_the_end_leaves_nothing_behind() {
    for level in [1, 6] {
        for message in messages() {
            for size in [10, 11, 1_000, 20_000] {
                let abandoned = GzEncoder::new(&message[..], Compression::new(level));
                abandoned.take(size).read_to_end(&mut Vec::new()).unwrap();
                assert_eq!(compress(&message, level), compress_first(&message, level));
            }
        }
    }
}

#[test]
fn two_compressors_of_one_thread_do_not_share_a_state() {
    let messages = messages();
    let (first, second) = (&messages[3], &messages[5]);
    let mut one = GzEncoder::new(&first[..], Compression::new(6));
    let mut other = GzEncoder::new(&second[..], Compression::new(6));
    let (mut of_one, mut of_other) = (vec![0; 50], vec![0; 50]);
    one.read_exact(&mut of_one).unwrap();
    other.read_exact(&mut of_other).unwrap();
    one.read_to_end(&mut of_one).unwrap();
    other.read_to_end(&mut of_other).unwrap();
    assert_eq!(of_one, compress_first(first, 6));
    assert_eq!(of_other, compress_first(second, 6));
}

#[test]
fn any_number_of_threads_can_compress_at_once() {
    let messages = messages();
    let expected: Vec<_> = messages.iter().map(|it| compress_first(it, 6)).collect();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for (message, compressed) in messages.iter().zip(&expected) {
                    assert_eq!(compress(message, 6), *compressed);
                    assert_eq!(compress(message, 6), *compressed);
                }
            });
        }
    });
}
