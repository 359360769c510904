//! The steps of the ladder, and what is done in each.
//!
//! In: an image's files. Out: the same, with less to be seen in them. Odd: the first steps stand on each other as an
//! attacker climbs them; those after them are one trick each.

use std::sync::Arc;

use plimsoll_model::GapReason::{
    self, Anomaly, PackageDatabaseRemoved, UnknownDistribution, UnsupportedDistribution,
};

use crate::files::{Files, Thing};

/// Changes files.
pub(crate) type Change = fn(&mut Files);

/// How a changed image is packed.
#[derive(Clone, Copy)]
pub(crate) enum Wrapping {
    /// The changes are a layer above the untouched one.
    OnTop,
    /// Everything is copied into one layer: nothing is left of what was before.
    Single,
}
use Wrapping::{OnTop, Single};

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) changes: &'static [Change],
    pub(crate) wrapping: Wrapping,
    /// Any of these is a right reason.
    pub(crate) reasons: &'static [GapReason],
    /// Whether it has to be said even if all findings are kept: somebody lies.
    pub(crate) must_be_said: bool,
}

/// What differs between distributions.
pub(crate) struct Tricks {
    other_family: Change,
    other_release: Change,
    without_database: Change,
    smaller_database: Option<Change>,
    higher_versions: Option<Change>,
    /// Whether the files themselves tell the distribution: the stand-ins of RPM's image have none that do.
    has_libraries: bool,
}

pub(crate) const DEBIAN: Tricks = Tricks {
    other_family: |files| os_release(files, "alpine", "3.23.0", "Alpine Linux v3.23"),
    other_release: |files| os_release(files, "debian", "13", "Debian GNU/Linux 13 (trixie)"),
    without_database: |files| files.remove("var/lib/dpkg"),
    smaller_database: Some(|files| {
        let keep = ["base-files", "libc6", "dpkg", "apt", "bash", "perl-base"];
        stanzas(files, |name, stanza| keep.contains(&name).then(|| stanza.to_owned()));
        files.0.retain(|path, _| {
            let list = path
                .strip_prefix("var/lib/dpkg/info/")
                .and_then(|name| name.split(['.', ':']).next());
            list.is_none_or(|name| keep.contains(&name))
        });
    }),
    higher_versions: Some(|files| {
        stanzas(files, |_, stanza| {
            let lines = stanza.lines().map(|line| match line.strip_prefix("Version: ") {
                Some(_) => "Version: 99.0-1".to_owned(),
                None if line.starts_with("Source: ") => {
                    line.split(" (").next().unwrap_or_default().to_owned()
                }
                None => line.to_owned(),
            });
            Some(lines.collect::<Vec<_>>().join("\n"))
        });
    }),
    has_libraries: true,
};

pub(crate) const ALPINE: Tricks = Tricks {
    other_family: |files| os_release(files, "debian", "13", "Debian GNU/Linux 13 (trixie)"),
    other_release: |files| os_release(files, "alpine", "3.19.0", "Alpine Linux v3.19"),
    without_database: |files| {
        files.remove("lib/apk");
        files.remove("usr/lib/apk");
        files.remove("etc/apk");
    },
    smaller_database: Some(|files| {
        let keep = ["alpine-release", "musl", "busybox", "apk-tools"];
        blocks(files, |name, block| keep.contains(&name).then(|| block.to_owned()));
    }),
    higher_versions: Some(|files| {
        blocks(files, |_, block| {
            let lines = block.lines().map(|line| match line.starts_with("V:") {
                true => "V:99.0-r0",
                false => line,
            });
            Some(lines.collect::<Vec<_>>().join("\n"))
        });
    }),
    has_libraries: true,
};

pub(crate) const RPM: Tricks = Tricks {
    other_family: |files| os_release(files, "alpine", "3.23.0", "Alpine Linux v3.23"),
    other_release: |files| os_release(files, "rocky", "10.0", "Rocky Linux 10.0"),
    without_database: |files| files.remove("var/lib/rpm"),
    smaller_database: None,
    higher_versions: None,
    has_libraries: false,
};

fn os_release(files: &mut Files, id: &str, version: &str, name: &str) {
    let text =
        format!("ID={id}\nVERSION_ID=\"{version}\"\nPRETTY_NAME=\"{name}\"\nNAME=\"{name}\"\n");
    for path in ["etc/os-release", "usr/lib/os-release"] {
        files.remove(path);
        files.write(path, text.clone());
    }
}

fn without_os_release(files: &mut Files) {
    for path in ["etc/os-release", "usr/lib/os-release"] {
        files.remove(path);
    }
}

