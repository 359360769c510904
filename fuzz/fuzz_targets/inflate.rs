//! Deflate data: our inflater against zlib's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::inflate;

fuzz_target!(|bytes: &[u8]| inflate(bytes));
