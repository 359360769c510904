//! VEX documents, in each of their wrappings, and the ignore rules that are made of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_vex;

fuzz_target!(|bytes: &[u8]| {
    let _is_one = read_vex(bytes);
});
