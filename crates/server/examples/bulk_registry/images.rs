//! Images to be scanned: many, small, and each with layers of its own.
//!
//! In: how many, and of what size. Out: the images in a registry. Odd: contents follow from an image's number, so that two runs make
//! the same; half of the bytes are text, half are noise that no compressor shortens.

use std::fmt::Write as _;

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;

type Failure = Box<dyn std::error::Error>;

/// Packages of an image.
const PACKAGES: u32 = 120;
/// Files of its own layer.
const FILES: usize = 64;
/// Packages that advisories know, so that there is something to match.
const KNOWN: [(&str, &str); 4] = [
    ("openssl", "3.0.9-1"),
    ("curl", "7.88.1-10"),
    ("libc6", "2.36-9"),
    ("zlib1g", "1:1.2.13.dfsg-1"),
];

/// Puts `count` images of about `kibibytes` each into a registry.
pub(crate) fn fill(
    registry: &LoopbackRegistry,
    count: u32,
    kibibytes: usize,
) -> Result<(), Failure> {
    for number in 0..count {
        let name = format!("bench/app-{number}");
        registry.put(&name, "1", &image(number, kibibytes * 1_024)?);
    }
    Ok(())
}

fn image(number: u32, size: usize) -> Result<BuiltImage, Failure> {
    let mut status = String::new();
    let mut package = |name: &str, version: &str| {
        write!(
            status,
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
        )
    };
    for (name, version) in KNOWN {
        package(name, version)?;
    }
    for of_image in 0..PACKAGES {
        package(&format!("package-{of_image}"), &format!("1.{number}.{of_image}"))?;
    }
    let release: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n";
    let system = Layer::builder("ADD rootfs /")
        .file("etc/os-release", release)
        .file("etc/debian_version", b"12.0\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .build()?;
    let mut own = Layer::builder("COPY app /srv");
    for file in 0..FILES {
        let bytes = if file % 2 == 0 {
            noise((u64::from(number) << 16) | file as u64, size / FILES)
        } else {
            text(number, file, size / FILES)
        };
        own = own.file(&format!("srv/part-{file}"), &bytes);
    }
    let image = ImageBuilder::new("linux/amd64".parse()?).layer(&system).layer(&own.build()?);
    Ok(image.build()?)
}

fn noise(first: u64, size: usize) -> Vec<u8> {
    let mut state = first.wrapping_add(1);
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend((state >> 16).to_be_bytes());
    }
    bytes
}

fn text(number: u32, file: usize, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 80);
    let mut line = 0_u32;
    while bytes.len() < size {
        let text = format!(
            "def step_{line}(value):  # of image {number}, file {file}\n    return value\n"
        );
        bytes.extend(text.as_bytes());
        line += 1;
    }
    bytes
}
