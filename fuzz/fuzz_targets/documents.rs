//! Manifest, index and configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_documents;

fuzz_target!(|bytes: &[u8]| read_documents(bytes));
