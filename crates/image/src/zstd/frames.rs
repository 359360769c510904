//! Where a frame ends, without unpacking it.
//!
//! In: bytes that begin with a frame. Out: its length, and what it unpacks to at most. Source: RFC 8878 §3.1. Odd: each block
//! says how long it is, so that a frame is walked over in steps of up to 128 KiB; what is no sound frame is not judged here.

/// Bytes of a block's content at most.
const MAX_BLOCK: u64 = 128 << 10;

/// Blocks of a frame at most: a frame is walked over again whenever more of it has arrived, and nobody makes blocks of a few
/// bytes but to make that long.
const MAX_BLOCKS: usize = 8 << 10;

/// What a frame may be like to be unpacked by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of the frame, and of what it unpacks to.
    pub(super) bytes: usize,
    /// Bytes of the window.
    pub(super) window: u64,
}

/// How far a frame reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// It ends within the bytes that are there.
    Whole {
        /// Its bytes.
        length: usize,
        /// Bytes that it unpacks to, at most.
        most: usize,
    },
    /// It goes on behind them.
    CutOff,
    /// It is larger than the limits, or no sound frame: to be unpacked as it comes.
    Unfit,
}

/// Looks how far the frame reaches that `bytes` begin with.
pub(super) fn measure(bytes: &[u8], limits: Limits) -> Frame {
    let Some(magic) = number(bytes, 0, 4) else { return Frame::CutOff };
    if magic & 0xffff_fff0 == 0x184d_2a50 {
        let Some(size) = number(bytes, 4, 4) else { return Frame::CutOff };
        return whole(bytes, 8 + size, 0, limits);
    }
    if magic != 0xfd2f_b528 {
        return Frame::Unfit;
    }
    let Some(descriptor) = number(bytes, 4, 1) else { return Frame::CutOff };
    let (has_dictionary, is_reserved) = (descriptor & 3 != 0, descriptor & 8 != 0);
    let is_single_segment = descriptor & 0x20 != 0;
    let mut at = if is_single_segment { 5 } else { 6 };
    let (content_length, more) = match descriptor >> 6 {
        0 if is_single_segment => (1, 0),
        0 => (0, 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let (Some(window), Some(content)) = (number(bytes, 5, 1), number(bytes, at, content_length))
    else {
        return Frame::CutOff;
    };
    at += content_length;
    let content = (content_length > 0).then(|| content.saturating_add(more));
    let window = match content.filter(|_| is_single_segment) {
        Some(content) => content,
        None => {
            let base = 1 << (10 + (window >> 3));
            base + base / 8 * (window & 7)
        }
    };
    if has_dictionary || is_reserved || window > limits.window {
        return Frame::Unfit;
    }
    let block_limit = window.min(MAX_BLOCK);
    let mut most = 0_u64;
    for _ in 0..MAX_BLOCKS {
        let Some(head) = number(bytes, at, 3) else {
            return if at > limits.bytes { Frame::Unfit } else { Frame::CutOff };
        };
        let size = head >> 3;
        let (stored, unpacked) = match (head >> 1) & 3 {
            0 => (size, size),
            1 => (1, size),
            2 => (size, block_limit),
            _ => return Frame::Unfit,
        };
        if size > block_limit {
            return Frame::Unfit;
        }
        most += unpacked;
        at += 3 + usize::try_from(stored).unwrap_or(usize::MAX);
        if most > limits.bytes as u64 || at > limits.bytes {
            return Frame::Unfit;
        }
        if head & 1 != 0 {
            at += if descriptor & 4 != 0 { 4 } else { 0 };
            let most = content.map_or(most, |content| content.min(most));
            return whole(bytes, at as u64, most, limits);
        }
    }
    Frame::Unfit
}

fn whole(bytes: &[u8], length: u64, most: u64, limits: Limits) -> Frame {
    let (Ok(length), Ok(most)) = (usize::try_from(length), usize::try_from(most)) else {
        return Frame::Unfit;
    };
    if length > limits.bytes {
        Frame::Unfit
    } else if length > bytes.len() {
        Frame::CutOff
    } else {
        Frame::Whole { length, most }
    }
}

/// A number of up to eight bytes, the lowest first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1 << 20, window: 8 << 20 };

    #[test]
    fn a_frame_of_many_empty_blocks_is_left_to_the_decoder() {
        let frame = |blocks: usize| {
            let mut frame = 0xfd2f_b528_u32.to_le_bytes().to_vec();
            frame.extend([0, 0]);
            frame.extend([0; 3].repeat(blocks - 1));
            frame.extend([1, 0, 0]);
            frame
        };
        let sound = frame(MAX_BLOCKS);
        assert_eq!(measure(&sound, LIMITS), Frame::Whole { length: sound.len(), most: 0 });
        assert_eq!(measure(&frame(MAX_BLOCKS + 1), LIMITS), Frame::Unfit);
    }

    #[test]
    fn frames_end_where_their_blocks_say() {
        let text = b"text ".repeat(70_000);
        for (level, has_sum) in [(1, false), (3, true), (19, false)] {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level).unwrap();
            encoder.include_checksum(has_sum).unwrap();
            std::io::Write::write_all(&mut encoder, &text).unwrap();
            let frame = encoder.finish().unwrap();
            let more = [frame.as_slice(), b"what follows"].concat();
            let Frame::Whole { length, most } = measure(&more, LIMITS) else { panic!("{level}") };
            assert_eq!(length, frame.len());
            assert!(most >= text.len() && most <= text.len() + (128 << 10), "{level}: {most}");
            for end in 0..frame.len() {
                assert_eq!(measure(&frame[..end], LIMITS), Frame::CutOff);
            }
            let small = Limits { bytes: text.len() - 1, ..LIMITS };
            assert_eq!(measure(&more, small), Frame::Unfit);
            assert_eq!(measure(&more, Limits { window: 1000, ..LIMITS }), Frame::Unfit);
        }
        let sized = zstd::bulk::compress(&text, 3).unwrap();
        let whole = Frame::Whole { length: sized.len(), most: text.len() };
        assert_eq!(measure(&sized, LIMITS), whole);
    }

    #[test]
    fn what_is_skipped_unpacks_to_nothing() {
        let frame = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3, 9];
        assert_eq!(measure(&frame, LIMITS), Frame::Whole { length: 11, most: 0 });
        assert_eq!(measure(&frame[..10], LIMITS), Frame::CutOff);
        let huge = [0x5a, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(measure(&huge, LIMITS), Frame::Unfit);
    }

    #[test]
    fn what_is_no_sound_frame_is_not_judged() {
        assert_eq!(measure(b"text", LIMITS), Frame::Unfit);
        let frame = |descriptor: u8, block: [u8; 3]| {
            let start = [0x28, 0xb5, 0x2f, 0xfd, descriptor, 0x50];
            measure(&[start.as_slice(), &block, &[0; 20]].concat(), LIMITS)
        };
        // An empty last block; a dictionary; a reserved bit; a reserved kind of block; a block that is too large.
        assert_eq!(frame(0, [1, 0, 0]), Frame::Whole { length: 9, most: 0 });
        assert_eq!(frame(1, [1, 0, 0]), Frame::Unfit);
        assert_eq!(frame(8, [1, 0, 0]), Frame::Unfit);
        assert_eq!(frame(0, [7, 0, 0]), Frame::Unfit);
        assert_eq!(frame(0, [0xfd, 0xff, 0xff]), Frame::Unfit);
        // Blocks without end that hold nothing.
        let endless = [[0x28, 0xb5, 0x2f, 0xfd, 0, 0x50].as_slice(), &[0; 2 << 20]].concat();
        assert_eq!(measure(&endless, LIMITS), Frame::Unfit);
        assert_eq!(measure(&endless[..1000], LIMITS), Frame::CutOff);
    }
}
