use std::io::Write;

use flate2::{Compression, Decompress, FlushDecompress, Status, write::DeflateEncoder};
use proptest::prelude::*;

use super::*;

fn deflate(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All that data inflates to, given `step` bytes more at a time, into a buffer with room for `room` bytes at a time; and how
/// many of its bytes were used.
fn inflate(data: &[u8], step: usize, room: usize) -> Result<(Vec<u8>, usize), InflateError> {
    let mut buffer = vec![0; WINDOW + room + SLACK];
    let (mut all, mut at, mut bit, mut known) = (Vec::new(), 0, 0, step.min(data.len()));
    let mut inflater = Inflater::new();
    loop {
        let mut input = Input { bytes: &data[..known], bit, is_whole: known == data.len() };
        let mut output = Output { units: buffer.as_mut_slice(), at, floor: 0 };
        let stopped = inflater.run(&mut input, &mut output, usize::MAX)?;
        (bit, all) = (input.bit, [all, output.units[at..output.at].to_vec()].concat());
        at = output.at;
        match stopped {
            Stop::End => return Ok((all, bit.div_ceil(8))),
            Stop::Input => known = (known + step).min(data.len()),
            Stop::Output => {
                buffer.copy_within(at - WINDOW..at, 0);
                at = WINDOW;
            }
            Stop::Block => unreachable!("nothing asked for it"),
        }
    }
}

/// What zlib says: what it inflates to and how much of the data it used; `None` where it refuses.
fn zlib(data: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut inflater = Decompress::new(false);
    let mut all = Vec::with_capacity(64 << 10);
    loop {
        let before = (inflater.total_in(), inflater.total_out());
        let rest = &data[usize::try_from(inflater.total_in()).unwrap()..];
        match inflater.decompress_vec(rest, &mut all, FlushDecompress::None) {
            Ok(Status::StreamEnd) => {
                return Some((all, usize::try_from(inflater.total_in()).unwrap()));
            }
            Ok(_) if all.len() == all.capacity() => all.reserve(all.len()),
            Ok(_) if before == (inflater.total_in(), inflater.total_out()) => return None,
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

fn agree(data: &[u8], step: usize, room: usize) {
    match (inflate(data, step, room), zlib(data)) {
        (Ok(ours), Some(theirs)) => assert!(ours == theirs),
        (Err(_), None) => {}
        (ours, theirs) => panic!("{:?} but {:?}", ours.map(|it| it.1), theirs.map(|it| it.1)),
    }
}

/// Text that repeats itself at all distances, with runs, noise, and bytes in no order.
fn mixture() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u8>(), 1..2000_usize).prop_map(|(byte, times)| vec![byte; times]),
        (prop::collection::vec(any::<u8>(), 1..9), 1..300_usize)
            .prop_map(|(text, times)| text.repeat(times)),
        prop::collection::vec(any::<u8>(), 0..3000),
        prop::collection::vec(b'a'..b'k', 0..3000),
        Just(b"The quick brown fox jumps over the lazy dog. ".to_vec()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn known_streams() {
    // RFC 1951's kinds of blocks: stored, fixed, and zlib's own answer for a text.
    assert_eq!(inflate(&[1, 3, 0, 0xfc, 0xff, 1, 2, 3], 99, 99), Ok((vec![1, 2, 3], 8)));
    assert_eq!(inflate(&[3, 0], 99, 99), Ok((Vec::new(), 2)));
    assert_eq!(inflate(&[0x4b, 0x4c, 0x4a, 0x06, 0], 99, 99), Ok((b"abc".to_vec(), 5)));
}

#[test]
fn what_is_wrong_is_named() {
    for (data, error) in [
        (&[][..], InflateError::CutOff),
        (&[7], InflateError::BlockKind),
        (&[1, 3, 0, 0xfc, 0xfe], InflateError::StoredLength),
        (&[1, 3, 0, 0xfc, 0xff, 1], InflateError::CutOff),
        // A match before the first byte.
        (&[0x03, 0x02, 0, 0, 0], InflateError::Distance),
        // 31 codes for distances.
        (&[0x05, 0x1e, 0, 0, 0, 0, 0, 0, 0, 0, 0], InflateError::Codes),
    ] {
        assert_eq!(inflate(data, 99, 99), Err(error), "{data:?}");
        assert_eq!(zlib(data), None);
    }
}

#[test]
fn large_data_of_every_level() {
    let mut number = 1_u64;
    let mut data = Vec::new();
    while data.len() < 3 << 20 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let length = (number >> 33) as usize % 300;
        if number >> 60 < 6 && data.len() > 70_000 {
            let from = data.len() - 1 - (number >> 20) as usize % 60_000;
            let text: Vec<u8> = data[from..].iter().copied().cycle().take(length).collect();
            data.extend(text);
        } else {
            data.extend((0..length).map(|at| (number >> (at % 50)) as u8 & 0x3f));
        }
    }
    for level in 0..=9 {
        let packed = deflate(&data, level);
        let (ours, used) = inflate(&packed, usize::MAX, 128 << 10).unwrap();
        assert!(ours == data && used == packed.len(), "level {level}");
    }
}

#[test]
fn unknown_bytes_come_out_as_numbers() {
    let before: Vec<u8> = (0..WINDOW as u32).map(|at| ((at * at) >> 7) as u8).collect();
    let text = [&before[100..400], b"new", &before[31_000..], b"tail"].concat();
    // The window is what zlib knows, and what we do not.
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&before).unwrap();
    encoder.flush().unwrap();
    let head = encoder.get_ref().len();
    encoder.write_all(&text).unwrap();
    let data = encoder.finish().unwrap();

    let mut units: Vec<u16> = (0..WINDOW as u16).map(|at| 0x8000 | at).collect();
    units.resize(WINDOW + text.len() + SLACK, 0);
    let mut input = Input { bytes: &data[head..], bit: 0, is_whole: true };
    let mut output = Output { units: &mut units, at: WINDOW, floor: 0 };
    assert_eq!(Inflater::new().run(&mut input, &mut output, usize::MAX), Ok(Stop::End));
    let resolved: Vec<u8> = output.units[WINDOW..output.at]
        .iter()
        .map(|unit| match u8::try_from(*unit) {
            Ok(byte) => byte,
            Err(_) => before[usize::from(unit & 0x7fff)],
        })
        .collect();
    assert!(resolved == text);
    assert!(output.units[WINDOW..output.at].iter().any(|unit| *unit >= 0x8000));
}

#[test]
fn a_place_outside_of_the_buffer_has_no_room() {
    let data = deflate(&[7; 100_000], 6);
    let mut units = vec![0_u8; 2 * SLACK];
    for (at, floor) in [(2 * SLACK, 0), (2 * SLACK + 1, 0), (usize::MAX, usize::MAX)] {
        let mut input = Input { bytes: &data, bit: 0, is_whole: true };
        let mut output = Output { units: &mut units, at, floor };
        assert_eq!(Inflater::new().run(&mut input, &mut output, usize::MAX), Ok(Stop::Output));
    }
    // Nothing lies between a floor and a place before it.
    let mut input = Input { bytes: &[0x03, 0x02, 0, 0, 0], bit: 0, is_whole: true };
    let mut output = Output { units: &mut units, at: 5, floor: 9 };
    let stopped = Inflater::new().run(&mut input, &mut output, usize::MAX);
    assert_eq!(stopped, Err(InflateError::Distance));
}

#[test]
fn it_stops_at_every_block() {
    let text: Vec<u8> = (0..200_000_u32).flat_map(|at| (at / 3).to_le_bytes()).collect();
    let data = deflate(&text, 6);
    let mut inflater = Inflater::new();
    let mut units = vec![0_u8; text.len() + SLACK];
    let (mut bit, mut at, mut blocks) = (0, 0, Vec::new());
    loop {
        let mut input = Input { bytes: &data, bit, is_whole: true };
        let mut output = Output { units: &mut units, at, floor: 0 };
        let stop = inflater.run(&mut input, &mut output, bit + 1).unwrap();
        (bit, at) = (input.bit, output.at);
        if stop == Stop::End {
            break;
        }
        assert!(stop == Stop::Block && inflater.is_between_blocks());
        blocks.push(bit);
    }
    assert!(units[..at] == text && blocks.len() > 3);
    for bit in blocks {
        let could = Inflater::new().could_begin(&Input { bytes: &data, bit, is_whole: true });
        assert!(could || data[bit / 8] >> (bit % 8) & 6 != 4, "{bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_zlib_deflates_is_inflated(text in mixture(), level in 0..10_u32, step in 1..3000_usize, room in 1..5000_usize) {
        let data = deflate(&text, level);
        let (ours, used) = inflate(&data, step, room).unwrap();
        prop_assert!(ours == text);
        prop_assert_eq!(used, data.len());
    }

    #[test]
    fn damaged_data_is_judged_as_zlib_does(
        text in mixture(), level in 0..10_u32, at in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<prop::sample::Index>(),
    ) {
        let mut data = deflate(&text, level);
        let place = at.index(data.len());
        data[place] ^= 1_u8 << bit;
        agree(&data, usize::MAX, 1000);
        data.truncate(cut.index(data.len()));
        agree(&data, usize::MAX, 1000);
    }

    #[test]
    fn any_bytes_are_judged_as_zlib_does(data in prop::collection::vec(any::<u8>(), 0..400), kind in 0..3_u8) {
        let mut data = data;
        if let Some(first) = data.first_mut() {
            *first = *first & !6 | kind << 1;
        }
        agree(&data, usize::MAX, 1000);
    }
}
