//! Scans in a process of their own: what that process cannot do, what it may die of, and what is left of the image then.

use std::{
    io::Read,
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use plimsoll_advisory::MatchContext;
use plimsoll_image::{Budget, BuiltImage, ImageBuilder, ImageDocuments, Layer, open_path};
use plimsoll_model::{GapReason, Platform, Report, Secret, Verdict};
use plimsoll_registry::{Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, resolve};
use plimsoll_scanner::{
    LayerCache, NoProgress, Progress, ScanOptions,
    child::{
        Attempt, ChildError, ChildLimits, ChildScan, ChildScanned, Confined, Isolation, Launcher,
        Target, Tried, probe, scan_in_child, try_attempt,
    },
    scan,
};
use plimsoll_server::{
    Blobs, Context, LoopbackRegistry, ServeConfig,
    operation::{
        images::{ListImages, list_images},
        registries::{AddRegistry, add_registry},
        sync::sync_registry,
    },
    serve,
};

use crate::support::{DEADLINE, plimsoll, plimsoll_ok, run, temporary, wait_until};

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

fn is_root() -> bool {
    run("id", ["-u"]).trim() == "0"
}

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

/// Every kind of source gives the same report, byte for byte, with and without a process of its own.
#[test]
fn reports_are_the_same_with_and_without_a_child() {
    let folder = temporary();
    let path = |name: &str| folder.path().join(name);
    let image = packages(50);
    image.write_oci_layout(&path("layout"), "latest").unwrap();
    image.write_docker_archive(&path("docker.tar"), "app:1").unwrap();
    let quiet = |program: &str, arguments: &[&str]| drop(run(program, arguments));
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    quiet("gzip", &["-k", &text("docker.tar")]);
    quiet("tar", &["-C", &text("layout"), "-cf", &text("layout.tar"), "."]);
    std::fs::create_dir_all(path("root/etc")).unwrap();
    std::fs::create_dir_all(path("root/srv/node_modules/left/")).unwrap();
    std::fs::write(path("root/etc/os-release"), "ID=alpine\nVERSION_ID=3.20.0\n").unwrap();
    let package = r#"{"name": "left", "version": "1.0.0"}"#;
    std::fs::write(path("root/srv/node_modules/left/package.json"), package).unwrap();
    quiet("tar", &["-C", &text("root"), "-czf", &text("layer.tar.gz"), "."]);
    let data = text("data");
    for name in ["layout", "docker.tar", "docker.tar.gz", "layout.tar", "root", "layer.tar.gz"] {
        let report = |sandbox: &str| {
            let target = text(name);
            let start = ["scan", &target, "--data", &data, "--format", "json", "--no-cache"];
            let rest = ["--sandbox", sandbox, "--platform", "linux/amd64"];
            plimsoll_ok(start.into_iter().chain(rest))
        };
        let with = report("auto");
        assert_eq!(with, report("off"), "{name}");
        assert!(with.contains("\"COMPLETE\"") || with.contains("\"PARTIAL\""), "{name}: {with}");
    }
}

/// What cannot be opened, or is another image than was asked for, is said as without a child.
#[test]
fn errors_are_the_same_with_and_without_a_child() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(2).write_oci_layout(&layout, "latest").unwrap();
    let (layout, data) = (layout.to_str().unwrap(), folder.path().join("data"));
    let nothing = folder.path().join("nothing.bin");
    std::fs::write(&nothing, "no archive").unwrap();
    let damaged = folder.path().join("damaged.snapshot");
    std::fs::write(&damaged, "no snapshot").unwrap();
    let (nothing, damaged) = (nothing.to_str().unwrap(), damaged.to_str().unwrap());
    for arguments in [
        &[nothing][..],
        &[nothing, "--input", "docker-archive"],
        &[layout, "--platform", "linux/arm64"],
        &[layout, "--input", "rootfs", "--feed", damaged],
        &[layout, "--feed", "/nonexistent/snapshot"],
        &["/nonexistent/image.tar"],
    ] {
        let said = |sandbox: &str| {
            let start = ["scan", "--data", data.to_str().unwrap(), "--sandbox", sandbox];
            let output = plimsoll(start.iter().chain(arguments));
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let with = said("auto");
        assert_eq!(with, said("off"), "{arguments:?}");
        assert_eq!(with.0, Some(1), "{arguments:?}: {}", with.1);
    }
}

/// What the child learns of layers is kept by the parent, and used by the next child.
#[test]
fn layers_are_kept_by_the_parent() {
    struct Cached(Mutex<Vec<bool>>);
    impl Progress for Cached {
        fn layer_done(&self, _: u64, cached: bool) {
            self.0.lock().unwrap().push(cached);
        }
    }
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(100).write_oci_layout(&layout, "latest").unwrap();
    let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
    let scan = |fault: Option<&str>| {
        let cached = Cached(Mutex::default());
        let scanned = scan_with(&isolation(fault), &layout, Some(&cache), &cached, &|| false);
        (scanned.unwrap().scanned.report, cached.0.into_inner().unwrap())
    };
    // A layer of which a file was left out is not kept: another day it may be read.
    let (partial, _) = scan(Some("abort:srv/node_modules/p70/"));
    assert_eq!(partial.packages.len(), 99);
    let (first, mut known) = scan(None);
    known.sort_unstable();
    assert_eq!((first.packages.len(), known), (100, vec![false, true]));
    let (second, known) = scan(None);
    assert_eq!((&second, known), (&first, vec![true, true]));
}

/// An image that did not change since it was scanned needs no child; one that changed behind its name does.
#[test]
fn what_is_known_is_not_read_again() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    let image = packages(30);
    image.write_oci_layout(&layout, "latest").unwrap();
    let archive = folder.path().join("archive.tar");
    image.write_docker_archive(&archive, "team/app:1").unwrap();
    let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
    let nobody = Launcher { program: "/nonexistent".into(), arguments: Vec::new() };
    let nobody = Isolation { launcher: nobody, ..isolation(None) };
    let platform = platform();
    let scan = |isolation: &Isolation, path: &Path| {
        let target =
            Target::Local { path, kind: None, platform: &platform, is_platform_required: true };
        // Long after the files were made, so that their times can be relied on.
        let today = "2100-01-01".parse().unwrap();
        let request = ChildScan { today, ..request(target, Some(&cache)) };
        scan_in_child(isolation, &request, &NoProgress, &|| false).map(|it| it.scanned.report)
    };
    for path in [&layout, &archive] {
        assert!(matches!(scan(&nobody, path), Err(ChildError::Start(_))));
        let first = scan(&isolation(None), path).unwrap();
        assert_eq!(first.packages.len(), 30);
        assert_eq!(scan(&nobody, path).unwrap(), first);
    }
    let changed = packages(31);
    changed.write_docker_archive(&archive, "team/app:1").unwrap();
    assert!(matches!(scan(&nobody, &archive), Err(ChildError::Start(_))));
    assert_eq!(scan(&isolation(None), &archive).unwrap().packages.len(), 31);
    // A blob that is no longer what its name says, although its size and modification time are.
    let digest = image_layers(&layout)[0];
    let blob = layout.join("blobs/sha256").join(digest.hex());
    let (before, mut bytes) = (blob.metadata().unwrap(), std::fs::read(&blob).unwrap());
    bytes[100] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&blob).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert!(matches!(scan(&nobody, &layout), Err(ChildError::Start(_))));
    let report = scan(&isolation(None), &layout).unwrap();
    assert_eq!(report.coverage.verdict, Verdict::Unreadable);
}

