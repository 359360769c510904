use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{Read, Write},
    os::unix::fs::symlink,
    process::Command,
};

use super::*;
use crate::{
    build::{
        BuiltImage, Compression, ImageBuilder, Layer, LayerBuilder, write_multi_platform_layout,
    },
    entry::{EntryKind, EntryMeta},
    source::{EntryVisitor, ReadError},
    tree::Tree,
};

fn amd64() -> Platform {
    "linux/amd64".parse().unwrap()
}

fn lower() -> LayerBuilder {
    Layer::builder("ADD base")
        .directory("etc", 0o755)
        .file("etc/passwd", b"root:x:0:0\n")
        .file("etc/gone", b"gone")
        .file_with("bin/su", 0o4755, 0, 0, b"\x7fELF")
        .symlink("lib", "usr/lib")
}

fn image_for(platform: &str, text: &[u8]) -> BuiltImage {
    image_with(platform, text, Compression::Zstd)
}

fn image_with(platform: &str, text: &[u8], compression: Compression) -> BuiltImage {
    let upper = Layer::builder("COPY").whiteout("etc/gone").file("usr/lib/text", text);
    let upper = upper.hardlink("usr/lib/again", "usr/lib/text").compression(compression);
    ImageBuilder::new(platform.parse().unwrap())
        .layer(&lower().build().unwrap())
        .layer(&upper.build().unwrap())
        .user("app")
        .build()
        .unwrap()
}

fn image() -> BuiltImage {
    image_for("linux/amd64", b"text")
}

fn open(path: &Path) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    open_path(path, None, &amd64(), &Budget::default())
}

fn problem(path: &Path) -> String {
    match open(path) {
        Ok(source) => panic!("opened as {}", source.documents().source_kind),
        Err(error) => error.to_string(),
    }
}

#[derive(Default)]
struct Contents(BTreeMap<u32, Vec<u8>>);

impl EntryVisitor for Contents {
    fn visit(&mut self, index: u32, _: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.0.insert(index, bytes);
        Ok(())
    }
}

/// Files with content and mode, links with target.
fn tree(source: &dyn LayerSource) -> BTreeMap<String, String> {
    let mut layers = Vec::new();
    let mut contents = Vec::new();
    for index in 0..source.documents().layers.len() {
        let mut visitor = Contents::default();
        let layer = source.read_layer(index, &Budget::default(), &mut visitor).unwrap();
        assert_eq!(layer.anomalies, Vec::<String>::new());
        assert_eq!(layer.gaps, []);
        layers.push(layer);
        contents.push(visitor.0);
    }
    let (tree, anomalies) = Tree::merge(&layers);
    assert_eq!(anomalies, Vec::<String>::new());
    let files = tree.walk().filter(|node| node.meta.kind != EntryKind::Directory).map(|node| {
        let shown = match node.content {
            Some(content) if node.meta.kind == EntryKind::File => {
                let bytes = &contents[content.layer][&content.entry];
                format!("{:o} {}", node.meta.mode, String::from_utf8_lossy(bytes))
            }
            _ => String::from_utf8(node.meta.link.unwrap_or_default()).unwrap(),
        };
        (node.path.display().into_owned(), shown)
    });
    files.collect()
}

fn wanted() -> BTreeMap<String, String> {
    let files = [
        ("bin/su", "4755 \x7fELF"),
        ("etc/passwd", "644 root:x:0:0\n"),
        ("lib", "usr/lib"),
        ("usr/lib/again", "644 text"),
        ("usr/lib/text", "644 text"),
    ];
    files.map(|(path, shown)| (path.to_owned(), shown.to_owned())).into()
}

fn compress(file: &Path, target: &Path) {
    let mut encoder = flate2::write::GzEncoder::new(
        fs::File::create(target).unwrap(),
        flate2::Compression::fast(),
    );
    encoder.write_all(&fs::read(file).unwrap()).unwrap();
    encoder.finish().unwrap();
}

/// Packs a folder with the system's tar.
fn pack(folder: &Path, target: &Path) {
    let status = Command::new("tar").arg("-cf").arg(target).arg("-C").arg(folder).arg(".").status();
    assert!(status.unwrap().success());
}

