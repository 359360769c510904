//! Folders that everybody can write, without the sticky bit.
//!
//! In: directories with `mode & 002` and without `01000`. Fails for those outside `proc`, `sys` and `dev`.

use plimsoll_image::EntryKind;
use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

const VIRTUAL: &[&[u8]] = &[b"proc", b"sys", b"dev"];

#[derive(Debug)]
pub(crate) struct WorldWritableDir;

impl Check for WorldWritableDir {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "World-writable folder without the sticky bit",
            why: "any process can remove or replace the files of others in it",
            remedy: "`chmod +t` the folder, or take the right to write from others",
            source: "CIS Debian/RHEL benchmarks",
            ..about("world_writable_dir", "hc_best_secruity", "os_file", Level::Low)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        for node in view.special() {
            let path = node.path();
            let first = path.parts().next().unwrap_or_default();
            if node.kind() == EntryKind::Directory
                && node.mode() & 0o1002 == 0o002
                && !VIRTUAL.contains(&first)
            {
                let location = view.location(*node);
                looking.fail_at(&location, format!("mode {:04o}", node.mode()));
            }
        }
        looking.outcome()
    }
}
