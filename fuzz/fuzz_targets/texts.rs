//! What people write: policies, ignore files, expressions, ranges, names, keys, lists; the first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_text;

fuzz_target!(|bytes: &[u8]| {
    let _is_one = read_text(bytes);
});