#[test]
fn an_image_is_the_same_however_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    image().write_oci_layout(&at("layout"), "app:1").unwrap();
    image().write_docker_archive(&at("archive.tar"), "app:1").unwrap();
    pack(&at("layout"), &at("layout.tar"));
    compress(&at("archive.tar"), &at("archive.tar.gz"));
    compress(&at("layout.tar"), &at("layout.tar.gz"));
    for (name, kind) in [
        ("layout", "oci-layout"),
        ("layout.tar", "oci-layout"),
        ("layout.tar.gz", "oci-layout"),
        ("archive.tar", "docker-archive"),
        ("archive.tar.gz", "docker-archive"),
        ("archive.tar:app:1", "docker-archive"),
        ("layout:app:1", "oci-layout"),
    ] {
        let source = open(&at(name)).unwrap();
        let documents = source.documents();
        assert_eq!(documents.source_kind, kind, "{name}");
        assert_eq!(documents.name, at(name).display().to_string());
        assert_eq!(documents.config, image().config);
        assert_eq!(documents.config_digest, Some(image().config_digest));
        assert_eq!(documents.platform, Some(amd64()));
        let manifest_digest = (kind == "oci-layout").then_some(image().manifest_digest);
        assert_eq!(documents.manifest_digest, manifest_digest);
        assert_eq!(tree(&*source), wanted(), "{name}");
        assert!(matches!(
            source.read_layer(2, &Budget::default(), &mut ()),
            Err(ReadError::NoSuchLayer { index: 2, count: 2 })
        ));
    }
}

#[test]
fn archives_of_podman_and_skopeo_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let image = image_with("linux/amd64", b"text", Compression::Gzip);
    image.write_oci_layout(&at("layout"), "1").unwrap();
    let copy = |target: String| {
        let from = format!("oci:{}:1", at("layout").display());
        let policy = ["--insecure-policy", "copy", "-q"];
        Command::new("skopeo").args(policy).arg(from).arg(target).status()
    };
    match copy(format!("docker-archive:{}:app:1", at("skopeo.tar").display())) {
        Ok(status) => assert!(status.success()),
        Err(error) => return println!("skipped: skopeo is not here: {error}"),
    }
    assert!(copy(format!("oci-archive:{}:app", at("oci.tar").display())).unwrap().success());
    assert_eq!(tree(&*open(&at("skopeo.tar")).unwrap()), wanted());
    assert_eq!(tree(&*open(&at("oci.tar")).unwrap()), wanted());
}

#[test]
fn a_root_file_system_is_read_from_a_folder_and_from_a_tar() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/a"), "A").unwrap();
    fs::write(root.join("etc/.wh.a"), "a name like others").unwrap();
    fs::hard_link(root.join("etc/a"), root.join("etc/b")).unwrap();
    symlink("/etc/a", root.join("etc/link")).unwrap();
    let source = open(&root).unwrap();
    assert_eq!(source.documents().source_kind, "rootfs");
    assert_eq!(source.documents().config, b"{}");
    let mut expected: BTreeMap<String, String> = [
        ("etc/.wh.a", "644 a name like others"),
        ("etc/a", "644 A"),
        ("etc/b", "644 A"),
        ("etc/link", "/etc/a"),
    ]
    .map(|(path, shown)| (path.to_owned(), shown.to_owned()))
    .into();
    assert_eq!(tree(&*source), expected);
    fs::remove_file(root.join("etc/.wh.a")).unwrap();
    expected.remove("etc/.wh.a");
    let tar = folder.path().join("root.tar");
    pack(&root, &tar);
    compress(&tar, &folder.path().join("root.tgz"));
    for name in ["root.tar", "root.tgz"] {
        let source = open(&folder.path().join(name)).unwrap();
        assert_eq!(source.documents().source_kind, "layer-tar");
        assert_eq!(tree(&*source), expected);
    }
}

#[test]
fn unreadable_files_of_a_folder_are_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("etc")).unwrap();
    fs::write(root.join("etc/a"), "A").unwrap();
    fs::write(root.join("etc/b"), "B").unwrap();
    /// Replaces a file by something else between its listing and its reading.
    struct Swaps<'p>(&'p Path, Vec<String>);
    impl EntryVisitor for Swaps<'_> {
        fn visit(&mut self, _: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
            if meta.path.name() == b"a" {
                fs::remove_file(self.0).unwrap();
                symlink("/etc/passwd", self.0).unwrap();
            }
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            self.1.push(text);
            Ok(())
        }
    }
    let source = open(root).unwrap();
    let path = root.join("etc/a");
    let mut visitor = Swaps(&path, Vec::new());
    let layer = source.read_layer(0, &Budget::default(), &mut visitor).unwrap();
    assert_eq!(visitor.1, ["", "B"]);
    assert_eq!(layer.entries.len(), 3);
    let [gap] = layer.gaps.as_slice() else { panic!("{:?}", layer.gaps) };
    assert_eq!(gap.at, "etc/a");
    assert_eq!(gap.reason, plimsoll_model::GapReason::UnreadableFile);
    let budget = Budget { max_entries: 2, ..Budget::default() };
    let layer = source.read_layer(0, &budget, &mut ()).unwrap();
    assert_eq!(layer.entries.len(), 2);
    assert_eq!(layer.gaps[0].reason, plimsoll_model::GapReason::BudgetReached);
}

