//! Shows the detectors what is read of a file, whoever reads it.
//!
//! In: a file's bytes as a stream. Out: the same bytes for whoever claims the file, and what the detectors found. Odd: a file
//! is read once, by parsers as far as they want it and then to its end if a detector does. A detector that panics costs
//! itself the file and nobody else.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

use plimsoll_image::{EntryMeta, TreePath};

use crate::{
    content::Content,
    detector::{Detector, HEAD, Interest, Look, PassingFile, Terms, detectors},
    facts::{FileFacts, Problem},
    parser::ParseError,
    watch::{Watch, Work},
};

/// Bytes that are shown at once where nobody but detectors reads.
const PIECE: usize = 64 << 10;

/// The detectors on one layer.
pub(super) struct Detecting<'b> {
    /// `None`: nobody looks.
    terms: Option<Terms<'b>>,
    looks: Vec<Looking<'b>>,
    head: Vec<u8>,
    piece: Vec<u8>,
}

/// One detector on one layer.
struct Looking<'b> {
    detector: &'static dyn Detector,
    look: Box<dyn Look + Send + 'b>,
    interest: Interest,
    /// Why it sees no more of the file.
    given_up: Option<String>,
}

/// A file on its way past the detectors.
pub(super) struct Passing<'p, 'b> {
    terms: Option<Terms<'b>>,
    looks: &'p mut [Looking<'b>],
    head: &'p [u8],
    piece: &'p mut Vec<u8>,
    /// No more than the file is said to have: a folder's file may grow while it is read.
    content: io::Take<&'p mut dyn Read>,
    scene: Scene<'p>,
    /// How much of the head was read on.
    served: usize,
}

/// Which file it is, and who watches.
#[derive(Clone, Copy)]
struct Scene<'p> {
    path: &'p TreePath,
    entry: u32,
    watched: Option<(usize, &'p dyn Watch)>,
}

impl<'b> Detecting<'b> {
    pub(super) fn new(terms: Terms<'b>) -> Self {
        Self::of(detectors(), terms)
    }

    fn of(detectors: &[&'static dyn Detector], terms: Terms<'b>) -> Self {
        let looking = |detector: &&'static dyn Detector| Looking {
            detector: *detector,
            look: detector.begin_layer(terms),
            interest: Interest::Nothing,
            given_up: None,
        };
        let asked = detectors.iter().filter(|detector| terms.kinds.contains(detector.kind()));
        let looks = asked.map(looking).collect();
        Self { terms: Some(terms), looks, head: Vec::new(), piece: Vec::new() }
    }

    /// What holds for the layer, if anybody looks.
    pub(super) const fn terms(&self) -> Option<Terms<'b>> {
        self.terms
    }

    /// Nobody looks.
    pub(super) const fn none() -> Self {
        Self { terms: None, looks: Vec::new(), head: Vec::new(), piece: Vec::new() }
    }

    /// Reads a file's first bytes and asks who wants more.
    ///
    /// # Errors
    /// Those of `content`.
    pub(super) fn begin<'p>(
        &'p mut self,
        entry: u32,
        meta: &'p EntryMeta,
        content: &'p mut dyn Read,
        watched: Option<(usize, &'p dyn Watch)>,
    ) -> io::Result<Passing<'p, 'b>> {
        self.head.clear();
        let is_seen = meta.size > 0 && !self.looks.is_empty();
        if is_seen {
            let limit = u64::try_from(HEAD).unwrap_or(u64::MAX).min(meta.size);
            content.take(limit).read_to_end(&mut self.head)?;
        }
        let left = meta.size.saturating_sub(u64::try_from(self.head.len()).unwrap_or(u64::MAX));
        let scene = Scene { path: &meta.path, entry, watched };
        let file = PassingFile { path: &meta.path, meta, head: &self.head };
        for looking in &mut self.looks {
            looking.interest = Interest::Nothing;
            looking.given_up = None;
            if is_seen {
                let asked = looking.guarded(self.terms, |look| look.begin(&file));
                looking.interest = asked.unwrap_or(Interest::Head);
            }
        }
        Ok(Passing {
            terms: self.terms,
            looks: &mut self.looks,
            head: &self.head,
            piece: &mut self.piece,
            content: content.take(left),
            scene,
            served: 0,
        })
    }
}

