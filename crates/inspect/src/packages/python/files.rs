//! Which modules an installed Python distribution brought: `*.dist-info/RECORD`, `*.egg-info/top_level.txt` and
//! `installed-files.txt`.
//!
//! In: lines of `path,hash,size`, names of modules, or paths relative to the metadata. Out: fingerprints of what lies beside
//! the metadata, one level deep. Source: `PyPA`, "Recording installed projects"; setuptools. Odd: the name of a module may stand
//! for a folder or for a file with an ending.

use std::collections::BTreeSet;

use plimsoll_image::EntryMeta;

use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::fingerprint,
};

/// Longer lists do not occur: the largest distributions have some ten thousand files.
const LIMIT: u64 = 32 << 20;

/// Reads which modules are whose.
#[derive(Debug)]
pub(crate) struct PythonFiles;

impl Parser for PythonFiles {
    fn id(&self) -> &'static str {
        "python-files"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.dist-info/RECORD, *.egg-info/top_level.txt, *.egg-info/installed-files.txt: which modules are described"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let (name, folder) = (parts.next()?, parts.next().unwrap_or_default());
        let claimed = match name {
            b"RECORD" => folder.ends_with(b".dist-info"),
            b"top_level.txt" | b"installed-files.txt" => folder.ends_with(b".egg-info"),
            _ => false,
        };
        claimed.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let place = file.path.parent().and_then(|folder| folder.parent()).unwrap_or_default();
        let lines = file.bytes.split(|&byte| byte == b'\n');
        let mut modules: BTreeSet<Vec<u8>> = BTreeSet::new();
        for line in lines {
            let line = line.trim_ascii();
            let path = match file.path.name() {
                b"RECORD" => line.split(|&byte| byte == b',').next().unwrap_or_default(),
                b"installed-files.txt" => line.strip_prefix(b"../").unwrap_or_default(),
                _ => line,
            };
            let first = path.split(|&byte| byte == b'/').next().unwrap_or_default();
            if first.is_empty() || first == b".." || first == b"." {
                continue;
            }
            modules.insert(first.to_vec());
        }
        let mut facts = FileFacts::default();
        for module in modules {
            facts.own(fingerprint(place.join(&module).as_bytes()));
        }
        facts.owned.sort_unstable();
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_image::{Budget, TreePath};

    use super::*;

    #[test]
    fn modules_are_those_beside_the_metadata() {
        for (path, text, wanted) in [
            (
                "s/x-1.dist-info/RECORD",
                "x/__init__.py,sha256=a,1\nx/y/z.py,,\n_x.so,,\n../../bin/x,,\nx-1.dist-info/RECORD,,\n",
                vec!["s/_x.so", "s/x", "s/x-1.dist-info"],
            ),
            ("s/x.egg-info/top_level.txt", "x\n\n", vec!["s/x"]),
            (
                "s/x.egg-info/installed-files.txt",
                "../x/a.py\nPKG-INFO\n../../../bin/x\n",
                vec!["s/x"],
            ),
        ] {
            let (path, budget) = (TreePath::from(path), Budget::default());
            let facts =
                PythonFiles.parse(&ClaimedFile::new(&path, text.as_bytes(), &budget)).unwrap();
            let mut wanted: Vec<u64> = wanted.iter().map(|it| fingerprint(it.as_bytes())).collect();
            wanted.sort_unstable();
            assert_eq!(facts.owned, wanted, "{path:?}");
        }
    }
}
