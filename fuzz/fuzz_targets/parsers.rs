//! Every package format, and the other files that detectors read: a path, a line feed, and the bytes that the parsers which claim
//! the path read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::{read_claimed, split_input};

fuzz_target!(|input: &[u8]| {
    let Some((path, bytes)) = split_input(input) else { return };
    let _claims = read_claimed(path, bytes);
});