/// Rewrites dpkg's database stanza by stanza.
fn stanzas(files: &mut Files, change: impl Fn(&str, &str) -> Option<String>) {
    rewrite(files, "var/lib/dpkg/status", "Package: ", change);
}

/// Rewrites apk's database block by block.
fn blocks(files: &mut Files, change: impl Fn(&str, &str) -> Option<String>) {
    for path in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
        rewrite(files, path, "P:", &change);
    }
}

fn rewrite(
    files: &mut Files,
    path: &str,
    key: &str,
    change: impl Fn(&str, &str) -> Option<String>,
) {
    let Some(text) = files.text(path) else { return };
    let changed = text.split("\n\n").filter_map(|part| {
        let name = part.lines().find_map(|line| line.strip_prefix(key))?;
        change(name, part)
    });
    let mut changed = changed.collect::<Vec<_>>().join("\n\n");
    changed.push_str("\n\n");
    files.write(path, changed);
}

/// What a distribution's package manager leaves behind, besides its database.
fn without_leftovers(files: &mut Files) {
    for path in [
        "usr/share/doc",
        "usr/share/licenses",
        "etc/apt",
        "etc/dpkg",
        "etc/apk",
        "etc/alpine-release",
        "etc/debian_version",
        "etc/redhat-release",
        "var/cache",
    ] {
        files.remove(path);
    }
}

fn hidden_languages(files: &mut Files) {
    let lock = files.text("app/package-lock.json").unwrap();
    files.remove("app/package-lock.json");
    files.write("app/.cache/blob", lock);
    files.0.insert("app/package-lock.json".to_owned(), Thing::Link(".cache/blob".to_owned()));
    for path in METADATA {
        files.remove(path);
    }
}

/// Programs as a packer leaves them: a header, its mark, and what nobody can read.
fn packed(files: &mut Files) {
    for (path, thing) in &mut files.0 {
        let is_program = path.starts_with("bin/")
            || path.starts_with("usr/bin/")
            || path.starts_with("app/bin/");
        if let Thing::File(_, bytes) = thing
            && is_program
            && bytes.starts_with(b"\x7fELF")
        {
            let mut packed: Vec<u8> = bytes.iter().copied().take(180).collect();
            packed.extend_from_slice(b"UPX!\x0d\x16\x0e\x0a");
            let mut state = 0x2545_f491_u32;
            packed.extend((0..bytes.len() / 3).map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_le_bytes()[1]
            }));
            packed.extend_from_slice(b"UPX!");
            *bytes = Arc::new(packed);
        }
    }
}

const SITE: &str = "usr/local/lib/python3.11/site-packages";
const METADATA: &[&str] = &[
    "usr/local/lib/python3.11/site-packages/urllib3-1.24.1.dist-info",
    "usr/local/lib/python3.11/site-packages/PyYAML-5.1.egg-info",
    "app/node_modules/lodash/package.json",
];

