//! Manifest, index and configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_image::{parse_config, parse_manifest};

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_manifest(bytes, None);
    let _ = parse_config(bytes);
});
