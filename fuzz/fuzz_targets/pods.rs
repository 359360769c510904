//! A pod list of `kubectl`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = plimsoll_cluster::parse_pod_list(bytes);
});
