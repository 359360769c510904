use plimsoll_image::{Budget, EntryKind};
use proptest::prelude::*;

use super::*;
use crate::layer::keeper::Keeper;

/// Tells how many bytes it saw, and their sum; wants what the path says.
#[derive(Debug)]
struct Sums;

struct Summing {
    interest: Interest,
    count: u64,
    sum: u64,
}

impl Detector for Sums {
    fn id(&self) -> &'static str {
        "sums"
    }

    fn kind(&self) -> plimsoll_model::Kind {
        plimsoll_model::Kind::Secret
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn looks_for(&self) -> &'static str {
        "nothing"
    }

    fn begin_layer<'b>(&self, _: Terms<'b>) -> Box<dyn Look + Send + 'b> {
        Box::new(Summing { interest: Interest::Nothing, count: 0, sum: 0 })
    }
}

impl Look for Summing {
    fn begin(&mut self, file: &PassingFile<'_>) -> Interest {
        (self.count, self.sum) = (0, 0);
        self.interest = match file.path.as_bytes() {
            b"stream" | b"panic" => Interest::Stream,
            b"whole" => Interest::Whole { limit: 1 << 20 },
            b"both" => Interest::StreamAndWhole { limit: 100 },
            b"head" => Interest::Head,
            _ => Interest::Nothing,
        };
        assert!(file.path.as_bytes() != b"begin", "as asked");
        self.interest
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.count += bytes.len() as u64;
        self.sum = bytes.iter().fold(self.sum, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte));
        assert!(self.count < 10 || bytes.first() != Some(&b'!'), "as asked");
    }

    fn end(&mut self, whole: Option<Result<Content<'_>, ParseError>>) -> FileFacts {
        let whole = whole.map(|whole| whole.map(|content| content.size()));
        let said = format!("{} {} {whole:?}", self.count, self.sum);
        FileFacts { text: Some(said), ..FileFacts::default() }
    }
}

fn meta(path: &str, size: u64) -> EntryMeta {
    EntryMeta {
        path: TreePath::from(path),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size,
        mtime: 0,
        link: None,
        capabilities: None,
    }
}

/// Reads `first` bytes as a parser would and then lets the detectors see the rest.
fn pass(path: &str, bytes: &[u8], first: usize) -> Vec<FileFacts> {
    let budget = Budget::default();
    let terms = Terms {
        budget: &budget,
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        fingerprints: None,
    };
    let mut detecting = Detecting::of(&[&Sums], terms);
    let meta = meta(path, bytes.len() as u64);
    let mut content = bytes;
    let mut passing = detecting.begin(0, &meta, &mut content, None).unwrap();
    let mut read = vec![0; first.min(bytes.len())];
    passing.read_exact(&mut read).unwrap();
    assert_eq!(read, bytes[..read.len()]);
    let mut keeper = Keeper::new();
    let whole = passing.whole();
    let kept =
        keeper.keep(&[], whole.filter(|_| first == 0), &meta, &budget, &mut passing).unwrap();
    passing.drain().unwrap();
    passing.end(|limit| kept.whole(limit))
}

fn said(path: &str, bytes: &[u8], first: usize) -> String {
    let facts = pass(path, bytes, first);
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].detector, "sums");
    facts[0].text.clone().unwrap_or_else(|| facts[0].problems[0].detail.clone())
}

fn streamed(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(31) ^ u64::from(*byte))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_stream_is_seen_as_it_is_whoever_reads_its_beginning(
        bytes in proptest::collection::vec(b'a'..=b'z', 1..150_000),
        first in 0_usize..100_000,
    ) {
        let wanted = format!("{} {} None", bytes.len(), streamed(&bytes));
        prop_assert_eq!(said("stream", &bytes, first), wanted);
        prop_assert_eq!(said("head", &bytes, first), "0 0 None".to_owned());
        prop_assert!(pass("other", &bytes, first).is_empty());
    }
}

#[test]
fn a_whole_file_comes_at_its_end_within_its_limit() {
    assert_eq!(said("whole", b"abc", 0), "0 0 Some(Ok(3))");
    let long = vec![b'a'; 5_000];
    assert_eq!(said("both", &long, 0).split_whitespace().next(), Some("5000"));
    assert!(said("both", &long, 0).contains("TooLarge"));
    let short = vec![b'a'; 100];
    assert_eq!(said("both", &short, 0), format!("100 {} Some(Ok(100))", streamed(&short)));
}

#[test]
fn a_detector_that_panics_costs_itself_the_file() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let problem = "the detector gave up (a defect of it)";
    assert_eq!(said("begin", b"abc", 0), problem);
    let bytes = [b"0123456789".as_slice(), &[b'!'; 100_000]].concat();
    assert_eq!(said("panic", &bytes, 10), problem);
    std::panic::set_hook(hook);
}

#[test]
fn an_empty_file_is_not_shown() {
    assert!(pass("stream", b"", 0).is_empty());
}
