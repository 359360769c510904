//! Numbers of variable length: seven bits a byte, low first, as the compact columns hold them.
//!
//! In: numbers. Out: bytes, and the numbers again. Odd: what does not read back is `None`, and the caller names the column
//! that holds it.

/// Appends a number.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The mask leaves seven bits, so that the conversion loses none.
        bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// Appends a number of either sign, small ones in few bytes.
pub(crate) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, number.unsigned_abs().wrapping_mul(2).wrapping_add(u64::from(number < 0)));
}

/// Takes a number off the front.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or_default();
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number of either sign off the front.
pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = take(bytes)?;
    let size = i64::try_from(number / 2).ok()?;
    Some(if number % 2 == 1 { -size } else { size })
}

/// A list of numbers, each as its distance from the one before.
pub(crate) fn pack(numbers: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(numbers.len() * 2);
    let mut before = 0_i64;
    for number in numbers {
        put_signed(&mut bytes, number.wrapping_sub(before));
        before = *number;
    }
    bytes
}

/// What [`pack`] packed.
pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Vec<i64>> {
    let mut numbers = Vec::with_capacity(bytes.len());
    let mut before = 0_i64;
    while !bytes.is_empty() {
        before = before.checked_add(take_signed(&mut bytes)?)?;
        numbers.push(before);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_read_back(numbers: Vec<u32>, one: u64) {
            let numbers: Vec<i64> = numbers.into_iter().map(i64::from).collect();
            prop_assert_eq!(unpack(&pack(&numbers)), Some(numbers));
            let mut bytes = Vec::new();
            put(&mut bytes, one);
            prop_assert_eq!(take(&mut bytes.as_slice()), Some(one));
            prop_assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
        }

        #[test]
        fn any_bytes_are_an_answer(bytes: Vec<u8>) {
            drop(unpack(&bytes));
        }
    }
}
