//! Programs and libraries, by every reader of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_claimed;

fuzz_target!(|bytes: &[u8]| {
    // Smaller files are not claimed.
    if bytes.len() >= 64 {
        read_claimed("opt/tool/plugin.so", bytes);
    }
});