fn image_layers(layout: &Path) -> Vec<plimsoll_model::Digest> {
    let source = open_path(layout, None, &platform(), &Budget::default()).unwrap();
    source.documents().layers.iter().filter_map(|layer| layer.digest).collect()
}

/// An image of a registry is handed over as a stream; the child has neither network nor the account.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_stay_with_the_parent() {
    // The words are put together at run time, so that no program's text holds them.
    let canary = format!("canary-{}-{}", std::process::id(), "of-the-parent");
    let registry = LoopbackRegistry::new();
    registry.put("team/app", "1", &packages(20));
    let served = registry.serve().await.unwrap();
    let endpoint = Endpoint::parse(&served.url(), true).unwrap();
    let account = Credentials::new("ci".to_owned(), Secret::new(canary.clone()));
    let http = HttpClient::new(HttpOptions::default()).unwrap();
    let client = RegistryClient::new(endpoint, Some(account), &http).unwrap();
    let image = resolve(&client, "team/app", "1", &platform(), &Budget::default()).await.unwrap();
    registry.answer_blobs(Blobs::Hold);
    registry.take_requests();
    let scanning = tokio::task::spawn_blocking(move || {
        let request = request(Target::Remote(&image), None);
        scan_in_child(&isolation(None), &request, &NoProgress, &|| false).unwrap()
    });
    registry.asked_for("/blobs/").await;
    // Those of other tests may be among them, and must not have it either.
    let children: Vec<u32> = children_of(std::process::id())
        .into_iter()
        .filter(|child| arguments_of(*child).iter().any(|argument| argument == "scan-child"))
        .collect();
    let readable: Vec<u32> =
        children.iter().copied().filter(|child| memory_of(*child).is_some()).collect();
    let holds = |id: u32| {
        let memory = memory_of(id).unwrap_or_default();
        memory.windows(canary.len()).any(|word| word == canary.as_bytes())
    };
    assert!(holds(std::process::id()), "the parent has it");
    for child in &readable {
        assert!(!holds(*child), "a child has it");
        let environment = std::fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
        assert!(environment.is_empty(), "{}", String::from_utf8_lossy(&environment));
    }
    // Without root, even its own user may not look into it.
    assert!(!children.is_empty() && (!readable.is_empty() || !is_root()), "a child was there");
    registry.answer_blobs(Blobs::Serve);
    let scanned = scanning.await.unwrap().scanned;
    assert_eq!((scanned.report.packages.len(), scanned.interrupted), (20, None));
    assert_eq!(scanned.report.image.source, "registry");
}

