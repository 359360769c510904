use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Gives few bytes at a time.
struct Dribble<'b>(&'b [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

fn unpack(blob: &[u8], step: usize) -> (Vec<u8>, io::Result<()>) {
    let used = Cell::new(0);
    let mut reader =
        Gzip::new(io::BufReader::with_capacity(step, Dribble(blob, step)), &used, Crew::default());
    let (mut all, mut buffer) = (Vec::new(), vec![0; 10_000]);
    let outcome = loop {
        match reader.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) => break Err(error),
        }
    };
    assert!(outcome.is_err() || used.get() == blob.len() as u64);
    (all, outcome)
}

fn theirs(blob: &[u8]) -> (Vec<u8>, io::Result<()>) {
    let mut all = Vec::new();
    let outcome = flate2::bufread::MultiGzDecoder::new(blob).read_to_end(&mut all);
    (all, outcome.map(drop))
}

#[test]
fn headers_with_everything() {
    let whole = flate2::GzBuilder::new()
        .filename("name")
        .comment("comment")
        .extra(vec![7; 300])
        .mtime(7)
        .write(Vec::new(), Compression::fast());
    let mut whole = whole;
    whole.write_all(b"text").unwrap();
    let whole = whole.finish().unwrap();
    assert_eq!(unpack(&whole, 1).0, b"text");
    for length in 0..whole.len() {
        assert!(unpack(&whole[..length], 100).1.is_err(), "{length}");
    }
    // A checksum of the header.
    let mut checked = gzip(b"text", 6);
    checked[3] |= 2;
    let sum = (crc32fast::hash(&checked[..10]) & 0xffff) as u16;
    checked.splice(10..10, sum.to_le_bytes());
    assert_eq!(unpack(&checked, 100).0, b"text");
    checked[10] ^= 1;
    assert!(unpack(&checked, 100).1.is_err());
    let endless = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0][..], &[b'a'; 70_000]].concat();
    assert!(unpack(&endless, 100_000).1.unwrap_err().to_string().contains("too long"));
}

#[test]
fn a_failure_comes_behind_what_was_right() {
    let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let blob = [gzip(&text, 6), b"rubbish behind it".to_vec()].concat();
    let (all, outcome) = unpack(&blob, 5_000);
    assert!(all == text && outcome.unwrap_err().to_string() == "invalid gzip header");
    let mut blob = gzip(&text, 6);
    let end = blob.len();
    blob[end - 6] ^= 1;
    let (all, outcome) = unpack(&blob, 5_000);
    assert!(all == text && outcome.unwrap_err().to_string().contains("checksum"));
}

/// As [`unpack`], with threads that help.
fn unpack_together(blob: &[u8], helpers: usize) -> (Vec<u8>, io::Result<()>) {
    let (crew, used) = (Crew::default(), Cell::new(0));
    let shift = crew.begin();
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|| crew.help());
        }
        while crew.helpers() < helpers {
            std::thread::yield_now();
        }
        let mut reader = Gzip::new(blob, &used, crew.clone());
        let (mut all, mut buffer) = (Vec::new(), vec![0; 100_000]);
        let outcome = loop {
            match reader.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(count) => all.extend_from_slice(&buffer[..count]),
                Err(error) => break Err(error),
            }
        };
        drop(shift);
        (all, outcome)
    })
}

/// Text of many blocks: words that come again near and far, and stretches that cannot be compressed.
fn large(length: usize, is_noisy: bool) -> Vec<u8> {
    let mut number = 7_u64;
    let mut text = Vec::with_capacity(length + 1_000);
    while text.len() < length {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        if is_noisy && number.is_multiple_of(7) {
            let mut noise = number;
            text.extend((0..400).map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (noise >> 56) as u8
            }));
        } else if text.len() > 40_000 && number.is_multiple_of(3) {
            let from = text.len() - 30_000 - (number >> 40) as usize % 2_000;
            text.extend_from_within(from..from + 100);
        } else {
            text.extend(format!("{:x} words ", number >> 44).bytes());
        }
    }
    text
}

