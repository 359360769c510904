//! VEX documents, in each of their wrappings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_vex;

fuzz_target!(|bytes: &[u8]| read_vex(bytes));
