//! What a child died of, and what follows from it.
//!
//! In: how its process ended, what it said, what its threads were on. Out: a sentence for the report, and what the next
//! attempt leaves out. Source: `signal(7)`. Odd: where it is not clear which of several files did it, the next attempt reads
//! one at a time, which costs time but no file.

use std::{process::ExitStatus, time::Duration};

use rustix::process::Signal;

use super::{
    board::{Board, Place, detector_id},
    launch::signal,
    limits::ChildLimits,
    wire::LeftOut,
};

/// Characters of what a child said that may stand in a sentence.
const MAX_SAID: usize = 200;

/// Why there is no report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// It used up its memory.
    Memory,
    /// It used up its processor time.
    Processor,
    /// It used up its time.
    Wall,
    /// A detector did not come to an end with this file.
    File(Place),
    /// It made a forbidden system call.
    Forbidden,
    /// The system killed it, as it does when memory runs out.
    Killed,
    /// A signal.
    Signal(i32),
    /// It ended by itself: its exit code, and the last that it said.
    Exit(Option<i32>, String),
    /// It said what it may not say.
    Protocol(String),
}

impl Cause {
    /// How a process that nobody killed came to its end.
    pub(super) fn of(status: ExitStatus, said: &str) -> Self {
        let is = |number, signal: Signal| number == signal.as_raw();
        match signal(status) {
            Some(number) if is(number, Signal::ABORT) && said.contains("memory allocation of") => {
                Self::Memory
            }
            Some(number) if is(number, Signal::SYS) => Self::Forbidden,
            Some(number) if is(number, Signal::XCPU) => Self::Processor,
            Some(number) if is(number, Signal::KILL) => Self::Killed,
            Some(number) => Self::Signal(number),
            None => Self::Exit(status.code(), clip(said)),
        }
    }

    /// "the process that read it …", with the remedy where there is one.
    pub(super) fn sentence(&self, limits: &ChildLimits) -> String {
        match self {
            Self::Memory => format!(
                "needed more memory than its limit of {} MiB (`--memory-limit` raises it)",
                limits.memory_bytes >> 20
            ),
            Self::Processor => format!(
                "used {} of processor time, its limit (`--timeout` raises it)",
                minutes(limits.processor)
            ),
            Self::Wall => format!(
                "was not done after {}, its limit (`--timeout` raises it)",
                minutes(limits.wall)
            ),
            Self::File(_) => format!("was not done after {}", minutes(limits.file)),
            Self::Forbidden => "made a system call that no scan needs and was killed".to_owned(),
            Self::Killed => {
                "was killed from outside, as happens when the machine or container runs out of memory"
                    .to_owned()
            }
            Self::Signal(number) => {
                let name = match *number {
                    libc_signal::ABORT => "it gave up (SIGABRT)",
                    libc_signal::SEGV => "an invalid access or an exhausted stack (SIGSEGV)",
                    libc_signal::BUS => "an invalid access (SIGBUS)",
                    _ => return format!("died of signal {number}"),
                };
                format!("died: {name}")
            }
            Self::Exit(code, said) => {
                let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                format!("ended without a report (exit code {code}){said}")
            }
            Self::Protocol(problem) => format!("broke the rules of its channel: {problem}"),
        }
    }

    /// Whether more memory for each file may be all that it takes.
    const fn is_about_memory(&self) -> bool {
        matches!(self, Self::Memory | Self::Killed)
    }

    /// Whether another attempt has any time left.
    const fn may_be_tried_again(&self) -> bool {
        !matches!(self, Self::Wall | Self::Processor)
    }
}

mod libc_signal {
    pub(super) const ABORT: i32 = 6;
    pub(super) const SEGV: i32 = 11;
    pub(super) const BUS: i32 = 7;
}

/// What the next attempt does otherwise.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Remedy {
    /// Leaves this out.
    LeaveOut(LeftOut),
    /// Reads one layer at a time.
    OneByOne,
    /// Nothing helps.
    None,
}

/// Decides what the next attempt does otherwise. `is_alone`: the one that died had one thread.
pub(super) fn remedy(cause: &Cause, board: &Board, limits: &ChildLimits, is_alone: bool) -> Remedy {
    if !cause.may_be_tried_again() {
        return Remedy::None;
    }
    let suspects: Vec<Place> = board.slots().into_iter().map(|slot| slot.place).collect();
    let busy = |place: &&Place| **place != Place::Nothing;
    let culprit = match cause {
        Cause::File(place) => Some(*place),
        // Whoever asks for the last of the memory need not be who used it.
        cause if cause.is_about_memory() && !is_alone => None,
        _ => board.struck().map(|struck| struck.place).filter(|place| *place != Place::Nothing),
    };
    let culprit = culprit.or_else(|| {
        let mut busy = suspects.iter().filter(busy);
        busy.next().copied().filter(|_| busy.next().is_none())
    });
    let why = |what: &str| {
        format!("the process that {what} it {}; it was left out", cause.sentence(limits))
    };
    match culprit {
        Some(Place::File { layer, entry, detector }) => match detector_id(detector) {
            Some(detector) => Remedy::LeaveOut(LeftOut {
                layer: layer as usize,
                file: Some((entry, detector.to_owned())),
                why: why("parsed"),
            }),
            None => Remedy::None,
        },
        // One that runs out of memory between files may do with less of them at a time.
        Some(Place::Layer(_)) if cause.is_about_memory() && !is_alone => Remedy::OneByOne,
        Some(Place::Layer(layer)) => {
            Remedy::LeaveOut(LeftOut { layer: layer as usize, file: None, why: why("read") })
        }
        Some(Place::Nothing) | None if !is_alone && suspects.iter().any(|it| busy(&it)) => {
            Remedy::OneByOne
        }
        Some(Place::Nothing) | None => Remedy::None,
    }
}

fn minutes(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

/// The last line that says something of its own, short, without what could move a terminal's cursor.
fn clip(said: &str) -> String {
    // The thread that waits for others panics because one of them did.
    let says = |line: &&str| !line.trim().is_empty() && !line.contains("scoped thread panicked");
    let line = said.lines().rfind(says).unwrap_or_default();
    line.chars().filter(|it| !it.is_control()).take(MAX_SAID).collect()
}
