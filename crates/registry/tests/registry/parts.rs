//! Parts of layers: only what was asked for, or an error, or the whole layer.

use std::{
    io::Read,
    sync::atomic::{AtomicUsize, Ordering},
};

use plimsoll_image::{BlobSource, Budget, LayerSource, REGISTRY_BY_CONTENTS, ReadError};
use plimsoll_registry::{RemoteImage, resolve};

use crate::{
    content::{Content, amd64, client, files, image, wanted_files},
    origin::{Origin, Reply, Request},
};

const SIZE: usize = 300_000;

/// A registry that answers requests for parts with `part(first byte, last byte, the blob, how many came before)`.
async fn open(
    name: &str,
    part: impl Fn(usize, usize, &[u8], usize) -> Reply + Send + Sync + 'static,
) -> (Origin, RemoteImage) {
    let image = image(name, SIZE);
    let (digest, bytes) = image.layers.last().unwrap().clone();
    let content = Content::default().image("a", "1", &image);
    let count = AtomicUsize::new(0);
    let origin = Origin::start(move |request: &Request| {
        let asked = request.header("range").and_then(|range| {
            let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        match asked.filter(|_| request.path().ends_with(&digest.to_string())) {
            Some((first, last)) => part(first, last, &bytes, count.fetch_add(1, Ordering::Relaxed)),
            None => content.reply(request),
        }
    })
    .await;
    let client = client(&origin, None);
    let image = resolve(&client, "a", "1", &amd64(), &Budget::default()).await.unwrap();
    (origin, image.by_contents())
}

fn ranged(bytes: &[u8], first: usize, last: usize) -> Reply {
    let range = format!("bytes {first}-{last}/{}", bytes.len());
    Reply::new(206).header("Content-Range", &range).body(&bytes[first..=last])
}

/// Reads a part of the uppermost layer.
async fn read(image: &RemoteImage, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let image = image.clone();
    let read = move || {
        let last = BlobSource::documents(&image).layers.len() - 1;
        let part = image.open_part(last, offset, length);
        let mut bytes = Vec::new();
        part.map_err(|error: ReadError| error.to_string())?
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test]
async fn a_part_is_what_was_asked_for_even_over_a_line_that_is_cut() {
    let wanted = image("parts", SIZE).layers.last().unwrap().1.clone();
    let (_origin, image) = open("parts", |first, last, bytes, before| {
        let part = ranged(bytes, first, last);
        if before % 2 == 0 { part.cut_after(1_000) } else { part }
    })
    .await;
    for (offset, length) in [(0, 5_000), (1, 2_000), (70_000, 100_000)] {
        let part = read(&image, offset as u64, length as u64).await.unwrap();
        assert!(part == wanted[offset..offset + length], "{offset} {length}");
    }
}

#[tokio::test]
async fn anything_else_than_the_part_is_an_error() {
    type Part = fn(usize, usize, &[u8], usize) -> Reply;
    let whole: Part = |_, _, bytes, _| Reply::new(200).body(bytes);
    let other: Part = |first, last, bytes, _| ranged(bytes, first + 1, last);
    let longer: Part = |first, last, bytes, _| {
        let range = format!("bytes {first}-{last}/{}", bytes.len());
        Reply::new(206).header("Content-Range", &range).body(&bytes[first..=last + 9])
    };
    let refused: Part = |_, _, _, _| Reply::new(416);
    for (name, part, wanted) in [
        ("whole", whole, "it sends no parts of blobs"),
        ("other", other, "the answer is the range `bytes 101-"),
        ("longer", longer, "it goes on after"),
        ("refused", refused, "answered 416"),
    ] {
        let (_origin, image) = open(name, part).await;
        let error = read(&image, 100, 1_000).await.unwrap_err();
        assert!(error.contains(wanted), "{name}: {error}");
    }
}

/// An image without tables of contents is read as any other.
#[tokio::test]
async fn a_layer_without_a_table_is_read_as_a_whole() {
    let (origin, image) = open("plain", |_, _, _, _| Reply::new(500)).await;
    assert_eq!(LayerSource::documents(&image).source_kind, REGISTRY_BY_CONTENTS);
    assert_eq!(files(image).await.unwrap(), wanted_files("plain", SIZE as u64));
    assert!(origin.requests().iter().all(|request| request.header("range").is_none()));
}
