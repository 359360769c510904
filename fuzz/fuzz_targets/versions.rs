//! Version orders: comparing there and back must agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::compare_versions;

fuzz_target!(|input: (u8, &str, &str)| compare_versions(input.0, input.1, input.2));
