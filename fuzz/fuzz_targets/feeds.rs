//! Documents of feeds: OSV records, KEV, EPSS; the first byte chooses the file's name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::{FEED_FILES, read_feed};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    read_feed(FEED_FILES[usize::from(*choice) % FEED_FILES.len()], bytes);
});
