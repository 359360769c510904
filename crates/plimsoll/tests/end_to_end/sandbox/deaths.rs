//! What a scan's process may die of, and what is left of the image then.
//!
//! In: faults of the child on demand. Out: reports that say what was left out. Odd: faults exist in builds with debug
//! assertions alone.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use plimsoll_model::{GapReason, Verdict};
use plimsoll_scanner::{Progress, child::ChildError};
use plimsoll_server::{
    Context, LoopbackRegistry, ServeConfig,
    operation::{
        images::{ListImages, list_images},
        registries::{AddRegistry, add_registry},
        sync::sync_registry,
    },
    serve,
};

use super::{arguments_of, children_of, isolation, losses, packages, scan_path, scan_with};
use crate::support::{DEADLINE, temporary, wait_until};

/// Whatever a parser's defect does to its process, it costs one file of a thousand.
#[test]
fn a_file_that_kills_the_process_is_left_out_and_named() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(1_000).write_oci_layout(&layout, "latest").unwrap();
    let whole = scan_path(&isolation(None), &layout).unwrap().scanned.report;
    assert_eq!((whole.packages.len(), losses(&whole).len()), (1_000, 0));
    let bad = "srv/node_modules/p700/package.json";
    for (fault, ending) in [
        ("abort", "it gave up (SIGABRT)"),
        ("overflow", "exhausted stack (SIGSEGV)"),
        ("memory", "needed more memory than its limit of 256 MiB"),
        ("connect", "made a system call that no scan needs"),
        ("exit", "ended without a report (exit code 0)"),
        ("panic", "a defect on demand"),
        ("hang", "was not done after 1 second"),
    ] {
        let mut isolation = isolation(Some(&format!("{fault}:{bad}")));
        isolation.limits.memory_bytes = 256 << 20;
        isolation.limits.file = Duration::from_secs(1);
        let report = scan_path(&isolation, &layout).unwrap().scanned.report;
        let losses = losses(&report);
        assert_eq!(losses.len(), 1, "{fault}: {losses:?}");
        let (reason, at, detail) = losses[0];
        assert_eq!((reason, at), (GapReason::UnreadableFile, bad), "{fault}");
        assert!(
            detail.contains(ending) && detail.ends_with("it was left out"),
            "{fault}: {detail}"
        );
        assert_eq!(report.packages.len(), 999, "{fault}");
        assert_eq!(report.coverage.verdict, Verdict::Partial, "{fault}");
    }
}

/// Three files are left out; a fourth that kills ends the patience, and the report says that it knows nothing.
#[test]
fn too_many_deaths_make_the_image_unreadable() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(40).write_oci_layout(&layout, "latest").unwrap();
    let scan = |prefix: &str| {
        let isolation = isolation(Some(&format!("abort:srv/node_modules/{prefix}")));
        scan_path(&isolation, &layout).unwrap().scanned.report
    };
    // p3, and p30 to p39.
    let report = scan("p3");
    assert_eq!((report.coverage.verdict, report.packages.len()), (Verdict::Unreadable, 0));
    assert!(losses(&report)[0].2.contains("SIGABRT"), "{:?}", losses(&report));
    assert_eq!(report.image.layers.len(), 2, "the image is known all the same");
    assert_eq!(scan("p39").packages.len(), 39);
}

#[test]
fn at_its_deadline_a_scan_ends_with_a_report_and_without_a_process() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(10).write_oci_layout(&layout, "latest").unwrap();
    let fault = "hang:srv/node_modules/p";
    let mut isolation = isolation(Some(fault));
    isolation.limits.wall = Duration::from_secs(2);
    let scanned = scan_path(&isolation, &layout).unwrap().scanned;
    assert_eq!(scanned.interrupted, None, "the same scan would not do better");
    let losses = losses(&scanned.report);
    assert!(losses[0].2.contains("not done after 2 seconds"), "{losses:?}");
    assert_eq!(scanned.report.coverage.verdict, Verdict::Unreadable);
    let left = children_of(std::process::id())
        .into_iter()
        .filter(|child| arguments_of(*child).iter().any(|argument| argument == fault));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_scan_that_is_told_to_stop_stops() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(10).write_oci_layout(&layout, "latest").unwrap();
    let begun = AtomicBool::new(false);
    struct Begun<'a>(&'a AtomicBool);
    impl Progress for Begun<'_> {
        fn layers_begin(&self, _: usize, _: u64) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_stopped = || begun.load(Ordering::Relaxed);
    let stopped =
        scan_with(&isolation(Some("hang:srv")), &layout, None, &Begun(&begun), &is_stopped);
    assert!(matches!(stopped, Err(ChildError::Stopped)));
}

