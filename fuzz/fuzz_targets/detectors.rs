//! Whatever looks into every file: a path, a line feed, and the file's bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::{detect, split_input};

fuzz_target!(|input: &[u8]| {
    let Some((path, bytes)) = split_input(input) else { return };
    let _facts = detect(path, bytes);
});
