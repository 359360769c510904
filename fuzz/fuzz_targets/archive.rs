//! Archives of images, as `docker save` and OCI layouts have them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_archive;

fuzz_target!(|bytes: &[u8]| {
    let _is_one = read_archive(bytes);
});
