//! Tables of contents of layers of which only parts are fetched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_contents;

fuzz_target!(|bytes: &[u8]| {
    let _is_one = read_contents(bytes);
});
