//! Turns units into the bytes that they stand for.
//!
//! In: units, and the byte of each. Out: bytes. Odd: most units stand for themselves, so that groups of them are looked at
//! together, and looked up one by one only where some do not.
//!
//! # Why the `unsafe` is sound
//! The function with AVX-512 is called only where the processor has it. It loads and stores through references to arrays of
//! just the size that an instruction reads or writes.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "instructions of the processor; the argument stands above")
)]

/// Units that are looked at together.
const GROUP: usize = 32;

/// Writes to `bytes` what each of `units` stands for: `known` has one byte for each.
pub fn resolve(units: &[u16], known: &[u8; 1 << 16], bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor has what the function is compiled for.
        unsafe { resolve_with_avx512(units, known, bytes) };
        return;
    }
    resolve_anywhere(units, known, bytes);
}

fn resolve_anywhere(units: &[u16], known: &[u8; 1 << 16], bytes: &mut [u8]) {
    let (unit_groups, rest) = units.as_chunks::<GROUP>();
    let (byte_groups, rest_bytes) = bytes.as_chunks_mut::<GROUP>();
    for (units, bytes) in unit_groups.iter().zip(byte_groups) {
        if units.iter().fold(0, |all, unit| all | unit) < 0x100 {
            for (unit, byte) in units.iter().zip(bytes) {
                [*byte, _] = unit.to_le_bytes();
            }
        } else {
            look_up(units, known, bytes);
        }
    }
    look_up(rest, known, rest_bytes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn resolve_with_avx512(units: &[u16], known: &[u8; 1 << 16], bytes: &mut [u8]) {
    use std::arch::x86_64::{
        _mm256_storeu_si256, _mm512_cmpgt_epu16_mask, _mm512_cvtepi16_epi8, _mm512_loadu_epi16,
        _mm512_set1_epi16,
    };
    /// Units of a group that are looked up one by one; where there are more, all are.
    const FEW: u32 = 12;
    let last = _mm512_set1_epi16(0xff);
    let (unit_groups, rest) = units.as_chunks::<GROUP>();
    let (byte_groups, rest_bytes) = bytes.as_chunks_mut::<GROUP>();
    for (units, bytes) in unit_groups.iter().zip(byte_groups) {
        // SAFETY: 64 bytes are read, which an array of 32 units has.
        let all = unsafe { _mm512_loadu_epi16(units.as_ptr().cast()) };
        let mut strange = _mm512_cmpgt_epu16_mask(all, last);
        if strange.count_ones() > FEW {
            look_up(units, known, bytes);
            continue;
        }
        // SAFETY: 32 bytes are written, which the array has.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), _mm512_cvtepi16_epi8(all)) };
        while strange != 0 {
            let at = strange.trailing_zeros() as usize;
            strange &= strange - 1;
            if let (Some(unit), Some(byte)) = (units.get(at), bytes.get_mut(at)) {
                *byte = known.get(usize::from(*unit)).copied().unwrap_or(0);
            }
        }
    }
    look_up(rest, known, rest_bytes);
}

fn look_up(units: &[u16], known: &[u8; 1 << 16], bytes: &mut [u8]) {
    for (unit, byte) in units.iter().zip(bytes) {
        *byte = known.get(usize::from(*unit)).copied().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn units_are_looked_up(
            runs in prop::collection::vec((any::<u16>(), 0..5_u16, 0..40_usize), 0..30),
        ) {
            // Runs of bytes, with numbers here and there, as they come out of inflating.
            let mut units = Vec::new();
            for (seed, density, length) in runs {
                units.extend((0..length).map(|at| {
                    let number = seed.wrapping_add(u16::try_from(at).unwrap()).wrapping_mul(40_503);
                    if number % 5 < density { number | 0x8000 } else { number & 0xff }
                }));
            }
            let mut known = Box::new([0; 1 << 16]);
            for (at, byte) in known.iter_mut().enumerate() {
                *byte = if at < 0x100 { at as u8 } else { (at * 7 >> 3) as u8 };
            }
            let wanted: Vec<u8> = units.iter().map(|unit| known[usize::from(*unit)]).collect();
            let (mut bytes, mut anywhere) = (vec![0; units.len()], vec![0; units.len()]);
            resolve(&units, &known, &mut bytes);
            resolve_anywhere(&units, &known, &mut anywhere);
            prop_assert_eq!(&bytes, &wanted);
            prop_assert_eq!(&anywhere, &wanted);
        }
    }
}
