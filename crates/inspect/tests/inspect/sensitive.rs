//! Sensitive files of whole images: whose they are, and what that makes of them.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use plimsoll_image::{Compression, Layer, LayerBuilder};
use plimsoll_model::{Finding, Kind, Level};

use crate::case;

/// A private key that is none: it begins as one, and its numbers are no numbers.
fn key(seed: u8) -> String {
    let mut bytes = vec![0x30, 0x82, 1, 0x22, 2, 1, 0, 2];
    bytes.extend((0..120_u8).map(|at| at.wrapping_mul(37).wrapping_add(seed)));
    let body = STANDARD.encode(bytes);
    format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n")
}

fn plain() -> LayerBuilder {
    Layer::builder("").compression(Compression::Plain)
}

/// A layer in which a package with these files is installed.
fn with_package(layer: LayerBuilder, files: &[(&str, &str)], sums: bool) -> LayerBuilder {
    let status = "Package: p\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";
    let list: String = files.iter().map(|(path, _)| format!("/{path}\n")).collect();
    let digest = |text: &str| -> String {
        Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let told: String =
        files.iter().map(|(path, text)| format!("{}  {path}\n", digest(text))).collect();
    let layer = layer
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("var/lib/dpkg/info/p.list", list.as_bytes());
    if sums { layer.file("var/lib/dpkg/info/p.md5sums", told.as_bytes()) } else { layer }
}

fn secrets(layers: &[LayerBuilder]) -> Vec<Finding> {
    let layers: Vec<Layer> = layers.iter().map(|layer| layer.clone().build().unwrap()).collect();
    let findings = case::inspect_layers(&layers, b"{}").findings;
    findings.into_iter().filter(|finding| finding.kind == Kind::Secret).collect()
}

fn ids(findings: &[Finding]) -> Vec<(&str, Level)> {
    findings.iter().map(|finding| (finding.id.as_str(), finding.level)).collect()
}

const PATH: &str = "usr/share/app/server.key";

#[test]
fn what_has_its_package_s_digest_is_the_package_s_wherever_it_lies() {
    let key = key(1);
    let alone = [plain().file(PATH, key.as_bytes())];
    assert_eq!(ids(&secrets(&alone)), [("rsa_private_key", Level::High)]);
    let installed = with_package(plain().file(PATH, key.as_bytes()), &[(PATH, &key)], true);
    assert_eq!(ids(&secrets(std::slice::from_ref(&installed))), []);
    // The same bytes once more, as a change of owner copies them up.
    let again = plain().file(PATH, key.as_bytes());
    assert_eq!(ids(&secrets(&[installed, again.clone()])), []);
    // Without digests, only the layer in which packages were installed tells.
    let untold = with_package(plain().file(PATH, key.as_bytes()), &[(PATH, &key)], false);
    assert_eq!(ids(&secrets(std::slice::from_ref(&untold))), []);
    assert_eq!(ids(&secrets(&[untold, again])), [("rsa_private_key", Level::High)]);
}

#[test]
fn what_has_another_digest_than_its_package_says_counts() {
    let changed = plain().file(PATH, key(2).as_bytes());
    let layer = with_package(changed, &[(PATH, &key(1))], true);
    assert_eq!(ids(&secrets(&[layer])), [("rsa_private_key", Level::High)]);
}

#[test]
fn a_file_that_is_named_like_a_secret_counts_less_as_it_came_with_its_package() {
    let (path, text) = ("usr/share/app/.netrc", "machine a login b password x9Tq4mZ7wKp2\n");
    let alone = secrets(&[plain().file(path, text.as_bytes())]);
    assert_eq!(ids(&alone), [("netrc_cfg", Level::High)]);
    assert!(!alone[0].extra.contains_key("lowered"));
    let layer = with_package(plain().file(path, text.as_bytes()), &[(path, text)], true);
    let packaged = secrets(&[layer]);
    assert_eq!(ids(&packaged), [("netrc_cfg", Level::Low)]);
    assert!(packaged[0].extra["lowered"].contains("byte for byte"));
}
