use std::io::Write;

use super::*;
use crate::{
    build::{Compression, Layer, LayerBuilder},
    codec::digest_bytes,
};

fn small() -> LayerBuilder {
    Layer::builder("test").directory("etc", 0o755).file("etc/a", b"A").file("b", &[b'B'; 2000])
}

fn archive() -> Vec<u8> {
    small().compression(Compression::Plain).build().unwrap().bytes().to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    liblzma::encode_all(bytes, 6).unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn describe(blob: &[u8]) -> LayerDescriptor {
    LayerDescriptor {
        digest: Some(digest_bytes(blob)),
        size: blob.len() as u64,
        ..LayerDescriptor::default()
    }
}

fn read(blob: &[u8]) -> Result<LayerEntries, ReadError> {
    read_within(blob, &Budget::default())
}

fn read_within(mut blob: &[u8], budget: &Budget) -> Result<LayerEntries, ReadError> {
    let expected = describe(blob);
    read_blob(&mut blob, &expected, budget, &mut ())
}

fn budget(change: impl FnOnce(&mut Budget)) -> Budget {
    let mut budget = Budget::default();
    change(&mut budget);
    budget
}

fn paths(layer: &LayerEntries) -> Vec<String> {
    layer.entries.iter().map(|entry| entry.path().display().into_owned()).collect()
}

#[test]
fn all_members_and_frames_are_read() {
    let tar = archive();
    let (first, second) = tar.split_at(700);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    for blob in [
        tar.clone(),
        gzip(&tar),
        [gzip(first), gzip(second)].concat(),
        [gzip(b""), gzip(&tar), gzip(b"")].concat(),
        zstd(&tar),
        [zstd(first), skippable.clone(), zstd(second)].concat(),
        [skippable, zstd(&tar)].concat(),
        xz(&tar),
        [xz(first), vec![0; 8], xz(second)].concat(),
        [xz(b""), xz(&tar)].concat(),
        bzip2(&tar),
        [bzip2(first), bzip2(second)].concat(),
        [bzip2(b""), bzip2(&tar), bzip2(b"")].concat(),
    ] {
        let mut expected = describe(&blob);
        expected.diff_id = Some(digest_bytes(&tar));
        let budget = budget(|it| it.verify_diff_ids = true);
        let layer = read_blob(&mut blob.as_slice(), &expected, &budget, &mut ()).unwrap();
        assert_eq!(paths(&layer), ["etc", "etc/a", "b"]);
        assert_eq!(layer.anomalies, Vec::<String>::new());
        assert_eq!(layer.computed_digest, expected.digest);
        assert_eq!(layer.computed_diff_id, expected.diff_id);
        assert_eq!(layer.unpacked_size, tar.len() as u64);
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let blob = gzip(&archive());
    let expected = describe(&blob);
    for at in 0..blob.len() {
        let mut flipped = blob.clone();
        flipped[at] ^= 1 << (at % 8);
        let read = read_blob(&mut flipped.as_slice(), &expected, &Budget::default(), &mut ());
        assert!(read.is_err(), "byte {at}");
    }
    let mut flipped = archive();
    let expected = describe(&flipped);
    flipped[1030] ^= 1;
    let error = read_blob(&mut flipped.as_slice(), &expected, &Budget::default(), &mut ());
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&digest_bytes(&flipped).to_string()), "{error}");
    assert!(error.contains(&expected.digest.unwrap().to_string()), "{error}");
}

#[test]
fn more_or_fewer_bytes_than_stated_are_an_error() {
    let blob = gzip(&archive());
    for size in [1, blob.len() as u64 - 1, blob.len() as u64 + 1] {
        let expected = LayerDescriptor { size, ..describe(&blob) };
        let read = read_blob(&mut blob.as_slice(), &expected, &Budget::default(), &mut ());
        assert!(matches!(read, Err(ReadError::Size { .. })), "{size}: {read:?}");
    }
    // An endless blob is not read to its end.
    let expected = LayerDescriptor { size: 5000, ..LayerDescriptor::default() };
    let read = read_blob(&mut io::repeat(0), &expected, &Budget::default(), &mut ());
    assert!(matches!(read, Err(ReadError::Size { .. })), "{read:?}");
}