impl<'b> Looking<'b> {
    /// A part of the detector's work. One that panics begins anew with the next file.
    fn guarded<T>(
        &mut self,
        terms: Option<Terms<'b>>,
        part: impl FnOnce(&mut dyn Look) -> T,
    ) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| part(&mut *self.look))).ok();
        if done.is_none() {
            self.given_up = Some("the detector gave up (a defect of it)".to_owned());
            if let Some(terms) = terms {
                self.look = self.detector.begin_layer(terms);
            }
        }
        done
    }

    /// The same before the eyes of whoever watches.
    fn watched<T>(
        &mut self,
        terms: Option<Terms<'b>>,
        scene: &Scene<'_>,
        part: impl FnOnce(&mut dyn Look) -> T,
    ) -> Option<T> {
        let Some((layer, watch)) = scene.watched else { return self.guarded(terms, part) };
        let Scene { path, entry, .. } = *scene;
        match watch.file_begins(&Work { layer, entry, path, detector: self.detector.id() }) {
            Ok(()) => {
                let done = self.guarded(terms, part);
                watch.file_ends(layer);
                done
            }
            Err(why) => {
                self.given_up = Some(why);
                None
            }
        }
    }

    const fn wants_pieces(&self) -> bool {
        self.interest.is_stream() && self.given_up.is_none()
    }
}

impl Passing<'_, '_> {
    /// Whether anything of the file is still to be seen or said.
    pub(super) fn is_wanted(&self) -> bool {
        self.looks.iter().any(|looking| looking.interest != Interest::Nothing)
    }

    /// The longest limit within which a detector wants all of the file.
    pub(super) fn whole(&self) -> Option<u64> {
        self.looks.iter().filter_map(|looking| looking.interest.whole()).max()
    }

    /// Reads the rest of the file, if a detector wants to see it.
    ///
    /// # Errors
    /// Those of the content.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        if !self.looks.iter().any(Looking::wants_pieces) {
            return Ok(());
        }
        let mut piece = std::mem::take(self.piece);
        piece.resize(PIECE, 0);
        let drained = self.drain_into(&mut piece);
        *self.piece = piece;
        drained
    }

    fn drain_into(&mut self, piece: &mut [u8]) -> io::Result<()> {
        loop {
            let mut filled = 0;
            let mut is_over = false;
            while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.read_silently(rest) {
                    Ok(0) => {
                        is_over = true;
                        break;
                    }
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.show(piece.get(..filled).unwrap_or_default());
            if is_over || !self.looks.iter().any(Looking::wants_pieces) {
                return Ok(());
            }
        }
    }

    /// What the detectors say of the file. `whole` says how all of it can be had within a limit.
    pub(super) fn end<'k>(
        self,
        whole: impl Fn(u64) -> Result<Content<'k>, ParseError>,
    ) -> Vec<FileFacts> {
        let Self { terms, looks, scene, .. } = self;
        let wanted = looks.iter_mut().filter(|looking| looking.interest != Interest::Nothing);
        let said = wanted.filter_map(|looking| {
            let whole = looking.interest.whole().map(&whole);
            let facts = match looking.given_up {
                Some(_) => None,
                None => looking.watched(terms, &scene, |look| look.end(whole)),
            };
            let mut facts = facts.unwrap_or_else(|| {
                let why = looking.given_up.take().unwrap_or_default();
                FileFacts { problems: vec![Problem::unreadable(why)], ..FileFacts::default() }
            });
            looking.detector.id().clone_into(&mut facts.detector);
            (!facts.is_empty()).then_some(facts)
        });
        said.collect()
    }

    fn read_silently(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.get(self.served..).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                let length = rest.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
                    to.copy_from_slice(from);
                }
                self.served += length;
                Ok(length)
            }
            None => self.content.read(buffer),
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        for looking in self.looks.iter_mut().filter(|looking| looking.wants_pieces()) {
            looking.watched(self.terms, &self.scene, |look| look.piece(bytes));
        }
    }
}

impl Read for Passing<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_silently(buffer)?;
        self.show(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
#[path = "passing/tests.rs"]
mod tests;
