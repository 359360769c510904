use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::{
    Budget, LayerDescriptor, LayerEntries, ReadError, build::Layer, read_blob, source::EntryVisitor,
};

/// How a frame is made.
#[derive(Clone, Copy, Debug)]
struct Made {
    level: i32,
    has_sum: bool,
    /// It says how much it unpacks to.
    is_sized: bool,
}

const PLAIN: Made = Made { level: 1, has_sum: true, is_sized: false };

fn frame(bytes: &[u8], made: Made) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), made.level).unwrap();
    encoder.include_checksum(made.has_sum).unwrap();
    if made.is_sized {
        encoder.set_pledged_src_size(Some(bytes.len() as u64)).unwrap();
    }
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn skipped(length: usize) -> Vec<u8> {
    let size = u32::try_from(length).unwrap().to_le_bytes();
    [[0x53, 0x2a, 0x4d, 0x18].as_slice(), &size, &vec![7; length]].concat()
}

/// Text that can be compressed to about a third.
fn text(length: usize, seed: u64) -> Vec<u8> {
    let mut number = seed | 1;
    let mut text = Vec::with_capacity(length + 40);
    while text.len() < length {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend(format!("{:x} some words ", number >> 40).bytes());
    }
    text.truncate(length);
    text
}

/// Gives few bytes at a time.
struct Dribble<'b>(&'b [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

type Outcome = (Vec<u8>, Result<(), String>);

/// What a blob unpacks to with threads that help.
fn unpack(blob: &[u8], step: usize, helpers: usize) -> Outcome {
    let (crew, used) = (Crew::default(), Cell::new(0));
    let shift = crew.begin();
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|| crew.help());
        }
        while crew.helpers() < helpers {
            std::thread::yield_now();
        }
        let source = io::BufReader::with_capacity(step, Dribble(blob, step));
        let mut reader = Zstd::new(source, &used, 27, crew.clone()).unwrap();
        let outcome = read_all(&mut reader);
        drop(shift);
        assert!(outcome.1.is_err() || used.get() == blob.len() as u64);
        outcome
    })
}

fn read_all(reader: &mut impl Read) -> Outcome {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 100_000]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (all, Ok(())),
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) => return (all, Err(format!("{:?}: {error}", error.kind()))),
        }
    }
}

fn theirs(blob: &[u8]) -> Outcome {
    let mut reader = zstd::stream::read::Decoder::with_buffer(blob).unwrap();
    reader.window_log_max(27).unwrap();
    read_all(&mut reader)
}

/// Holds what many threads unpack, and one alone, against the library's own reader.
fn check(name: &str, blob: &[u8]) {
    let (bytes, outcome) = theirs(blob);
    let (alone, alone_outcome) = unpack(blob, 70_000, 0);
    assert_eq!(alone_outcome.is_ok(), outcome.is_ok(), "{name}: {alone_outcome:?}");
    assert!(alone == bytes || outcome.is_err() && alone.starts_with(&bytes), "{name}");
    for helpers in [1, 3] {
        let (together, together_outcome) = unpack(blob, 1 << 17, helpers);
        assert_eq!(together_outcome, alone_outcome, "{name}, {helpers}");
        assert!(together == alone, "{name}, {helpers}: {} bytes", together.len());
    }
}

