//! Every kind of image through the child's hands: the same words as without a child, and no secret on the way.

use std::{
    io::Read,
    os::unix::fs::{FileExt, symlink},
    path::Path,
    process::{Command, Stdio},
};

use plimsoll_advisory::MatchContext;
use plimsoll_image::{Budget, ImageBuilder, ImageDocuments, Layer, open_path};
use plimsoll_model::Secret;
use plimsoll_registry::{Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, resolve};
use plimsoll_scanner::{
    NoProgress, ScanOptions,
    child::{Target, scan_in_child},
    scan,
};
use plimsoll_server::{Blobs, LoopbackRegistry};

use super::{arguments_of, children_of, is_root, isolation, packages, platform, request};
use crate::support::{plimsoll, plimsoll_ok, run, temporary};

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

/// Layouts whose blobs are links into a store, and what only this process has a number for.
#[test]
fn links_in_a_blob_s_place_are_followed_and_others_are_not() {
    let folder = temporary();
    let path = |name: &str| folder.path().join(name);
    let image = packages(4);
    image.write_oci_layout(&path("layout"), "latest").unwrap();
    image.write_docker_archive(&path("docker.tar"), "app:1").unwrap();
    let linked = |name: &str| {
        std::fs::create_dir_all(path(name)).unwrap();
        for document in ["oci-layout", "index.json"] {
            std::fs::copy(path("layout").join(document), path(name).join(document)).unwrap();
        }
        path(name)
    };
    symlink(path("layout/blobs"), linked("folder").join("blobs")).unwrap();
    std::fs::create_dir_all(linked("files").join("blobs/sha256")).unwrap();
    for blob in std::fs::read_dir(path("layout/blobs/sha256")).unwrap() {
        let blob = blob.unwrap();
        symlink(blob.path(), path("files/blobs/sha256").join(blob.file_name())).unwrap();
    }
    // In a root file system, a link leads within it: the file of the machine is another one.
    std::fs::create_dir_all(path("root/srv/node_modules/out")).unwrap();
    std::fs::create_dir_all(path("root/etc")).unwrap();
    let package = r#"{"name": "outside", "version": "1.0.0"}"#;
    std::fs::write(path("package.json"), package).unwrap();
    symlink(path("package.json"), path("root/srv/node_modules/out/package.json")).unwrap();
    let scan = |target: &Path, input: Option<&Path>| {
        let data = path("data");
        let start = ["scan", "--format", "json", "--no-cache", "--platform", "linux/amd64"];
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(start)
            .args(["--sandbox", "require", "--data"])
            .args([&data, target])
            .stdin(input.map_or(Stdio::null(), |path| std::fs::File::open(path).unwrap().into()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for name in ["folder", "files"] {
        assert!(scan(&path(name), None).contains("\"p3\""), "{name}");
    }
    assert!(!scan(&path("root"), None).contains("outside"));
    assert!(scan(Path::new("/dev/stdin"), Some(&path("docker.tar"))).contains("\"p3\""));
}

/// The list of files, too, and nothing in it moves a terminal's cursor.
#[test]
fn trees_are_the_same_with_and_without_a_child() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    let layer = Layer::builder("COPY")
        .file("srv/\u{1b}[2Jname", b"text")
        .file("srv/line\nbreak", b"text")
        .symlink("srv/link", "/etc/\u{1b}[31mpasswd")
        .build()
        .unwrap();
    let image = ImageBuilder::new(platform()).layer(&layer).build().unwrap();
    image.write_oci_layout(&layout, "latest").unwrap();
    let layout = layout.to_str().unwrap();
    for arguments in [&[][..], &["--format", "json", "--digests"], &["--layer", "0"]] {
        let tree = |sandbox: &str| {
            let start = ["tree", layout, "--platform", "linux/amd64", "--sandbox", sandbox];
            plimsoll_ok(start.iter().chain(arguments))
        };
        let with = tree("require");
        assert_eq!(with, tree("off"), "{arguments:?}");
        assert!(with.contains("link") && !with.contains('\u{1b}'), "{with}");
    }
    let arguments = ["tree", layout, "--platform", "linux/amd64", "--layer", "7"];
    let output = plimsoll(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("layer 7 does not exist"), "{error}");
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
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
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
