//! Reads a VEX document in a process of its own.
//!
//! In: the bytes of a document that lay beside an image, of which anybody may be the author. Out: what it says, or that it is none.
//! Odd: what comes back is a document of our own making, bounded like a report; a process that dies of it costs the document.

use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use plimsoll_advisory::vex::{Document, MAX_VEX_BYTES, VexError};
use plimsoll_image::Budget;
use plimsoll_model::{Kinds, MatchContext, Timestamp};

use super::{
    ChildError, Isolation,
    board::Board,
    death::Cause,
    wire::{Done, Job, Kind, Setup, WireError, pair, parse},
};

/// How long a document may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of what comes back: several times that of the document.
const MAX_ANSWER: usize = 256 << 20;

/// What became of bytes that may be a VEX document.
#[derive(Debug)]
pub enum VexOutcome {
    /// What they say.
    Document(Box<Document>),
    /// They are none, or the process that read them died: why.
    Problem(String),
}

/// Reads a document in a process that can reach nothing but these bytes.
///
/// # Errors
/// [`ChildError`]: the process cannot be made, which is a matter of this machine.
pub fn read_vex_in_child(
    isolation: &Isolation,
    bytes: &[u8],
    is_stopped: &dyn Fn() -> bool,
) -> Result<VexOutcome, ChildError> {
    if bytes.len() > MAX_VEX_BYTES {
        return Ok(VexOutcome::Problem(VexError::Size.to_string()));
    }
    let (board, (channel, socket)) = (Board::new()?, pair()?);
    let mut child = isolation.launcher.start(socket)?;
    let setup = Setup {
        job: Job::Vex,
        limits: isolation.limits,
        is_sandbox_required: isolation.is_sandbox_required,
        budget: Budget::default(),
        today: Timestamp::default(),
        threads: 1,
        context: MatchContext::default(),
        kinds: Kinds::ALL,
        snapshot: None,
        has_cache: false,
        rules: None,
        fingerprints: None,
        listing: None,
        left_out: Vec::new(),
    };
    let deadline = Instant::now() + PATIENCE.min(isolation.limits.wall);
    let mut wait = || Instant::now() >= deadline || is_stopped();
    let mut answer: Vec<u8> = Vec::new();
    let mut talk = || -> Result<Result<Option<String>, ChildError>, WireError> {
        channel.send_value(Kind::Setup, &setup, Some(board.file().as_fd()), &mut wait)?;
        channel.send(Kind::Document, bytes, None, &mut wait)?;
        loop {
            let (kind, length) = channel.head(&mut wait)?;
            let body = channel.body(length, &mut wait)?;
            match kind {
                Kind::Ready => {}
                Kind::Refused => {
                    let refusal: super::wire::Refusal = parse(&body)?;
                    return Ok(Err(refusal.into()));
                }
                Kind::Piece if answer.len().saturating_add(body.len()) <= MAX_ANSWER => {
                    answer.extend_from_slice(&body);
                }
                Kind::Piece => {
                    return Err(WireError::Protocol("what it says has no end".to_owned()));
                }
                Kind::Done => {
                    return match parse(&body)? {
                        Done::Vex { problem } => Ok(Ok(problem)),
                        Done::Report { .. } | Done::Listing(_) => {
                            Err(WireError::Protocol("it read something else".to_owned()))
                        }
                    };
                }
                other => {
                    return Err(WireError::Protocol(format!("{other:?} is not for it to say")));
                }
            }
        }
    };
    match talk() {
        Ok(Ok(Some(problem))) => Ok(VexOutcome::Problem(problem)),
        Ok(Ok(None)) => match serde_json::from_slice(&answer) {
            Ok(document) => Ok(VexOutcome::Document(Box::new(document))),
            Err(error) => Ok(died(&Cause::Protocol(error.to_string()), isolation)),
        },
        Ok(Err(refused)) => Err(refused),
        Err(WireError::Closed) => {
            child.kill_unless_it_ends_within(Duration::from_secs(5));
            let (status, said) = child.end()?;
            Ok(died(&Cause::of(status, &said), isolation))
        }
        Err(WireError::Ended) if is_stopped() => Err(ChildError::Stopped),
        Err(WireError::Ended) => Ok(died(&Cause::Wall, isolation)),
        Err(WireError::Protocol(problem)) => Ok(died(&Cause::Protocol(problem), isolation)),
        Err(WireError::Io(error)) => Err(ChildError::Start(io::Error::other(error))),
    }
}

fn died(cause: &Cause, isolation: &Isolation) -> VexOutcome {
    let ending = cause.sentence(&isolation.limits);
    VexOutcome::Problem(format!("the process that read it {ending}"))
}
