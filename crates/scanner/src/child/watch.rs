//! Announces what the child is on, and leaves out what an earlier child died of.
//!
//! In: the scan's layers and files as they begin. Out: notes on the [`Board`]. Odd: what is left out becomes a problem of its
//! file, and so a gap, like anything else that could not be read.

use std::collections::BTreeMap;

use plimsoll_inspect::{Watch, Work, parsers};

use super::{
    board::{Board, Place, detector_number},
    fault::Fault,
    wire::LeftOut,
};

/// Watches a scan from inside.
#[derive(Debug)]
pub(super) struct Announcer {
    board: Board,
    layers: BTreeMap<usize, String>,
    /// By layer and entry: detectors, and why each is not to see the file.
    files: BTreeMap<(usize, u32), Vec<(String, String)>>,
    fault: Option<Fault>,
}

impl Announcer {
    pub(super) fn new(board: Board, left_out: Vec<LeftOut>, fault: Option<Fault>) -> Self {
        let mut layers = BTreeMap::new();
        let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in left_out {
            match one.file {
                Some((entry, detector)) => {
                    files.entry((one.layer, entry)).or_default().push((detector, one.why));
                }
                None => {
                    layers.insert(one.layer, one.why);
                }
            }
        }
        Self { board, layers, files, fault }
    }
}

impl Watch for Announcer {
    fn layer_begins(&self, layer: usize) -> Result<(), String> {
        self.board.note(Place::Layer(u32::try_from(layer).unwrap_or(u32::MAX)));
        match self.layers.get(&layer) {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }

    fn file_begins(&self, work: &Work<'_>) -> Result<(), String> {
        let mut of_file = self.files.get(&(work.layer, work.entry)).into_iter().flatten();
        if let Some((_, why)) = of_file.find(|(detector, _)| detector == work.detector) {
            return Err(why.clone());
        }
        self.board.note(Place::File {
            layer: u32::try_from(work.layer).unwrap_or(u32::MAX),
            entry: work.entry,
            detector: detector_number(work.detector),
        });
        // Tests break readers of formats; who looks into every file would be struck by the same path before them.
        let is_parser = || parsers().iter().any(|parser| parser.id() == work.detector);
        if let Some(fault) = self.fault.as_ref().filter(|_| is_parser()) {
            fault.strike(work.path);
        }
        Ok(())
    }

    fn file_ends(&self, layer: usize) {
        self.board.note(Place::Layer(u32::try_from(layer).unwrap_or(u32::MAX)));
    }

    fn layer_ends(&self) {
        self.board.note(Place::Nothing);
    }

    fn leaves_out(&self, layer: usize) -> bool {
        self.layers.contains_key(&layer) || self.files.keys().any(|(of, _)| *of == layer)
    }
}