#[test]
fn many_threads_give_the_same_bytes() {
    let text = text(24 << 20, 7);
    let of = |size: usize, made: Made| -> Vec<u8> {
        text.chunks(size).flat_map(|piece| frame(piece, made)).collect()
    };
    let sized = Made { is_sized: true, ..PLAIN };
    let large = frame(&text, PLAIN);
    check("one", &large);
    check("one, sized", &frame(&text, sized));
    check(
        "of pzstd",
        &text
            .chunks(8 << 20)
            .fold(Vec::new(), |all, piece| [all, skipped(4), frame(piece, PLAIN)].concat()),
    );
    check("middling", &of(1 << 20, sized));
    check("small", &of(30_000, PLAIN));
    check("tiny", &of(3_000, sized));
    let noise: Vec<u8> = text
        .iter()
        .zip(1_u32..)
        .map(|(byte, at)| byte ^ at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    check(
        "noise",
        &noise.chunks(3 << 20).flat_map(|piece| frame(piece, PLAIN)).collect::<Vec<_>>(),
    );
    // Too large to be kept as a whole, between small ones.
    let zeros = frame(&vec![0; 80 << 20], PLAIN);
    check(
        "mixed",
        &[of(2 << 20, PLAIN), zeros, skipped(1 << 20), of(100_000, PLAIN), large].concat(),
    );
}

#[test]
fn damage_is_found_by_many_threads_as_by_one() {
    let text = text(12 << 20, 3);
    let several: Vec<u8> = text.chunks(1 << 20).flat_map(|piece| frame(piece, PLAIN)).collect();
    for (name, whole) in [("several", several), ("one", frame(&text, PLAIN))] {
        for part in 0..12 {
            let mut blob = whole.clone();
            let at = blob.len() / 12 * part + 41;
            blob[at] ^= 0x40;
            check(&format!("{name}, damaged at {at}"), &blob);
            check(&format!("{name}, cut at {at}"), &whole[..at]);
        }
        for behind in [b"rubbish".as_slice(), &[0; 100], &[0x28, 0xb5, 0x2f, 0xfd], &[0x50, 0x2a]] {
            check(&format!("{name}, {behind:?}"), &[whole.as_slice(), behind].concat());
        }
    }
}

struct Nobody;

impl EntryVisitor for Nobody {
    fn visit(&mut self, _: u32, _: &crate::EntryMeta, _: &mut dyn Read) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a blob as a layer with a thread that helps, or without.
fn layer(blob: &[u8], budget: &Budget, has_help: bool) -> Result<LayerEntries, ReadError> {
    let budget = budget.for_image();
    let shift = budget.crew.begin();
    std::thread::scope(|scope| {
        if has_help {
            scope.spawn(|| budget.crew.help());
            while budget.crew.helpers() == 0 {
                std::thread::yield_now();
            }
        }
        let layer = read_blob(&mut &*blob, &LayerDescriptor::default(), &budget, &mut Nobody);
        drop(shift);
        layer
    })
}

#[test]
fn bombs_end_at_the_same_limit() {
    // The head of a file without end, and what it is made of: blocks of zeros, four bytes each.
    let archive = Layer::builder("bomb").compression(crate::Compression::Plain).file("zeros", &[]);
    let mut head = archive.build().unwrap().bytes()[..512].to_vec();
    head[124..136].copy_from_slice(b"77777777777\0");
    head[148..156].fill(b' ');
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut large = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    for _ in 0..40_000 {
        large.extend((((128_u32 << 10) << 3) | 2).to_le_bytes()[..3].iter().chain(&[0]));
    }
    let small: Vec<u8> = frame(&vec![0; 7 << 20], PLAIN).repeat(400);
    for (name, zeros) in [("large", large), ("small", small)] {
        let blob = [frame(&head, PLAIN), zeros].concat();
        for (limit, budget) in [
            ("max_ratio", Budget::default()),
            (
                "max_unpacked_bytes",
                Budget { max_unpacked_bytes: 100 << 20, max_ratio: 1 << 40, ..Budget::default() },
            ),
        ] {
            let layers = [false, true].map(|has_help| layer(&blob, &budget, has_help).unwrap());
            assert!(layers[0].gaps[0].detail.contains(limit), "{name}: {:?}", layers[0].gaps);
            assert_eq!(layers[0].gaps, layers[1].gaps, "{name}");
            assert!(layers.iter().all(|layer| layer.unpacked_size < 200 << 20), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn frames_are_read_as_the_library_does(
        frames in prop::collection::vec(
            (0..400_000_usize, any::<u64>(), -3..5_i32, any::<bool>(), any::<bool>(), 0..4_u8), 1..12),
        tail in prop::collection::vec(any::<u8>(), 0..3),
        cut in any::<Option<prop::sample::Index>>(),
        damage in any::<Option<(prop::sample::Index, u8)>>(),
        step in 1..100_000_usize,
        helpers in 0..3_usize,
    ) {
        let mut blob = Vec::new();
        for (length, seed, level, has_sum, is_sized, kind) in frames {
            match kind {
                0 => blob.extend(skipped(length / 1000)),
                _ => blob.extend(frame(&text(length, seed), Made { level, has_sum, is_sized })),
            }
        }
        blob.extend(tail);
        if let Some((at, mask)) = damage {
            let at = at.index(blob.len());
            blob[at] ^= mask;
        }
        if let Some(cut) = cut {
            blob.truncate(cut.index(blob.len()) + 1);
        }
        let (theirs, their_outcome) = theirs(&blob);
        let (ours, our_outcome) = unpack(&blob, step, helpers);
        // Of a whole frame that is at hand the library reads what it would refuse in pieces, if damage made it say that it
        // needs a large window.
        let is_stricter = damage.is_some() && our_outcome.is_err();
        prop_assert!(our_outcome.is_ok() == their_outcome.is_ok() || is_stricter, "{:?}", our_outcome);
        prop_assert!(ours == theirs || our_outcome.is_err());
        prop_assert!(is_stricter || ours.starts_with(&theirs));
        prop_assert_eq!(unpack(&blob, 50_000, 0), (ours, our_outcome));
    }
}
