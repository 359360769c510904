//! Every package format, and the other files that detectors read: the first byte chooses a path, and the parsers that
//! claim it read the rest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::{CLAIMED, read_claimed};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    read_claimed(CLAIMED[usize::from(*choice) % CLAIMED.len()], bytes);
});
