//! The detectors' side of the one pass over a layer.
//!
//! In: each entry of a layer with its bytes, from [`LayerSource::read_layer`](plimsoll_image::LayerSource::read_layer).
//! Out: [`LayerFacts`]. Odd: a detector that panics costs its file, not the scan; the file is then a gap. A second pass
//! reads entries under other paths than their own ([`LayerInspector::only`]).

mod keeper;
mod passing;

use std::{
    collections::BTreeMap,
    io::{self, Read},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};

use plimsoll_image::{
    Budget, BudgetReached, EntryKind, EntryMeta, EntryVisitor, LayerEntries, TreePath,
};
use plimsoll_model::{Gap, GapReason, Kinds};

use keeper::Keeper;
use passing::Detecting;

use crate::{
    claims::UnreadClaim,
    content::Spool,
    detector::{Terms, detectors},
    facts::{FileFacts, LayerFacts, Problem},
    malware::Malware,
    parser::{ClaimedFile, ParseError, Parser, Want, parsers},
    sensitive::FingerprintKey,
    watch::{Watch, Work},
};

/// Texts that one layer may keep for checks: many times what the configuration of a whole system has.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// A file of which more is read takes its turn where layers are read side by side.
const LARGE: u64 = 32 << 20;

/// Sees each entry of a layer once and asks the detectors.
pub struct LayerInspector<'a> {
    budget: &'a Budget,
    /// Bytes of texts that may still be kept for checks.
    text_left: usize,
    files: BTreeMap<u32, Vec<FileFacts>>,
    /// Entries that were looked at as programs.
    programs: Vec<u32>,
    /// Those among them that Linux can run or load.
    executables: Vec<u32>,
    only: Option<BTreeMap<u32, Vec<&'a UnreadClaim>>>,
    turn: Option<&'a Mutex<()>>,
    watched: Option<(usize, &'a dyn Watch)>,
    keeper: Keeper,
    detecting: Detecting<'a>,
    /// Whether detectors were to see the layer and may not.
    is_undetected: bool,
    /// The limit for which files were not read.
    passed_over: Option<BudgetReached>,
}

impl<'a> LayerInspector<'a> {
    /// For the first pass: everything is read under its own path.
    #[must_use]
    pub fn new(budget: &'a Budget) -> Self {
        let terms = Terms { budget, kinds: Kinds::ALL, malware: None, fingerprints: None };
        Self { detecting: Detecting::new(terms), ..Self::blind(budget) }
    }

