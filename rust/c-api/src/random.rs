//! Random numbers for deterministic workflows: equal seeds give equal sequences, on every platform and
//! in every release.
//!
//! The algorithms are implemented here, because crates change theirs: PCG-64-MCG (O'Neill's
//! `mcg_xsl_rr_128_64`) seeded through the 32-bit PCG that `SeedableRng::seed_from_u64` uses, and
//! the sampling of rand 0.9: Canon's method for integers, 52 bits for doubles.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{
        Checked, Lent, boxed, check_range, guard_infallible, lock, process, read_bool, taken_back,
    },
};
use std::{
    mem::MaybeUninit,
    ptr,
    sync::{Mutex, MutexGuard},
};

/// A random number generator that gives the same numbers for the same seed, on every platform and
/// in every release.
///
/// Lifecycle: create it with `temporal_core_random_new`, use it any number of times with
/// `temporal_core_random_int32_range`, `temporal_core_random_double_range` and
/// `temporal_core_random_fill_bytes`, and free it with `temporal_core_random_free`.
///
/// Any thread can use it. If two threads use it at the same time, either can get the next number.
/// It needs no runtime. A forked process continues with its own copy.
pub struct Random {
    generator: Mutex<Pcg64Mcg>,
    /// The process that made it.
    process: u32,
}

impl Random {
    fn lock(&self) -> Checked<MutexGuard<'_, Pcg64Mcg>> {
        if self.process == process() {
            return Ok(lock(&self.generator));
        }
        // A thread that held the lock when the process forked never releases it.
        self.generator.try_lock().map_err(|_| {
            "another thread was drawing when the process forked: random was made before fork"
                .to_owned()
        })
    }
}

struct Pcg64Mcg {
    state: u128,
}

impl Pcg64Mcg {
    const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

    fn seed_from_u64(mut seed: u64) -> Self {
        const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
        const INCREMENT: u64 = 11_634_580_027_462_260_723;
        let mut bytes = [0; 16];
        for word in bytes.chunks_exact_mut(4) {
            seed = seed.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
            let mixed = (((seed >> 18) ^ seed) >> 27) as u32;
            word.copy_from_slice(&mixed.rotate_right((seed >> 59) as u32).to_le_bytes());
        }
        Self {
            // A multiplicative generator needs an odd state.
            state: u128::from_le_bytes(bytes) | 1,
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(Self::MULTIPLIER);
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    /// `min <= value <= max`.
    fn integer(&mut self, min: i32, max: i32) -> i32 {
        let range = max.wrapping_sub(min).wrapping_add(1) as u32;
        if range == 0 {
            // The whole range of `i32`: the number of its values does not fit in a `u32`.
            return self.next_u32() as i32;
        }
        let product = u64::from(self.next_u32()) * u64::from(range);
        let (mut offset, low) = ((product >> 32) as u32, product as u32);
        if low > range.wrapping_neg() {
            let more = ((u64::from(self.next_u32()) * u64::from(range)) >> 32) as u32;
            offset += u32::from(low.checked_add(more).is_none());
        }
        min.wrapping_add(offset as i32)
    }

    /// `0 <= value < 1`, a multiple of 2^-52.
    fn fraction(&mut self) -> f64 {
        f64::from_bits((self.next_u64() >> 12) | 1f64.to_bits()) - 1.0
    }

    /// `min <= value <= max`; finite bounds.
    fn double(&mut self, min: f64, max: f64) -> f64 {
        let fraction = self.fraction();
        let scale = max - min;
        let value = if scale.is_finite() {
            fraction * scale + min
        } else {
            (1.0 - fraction) * min + fraction * max
        };
        value.clamp(min, max)
    }
}

/// Creates a generator.
///
/// @param seed The same seed gives the same numbers.
/// @return Never NULL. Free it with `temporal_core_random_free`.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_random_new(seed: u64) -> *mut Random {
    guard_infallible(ptr::null_mut(), || {
        Ok(boxed(Random {
            generator: Mutex::new(Pcg64Mcg::seed_from_u64(seed)),
            process: process(),
        }))
    })
}

/// Frees the generator.
///
/// @param random From `temporal_core_random_new`; do not use it again. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_random_free(random: *mut Random) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_random_new` boxed the generator; this is its last use.
        let _ = unsafe { taken_back(random) };
        Ok(())
    });
}

/// Returns a random integer.
///
/// @param random        If NULL, the call logs an error and returns `min`.
/// @param min           Lower bound, inclusive.
/// @param max           Upper bound.
/// @param max_inclusive Whether `max` is inclusive.
/// @return From `min` to `max`. If the range is empty, the call logs an error and returns `min`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_random_int32_range(
    random: *mut Random,
    min: i32,
    max: i32,
    max_inclusive: MaybeUninit<bool>,
) -> i32 {
    guard_infallible(min, || {
        // SAFETY: the generator is not freed during this call.
        let random = unsafe { Lent::required(random, "random") }?;
        let last = if read_bool(&max_inclusive) {
            Some(max)
        } else {
            max.checked_sub(1)
        };
        match last {
            Some(last) if min <= last => Ok(random.lock()?.integer(min, last)),
            _ => Err(empty(min, max)),
        }
    })
}

/// Returns a random double.
///
/// @param random        If NULL, the call logs an error and returns `min`.
/// @param min           Lower bound, inclusive.
/// @param max           Upper bound.
/// @param max_inclusive Whether `max` is inclusive.
/// @return From `min` to `max`. If the range is empty, or a bound is NaN or infinite, the call logs
///         an error and returns `min`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_random_double_range(
    random: *mut Random,
    min: f64,
    max: f64,
    max_inclusive: MaybeUninit<bool>,
) -> f64 {
    guard_infallible(min, || {
        // SAFETY: the generator is not freed during this call.
        let random = unsafe { Lent::required(random, "random") }?;
        if !min.is_finite() || !max.is_finite() {
            return Err(format!("min and max must be finite, not {min} and {max}"));
        }
        if read_bool(&max_inclusive) {
            if min > max {
                return Err(empty(min, max));
            }
            Ok(random.lock()?.double(min, max))
        } else {
            if min >= max {
                return Err(empty(min, max));
            }
            // Rounding can reach `max` if the range is small compared with its bounds.
            Ok(random.lock()?.double(min, max).min(max.next_down()))
        }
    })
}

fn empty(min: impl std::fmt::Display, max: impl std::fmt::Display) -> String {
    format!("the range from {min} to {max} is empty")
}

/// Fills your buffer with random bytes.
///
/// @param random If NULL, the call logs an error and writes nothing.
/// @param bytes  Your buffer. It is written to, although its type is that of a read-only range.
///               `{NULL, 0}` has no effect. If the data is NULL but the size is not 0, the call
///               logs an error and has no effect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_random_fill_bytes(random: *mut Random, bytes: ByteArrayRef) {
    guard_infallible((), || {
        // SAFETY: the generator is not freed during this call.
        let random = unsafe { Lent::required(random, "random") }?;
        check_range(bytes.data, bytes.size, "bytes")?;
        let mut generator = random.lock()?;
        for start in (0..bytes.size).step_by(8) {
            let drawn = generator.next_u64().to_le_bytes();
            let length = drawn.len().min(bytes.size - start);
            // SAFETY: within the caller's buffer, which does not overlap `drawn`. It is only written to,
            // because it may be uninitialized.
            unsafe {
                let target = bytes.data.cast_mut().add(start);
                ptr::copy_nonoverlapping(drawn.as_ptr(), target, length);
            }
        }
        Ok(())
    });
}
