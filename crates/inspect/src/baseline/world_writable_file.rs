//! Files in system folders that everybody can write.
//!
//! In: regular files with `mode & 002`. Fails for those below `bin`, `sbin`, `lib*`, `usr`, `etc`, `opt` and `srv`, and for
//! those that the image's command names.

use plimsoll_image::EntryKind;
use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

const SYSTEM: &[&[u8]] =
    &[b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32", b"usr", b"etc", b"opt", b"srv"];

#[derive(Debug)]
pub(crate) struct WorldWritableFile;

impl Check for WorldWritableFile {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "World-writable file in a system folder",
            why: "any process in the container can replace what others run or read as configuration",
            remedy: "`chmod o-w` the file",
            source: "CIS Debian/RHEL benchmarks",
            ..about("world_writable_file", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        let command = view.command();
        for node in view.special() {
            if node.kind() != EntryKind::File || node.mode() & 0o002 == 0 {
                continue;
            }
            let path = node.path();
            let first = path.parts().next().unwrap_or_default();
            let is_run = command
                .split_whitespace()
                .any(|word| word.strip_prefix('/') == Some(&path.display()));
            if (SYSTEM.contains(&first) && path.parts().count() > 1) || is_run {
                let location = view.location(*node);
                looking.fail_at(&location, format!("mode {:04o}", node.mode()));
            }
        }
        looking.outcome()
    }
}
