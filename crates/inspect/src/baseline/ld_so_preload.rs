//! Libraries that are loaded into every program.
//!
//! In: `etc/ld.so.preload`, and `LD_PRELOAD` of the image's environment. Fails for each library that the file names, and
//! for a preloaded one that everybody can write. Source: `ld.so(8)`.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::{Wanted, text},
};

const FILE: &str = "etc/ld.so.preload";

#[derive(Debug)]
pub(crate) struct LdSoPreload;

impl Check for LdSoPreload {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "A library is preloaded into every program",
            why: "it runs inside everything that starts, which is how rootkits hide",
            remedy: "empty /etc/ld.so.preload; let only root write preloaded libraries",
            source: "veinmind-tools; ld.so(8)",
            ..about("ld_so_preload", "hc_best_secruity", "os_file", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(FILE)];
        FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        if let Some(file) = looking.text(FILE) {
            for (line, text) in super::lines(file.text) {
                let library = text.split('#').next().unwrap_or_default().trim();
                let library: String = library.chars().take(200).collect();
                looking.fail_at(&file.location, format!("line {line}: {library}"));
            }
        }
        let preloaded = view.environment().filter(|(name, _)| *name == "LD_PRELOAD");
        for library in preloaded.flat_map(|(_, value)| value.split([':', ' '])) {
            if library.is_empty() {
                continue;
            }
            looking.applies();
            let path = library.trim_start_matches('/');
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let is_open = |path: &str| {
                // Others may replace a file where they may write its folder, the sticky bit notwithstanding: it may not
                // be there yet.
                view.node(path).is_some_and(|node| node.mode() & 0o002 != 0)
            };
            if is_open(path) || is_open(folder) {
                looking.fail(format!("LD_PRELOAD names `/{path}`, which everybody can write"));
            }
        }
        looking.outcome()
    }
}
