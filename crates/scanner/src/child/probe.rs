//! Tries the sandbox: what confines a process here, and whether it holds.
//!
//! In: how to start a child. Out: its [`Level`], and for each [`Attempt`] how it failed. Odd: an attempt that seccomp ends
//! kills its process, so each has its own.

use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use plimsoll_advisory::MatchContext;
use plimsoll_image::Budget;
use plimsoll_model::Timestamp;

use super::{
    Attempt, ChildLimits, Confined, Launcher, Level,
    board::Board,
    death::Cause,
    wire::{Job, Kind, Setup, WireError, pair, parse},
};

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The system refused it: why.
    Refused(String),
    /// The process was killed for it: how it ended.
    Killed(String),
    /// It succeeded, which it must not.
    Succeeded,
}

/// What confines a child here: of a child that then does nothing.
///
/// # Errors
/// No child can be started, or it does not say.
pub fn probe(launcher: &Launcher) -> io::Result<Level> {
    let (level, _) = try_one(launcher, Attempt::ReadFile, Confined::Fully)?;
    level.ok_or_else(|| io::Error::other("the child did not say how it is confined"))
}

/// Makes an attempt in a child that is confined as for a scan, or less, to see what each part is good for.
///
/// # Errors
/// No child can be started.
pub fn try_attempt(launcher: &Launcher, attempt: Attempt, confined: Confined) -> io::Result<Tried> {
    Ok(try_one(launcher, attempt, confined)?.1)
}

fn try_one(
    launcher: &Launcher,
    attempt: Attempt,
    confined: Confined,
) -> io::Result<(Option<Level>, Tried)> {
    let (board, (channel, socket)) = (Board::new()?, pair()?);
    let child = launcher.start(socket)?;
    let setup = Setup {
        job: Job::Attempt { attempt, confined },
        limits: ChildLimits { memory_bytes: 128 << 20, ..ChildLimits::default() },
        is_sandbox_required: false,
        budget: Budget::default(),
        today: Timestamp::default(),
        threads: 1,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        snapshot: None,
        has_cache: false,
        rules: None,
        fingerprints: None,
        listing: None,
        left_out: Vec::new(),
    };
    let deadline = Instant::now() + PATIENCE;
    let mut wait = || Instant::now() >= deadline;
    let mut level = None;
    let mut talk = || -> Result<Tried, WireError> {
        channel.send_value(Kind::Setup, &setup, Some(board.file().as_fd()), &mut wait)?;
        loop {
            let (kind, length) = channel.head(&mut wait)?;
            let body = channel.body(length, &mut wait)?;
            let text = String::from_utf8_lossy(&body).into_owned();
            match kind {
                Kind::Ready => level = Some(parse(&body)?),
                Kind::Attempted if text.is_empty() => return Ok(Tried::Succeeded),
                Kind::Attempted => return Ok(Tried::Refused(text)),
                _ => return Err(WireError::Protocol(text)),
            }
        }
    };
    match talk() {
        Ok(tried) => Ok((level, tried)),
        Err(WireError::Closed) => {
            let (status, said) = child.end()?;
            let ending = Cause::of(status, &said).sentence(&setup.limits);
            Ok((level, Tried::Killed(ending)))
        }
        Err(error) => Err(io::Error::other(error)),
    }
}
