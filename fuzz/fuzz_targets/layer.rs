//! A layer's blob: codec, archive, and the merge of what it holds with itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_layer;

fuzz_target!(|bytes: &[u8]| read_layer(bytes));
