//! DES, as the traditional `crypt(3)` and VNC's password file use it.
//!
//! In: a key, a block, a salt. Out: the block after so many encryptions. Source: FIPS 46-3; `crypt(3)` of UNIX, whose salt
//! swaps bits of the expansion. Odd: the tables are counted from 1 and from the left, as the standard prints them.

const INITIAL: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6,
    64, 56, 48, 40, 32, 24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61,
    53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];
const FINAL: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30,
    37, 5, 45, 13, 53, 21, 61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
    34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
];
const EXPANSION: [u8; 48] = [
    32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18,
    19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
];
const PERMUTATION: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19,
    13, 30, 6, 22, 11, 4, 25,
];
const CHOICE_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60,
    52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29,
    21, 13, 5, 28, 20, 12, 4,
];
const CHOICE_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52,
    31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const BOXES: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12,
        11, 9, 5, 3, 8, 4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9,
        1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1,
        10, 6, 9, 11, 5, 0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15,
        4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5,
        14, 12, 11, 15, 1, 13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6,
        9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2,
        12, 1, 10, 14, 9, 10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1,
        13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15,
        10, 3, 9, 8, 6, 4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14,
        2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13,
        14, 0, 11, 3, 8, 9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5,
        15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5,
        12, 2, 15, 8, 6, 1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4,
        10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6,
        11, 0, 14, 9, 2, 7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10,
        8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];

/// The bits of a value of so many bits that a table names, in its order.
fn permuted(value: u64, bits: u32, table: &[u8]) -> u64 {
    table.iter().fold(0, |out, from| (out << 1) | ((value >> (bits - u32::from(*from))) & 1))
}

fn subkeys(key: u64) -> [u64; 16] {
    const HALF: u64 = (1 << 28) - 1;
    let chosen = permuted(key, 64, &CHOICE_1);
    let (mut left, mut right) = (chosen >> 28, chosen & HALF);
    SHIFTS.map(|shift| {
        left = ((left << shift) | (left >> (28 - shift))) & HALF;
        right = ((right << shift) | (right >> (28 - shift))) & HALF;
        permuted((left << 28) | right, 56, &CHOICE_2)
    })
}

/// What a round makes of half a block.
fn mixed(half: u64, subkey: u64, salt: u64) -> u64 {
    let expanded = permuted(half, 32, &EXPANSION);
    let swapped = ((expanded >> 24) ^ expanded) & salt;
    let chosen = (expanded ^ swapped ^ (swapped << 24)) ^ subkey;
    let mut boxed = 0;
    for (number, table) in BOXES.iter().enumerate() {
        let six = (chosen >> (42 - 6 * number)) & 0x3f;
        let row = ((six >> 4) & 2) | (six & 1);
        let at = usize::try_from((row << 4) | ((six >> 1) & 0xf)).unwrap_or_default();
        boxed = (boxed << 4) | u64::from(table.get(at).copied().unwrap_or_default());
    }
    permuted(boxed, 32, &PERMUTATION)
}

/// The block after so many encryptions. A bit of the salt swaps two bits of the expansion.
fn encrypted(key: u64, block: u64, salt: u64, times: u32) -> u64 {
    const HALF: u64 = (1 << 32) - 1;
    let subkeys = subkeys(key);
    let mut block = block;
    for _ in 0..times {
        let start = permuted(block, 64, &INITIAL);
        let (mut left, mut right) = (start >> 32, start & HALF);
        for subkey in subkeys {
            (left, right) = (right, left ^ mixed(right, subkey, salt));
        }
        block = permuted((right << 32) | left, 64, &FINAL);
    }
    block
}

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The traditional hash of a password, with the salt that a hash begins with.
pub(crate) fn crypt(password: &[u8], hash: &str) -> Option<String> {
    let salt = hash.get(..2)?;
    let mut bits = 0_u64;
    for (position, character) in salt.bytes().enumerate() {
        let value = ALPHABET.iter().position(|known| *known == character)?;
        for bit in 0..6 {
            if value >> bit & 1 == 1 {
                bits |= 1 << (23 - (6 * position + bit));
            }
        }
    }
    let padded = password.iter().chain([0; 8].iter()).take(8);
    let key = padded.fold(0, |key, byte| (key << 8) | u64::from(byte << 1));
    let block = encrypted(key, 0, bits, 25);
    let mut text = salt.to_owned();
    for number in 0..11 {
        // The last character has two bits that are not there.
        let six = if number < 10 { block >> (58 - 6 * number) } else { block << 2 };
        let at = usize::try_from(six & 0x3f).ok()?;
        text.push(char::from(*ALPHABET.get(at)?));
    }
    Some(text)
}

/// What VNC keeps of a password: encrypted with a key that everybody knows. Source: RFB's `vncauth.c`.
pub(crate) fn vnc(password: &[u8]) -> u64 {
    const KEY: [u8; 8] = [23, 82, 107, 6, 35, 78, 88, 7];
    let key = KEY.iter().fold(0, |key, byte| (key << 8) | u64::from(byte.reverse_bits()));
    let padded = password.iter().chain([0; 8].iter()).take(8);
    let block = padded.fold(0, |block, byte| (block << 8) | u64::from(*byte));
    encrypted(key, block, 0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_crypt() {
        // Made by Perl's `crypt`, which asks libxcrypt.
        for (password, hash) in HASHES {
            assert_eq!(crypt(password.as_bytes(), hash).as_deref(), Some(*hash), "{password}");
        }
        assert_eq!(crypt(b"x", "\u{e9}"), None);
        assert_eq!(crypt(b"x", "!!"), None);
    }

    #[test]
    fn blocks_are_those_of_the_standard() {
        // FIPS 81's example.
        let cipher = encrypted(0x0123_4567_89ab_cdef, 0x4e6f_7720_6973_2074, 0, 1);
        assert_eq!(cipher, 0x3fa4_0e8a_984d_4815);
        // "password", as TightVNC writes it.
        assert_eq!(vnc(b"password"), 0xdbd8_3cfd_727a_1458);
    }

    const HASHES: &[(&str, &str)] =
        &[("password", "abJnggxhB/yWI"), ("admin", "XzqwFsrofRo3."), ("123456", "./.xb2l5RWf/E")];
}
