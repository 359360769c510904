//! What each thread of the child is on, in a file that outlives the child.
//!
//! In: threads that begin and end with layers and files. Out: slots of 32 bytes, read when the child is dead, or while it
//! lives, to see whether it moves. Odd: the first 8 bytes are for the handler of fatal signals, which knows the thread that
//! the child dies of. The parent reads the file and never maps it, so nothing that the child does to it can hurt.

use std::{
    cell::Cell,
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicU32, Ordering},
};

use plimsoll_inspect::{detectors, parsers};
use rustix::fs::{MemfdFlags, SealFlags};

/// Threads that have a slot of their own; more share.
const SLOTS: u32 = 128;
const SLOT_BYTES: u64 = SLOT_LENGTH as u64;
const SLOT_LENGTH: usize = 32;

/// What a thread is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Place {
    #[default]
    Nothing,
    /// Unpacking and walking a layer.
    Layer(u32),
    /// A detector on a file's bytes.
    File { layer: u32, entry: u32, detector: u32 },
}

/// One slot as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Slot {
    pub(super) place: Place,
    /// Changes with every note.
    pub(super) changes: u64,
}

/// The file.
#[derive(Debug)]
pub(super) struct Board(File);

/// The signal that the child died of, as its handler noted it, with the place of the thread that got it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Struck {
    pub(super) place: Place,
}

impl Board {
    /// An empty one, in memory. It stays as large as it is: a child that could make it larger would have memory that no
    /// limit counts.
    pub(super) fn new() -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(rustix::fs::memfd_create("plimsoll-board", flags)?);
        file.set_len(SLOT_BYTES * u64::from(SLOTS + 1))?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self(file))
    }

    pub(super) const fn inherited(file: File) -> Self {
        Self(file)
    }

    pub(super) const fn file(&self) -> &File {
        &self.0
    }

    /// Notes what the calling thread is on.
    pub(super) fn note(&self, place: Place) {
        let number = own_slot();
        let changes = CHANGES.get().wrapping_add(1);
        CHANGES.set(changes);
        let (state, layer, entry, detector) = match place {
            Place::Nothing => (0, 0, 0, 0),
            Place::Layer(layer) => (1, layer, 0, 0),
            Place::File { layer, entry, detector } => (2, layer, entry, detector),
        };
        let mut bytes = [0; SLOT_LENGTH];
        for (target, word) in bytes.chunks_exact_mut(4).zip([state, layer, entry, detector]) {
            target.copy_from_slice(&u32::to_ne_bytes(word));
        }
        if let Some(target) = bytes.get_mut(16..24) {
            target.copy_from_slice(&changes.to_ne_bytes());
        }
        // Without notes a death costs more than its file, nothing else.
        let _written = self.0.write_at(&bytes, u64::from(number) * SLOT_BYTES);
    }

    /// All slots in use.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let mut bytes = vec![0; usize::try_from(SLOT_BYTES * u64::from(SLOTS)).unwrap_or(0)];
        let read = self.0.read_at(&mut bytes, SLOT_BYTES).unwrap_or(0);
        bytes.truncate(read);
        bytes.chunks_exact(SLOT_LENGTH).map(slot).filter(|slot| slot.changes > 0).collect()
    }

    /// What the child's handler of fatal signals noted, if it came to that.
    pub(super) fn struck(&self) -> Option<Struck> {
        let mut head = [0; 8];
        self.0.read_exact_at(&mut head, 0).ok()?;
        let number = word(&head, 0);
        if number == 0 || number > SLOTS || word(&head, 4) == 0 {
            return None;
        }
        let mut bytes = [0; SLOT_LENGTH];
        self.0.read_exact_at(&mut bytes, u64::from(number) * SLOT_BYTES).ok()?;
        Some(Struck { place: slot(&bytes).place })
    }
}

thread_local! {
    static SLOT: Cell<u32> = const { Cell::new(0) };
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// The calling thread's slot, from 1; its first use is told to the handler of fatal signals.
fn own_slot() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if SLOT.get() == 0 {
        SLOT.set(NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS + 1);
        plimsoll_native::sandbox::name_slot(SLOT.get());
    }
    SLOT.get()
}

fn slot(bytes: &[u8]) -> Slot {
    let (layer, entry, detector) = (word(bytes, 4), word(bytes, 8), word(bytes, 12));
    let place = match word(bytes, 0) {
        1 => Place::Layer(layer),
        2 => Place::File { layer, entry, detector },
        _ => Place::Nothing,
    };
    let changes = bytes.get(16..24).and_then(|bytes| bytes.try_into().ok());
    Slot { place, changes: changes.map_or(0, u64::from_ne_bytes) }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    word.map_or(0, u32::from_ne_bytes)
}

/// The number of a parser or detector: its place in the lists, which parent and child share as they are one program.
pub(super) fn detector_number(id: &str) -> u32 {
    let place = detector_ids().position(|known| known == id);
    place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
}

/// The parser or detector of a number.
pub(super) fn detector_id(number: u32) -> Option<&'static str> {
    detector_ids().nth(usize::try_from(number).ok()?)
}

fn detector_ids() -> impl Iterator<Item = &'static str> {
    let detectors = detectors().iter().map(|detector| detector.id());
    parsers().iter().map(|parser| parser.id()).chain(detectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_says_what_its_thread_is_on() {
        let board = Board::new().unwrap();
        assert_eq!((board.slots(), board.struck()), (Vec::new(), None));
        let file = Place::File { layer: 3, entry: 70_000, detector: 2 };
        std::thread::scope(|scope| {
            scope.spawn(|| board.note(Place::Layer(1)));
            scope.spawn(|| {
                board.note(Place::Layer(3));
                board.note(file);
            });
        });
        let mut slots = board.slots();
        slots.sort_by_key(|slot| slot.changes);
        assert_eq!(
            slots,
            [Slot { place: Place::Layer(1), changes: 1 }, Slot { place: file, changes: 2 }]
        );
    }

    #[test]
    fn numbers_of_detectors_lead_back() {
        let ids: Vec<_> = detector_ids().collect();
        let back: Vec<_> = ids.iter().filter_map(|id| detector_id(detector_number(id))).collect();
        assert_eq!((back, detector_id(u32::MAX)), (ids, None));
    }
}
