//! A layer's blob: codec, archive, and the merge of what it holds with itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_image::{Budget, LayerDescriptor, Tree, read_blob};

fuzz_target!(|bytes: &[u8]| {
    let descriptor = LayerDescriptor { digest: None, media_type: String::new(), size: 0, diff_id: None };
    let budget = Budget { max_unpacked_bytes: 64 << 20, ..Budget::default() };
    if let Ok(entries) = read_blob(&mut &*bytes, &descriptor, &budget, &mut ()) {
        let (tree, _) = Tree::merge(&[entries.clone(), entries]);
        assert!(tree.walk().count() <= 2 * bytes.len().max(1) * 1024);
    }
});
