//! Scans in a process of their own: what that process cannot do, what it may die of, and what is left of the image then.

mod deaths;
mod kept;
mod sources;

use std::path::Path;

use plimsoll_advisory::MatchContext;
use plimsoll_image::{Budget, BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{GapReason, Platform, Report};
use plimsoll_scanner::{
    LayerCache, NoProgress, Progress,
    child::{
        Attempt, ChildError, ChildLimits, ChildScan, ChildScanned, Confined, Isolation, Launcher,
        Target, Tried, probe, scan_in_child, try_attempt,
    },
};

use crate::support::{DEADLINE, has, root, run, temporary};

/// The built program as a scan's child, with a defect on demand: `abort:PATH`, …
fn launcher(fault: Option<&str>) -> Launcher {
    let mut arguments = vec!["scan-child".into()];
    if let Some(fault) = fault {
        arguments.extend(["--fault".into(), fault.into()]);
    }
    Launcher { program: env!("CARGO_BIN_EXE_plimsoll").into(), arguments }
}

fn isolation(fault: Option<&str>) -> Isolation {
    Isolation {
        launcher: launcher(fault),
        limits: ChildLimits { wall: DEADLINE, ..ChildLimits::default() },
        is_sandbox_required: false,
    }
}

/// An image with a base, and `count` Node packages in two layers.
fn packages(count: usize) -> BuiltImage {
    let layer = |from: usize, to: usize| {
        let mut layer =
            Layer::builder("COPY").file("etc/os-release", b"ID=debian\nVERSION_ID=12\n");
        for number in from..to {
            let path = format!("srv/node_modules/p{number}/package.json");
            let text = format!(r#"{{"name": "p{number}", "version": "1.0.{number}"}}"#);
            layer = layer.file(&path, text.as_bytes());
        }
        layer.build().unwrap()
    };
    let (lower, upper) = (layer(0, count / 2), layer(count / 2, count));
    ImageBuilder::new(platform()).layer(&lower).layer(&upper).build().unwrap()
}

fn platform() -> Platform {
    "linux/amd64".parse().unwrap()
}

fn scan_path(isolation: &Isolation, path: &Path) -> Result<ChildScanned, ChildError> {
    scan_with(isolation, path, None, &NoProgress, &|| false)
}

fn scan_with(
    isolation: &Isolation,
    path: &Path,
    cache: Option<&LayerCache>,
    progress: &dyn Progress,
    is_stopped: &dyn Fn() -> bool,
) -> Result<ChildScanned, ChildError> {
    let platform = platform();
    let target =
        Target::Local { path, kind: None, platform: &platform, is_platform_required: true };
    scan_in_child(isolation, &request(target, cache), progress, is_stopped)
}

fn request<'a>(target: Target<'a>, cache: Option<&'a LayerCache>) -> ChildScan<'a> {
    static BUDGET: std::sync::LazyLock<Budget> = std::sync::LazyLock::new(Budget::default);
    ChildScan {
        target,
        snapshot: None,
        cache,
        budget: &BUDGET,
        today: "2026-11-25".parse().unwrap(),
        threads: 2,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        rules: None,
    }
}

/// The gaps that say that something was not read; these images also lack a feed and a package database.
fn losses(report: &Report) -> Vec<(GapReason, &str, &str)> {
    let unread = [GapReason::UnreadableFile, GapReason::UnreadableImage];
    let gaps = report.coverage.gaps.iter().filter(|gap| unread.contains(&gap.reason));
    gaps.map(|gap| (gap.reason, &*gap.at, &*gap.detail)).collect()
}

/// Each attempt fails in a confined process, and is one that succeeds in another.
#[test]
fn a_confined_process_can_do_nothing_but_scan() {
    let launcher = launcher(None);
    let level = probe(&launcher).unwrap();
    if let Some(missing) = level.missing() {
        return println!("skipped: {missing}");
    }
    for attempt in Attempt::ALL {
        let confined = try_attempt(&launcher, attempt, Confined::Fully).unwrap();
        assert_ne!(confined, Tried::Succeeded, "{attempt:?}");
        // Whether a process may trace its parent at all is for the machine to say.
        if attempt != Attempt::Trace || is_root() {
            let free = try_attempt(&launcher, attempt, Confined::Not).unwrap();
            assert_eq!(free, Tried::Succeeded, "{attempt:?} without the sandbox");
        }
    }
}

/// On a kernel that lacks one of them, the other still keeps what was read from going anywhere.
#[test]
fn landlock_and_seccomp_hold_without_each_other() {
    let launcher = launcher(None);
    let level = probe(&launcher).unwrap();
    // From version 6 on, Landlock knows of files, connections and signals.
    if level.missing().is_some() || level.landlock < Some(6) {
        return println!("skipped: this kernel has {level}");
    }
    for attempt in Attempt::ALL {
        let tried = try_attempt(&launcher, attempt, Confined::WithoutSeccomp).unwrap();
        assert!(matches!(tried, Tried::Refused(_)), "{attempt:?} by Landlock alone: {tried:?}");
        let tried = try_attempt(&launcher, attempt, Confined::WithoutLandlock).unwrap();
        let is_as_said = match attempt {
            Attempt::ReadFile | Attempt::ReadFolder => tried == Tried::Succeeded,
            // A process without privileges may not read that of one with them.
            Attempt::ReadEnvironment => tried == Tried::Succeeded || is_root(),
            Attempt::Memory => matches!(tried, Tried::Refused(_)),
            _ => matches!(tried, Tried::Killed(_)),
        };
        assert!(is_as_said, "{attempt:?} by seccomp alone: {tried:?}");
    }
}

/// Where the kernel or a container lacks a part, scans go on with the rest and say so, unless all was required.
#[test]
fn a_lesser_kernel_scans_too_and_says_what_it_lacks() {
    // Landlock's number is the same everywhere, that of seccomp is not.
    let (landlock, seccomp) = (444, if cfg!(target_arch = "x86_64") { 317 } else { 277 });
    let (enosys, eperm) = (38, 1);
    if !has("python3") {
        return;
    }
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(10).write_oci_layout(&layout, "latest").unwrap();
    let scan = |refused: &str, sandbox: &str| {
        let output = std::process::Command::new("python3")
            .arg(root().join("crates/plimsoll/tests/end_to_end/lesser_kernel.py"))
            .args([refused, env!("CARGO_BIN_EXE_plimsoll"), "scan", "--no-cache", "--format"])
            .args(["json", "--platform", "linux/amd64", "--sandbox", sandbox, "--data"])
            .args([&folder.path().join("data"), &layout])
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), error)
    };
    let whole = scan("9999:38", "auto").1;
    assert!(whole.contains("\"p9\""), "{whole}");
    for (refused, lacks) in [
        (format!("{landlock}:{enosys}"), "no Landlock"),
        (format!("{landlock}:{eperm}"), "no Landlock"),
        (format!("{seccomp}:{enosys}"), "no seccomp"),
        (format!("{landlock},{seccomp}:{eperm}"), "neither Landlock nor seccomp"),
    ] {
        let (is_success, report, error) = scan(&refused, "auto");
        assert!(is_success && report == whole, "{refused}: {error}");
        assert!(error.contains("warning: ") && error.contains(lacks), "{refused}: {error}");
        let (is_success, report, error) = scan(&refused, "require");
        assert!(!is_success && report.is_empty(), "{refused}: {report}");
        assert!(error.contains("the sandbox cannot be had") && error.contains(lacks), "{error}");
    }
}

fn is_root() -> bool {
    run("id", ["-u"]).trim() == "0"
}

fn arguments_of(process: u32) -> Vec<String> {
    let line = std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split('\0').map(str::to_owned).collect()
}

fn children_of(parent: u32) -> Vec<u32> {
    let numbers = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        entry.unwrap().file_name().to_str().and_then(|name| name.parse::<u32>().ok())
    });
    numbers
        .filter(|id| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // `pid (name) state ppid`, where a name may hold anything.
            let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
            after.split_whitespace().nth(1) == Some(&parent.to_string())
        })
        .collect()
}
