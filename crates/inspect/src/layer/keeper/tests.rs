use std::sync::atomic::{AtomicUsize, Ordering};

use plimsoll_image::EntryKind;

use super::*;
use crate::{facts::FileFacts, parser::Parser};

/// Wants the rest of what begins with `yes`.
#[derive(Debug)]
struct Sniffs(AtomicUsize);

impl Parser for Sniffs {
    fn id(&self) -> &'static str {
        "sniffs"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "nothing"
    }

    fn claims(&self, _: &[u8], _: &EntryMeta) -> Option<Want> {
        None
    }

    fn wants_rest(&self, _: &[u8], head: &[u8]) -> bool {
        self.0.store(head.len(), Ordering::Relaxed);
        assert!(!head.starts_with(b"panic"), "as asked");
        head.starts_with(b"yes")
    }

    fn parse(&self, _: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        Ok(FileFacts::default())
    }
}

static SNIFFS: Sniffs = Sniffs(AtomicUsize::new(0));

fn job(want: Want) -> Job {
    Job { parser: &SNIFFS, want, claimed: None }
}

fn meta(size: u64) -> EntryMeta {
    EntryMeta {
        path: TreePath::from("a"),
        kind: EntryKind::File,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size,
        mtime: 0,
        link: None,
        capabilities: None,
    }
}

/// Counts what is taken of a stream that begins with `start` and goes on with zeros.
struct Counted<'s> {
    start: &'s [u8],
    taken: u64,
    size: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = u64::try_from(buffer.len()).unwrap().min(self.size - self.taken);
        let length = usize::try_from(length).unwrap();
        buffer[..length].fill(0);
        let left = &self.start[self.start.len().min(usize::try_from(self.taken).unwrap())..];
        let from_start = left.len().min(length);
        buffer[..from_start].copy_from_slice(&left[..from_start]);
        self.taken += u64::try_from(length).unwrap();
        Ok(length)
    }
}

const SEEKABLE: Want = Want::Seekable { head: 100, limit: u64::MAX };

/// How many bytes stand in front, and how many can be read at any position.
type Lengths = Result<(usize, u64), String>;

/// What each sees, and how much was taken of the stream.
fn keep(wants: &[Want], start: &[u8], size: u64, budget: &Budget) -> (Vec<Lengths>, u64) {
    let mut keeper = Keeper::new();
    // What an earlier entry left behind is not seen.
    keeper
        .keep(&[job(Want::Head { limit: 300 })], None, &meta(300), budget, &mut io::repeat(b'y'))
        .unwrap();
    let jobs: Vec<Job> = wants.iter().map(|want| job(*want)).collect();
    let mut stream = Counted { start, taken: 0, size };
    let path = TreePath::from("a");
    let kept = keeper.keep(&jobs, None, &meta(size), budget, &mut stream).unwrap();
    let files = wants.iter().enumerate().map(|(position, want)| {
        let file = kept.file(position, *want, &path).map_err(|error| error.to_string())?;
        assert!(file.bytes.starts_with(&start[..start.len().min(file.bytes.len())]));
        assert_eq!(file.size, size);
        let end = file.content.size() - 1;
        let last = start.get(usize::try_from(end).unwrap()).copied().unwrap_or_default();
        assert_eq!(*file.content.range(end, 1).unwrap(), [last]);
        Ok((file.bytes.len(), file.content.size()))
    });
    (files.collect(), stream.taken)
}

#[test]
fn only_the_head_is_read_of_what_nobody_wants() {
    let budget = Budget::default();
    assert_eq!(keep(&[SEEKABLE], b"no", 1 << 30, &budget), (vec![Ok((100, 100))], 100));
    assert_eq!(SNIFFS.0.load(Ordering::Relaxed), 100);
}

#[test]
fn the_rest_is_in_memory_or_in_a_file() {
    let budget = Budget::default();
    for size in [1_000, MAX_IN_MEMORY, MAX_IN_MEMORY + 1, 3 * MAX_IN_MEMORY] {
        let wants = [SEEKABLE, Want::Head { limit: 200 }];
        let seen = (vec![Ok((100, size)), Ok((200, 200))], size);
        assert_eq!(keep(&wants, b"yes", size, &budget), seen);
    }
    assert_eq!(keep(&[SEEKABLE], b"yes", 3, &budget), (vec![Ok((3, 3))], 3));
}

#[test]
fn bytes_are_read_once_for_all() {
    let budget = Budget::default();
    let wants = [Want::Whole { limit: u64::MAX }, SEEKABLE, SEEKABLE];
    let size = 2 * MAX_IN_MEMORY;
    let whole = usize::try_from(size).unwrap();
    let seen = vec![Ok((whole, size)), Ok((100, size)), Ok((100, size))];
    assert_eq!(keep(&wants, b"yes", size, &budget), (seen, size));
    // Others' appetite is not one's own.
    let seen = vec![Ok((whole, size)), Ok((100, 100)), Ok((100, 100))];
    assert_eq!(keep(&wants, b"no", size, &budget), (seen, size));
}

#[test]
fn a_file_larger_than_its_limit_is_not_read() {
    let budget = Budget { max_claimed_file_bytes: 4, ..Budget::default() };
    let keep = |wants: &[Want], start: &[u8]| keep(wants, start, start.len() as u64, &budget).0;
    assert_eq!(keep(&[Want::Head { limit: 2 }], b"abcdef"), [Ok((2, 2))]);
    assert_eq!(keep(&[Want::Whole { limit: 10 }], b"abcd"), [Ok((4, 4))]);
    let wants = [Want::Whole { limit: 10 }, Want::Seekable { head: 3, limit: 10 }];
    let error = || Err("has 5 bytes, limit 4 bytes (`max_claimed_file_bytes`)".to_owned());
    assert_eq!(keep(&wants, b"yesno"), [error(), error()]);
    assert_eq!(keep(&wants, b"noyes"), [error(), Ok((3, 3))]);
    let own = Want::Seekable { head: 3, limit: 2 };
    assert_eq!(
        keep(&[own], b"yes"),
        [Err("has 3 bytes, limit 2 bytes (`the format's own`)".into())]
    );
}

#[test]
fn a_detector_that_panics_over_a_head_is_told_when_it_parses() {
    assert_eq!(keep(&[SEEKABLE], b"panic", 200, &Budget::default()), (vec![Ok((100, 200))], 200));
}

#[test]
fn a_spool_that_fails_costs_those_who_want_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read-only");
    std::fs::write(&path, b"").unwrap();
    let budget = Budget::default();
    let mut keeper = Keeper::new();
    keeper.spool = Spool::on(std::fs::File::open(&path).unwrap());
    let wants = [SEEKABLE, Want::Head { limit: 2 }];
    let jobs = wants.map(job);
    let size = MAX_IN_MEMORY + 1;
    let mut stream = Counted { start: b"yes", taken: 0, size };
    let kept = keeper.keep(&jobs, None, &meta(size), &budget, &mut stream).unwrap();
    let path = TreePath::from("a");
    let error = kept.file(0, wants[0], &path).unwrap_err();
    assert!(error.to_string().starts_with("could not be kept in a temporary file: "), "{error}");
    assert_eq!(kept.file(1, wants[1], &path).unwrap().bytes, b"ye");
}
