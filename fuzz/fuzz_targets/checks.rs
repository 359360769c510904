//! Every check of configurations and of the build: a path, a line feed, and the file's bytes; or `history`, and a step's text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::{judge, split_input};

fuzz_target!(|input: &[u8]| {
    let Some((path, bytes)) = split_input(input) else { return };
    judge(path, bytes);
});
