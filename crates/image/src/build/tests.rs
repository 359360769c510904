use super::*;
use crate::{
    config::parse_config,
    manifest::{ManifestDocument, parse_manifest},
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
