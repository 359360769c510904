//! Random images against podman: what it unpacks, we see.
//!
//! In: images made from a number: a few layers of files, links, whiteouts and odd headers over few names, in odd framings.
//! Out: for each, our merged tree equals what `podman image mount` shows, or something is said: an error or an anomaly.
//! Never a tree without a word that lacks what a container would see. 200 images run in CI; `cargo xtask differential`
//! runs more (`PLIMSOLL_DIFFERENTIAL=FIRST..LAST`). Odd: an image that fails is kept
//! under `target/tmp`, and its number alone makes it again.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::indexing_slicing, reason = "a test that fails may panic")]

#[path = "differential/archive.rs"]
mod archive;
#[path = "differential/generate.rs"]
mod generate;
#[path = "differential/podman.rs"]
mod podman;
#[path = "differential/tree.rs"]
mod tree;

use std::{
    ops::Range,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use plimsoll_image::{Budget, open_path};
use plimsoll_model::Platform;
use tree::Shown;

/// Our tree and what we say about it, or why there is none.
fn ours(layout: &Path) -> Result<(Shown, Vec<String>), String> {
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    let budget = Budget::default();
    let source = open_path(layout, None, &platform, &budget).map_err(|error| error.to_string())?;
    tree::shown(&*source)
}

/// Why this image is a failure, if it is one; else whether it was unpacked and whether we said nothing about it.
fn judge(
    podman: &Result<Shown, String>,
    ours: &Result<(Shown, Vec<String>), String>,
) -> Result<(bool, bool), String> {
    match (podman, ours) {
        (_, Err(_)) => Ok((podman.is_ok(), false)),
        (Err(error), Ok((_, said))) if said.is_empty() => {
            Err(format!("podman refuses it and we say nothing: {error}"))
        }
        (Err(_), Ok(_)) => Ok((false, false)),
        (Ok(theirs), Ok((tree, said))) => {
            let differing: Vec<String> = theirs
                .iter()
                .filter(|(path, text)| tree.get(*path) != Some(text))
                .map(|(path, text)| {
                    let path_text = String::from_utf8_lossy(path);
                    format!("{path_text}: podman {text}, we {:?}", tree.get(path))
                })
                .collect();
            let extra = tree.keys().filter(|path| !theirs.contains_key(*path)).count();
            match (differing.is_empty() && extra == 0, said.is_empty()) {
                (true, quiet) => Ok((true, quiet)),
                (false, true) => {
                    Err(format!("another tree without a word ({extra} more): {differing:#?}"))
                }
                (false, false) => Ok((true, false)),
            }
        }
    }
}

fn run<const N: usize>(program: &str, arguments: [&str; N]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program}");
}

fn wanted() -> Range<u64> {
    let said = std::env::var_os("PLIMSOLL_DIFFERENTIAL");
    let said = said.and_then(|text| text.into_string().ok());
    let (first, last) = said.as_deref().unwrap_or("0..200").split_once("..").unwrap();
    first.parse().unwrap()..last.parse().unwrap()
}

#[test]
fn random_images_unpack_as_podman_unpacks_them() {
    if !podman::is_here() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "podman is not installed");
        return println!("skipped: podman is not here");
    }
    let (range, next) = (wanted(), AtomicU64::new(wanted().start));
    let failures = Mutex::new(Vec::new());
    let counts = Mutex::new([0_u64; 3]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let podman = podman::Podman::new("vfs");
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= range.end {
                        break;
                    }
                    let layout = podman.layout();
                    generate::write_image(number, &layout);
                    let result = judge(&podman.unpack(|_id| ()), &ours(&layout));
                    if result.is_err() {
                        let kept = format!("{}/image-{number}", env!("CARGO_TARGET_TMPDIR"));
                        run("cp", ["-r", layout.to_str().unwrap(), &kept]);
                    }
                    std::fs::remove_dir_all(layout).unwrap();
                    let mut counts = counts.lock().unwrap();
                    match result {
                        Ok((unpacked, quiet)) => {
                            counts[0] += 1;
                            counts[1] += u64::from(unpacked);
                            counts[2] += u64::from(quiet);
                        }
                        Err(problem) => {
                            failures.lock().unwrap().push(format!("image {number}: {problem}"));
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let [same, unpacked, quiet] = counts.into_inner().unwrap();
    println!("{same} agree: podman unpacks {unpacked}, of which we say nothing odd about {quiet}");
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    // Agreement about images that everybody refuses would prove little.
    assert!(
        unpacked * 3 > same && quiet * 4 > same,
        "too few ordinary images: {same} {unpacked} {quiet}"
    );
}
