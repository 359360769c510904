//! Announces what the child is on, and leaves out what an earlier child died of.
//!
//! In: the scan's layers and files as they begin. Out: notes on the [`Board`]. Odd: what is left out becomes a problem of its
//! file, and so a gap, like anything else that could not be read.

use std::collections::BTreeMap;

use plimsoll_inspect::{Watch, Work};

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
    files: BTreeMap<(usize, u32), (String, String)>,
    fault: Option<Fault>,
}

impl Announcer {
    pub(super) fn new(board: Board, left_out: Vec<LeftOut>, fault: Option<Fault>) -> Self {
        let (mut layers, mut files) = (BTreeMap::new(), BTreeMap::new());
        for one in left_out {
            match one.file {
                Some((entry, detector)) => {
                    files.insert((one.layer, entry), (detector, one.why));
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
        if let Some((detector, why)) = self.files.get(&(work.layer, work.entry))
            && detector == work.detector
        {
            return Err(why.clone());
        }
        self.board.note(Place::File {
            layer: u32::try_from(work.layer).unwrap_or(u32::MAX),
            entry: work.entry,
            detector: detector_number(work.detector),
        });
        if let Some(fault) = &self.fault {
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
