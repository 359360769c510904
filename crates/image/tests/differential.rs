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
    fmt,
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
use podman::Refusal;
use tree::Shown;

/// Our tree and what we say about it, or why there is none.
fn ours(layout: &Path) -> Result<(Shown, Vec<String>), String> {
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    let budget = Budget::default();
    let source = open_path(layout, None, &platform, &budget).map_err(|error| error.to_string())?;
    tree::shown(&*source)
}

/// How an image ended that is no failure.
#[derive(Default)]
struct Agreement {
    /// Podman unpacks it.
    unpacked: bool,
    /// And we find nothing odd about it.
    quiet: bool,
    /// Podman hangs, so that there is nothing to compare.
    hung: bool,
}

/// Refusals that say nothing of the image: this podman's way of storing layers cannot hold what other runtimes can.
fn is_only_podmans(error: &str) -> bool {
    ["duplicates of file paths not supported", "lsetxattr"].iter().any(|text| error.contains(text))
}

/// Why this image is a failure, if it is one.
fn judge(
    podman: &Result<Shown, Refusal>,
    ours: &Result<(Shown, Vec<String>), String>,
) -> Result<Agreement, String> {
    match (podman, ours) {
        (Err(None), _) => Ok(Agreement { hung: true, ..Agreement::default() }),
        (_, Err(_)) => Ok(Agreement { unpacked: podman.is_ok(), ..Agreement::default() }),
        (Err(Some(error)), Ok((_, said))) if said.is_empty() && !is_only_podmans(error) => {
            Err(format!("podman refuses it and we say nothing: {error}"))
        }
        (Err(Some(_)), Ok(_)) => Ok(Agreement::default()),
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
            let same = differing.is_empty() && extra == 0;
            if !same && said.is_empty() {
                return Err(format!("another tree without a word ({extra} more): {differing:#?}"));
            }
            let quiet = same && said.is_empty();
            Ok(Agreement { unpacked: true, quiet, ..Agreement::default() })
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
    let counts = Mutex::new(Counts::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut podman = podman::Podman::new("vfs");
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= range.end {
                        break;
                    }
                    match compare(&podman, number) {
                        Ok(agreement) => {
                            if agreement.hung {
                                podman = podman::Podman::new("vfs");
                            }
                            let mut counts = counts.lock().unwrap();
                            counts.add(&agreement);
                            if (counts.same + counts.hung).is_multiple_of(1_000) {
                                println!("{counts}");
                            }
                        }
                        Err(problem) => {
                            println!("image {number}: {problem}");
                            failures.lock().unwrap().push(format!("image {number}: {problem}"));
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let counts = counts.into_inner().unwrap();
    println!("{counts}");
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    // Agreement about images that everybody refuses would prove little, and so would skipping most of them.
    let Counts { same, unpacked, quiet, hung } = counts;
    assert!(unpacked * 3 > same && quiet * 4 > same, "too few ordinary images: {counts}");
    assert!(hung * 50 <= same, "podman hangs too often: {counts}");
}

/// Makes the image of this number and unpacks it twice.
fn compare(podman: &podman::Podman, number: u64) -> Result<Agreement, String> {
    let layout = podman.layout();
    generate::write_image(number, &layout);
    let result = judge(&podman.unpack(|_id| ()), &ours(&layout));
    if result.is_err() {
        let kept = format!("{}/image-{number}", env!("CARGO_TARGET_TMPDIR"));
        run("cp", ["-r", layout.to_str().unwrap(), &kept]);
    }
    std::fs::remove_dir_all(layout).unwrap();
    result
}

/// Images that do not differ.
#[derive(Default)]
struct Counts {
    same: u64,
    unpacked: u64,
    quiet: u64,
    hung: u64,
}

impl Counts {
    fn add(&mut self, agreement: &Agreement) {
        self.same += u64::from(!agreement.hung);
        self.unpacked += u64::from(agreement.unpacked);
        self.quiet += u64::from(agreement.quiet);
        self.hung += u64::from(agreement.hung);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { same, unpacked, quiet, hung } = self;
        write!(
            formatter,
            "{same} agree: podman unpacks {unpacked}, of which we say nothing odd about {quiet}; it hangs over {hung} more"
        )
    }
}