/// Debian's packages as they were before their security updates, but the C library, which says its version itself.
pub(crate) fn aged_debian(mut files: Files) -> Files {
    let plain = |version: &str| {
        version.split_once("+deb").map_or(version, |(version, _)| version).to_owned()
    };
    stanzas(&mut files, |name, stanza| {
        let is_fixed = matches!(name, "libc6" | "libc-bin" | "base-files");
        let lines = stanza.lines().map(|line| match line.split_once("ersion: ") {
            Some((start, version)) if !is_fixed => format!("{start}ersion: {}", plain(version)),
            _ => line.to_owned(),
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    });
    files
}

/// Some of Alpine's packages as they were years before; those whose files say their version stay.
pub(crate) fn aged_alpine(mut files: Files) -> Files {
    // A program of the root's builder that does not say what it is made of.
    files.remove("usr/local/bin");
    blocks(&mut files, |name, block| {
        let version = match name {
            "sudo" => "1.9.5-r0",
            "nghttp2-libs" => "1.40.0-r0",
            "c-ares" => "1.16.0-r0",
            "brotli-libs" => "1.0.7-r0",
            _ => return Some(block.to_owned()),
        };
        let lines = block.lines().map(|line| match line.starts_with("V:") {
            true => format!("V:{version}"),
            false => line.to_owned(),
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    });
    files
}

/// An application in two languages above the distribution.
pub(crate) fn with_application(mut files: Files) -> Files {
    let site = |path: &str| format!("{SITE}/{path}");
    let metadata = |name: &str, version: &str| {
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
    };
    files.write(&site("urllib3/__init__.py"), "__version__ = '1.24.1'\n");
    files.write(&site("urllib3-1.24.1.dist-info/METADATA"), metadata("urllib3", "1.24.1"));
    files.write(
        &site("urllib3-1.24.1.dist-info/RECORD"),
        "urllib3/__init__.py,,\nurllib3-1.24.1.dist-info/METADATA,,\nurllib3-1.24.1.dist-info/RECORD,,\n",
    );
    files.write(&site("yaml/__init__.py"), "__version__ = '5.1'\n");
    files.write(&site("PyYAML-5.1.egg-info/PKG-INFO"), metadata("PyYAML", "5.1"));
    files.write(&site("PyYAML-5.1.egg-info/top_level.txt"), "yaml\n");
    files.write("app/node_modules/lodash/package.json", r#"{"name":"lodash","version":"4.17.4"}"#);
    files.write("app/node_modules/lodash/lodash.js", "module.exports = {}\n");
    files.write(
        "app/package-lock.json",
        r#"{"name":"app","version":"1.0.0","lockfileVersion":2,"packages":{
            "":{"name":"app","version":"1.0.0"},
            "node_modules/lodash":{"version":"4.17.4"},
            "node_modules/minimist":{"version":"1.2.0"}}}"#,
    );
    files.write(
        "app/node_modules/minimist/package.json",
        r#"{"name":"minimist","version":"1.2.0"}"#,
    );
    files.write("app/node_modules/minimist/index.js", "module.exports = {}\n");
    files
}

fn nothing(_: &mut Files) {}

/// All steps for a distribution.
pub(crate) fn ladder(tricks: &'static Tricks) -> Vec<Step> {
    let name = &[Anomaly, PackageDatabaseRemoved, UnknownDistribution][..];
    let gone = &[PackageDatabaseRemoved][..];
    let nameless = &[UnknownDistribution, UnsupportedDistribution][..];
    let step = |name, changes: Vec<Change>, wrapping, reasons, must_be_said| Step {
        name,
        changes: changes.leak(),
        wrapping,
        reasons,
        must_be_said,
    };
    let (forged, gone_database) = (tricks.other_family, tricks.without_database);
    let mut steps = vec![
        step("base", vec![nothing as Change], Single, &[], false),
        step("os-release forged", vec![forged], OnTop, name, true),
        step("+ package metadata deleted", vec![forged, gone_database], OnTop, gone, true),
        step(
            "+ lock files behind symlinks, egg-info removed",
            vec![forged, gone_database, hidden_languages],
            OnTop,
            gone,
            true,
        ),
        step(
            "+ programs packed",
            vec![forged, gone_database, hidden_languages, packed],
            OnTop,
            gone,
            true,
        ),
        step(
            "all of it, copied into one layer",
            vec![forged, gone_database, hidden_languages, packed],
            Single,
            gone,
            true,
        ),
        step(
            "and every other trace of the package manager removed",
            vec![forged, gone_database, hidden_languages, packed, without_leftovers],
            Single,
            gone,
            true,
        ),
        step("os-release of another release", vec![tricks.other_release], OnTop, name, true),
        step(
            "os-release of another release, one layer",
            vec![tricks.other_release],
            Single,
            name,
            true,
        ),
        step("os-release removed", vec![without_os_release], OnTop, nameless, true),
        step("os-release removed, one layer", vec![without_os_release], Single, nameless, true),
        step("package metadata deleted", vec![gone_database], OnTop, gone, true),
        step("package metadata deleted, one layer", vec![gone_database], Single, gone, true),
        step(
            "package metadata deleted, python and node metadata too, one layer",
            vec![gone_database, hidden_languages],
            Single,
            gone,
            true,
        ),
        step("language metadata alone, one layer", vec![hidden_languages], Single, gone, true),
    ];
    // The stand-ins of RPM's image are texts alone: without names, nothing is left that is anybody's.
    if tricks.has_libraries {
        steps.push(step(
            "neither os-release nor database nor leftovers, one layer",
            vec![without_os_release, gone_database, without_leftovers],
            Single,
            nameless,
            true,
        ));
    }
    if let Some(smaller) = tricks.smaller_database {
        steps.push(step("smaller database", vec![smaller], OnTop, gone, true));
        steps.push(step("smaller database, one layer", vec![smaller], Single, gone, true));
    }
    if let Some(higher) = tricks.higher_versions {
        steps.push(step("versions raised", vec![higher], OnTop, gone, true));
        steps.push(step("versions raised, one layer", vec![higher], Single, gone, true));
        steps.push(step(
            "versions raised, os-release of another release, one layer",
            vec![higher, tricks.other_release],
            Single,
            &[Anomaly, PackageDatabaseRemoved],
            true,
        ));
    }
    steps
}