#[test]
fn cut_off_streams_are_errors() {
    for (whole, codec) in [
        (gzip(&archive()), "gzip"),
        (zstd::encode_all(archive().as_slice(), 1).unwrap(), "zstd"),
        (xz(&archive()), "xz"),
        (bzip2(&archive()), "bzip2"),
    ] {
        for length in [7, whole.len() / 2] {
            let error = read(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains(codec), "{length}: {error}");
        }
    }
    let tar = archive();
    let error = read(&tar[..1024]).unwrap_err();
    assert!(matches!(error, ReadError::Archive { offset: 512, .. }), "{error}");
    for codec in [xz, bzip2] {
        let blob = [codec(&tar), b"rubbish".to_vec()].concat();
        assert!(read(&blob).unwrap().anomalies[0].contains("behind the archive's end"));
    }
}

#[test]
fn what_stands_behind_the_archive_is_odd() {
    let tar = archive();
    let layer = read(&[gzip(&tar), b"rubbish".to_vec()].concat()).unwrap();
    assert!(layer.anomalies[0].contains("not gzip"), "{:?}", layer.anomalies);
    let layer = read(&gzip(&[tar.clone(), b"more".to_vec()].concat())).unwrap();
    assert_eq!(layer.anomalies, ["has data behind the archive's end"]);
    let layer = read(&gzip(&[tar, vec![0; 10_000]].concat())).unwrap();
    assert_eq!(layer.anomalies, Vec::<String>::new());
    assert_eq!(paths(&read(b"").unwrap()), Vec::<String>::new());
}

#[test]
fn a_reached_budget_is_a_gap_with_its_number() {
    let blob = gzip(&archive());
    let budget = |change: fn(&mut Budget)| {
        let mut budget = Budget::default();
        change(&mut budget);
        budget
    };
    for (budget, name, entries) in [
        (budget(|it| it.max_entries = 2), "limit of 2 is reached (`max_entries`)", 2),
        (budget(|it| it.max_names_bytes = 3), "limit of 3 is reached (`max_names_bytes`)", 1),
        (budget(|it| it.max_path_bytes = 4), "limit of 4 is reached (`max_path_bytes`)", 1),
        (budget(|it| it.max_unpacked_bytes = 9), "limit of 9 is reached (`max_unpacked_bytes`)", 0),
    ] {
        let layer = read_within(&blob, &budget).unwrap();
        assert_eq!(layer.entries.len(), entries, "{name}");
        let [gap] = layer.gaps.as_slice() else { panic!("{:?}", layer.gaps) };
        assert_eq!(gap.reason, GapReason::BudgetReached);
        assert!(gap.detail.contains(name), "{}", gap.detail);
        assert_eq!(layer.computed_digest, Some(digest_bytes(&blob)));
        assert_eq!(layer.computed_diff_id, None);
    }
    let limited = budget(|it| it.max_compressed_bytes = 20);
    assert!(matches!(
        read_blob(&mut blob.as_slice(), &LayerDescriptor::default(), &limited, &mut ()),
        Err(ReadError::Budget { .. })
    ));
}

#[test]
fn bombs_end_early() {
    let zeros = io::repeat(0).take(4 << 30);
    let mut head = archive();
    head.truncate(head.len() - 1024);
    let unpacked = head.as_slice().chain(zeros);
    // 4 GiB behind two zero blocks: the archive is over, but draining it must end too.
    let blob = zstd::encode_all(unpacked, 1).unwrap();
    let layer = read(&blob).unwrap();
    assert_eq!(layer.entries.len(), 3);
    assert!(layer.gaps[0].detail.contains("`max_ratio`"), "{:?}", layer.gaps);
    assert!(layer.unpacked_size < Budget::RATIO_FREE_BYTES + (1 << 20));
}

#[test]
fn folders_that_paths_only_imply_count() {
    let layer = |deep: usize| {
        let path = format!("{}file", "f/".repeat(deep));
        let layer = Layer::builder("test").file(&path, b"").compression(Compression::Plain);
        layer.build().unwrap().bytes().to_vec()
    };
    let budget = budget(|it| it.max_folders = 30);
    for (deep, gaps) in [(10, 0), (20, 0), (1, 1)] {
        let read = read_within(&layer(deep), &budget).unwrap();
        assert_eq!(read.entries.folders(), deep);
        assert_eq!(read.gaps.len(), gaps, "all layers together: {deep}");
    }
}