    fn terms(&self) -> Terms<'a> {
        let kinds = Kinds::ALL;
        let none = Terms { budget: self.budget, kinds, malware: None, fingerprints: None };
        self.detecting.terms().unwrap_or(none)
    }

    /// Without detectors.
    const fn blind(budget: &'a Budget) -> Self {
        Self {
            budget,
            text_left: MAX_TEXT_BYTES,
            files: BTreeMap::new(),
            programs: Vec::new(),
            executables: Vec::new(),
            only: None,
            turn: None,
            watched: None,
            keeper: Keeper::new(),
            detecting: Detecting::none(),
            is_undetected: false,
            passed_over: None,
        }
    }

    /// For a second pass: just these claims are read, each by its detector and under its path.
    #[must_use]
    pub fn only(budget: &'a Budget, claims: &'a [UnreadClaim]) -> Self {
        let mut only: BTreeMap<u32, Vec<&'a UnreadClaim>> = BTreeMap::new();
        for claim in claims {
            only.entry(claim.entry).or_default().push(claim);
        }
        Self { only: Some(only), ..Self::blind(budget) }
    }

    /// Looks for malicious files, too.
    #[must_use]
    pub fn with_malware(mut self, malware: Option<&'a Malware>) -> Self {
        self.detecting = Detecting::new(Terms { malware, ..self.terms() });
        self
    }

    /// Looks for these kinds of risk alone.
    #[must_use]
    pub fn with_kinds(mut self, kinds: Kinds) -> Self {
        self.detecting = Detecting::new(Terms { kinds, ..self.terms() });
        self
    }

    /// Gives what detectors find fingerprints under that key.
    #[must_use]
    pub fn with_fingerprints(mut self, key: Option<&'a FingerprintKey>) -> Self {
        self.detecting = Detecting::new(Terms { fingerprints: key, ..self.terms() });
        self
    }

    /// For a layer of which no more is fetched than what parsers ask for: detectors, who look into every file, see none.
    #[must_use]
    pub fn without_detectors(mut self) -> Self {
        self.detecting = Detecting::none();
        self.is_undetected = true;
        self
    }

    /// Layers that share `turn` hold one large file in memory at a time, however many are read side by side.
    #[must_use]
    pub const fn with_turn(mut self, turn: &'a Mutex<()>) -> Self {
        self.turn = Some(turn);
        self
    }

    /// Tells `watch` about each file before a detector gets it; `layer` is the layer's position in the image.
    #[must_use]
    pub const fn with_watch(mut self, layer: usize, watch: &'a dyn Watch) -> Self {
        self.watched = Some((layer, watch));
        self
    }

    /// Large files are kept in `spool` instead of a temporary file of its own.
    #[must_use]
    pub fn with_spool(mut self, spool: Spool) -> Self {
        self.keeper.spool = spool;
        self
    }

    /// What was learnt, with the entries that the pass returned.
    #[must_use]
    pub fn finish(self, mut entries: LayerEntries) -> LayerFacts {
        entries.gaps.extend(self.passed_over.map(|reached| Gap {
            reason: GapReason::BudgetReached,
            by: "layer".to_owned(),
            at: entries.computed_digest.map(|digest| digest.to_string()).unwrap_or_default(),
            detail: format!("files of the layer were not read: {reached}"),
        }));
        if self.is_undetected && !detectors().is_empty() {
            entries.gaps.push(Gap {
                reason: GapReason::NotInSource,
                by: "layer".to_owned(),
                at: entries.computed_digest.map(|digest| digest.to_string()).unwrap_or_default(),
                detail: "was read in parts: its files were not searched for what may have any name"
                    .to_owned(),
            });
        }
        LayerFacts {
            entries,
            files: self.files,
            programs: self.programs,
            executables: self.executables,
        }
    }

    /// Counts one more file that is read; false when there were too many.
    fn may_read(&mut self) -> bool {
        match self.budget.use_claimed_file() {
            Ok(()) => true,
            Err(reached) => {
                self.passed_over.get_or_insert(reached);
                false
            }
        }
    }

    /// Which detectors want the entry, under which path.
    fn jobs(&self, index: u32, meta: &EntryMeta) -> Vec<Job> {
        let mut jobs = Vec::new();
        if let Some(only) = &self.only {
            for claim in only.get(&index).into_iter().flatten() {
                let parser = parsers().iter().find(|parser| parser.id() == claim.detector);
                if let Some(parser) = parser
                    && let Some(want) = parser.claims(claim.path.as_bytes(), meta)
                {
                    jobs.push(Job { parser: *parser, want, claimed: Some(claim.path.clone()) });
                }
            }
            return jobs;
        }
        for parser in parsers() {
            if let Some(want) = parser.claims(meta.path.as_bytes(), meta) {
                jobs.push(Job { parser: *parser, want, claimed: None });
            }
        }
        jobs
    }
}

struct Job {
    parser: &'static dyn Parser,
    want: Want,
    claimed: Option<TreePath>,
}

impl Job {
    const fn is_for_programs(&self) -> bool {
        matches!(self.want, Want::Program { .. })
    }
}

