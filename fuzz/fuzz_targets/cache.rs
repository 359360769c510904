//! Entries of the layer cache, as they unpack; the first byte chooses what they hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_cache_entry;

fuzz_target!(|bytes: &[u8]| {
    let _is_one = read_cache_entry(bytes);
});
