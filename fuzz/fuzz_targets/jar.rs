//! Java archives, nested ones included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_claimed;

fuzz_target!(|bytes: &[u8]| {
    let _claims = read_claimed("app/lib/log4j-core-2.14.1.jar", bytes);
});
