//! Feed bundles: the file, or what its payload unpacks to; the first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_bundle;

fuzz_target!(|bytes: &[u8]| {
    let _is_one = read_bundle(bytes);
});