#[test]
fn a_frame_that_wants_too_much_memory_is_refused() {
    // Magic, a descriptor without content size, and a window of 2^31 bytes.
    let blob = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    let error = read(&blob).unwrap_err();
    assert!(matches!(error, ReadError::Codec { codec: "zstd", .. }), "{error}");
}

#[test]
fn an_xz_stream_that_wants_too_much_memory_is_refused() {
    let options = |dictionary| {
        let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
        options.dict_size(dictionary);
        options
    };
    let pack = |dictionary| {
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(&options(dictionary));
        let check = liblzma::stream::Check::Crc64;
        let stream = liblzma::stream::Stream::new_stream_encoder(&filters, check).unwrap();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(&archive()).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(read(&pack(64 << 20)).unwrap().entries.len(), 3);
    let error = read(&pack(192 << 20)).unwrap_err();
    assert!(matches!(error, ReadError::Codec { codec: "xz", .. }), "{error}");
}

#[test]
fn a_visitor_sees_content_and_may_stop() {
    struct Reads(Vec<(u32, String, usize)>);
    impl EntryVisitor for Reads {
        fn visit(
            &mut self,
            index: u32,
            meta: &EntryMeta,
            content: &mut dyn Read,
        ) -> io::Result<()> {
            let mut bytes = Vec::new();
            content.take(1500).read_to_end(&mut bytes)?;
            self.0.push((index, meta.path.display().into_owned(), bytes.len()));
            if meta.path.name() == b"stop" { Err(io::Error::other("enough")) } else { Ok(()) }
        }
    }
    let mut visitor = Reads(Vec::new());
    let layer = small().file("stop", b"").file("after", b"").build().unwrap();
    let error =
        read_blob(&mut layer.bytes(), &describe(layer.bytes()), &Budget::default(), &mut visitor);
    assert!(error.unwrap_err().to_string().ends_with(": enough"));
    let seen = [(0, "etc", 0), (1, "etc/a", 1), (2, "b", 1500), (3, "stop", 0)];
    assert_eq!(visitor.0, seen.map(|(index, path, length)| (index, path.to_owned(), length)));
}

#[test]
fn another_diff_id_is_odd_unless_it_is_all_there_is() {
    let blob = gzip(&archive());
    let wrong = Digest::from_bytes([7; 32]);
    let read = |budget: &Budget, diff_id| {
        let expected = LayerDescriptor { diff_id: Some(diff_id), ..describe(&blob) };
        read_blob(&mut blob.as_slice(), &expected, budget, &mut ()).unwrap()
    };
    let verified = read(&budget(|it| it.verify_diff_ids = true), wrong);
    assert_eq!(verified.anomalies, Vec::<String>::new(), "it is none of the layer itself");
    let anomaly = verified.diff_id_anomaly(Some(wrong)).unwrap();
    assert!(anomaly.contains(&wrong.to_string()), "{anomaly}");
    assert_eq!(verified.diff_id_anomaly(Some(digest_bytes(&archive()))), None);
    assert_eq!(verified.diff_id_anomaly(None), None);
    let unverified = read(&Budget::default(), wrong);
    assert_eq!(unverified.computed_diff_id, None, "nothing asked for it");
    assert_eq!(unverified.diff_id_anomaly(Some(wrong)), None, "nothing may be said about it");
    let expected =
        Expected { digest: None, size: None, diff_id: Some(wrong), is_diff_id_binding: true };
    let read = read_stream(&mut blob.as_slice(), "l", &expected, &Budget::default(), &mut ());
    assert!(matches!(read, Err(ReadError::Digest { .. })), "{read:?}");
}

#[test]
fn a_failing_source_is_named_as_such() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))
        }
    }
    let blob = gzip(&archive());
    for start in [0, 3, 40, blob.len() - 1] {
        let mut source = blob[..start].chain(Fails);
        let read = read_blob(&mut source, &describe(&blob), &Budget::default(), &mut ());
        assert!(matches!(read, Err(ReadError::Io { .. })), "{start}: {read:?}");
    }
}