#[test]
fn many_threads_give_the_same_bytes() {
    for is_noisy in [false, true] {
        let text = large(12 << 20, is_noisy);
        let whole = gzip(&text, 6);
        let members: Vec<u8> = text.chunks(300_000).flat_map(|piece| gzip(piece, 1)).collect();
        let tiny: Vec<u8> = text.chunks(5_000).flat_map(|piece| gzip(piece, 6)).collect();
        let stored = gzip(&text, 0);
        // Blocks that end at bytes, as `pigz` makes them.
        let mut flushed = GzEncoder::new(Vec::new(), Compression::new(6));
        for piece in text.chunks(128 << 10) {
            flushed.write_all(piece).unwrap();
            flushed.flush().unwrap();
        }
        let flushed = flushed.finish().unwrap();
        // Streams within a stream: what looks like a beginning is none.
        let nested = gzip(&members, 1);
        for (name, blob, text) in [
            ("whole", &whole, &text),
            ("members", &members, &text),
            ("tiny", &tiny, &text),
            ("stored", &stored, &text),
            ("flushed", &flushed, &text),
            ("nested", &nested, &members),
        ] {
            for helpers in [1, 3] {
                let (all, outcome) = unpack_together(blob, helpers);
                assert!(outcome.is_ok() && all == *text, "{name}, {helpers}: {outcome:?}");
            }
        }
    }
}

/// Text in which what stands in the first window comes again and again, with something new in between.
fn unending(length: usize) -> Vec<u8> {
    let old = large(20_000, true);
    let mut number = 3_u64;
    let mut text = old.clone();
    while text.len() < length {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend(number.to_be_bytes().iter().take(6));
        let from = (number >> 30) as usize % (old.len() - 40);
        text.extend_from_slice(&old[from..from + 40]);
    }
    text
}

#[test]
fn what_stays_unknown_is_resolved_in_the_end() {
    let text = unending(32 << 20);
    let blob = gzip(&text, 1);
    assert!(blob.len() > 5 << 20);
    let (all, outcome) = unpack_together(&blob, 2);
    assert!(outcome.is_ok() && all == text, "{outcome:?}");
}

#[test]
fn a_guess_from_the_middle_is_right() {
    let text = large(8 << 20, true);
    let members: Vec<u8> = text.chunks(20_000).flat_map(|piece| gzip(piece, 6)).collect();
    for (name, blob) in
        [("whole", gzip(&text, 6)), ("members", members), ("stored", gzip(&text, 0))]
    {
        let data = blob[(1 << 20) + 77..][..guess::CHUNK + guess::BEHIND].to_vec();
        let permit = Crew::default().permit(1).unwrap();
        let (length, units) = (guess::CHUNK, Vec::new());
        let found = guess::look(guess::Task { data, length, is_whole: false, units, permit });
        let found = found.unwrap_or_else(|| panic!("{name}: nothing was found"));
        let (_, latest) = found.start.bits();
        let (stop, _) = found.stop.bits();
        assert!(latest < 200_000 * 8 && stop >= (guess::CHUNK * 8) as u64, "{name}");
        // What is known of it stands in the text.
        let known = |units: &[u16]| units.iter().map(|unit| u8::try_from(*unit).ok()).collect();
        let pieces: Vec<Vec<u8>> =
            found.units[WINDOW..found.end].chunks(500).filter_map(known).collect();
        assert!(pieces.len() > 100, "{name}: {}", pieces.len());
        for piece in pieces.iter().step_by(100) {
            assert!(text.windows(piece.len()).any(|part| part == piece), "{name}");
        }
    }
}

#[test]
fn damage_is_found_by_many_threads_as_by_one() {
    let text = large(16 << 20, false);
    let whole: Vec<u8> = text.chunks(5 << 20).flat_map(|piece| gzip(piece, 6)).collect();
    for part in 0..20 {
        let mut blob = whole.clone();
        let at = blob.len() / 20 * part + 37;
        blob[at] ^= 0x10;
        if part % 5 == 4 {
            blob.truncate(at);
        }
        let (alone, alone_outcome) = unpack(&blob, 1 << 20);
        let (together, outcome) = unpack_together(&blob, 2);
        assert!(alone == together, "{part}: {} and {} bytes", alone.len(), together.len());
        assert_eq!(
            alone_outcome.map_err(|error| error.to_string()),
            outcome.map_err(|error| error.to_string()),
            "{part}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_are_read_as_flate2_does(
        pieces in prop::collection::vec((prop::collection::vec(b'a'..b'h', 0..3000), 0..10_u32), 1..5),
        tail in prop::collection::vec(any::<u8>(), 0..3),
        damage in any::<Option<(prop::sample::Index, u8)>>(),
        step in 1..500_usize,
    ) {
        let mut blob: Vec<u8> =
            pieces.iter().flat_map(|(text, level)| gzip(text, *level)).collect();
        blob.extend(tail);
        if let Some((at, mask)) = damage {
            let at = at.index(blob.len());
            blob[at] ^= mask;
        }
        let ((ours, our_outcome), (theirs, their_outcome)) = (unpack(&blob, step), theirs(&blob));
        prop_assert_eq!(our_outcome.is_ok(), their_outcome.is_ok());
        prop_assert!(ours.starts_with(&theirs));
        prop_assert!(our_outcome.is_err() || ours == theirs);
    }
}
