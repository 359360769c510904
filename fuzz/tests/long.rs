//! Long runs without a fuzzer, which `cargo xtask full` does: `PLIMSOLL_FUZZ_INPUTS=100000 cargo test --release --no-default-features --test long`.
//!
//! In: the files of `inspect`'s cases. Out: no change of bytes makes a parser panic or work without end, and no repetition of
//! a part makes it work more than in proportion. Odd: work is counted, not timed (`work.rs`), so that the same inputs give the
//! same answer on any machine; without the compiler's counters only panics are found. What fails is kept in
//! `artifacts/long`, as an input for the target `parsers`.

#[path = "long/work.rs"]
mod work;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use plimsoll_fuzz::{case_files, read_claimed, read_layer, read_snapshot, starter_snapshot};

/// `splitmix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// How many inputs are wanted; `None` when nobody asked.
fn wanted() -> Option<u64> {
    std::env::var("PLIMSOLL_FUZZ_INPUTS").ok()?.parse().ok()
}

/// The first of a run's numbers: another one each day would be another run.
fn seed() -> u64 {
    std::env::var("PLIMSOLL_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn keep(name: &str, path: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts/long");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, [path.as_bytes(), b"\n", bytes].concat()).unwrap();
    file
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, seeds: &[(String, Vec<u8>)]) {
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let end = (at + random.below(200)).min(bytes.len());
        match random.below(10) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = b"\0\n \"'{}[]<>/:,=-\x7f\xff"[random.below(18)],
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let words = [0, u64::MAX, 1 << 63, 1 << 31, 0x7fff_ffff, random.next()];
                let word = words[random.below(words.len())];
                let word =
                    if random.below(2) == 0 { word.to_be_bytes() } else { word.to_le_bytes() };
                let length = [1, 2, 4, 8][random.below(4)];
                for (byte, new) in bytes[at..].iter_mut().zip(&word[..length]) {
                    *byte = *new;
                }
            }
            7 => {
                let (_, other) = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(300)).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            8 => bytes.swap(at, end.saturating_sub(1).max(at)),
            _ => {
                let digits = ["0", "-1", "4294967296", "18446744073709551616", "1e999", "NaN"];
                bytes.splice(at..end.min(at + 4), digits[random.below(6)].bytes());
            }
        }
    }
}

/// The most that one small file may make a parser work: about a second.
const ENDLESS: u64 = 500_000_000;