impl EntryVisitor for LayerInspector<'_> {
    fn visit(&mut self, index: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        if meta.kind != EntryKind::File {
            return Ok(());
        }
        let mut jobs = self.jobs(index, meta);
        // What is claimed by its mode or size alone counts if it is a program.
        let mut are_all_for_programs = jobs.iter().all(Job::is_for_programs);
        if !are_all_for_programs && !self.may_read() {
            jobs.clear();
            are_all_for_programs = true;
        }
        let in_memory = keeper::bytes_in_memory(&jobs, meta.size, self.budget);
        let turn = self.turn.filter(|_| in_memory > LARGE);
        let _held = turn.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let mut passing = self.detecting.begin(index, meta, content, self.watched)?;
        if jobs.is_empty() && !passing.is_wanted() {
            return Ok(());
        }
        let whole = passing.whole();
        let kept = self.keeper.keep(&jobs, whole, meta, self.budget, &mut passing)?;
        let is_program = kept.is_program();
        if are_all_for_programs
            && is_program
            && !jobs.is_empty()
            && let Err(reached) = self.budget.use_claimed_file()
        {
            self.passed_over.get_or_insert(reached);
            jobs.clear();
        }
        if jobs.iter().any(Job::is_for_programs) {
            self.programs.push(index);
            if kept.is_executable() {
                self.executables.push(index);
            }
        }
        let mut is_first_for_programs = true;
        for (position, job) in jobs.into_iter().enumerate() {
            let is_for_programs = job.is_for_programs();
            if is_for_programs && !is_program {
                continue;
            }
            let path = job.claimed.as_ref().unwrap_or(&meta.path);
            let kept = kept.file(position, job.want, path);
            // One reader of programs says for all of them that a file could not be had.
            if is_for_programs && !mem::take(&mut is_first_for_programs) && kept.is_err() {
                continue;
            }
            let parsed =
                kept.and_then(|file| parse_watched(job.parser, &file, index, self.watched));
            let mut facts = match parsed {
                Ok(facts) => facts,
                Err(error) => FileFacts { problems: vec![problem(&error)], ..FileFacts::default() },
            };
            if let Some(text) = &facts.text {
                match self.text_left.checked_sub(text.len()) {
                    Some(left) => self.text_left = left,
                    None => {
                        facts.text = None;
                        facts.note(Problem::budget(format!(
                            "texts of one layer: the limit of {MAX_TEXT_BYTES} bytes is reached"
                        )));
                    }
                }
            }
            if is_for_programs && facts.is_empty() {
                continue;
            }
            job.parser.id().clone_into(&mut facts.detector);
            facts.claimed = job.claimed;
            self.files.entry(index).or_default().push(facts);
        }
        passing.drain()?;
        let detected = passing.end(|limit| kept.whole(limit));
        if !detected.is_empty() {
            self.files.entry(index).or_default().extend(detected);
        }
        self.keeper.let_go();
        Ok(())
    }
}

fn parse_watched(
    parser: &dyn Parser,
    file: &ClaimedFile<'_>,
    entry: u32,
    watched: Option<(usize, &dyn Watch)>,
) -> Result<FileFacts, ParseError> {
    let Some((layer, watch)) = watched else { return parse_guarded(parser, file) };
    let work = Work { layer, entry, path: file.path, detector: parser.id() };
    let parsed = match watch.file_begins(&work) {
        Ok(()) => parse_guarded(parser, file),
        Err(problem) => Err(ParseError::Syntax { at: "whole file".to_owned(), problem }),
    };
    watch.file_ends(layer);
    parsed
}

fn parse_guarded(parser: &dyn Parser, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
    catch_unwind(AssertUnwindSafe(|| parser.parse(file))).unwrap_or_else(|_| {
        let at = "whole file".to_owned();
        Err(ParseError::Syntax { at, problem: "the parser gave up (a defect of it)".to_owned() })
    })
}

pub(crate) fn problem(error: &ParseError) -> Problem {
    let reason = match error {
        ParseError::TooLarge { .. } => GapReason::BudgetReached,
        ParseError::Syntax { .. } | ParseError::Missing(_) | ParseError::Unkept(_) => {
            GapReason::UnreadableFile
        }
    };
    Problem { reason, detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Endless zeros that note whether the turn was taken while they were read.
    struct Watched<'t> {
        turn: &'t Mutex<()>,
        was_free: bool,
    }

    impl Read for Watched<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.was_free |= self.turn.try_lock().is_ok();
            buffer.fill(0);
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_large_file_takes_its_turn_and_a_small_one_does_not() {
        let (budget, turn) = (Budget::default(), Mutex::new(()));
        for (size, free) in [(LARGE + 1, false), (1 << 10, true)] {
            let meta = EntryMeta {
                path: TreePath::from("var/lib/dpkg/status"),
                kind: EntryKind::File,
                mode: 0o644,
                uid: 0,
                gid: 0,
                size,
                mtime: 0,
                link: None,
                capabilities: None,
            };
            let mut content = Watched { turn: &turn, was_free: false };
            let mut inspector = LayerInspector::new(&budget).with_turn(&turn);
            inspector.visit(0, &meta, &mut content).unwrap();
            assert_eq!(content.was_free, free, "{size}");
            assert!(turn.try_lock().is_ok());
        }
    }
}