#[test]
fn the_platform_is_taken_from_nested_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let images = ["linux/amd64", "linux/arm64"].map(|it| image_for(it, it.as_bytes()));
    write_multi_platform_layout(&images, folder.path(), "multi").unwrap();
    for (platform, image) in [("linux/amd64", &images[0]), ("linux/arm64", &images[1])] {
        let platform = platform.parse().unwrap();
        let source = open_path(folder.path(), None, &platform, &Budget::default()).unwrap();
        assert_eq!(source.documents().manifest_digest, Some(image.manifest_digest));
    }
    let other = "linux/s390x".parse().unwrap();
    let error = open_path(folder.path(), None, &other, &Budget::default()).err().unwrap();
    assert!(error.to_string().contains("linux/amd64, linux/arm64"), "{error}");
}

#[test]
fn one_of_several_images_must_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    image_for("linux/amd64", b"1").write_oci_layout(&layout, "one").unwrap();
    image_for("linux/amd64", b"2").write_oci_layout(&layout, "two").unwrap();
    let error = problem(&layout);
    assert!(
        error.ends_with(&format!("name one as `{}:NAME`: one, two", layout.display())),
        "{error}"
    );
    let named = folder.path().join("layout:two");
    let manifest = image_for("linux/amd64", b"2").manifest_digest;
    assert_eq!(open(&named).unwrap().documents().manifest_digest, Some(manifest));
    let error = problem(&folder.path().join("layout:three"));
    assert!(error.ends_with("an image named `three` (there is: one, two) is missing"), "{error}");
}

#[test]
fn damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "1").unwrap();
    let blob = |digest: Digest| layout.join("blobs/sha256").join(digest.hex());
    let layer = blob(image().layers[1].0);
    let mut bytes = fs::read(&layer).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&layer, bytes).unwrap();
    let error = open(&layout).unwrap().read_layer(1, &Budget::default(), &mut ()).unwrap_err();
    assert!(error.to_string().contains(&image().layers[1].0.to_string()), "{error}");
    fs::remove_file(&layer).unwrap();
    let error = open(&layout).unwrap().read_layer(1, &Budget::default(), &mut ()).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    fs::write(blob(image().config_digest), b"{}").unwrap();
    let error = problem(&layout);
    assert!(error.contains(&image().config_digest.to_string()), "{error}");
    assert!(error.contains(&crate::codec::digest_bytes(b"{}").to_string()), "{error}");
    fs::write(layout.join("index.json"), br#"{"manifests":[],"Manifests":[]}"#).unwrap();
    assert!(problem(&layout).contains("`manifests` and `Manifests`"));
}

#[test]
fn what_is_no_image_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("text"), "just a text that is longer than nothing".repeat(40)).unwrap();
    assert!(problem(&at("empty")).contains("`--input rootfs`"));
    assert!(problem(&at("text")).contains("is no archive"));
    assert!(problem(&at("nowhere")).contains("nowhere"));
    let insist = |name: &str, kind| {
        open_path(&at(name), Some(kind), &amd64(), &Budget::default()).map(|_| ())
    };
    assert!(insist("empty", InputKind::Rootfs).is_ok());
    assert!(insist("empty", InputKind::OciLayout).is_err());
    assert!(insist("empty", InputKind::DockerArchive).is_err());
    assert!(insist("text", InputKind::Rootfs).is_err());
    let layer = lower().compression(Compression::Plain).build().unwrap();
    fs::write(at("layer.tar"), layer.bytes()).unwrap();
    for kind in [InputKind::DockerArchive, InputKind::OciLayout] {
        let error = insist("layer.tar", kind).unwrap_err();
        assert!(error.to_string().contains("it has no file"), "{error}");
    }
    assert!(insist("layer.tar", InputKind::LayerTar).is_ok());
    for kind in InputKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("tar".parse::<InputKind>().is_err());
}

/// A file of members that have the given bytes.
fn archive(file: &Path, members: &[(&str, &[u8])]) {
    let builder = Layer::builder("archive").compression(Compression::Plain);
    let builder = members.iter().fold(builder, |it, (name, bytes)| it.file(name, bytes));
    fs::write(file, builder.build().unwrap().bytes()).unwrap();
}