/// What a child that an image has taken over might say or leave unsaid: the parent is not impressed.
#[test]
fn a_child_that_breaks_the_rules_is_ended() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(2).write_oci_layout(&layout, "latest").unwrap();
    let child = |script: &str, seconds: u64| {
        let mut isolation = isolation(None);
        isolation.launcher.program = "/bin/sh".into();
        isolation.launcher.arguments = vec!["-c".into(), script.into()];
        isolation.limits.wall = Duration::from_secs(seconds);
        let report = scan_path(&isolation, &layout).unwrap().scanned.report;
        assert_eq!(report.coverage.verdict, Verdict::Unreadable, "{script}");
        assert!(report.packages.is_empty() && report.findings.is_empty(), "{script}");
        report.coverage.gaps[0].detail.clone()
    };
    // Frames: kind and length, then the body.
    let (piece, done) = (r"\032\0\0\0", r"\033\0\0\0");
    let no_report = format!(
        r#"printf '{piece}\002\0\0\0{{}}{done}\037\0\0\0{{"Report":{{"interrupted":null}}}}' >&0; sleep 99"#
    );
    let broken = [
        ("printf 'AAAAAAAAAAAAAAAA' >&0; sleep 99", "there is no message"),
        // A step with 4 GiB of a name.
        (r"printf '\025\0\0\0\377\377\377\377' >&0; sleep 99", "is too long"),
        // What only the parent may say.
        (r"printf '\003\0\0\0\0\0\0\0' >&0; sleep 99", "is not for it to say"),
        // Something to keep, without a digest.
        (r"printf '\031\0\0\0\005\0\0\0abcde' >&0; sleep 99", "an entry without digest"),
        // A blob where there are only files; then nothing that is a number.
        (r"printf '\026\0\0\0\001\0\0\0x' >&0; sleep 99", "a number is missing"),
        (&no_report, "missing field"),
        // Things to keep, without end.
        (
            r"while printf '\031\0\0\0\040\0\0\0--------------------------------'; do :; done >&0",
            "asks more than",
        ),
    ];
    for (script, problem) in broken {
        let detail = child(script, 60);
        assert!(
            detail.contains("broke the rules") && detail.contains(problem),
            "{script}: {detail}"
        );
    }
    // One that never pauses, one that says nothing, one that sends half a frame: the clock runs for all.
    for script in [
        r"while printf '\025\0\0\0\005\0\0\0merge'; do :; done >&0",
        "sleep 99",
        r"printf '\025\0\0\0\005\0' >&0; sleep 99",
    ] {
        assert!(child(script, 1).contains("not done after 1 second"), "{script}");
    }
    assert!(child("exec 0>&-; exit 7", 60).contains("exit code 7"));
}

/// A server whose scans die goes on, and its images' records say what was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_outlives_its_scans() {
    let folder = temporary();
    let registry = LoopbackRegistry::new();
    registry.put("team/bad", "1", &packages(20));
    let served = registry.serve().await.unwrap();
    let mut config = ServeConfig::new(folder.path());
    config.listen.set_port(0);
    config.isolation = Some(isolation(Some("abort:srv/node_modules/p7/")));
    let server = serve(config.clone()).await.unwrap();
    let request = AddRegistry { name: "r".into(), url: served.url(), ..AddRegistry::default() };
    let context = Context::new(server.store().clone(), config.clock.clone());
    add_registry(&context.store, &request, context.clock.now()).await.unwrap();
    sync_registry(&context.store, "r", &context.clock).await.unwrap();
    let (mut verdict, start) = (None, std::time::Instant::now());
    while verdict.is_none() {
        assert!(start.elapsed() < DEADLINE, "the image was not scanned");
        tokio::time::sleep(Duration::from_millis(20)).await;
        let list = list_images(server.store(), &ListImages::default()).await.unwrap();
        verdict = list.images[0].coverage;
    }
    assert_eq!(verdict, Some(Verdict::Partial));
    let health = tokio::task::spawn_blocking({
        let address = server.address().to_string();
        move || crate::support::get(&address, "/healthz")
    });
    let (status, text) = health.await.unwrap();
    assert!(status == 200 && text.contains("sandbox: ") && text.contains("limits"), "{text}");
    server.stop().await;
}

/// Names the layout for [`parent_to_be_killed`].
const LAYOUT: &str = "PLIMSOLL_TEST_LAYOUT";

/// `kill -9` of the parent leaves no child behind, even one that is lost in a file and listens to nobody.
#[test]
fn the_child_dies_with_its_parent() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(2).write_oci_layout(&layout, "latest").unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::deaths::parent_to_be_killed", "--ignored"])
        .env(LAYOUT, &layout)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = None;
    wait_until("a confined child", || {
        child = children_of(parent.id()).into_iter().find(|child| {
            let status = std::fs::read_to_string(format!("/proc/{child}/status"));
            status.is_ok_and(|status| status.contains("NoNewPrivs:\t1"))
        });
        child.is_some()
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    let gone = format!("/proc/{}", child.unwrap());
    wait_until("the child's end", || !Path::new(&gone).exists());
}

/// Not a test but a process: one that scans, and hangs.
#[test]
#[ignore = "started by `the_child_dies_with_its_parent`"]
fn parent_to_be_killed() {
    let Some(layout) = std::env::var_os(LAYOUT) else { return };
    let mut isolation = isolation(Some("hang:srv"));
    isolation.limits.file = DEADLINE;
    scan_path(&isolation, Path::new(&layout)).unwrap();
}
