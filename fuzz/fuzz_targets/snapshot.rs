//! A snapshot whose checksum fits: everything behind it may be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_snapshot;

fuzz_target!(|bytes: &[u8]| {
    let _opened = read_snapshot(bytes);
});