#[test]
fn two_descriptions_in_one_archive_must_agree() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("both.tar");
    let (good, evil) = (image_for("linux/amd64", b"good"), image_for("linux/amd64", b"evil"));
    let name = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let write = |docker: &BuiltImage, layers: &BuiltImage, oci: &BuiltImage| {
        let layer_names: Vec<String> = layers.layers.iter().map(|(it, _)| name(it)).collect();
        let manifest = serde_json::json!([
            {"Config": name(&docker.config_digest), "RepoTags": ["a:1"], "Layers": layer_names}
        ]);
        let index = serde_json::json!({"schemaVersion": 2, "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json",
             "digest": oci.manifest_digest, "size": oci.manifest.len()}
        ]});
        let (manifest, index) = (manifest.to_string(), index.to_string());
        let mut members: BTreeMap<String, &[u8]> = BTreeMap::new();
        for image in [&good, &evil] {
            members.insert(name(&image.config_digest), &image.config);
            members.insert(name(&image.manifest_digest), &image.manifest);
            members.extend(image.layers.iter().map(|(it, bytes)| (name(it), bytes.as_slice())));
        }
        members.insert("manifest.json".to_owned(), manifest.as_bytes());
        members.insert("index.json".to_owned(), index.as_bytes());
        members.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#);
        let members: Vec<(&str, &[u8])> =
            members.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        archive(&file, &members);
    };
    write(&good, &good, &good);
    let source = open(&file).unwrap();
    assert_eq!(source.documents().source_kind, "docker-archive");
    assert_eq!(source.documents().manifest_digest, Some(good.manifest_digest));
    assert_eq!(source.documents().layers[1].digest, Some(good.layers[1].0));
    assert_eq!(tree(&*source)["usr/lib/text"], "644 good");
    write(&good, &good, &evil);
    assert!(problem(&file).contains("`index.json` does not"));
    write(&good, &evil, &good);
    assert!(problem(&file).contains("name different layers"));
}

#[test]
fn a_docker_archive_is_bound_by_its_diff_ids() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("docker.tar");
    let image = image();
    let plain = |index: usize| {
        let mut bytes = Vec::new();
        let blob = image.layers[index].1.as_slice();
        let codec = Codec::of(blob);
        let used = Cell::new(0);
        let mut reader = crate::codec::unpack(codec, blob, &used, &Budget::default()).unwrap();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let (first, second) = (plain(0), plain(1));
    let manifest = |layers: &[&str]| {
        serde_json::json!([{"Config": "config.json", "RepoTags": null, "Layers": layers}])
            .to_string()
    };
    let both = manifest(&["1/layer.tar", "2/layer.tar"]);
    // Layers may be compressed, and may be links to other members.
    let builder = Layer::builder("archive")
        .compression(Compression::Plain)
        .file("config.json", &image.config)
        .file("real.tar.gz", &image.layers[0].1)
        .symlink("1/layer.tar", "../real.tar.gz")
        .file("2/layer.tar", &second)
        .file("manifest.json", both.as_bytes());
    fs::write(&file, builder.build().unwrap().bytes()).unwrap();
    assert_eq!(tree(&*open(&file).unwrap()), wanted());
    let members = |manifest: &str, one: &[u8], two: &[u8]| {
        let named: [(&str, &[u8]); 4] = [
            ("config.json", &image.config),
            ("1/layer.tar", one),
            ("2/layer.tar", two),
            ("manifest.json", manifest.as_bytes()),
        ];
        archive(&file, &named);
    };
    members(&both, &second, &first);
    let error = open(&file).unwrap().read_layer(0, &Budget::default(), &mut ()).unwrap_err();
    assert!(matches!(error, ReadError::Digest { .. }), "{error}");
    members(&manifest(&["1/layer.tar"]), &first, &second);
    assert!(problem(&file).contains("lists 1 layers and the configuration 2"));
    members(&manifest(&["1/layer.tar", "nowhere"]), &first, &second);
    assert!(problem(&file).contains("`nowhere` is missing"));
    archive(&file, &[("manifest.json", b"[]"), ("manifest.json", both.as_bytes())]);
    assert!(open(&file).is_ok_and(|it| it.documents().source_kind == "layer-tar"));
    archive(&file, &[("manifest.json", b"{\"name\":\"a web app\"}")]);
    assert!(open(&file).is_ok_and(|it| it.documents().source_kind == "layer-tar"));
}
