use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::{
    blob::read_blob,
    budget::Budget,
    config::parse_config,
    entry::EntryMeta,
    manifest::{ManifestDocument, parse_manifest},
    source::{EntryVisitor, LayerDescriptor},
};

fn layer(compression: Compression) -> Layer {
    let layer = Layer::builder("ADD a").directory("etc", 0o755).file("etc/a", b"A");
    layer.compression(compression).build().unwrap()
}

fn image() -> BuiltImage {
    let platform: Platform = "linux/arm/v7".parse().unwrap();
    ImageBuilder::new(platform)
        .layer(&layer(Compression::Gzip))
        .history("ENV A=b")
        .env("A", "b")
        .env("PATH", "/bin")
        .user("app")
        .working_dir("/w")
        .entrypoint(&["/app"])
        .cmd(&["serve"])
        .healthcheck(&["CMD-SHELL", "true"])
        .exposed_port("80/tcp")
        .volume("/data")
        .label("a", "1")
        .annotation("b", "2")
        .build()
        .unwrap()
}

#[test]
fn equal_content_gives_equal_digests() {
    let layers = [Compression::Plain, Compression::Gzip, Compression::Zstd].map(layer);
    let [plain, gzip, zstd] = &layers;
    assert_eq!(plain.digest(), plain.diff_id());
    assert_eq!(gzip.diff_id(), plain.digest());
    assert_eq!(zstd.diff_id(), plain.digest());
    assert_eq!(layer(Compression::Gzip).digest(), gzip.digest());
    // The archive's bytes are fixed: a change here changes every digest of the demo.
    assert_eq!(
        plain.digest().to_string(),
        "sha256:e2b1434654001c5bc894a6930ce3e7cc7d57f8453b5f3fad9e68e1cd66c7b73a"
    );
    assert_eq!(image().manifest_digest, image().manifest_digest);
}

#[test]
fn documents_say_what_was_built() {
    let image = image();
    let config = parse_config(&image.config).unwrap();
    assert_eq!(config.platform(), Some("linux/arm/v7".parse().unwrap()));
    assert_eq!((config.user.as_str(), config.working_dir.as_str()), ("app", "/w"));
    assert_eq!(config.env, ["A=b", "PATH=/bin"]);
    assert_eq!(config.entrypoint, Some(vec!["/app".to_owned()]));
    assert_eq!(config.cmd, Some(vec!["serve".to_owned()]));
    assert_eq!(config.healthcheck, Some(vec!["CMD-SHELL".to_owned(), "true".to_owned()]));
    assert_eq!(config.exposed_ports, ["80/tcp"]);
    assert_eq!(config.volumes, ["/data"]);
    assert_eq!(config.labels.get("a").map(String::as_str), Some("1"));
    let history: Vec<_> =
        config.history.iter().map(|step| (step.created_by.as_str(), step.empty_layer)).collect();
    assert_eq!(history, [("ADD a", false), ("ENV A=b", true)]);
    assert_eq!(config.diff_ids, [layer(Compression::Gzip).diff_id()]);
    let ManifestDocument::Image(manifest) = parse_manifest(&image.manifest, None).unwrap() else {
        panic!("not an image")
    };
    assert!(manifest.is_image());
    assert_eq!(manifest.config.digest, image.config_digest);
    assert_eq!(manifest.config.size, image.config.len() as u64);
    assert_eq!(manifest.layers[0].digest, image.layers[0].0);
    assert_eq!(manifest.layers[0].size, image.layers[0].1.len() as u64);
    assert_eq!(manifest.annotations.get("b").map(String::as_str), Some("2"));
}

/// Metadata and content of every entry.
#[derive(Default)]
struct Seen(Vec<(EntryMeta, Vec<u8>)>);

impl EntryVisitor for Seen {
    fn visit(&mut self, _: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.0.push((meta.clone(), bytes));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_is_read(
        files in prop::collection::vec(
            ("[a-zäé .%]{1,130}", 0_u32..0o10000, any::<u32>(), prop::collection::vec(any::<u8>(), 0..3000)),
            0..6,
        ),
        target in "[a-z/.]{1,200}",
        compression in prop::sample::select(vec![Compression::Gzip, Compression::Zstd, Compression::Plain]),
    ) {
        let builder = Layer::builder("test").compression(compression).symlink("link", &target);
        let builder = files.iter().fold(builder, |it, (path, mode, owner, bytes)| {
            it.file_with(&format!("d/x{path}"), *mode, u64::from(*owner), 7, bytes)
        });
        let layer = builder.build().unwrap();
        let expected = LayerDescriptor {
            digest: Some(layer.digest()),
            size: layer.bytes().len() as u64,
            diff_id: Some(layer.diff_id()),
            ..LayerDescriptor::default()
        };
        let mut seen = Seen::default();
        let read =
            read_blob(&mut layer.bytes(), &expected, &Budget::default(), &mut seen).unwrap();
        prop_assert_eq!(read.anomalies, Vec::<String>::new());
        prop_assert_eq!(seen.0[0].0.link.as_deref(), Some(target.as_bytes()));
        prop_assert_eq!(seen.0.len(), files.len() + 1);
        for ((meta, content), (path, mode, owner, bytes)) in seen.0[1..].iter().zip(&files) {
            let name = format!("d/x{path}");
            prop_assert_eq!(meta.path.display(), name.as_str());
            prop_assert_eq!((meta.mode, meta.uid, meta.gid), (*mode, u64::from(*owner), 7));
            prop_assert_eq!(content, bytes);
        }
    }
}