/// What of a process's memory can be read and written; `None` if nobody may look.
fn memory_of(id: u32) -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let memory = std::fs::File::open(format!("/proc/{id}/mem")).ok()?;
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        let mut part = vec![0; usize::try_from(end - start).ok()?.min(256 << 20)];
        let read = memory.read_at(&mut part, start).unwrap_or(0);
        all.extend_from_slice(&part[..read]);
    }
    Some(all)
}

/// A registry that fails is the registry's matter: the scan may be tried again, and no file is blamed.
#[test]
fn a_cut_transfer_is_an_interruption() {
    struct Cut(ImageDocuments);
    impl plimsoll_image::BlobSource for Cut {
        fn documents(&self) -> &ImageDocuments {
            &self.0
        }

        fn open_blob(&self, _: usize) -> Result<Box<dyn Read + Send>, plimsoll_image::ReadError> {
            struct Broken(u8);
            impl Read for Broken {
                fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                    self.0 += 1;
                    if self.0 > 2 {
                        return Err(std::io::Error::other("the line was cut"));
                    }
                    buffer[0] = 0x1f;
                    Ok(1)
                }
            }
            Ok(Box::new(Broken(0)))
        }
    }
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(2).write_oci_layout(&layout, "latest").unwrap();
    let source = open_path(&layout, None, &platform(), &Budget::default()).unwrap();
    let cut = Cut(source.documents().clone());
    let request = request(Target::Remote(&cut), None);
    let scanned =
        scan_in_child(&isolation(None), &request, &NoProgress, &|| false).unwrap().scanned;
    assert!(scanned.interrupted.unwrap().contains("the line was cut"));
}

/// The same layers through the parent's hands and read in place.
#[test]
fn a_handed_over_image_is_read_like_any_other() {
    struct InMemory(ImageDocuments, Vec<Vec<u8>>);
    impl plimsoll_image::BlobSource for InMemory {
        fn documents(&self) -> &ImageDocuments {
            &self.0
        }

        fn open_blob(
            &self,
            index: usize,
        ) -> Result<Box<dyn Read + Send>, plimsoll_image::ReadError> {
            Ok(Box::new(std::io::Cursor::new(self.1[index].clone())))
        }
    }
    let folder = temporary();
    let layout = folder.path().join("layout");
    let image = packages(300);
    image.write_oci_layout(&layout, "latest").unwrap();
    let source = open_path(&layout, None, &platform(), &Budget::default()).unwrap();
    let budget = Budget::default();
    let options = ScanOptions {
        snapshot: None,
        cache: None,
        budget: &budget,
        today: "2026-11-25".parse().unwrap(),
        threads: 2,
        context: MatchContext::default(),
        watch: None,
    };
    let mut expected = scan(&*source, &options, &NoProgress).report;
    "registry".clone_into(&mut expected.image.source);
    let blobs = image.layers.iter().map(|(_, blob)| blob.to_vec()).collect();
    let handed = InMemory(source.documents().clone(), blobs);
    let request = request(Target::Remote(&handed), None);
    let scanned = scan_in_child(&isolation(None), &request, &NoProgress, &|| false).unwrap();
    assert_eq!(scanned.scanned.report, expected);
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
        .args(["--exact", "sandbox::parent_to_be_killed", "--ignored"])
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
