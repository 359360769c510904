//! Every package format: the first byte chooses the parser, the rest is the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_image::{Budget, TreePath};
use plimsoll_inspect::{ClaimedFile, parsers};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let parser = parsers()[usize::from(*choice) % parsers().len()];
    let path = TreePath::clean(b"var/lib/dpkg/status");
    let _ = parser.parse(&ClaimedFile { path: &path, bytes, budget: &Budget::default() });
});