#[test]
fn no_change_of_bytes_makes_a_parser_panic_or_work_without_end() {
    let Some(wanted) = wanted() else {
        return println!("skipped: PLIMSOLL_FUZZ_INPUTS is not set");
    };
    let seeds = case_files();
    let mut random = Random(seed());
    let (mut most, mut failures) = (0, Vec::new());
    for count in 0..wanted {
        let (path, bytes) = &seeds[random.below(seeds.len())];
        let mut bytes = bytes.clone();
        change(&mut random, &mut bytes, &seeds);
        let mut ended = Ok(());
        let done = work::done_by(|| {
            ended = catch_unwind(AssertUnwindSafe(|| {
                read_claimed(path, &bytes);
                if count.is_multiple_of(16) {
                    read_layer(&bytes);
                }
            }));
        });
        let done = done.unwrap_or_default();
        most = most.max(done);
        if ended.is_err() || done > ENDLESS {
            let what = if ended.is_err() { "panic" } else { "endless" };
            let kept = keep(&format!("{what}-{count}"), path, &bytes);
            failures.push(format!("{path}: {what} after {done}, see {}", kept.display()));
        }
        if failures.len() >= 20 {
            break;
        }
    }
    println!("{wanted} inputs; the most work: {most}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_change_of_bytes_makes_a_snapshot_panic_or_work_without_end() {
    let Some(wanted) = wanted() else {
        return println!("skipped: PLIMSOLL_FUZZ_INPUTS is not set");
    };
    let starter = starter_snapshot();
    let seeds = [(String::new(), starter.clone())];
    let mut random = Random(seed());
    let (mut opened, mut failures) = (0_u64, Vec::new());
    let inputs = wanted.div_ceil(10);
    for count in 0..inputs {
        let mut bytes = starter.clone();
        change(&mut random, &mut bytes, &seeds);
        let mut ended = Ok(false);
        let done = work::done_by(|| {
            ended = catch_unwind(AssertUnwindSafe(|| read_snapshot(&bytes)));
        });
        opened += u64::from(matches!(ended, Ok(true)));
        if ended.is_err() || done.unwrap_or_default() > ENDLESS {
            let kept = keep(&format!("snapshot-{count}"), "snapshot", &bytes);
            failures.push(format!("{done:?} of work, see {}", kept.display()));
        }
        if failures.len() >= 20 {
            break;
        }
    }
    println!("{inputs} snapshots, {opened} of them opened");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(
        opened > 0 || inputs < 100,
        "no changed snapshot opens: nothing behind the head was tried"
    );
}

/// The sizes that a file is blown up to.
const SIZES: [usize; 3] = [256 << 10, 512 << 10, 1 << 20];

/// The most that a doubling may cost: what is linear doubles; what is below [`NOTHING`] proves nothing.
const DOUBLING: f64 = 2.5;
const NOTHING: u64 = 20_000_000;

#[test]
fn no_repetition_makes_a_parser_work_more_than_in_proportion() {
    let Some(wanted) = wanted() else {
        return println!("skipped: PLIMSOLL_FUZZ_INPUTS is not set");
    };
    if work::done_by(|| {}).is_none() {
        return println!("skipped: not built with `-C instrument-coverage --cfg work_counted`");
    }
    let seeds: Vec<_> = case_files().into_iter().filter(|(_, bytes)| bytes.len() > 3).collect();
    let mut random = Random(seed());
    let repetitions = wanted.div_ceil(100);
    let mut failures = Vec::new();
    for count in 0..repetitions {
        let (path, bytes) = &seeds[random.below(seeds.len())];
        let (at, end) = part(&mut random, bytes);
        let number = random.below(4);
        let blown = |size: usize| blow_up(bytes, at, end, size, number);
        let [least, _, most] = SIZES.map(|size| {
            let blown = blown(size);
            let read = || drop(catch_unwind(AssertUnwindSafe(|| read_claimed(path, &blown))));
            work::done_by(read).unwrap_or_default()
        });
        if most > NOTHING && most as f64 > least as f64 * DOUBLING * DOUBLING {
            let kept = keep(&format!("steep-{count}"), path, &blown(SIZES[0]));
            failures.push(format!("{path}: {least} became {most}, see {}", kept.display()));
        }
        if failures.len() >= 20 {
            break;
        }
    }
    println!("{repetitions} repetitions");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Some bytes of a file: whole lines as often as not.
fn part(random: &mut Random, bytes: &[u8]) -> (usize, usize) {
    let at = random.below(bytes.len());
    if random.below(2) == 0 {
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = 1 + random.below(4);
        let ends = bytes.iter().enumerate().skip(start).filter(|(_, byte)| **byte == b'\n');
        return (start, ends.map(|(at, _)| at + 1).nth(lines).unwrap_or(bytes.len()));
    }
    (at, (at + 1 + random.below(64)).min(bytes.len()))
}

/// The file with its part repeated until it has `size` bytes, each time with another number in it if `number` is 0.
fn blow_up(bytes: &[u8], at: usize, end: usize, size: usize, number: usize) -> Vec<u8> {
    let mut blown = bytes[..end].to_vec();
    let mut repeated = 0_u32;
    while blown.len() < size {
        let piece = &bytes[at..end];
        let digit = piece.iter().position(u8::is_ascii_digit).filter(|_| number == 0);
        match digit {
            Some(digit) => {
                blown.extend_from_slice(&piece[..digit]);
                blown.extend_from_slice(repeated.to_string().as_bytes());
                blown.extend_from_slice(&piece[digit + 1..]);
            }
            None => blown.extend_from_slice(piece),
        }
        repeated += 1;
    }
    blown.extend_from_slice(&bytes[end..]);
    blown
}
