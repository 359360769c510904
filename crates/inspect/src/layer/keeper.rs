//! Keeps an entry's bytes for all detectors that want the entry, having read them once.
//!
//! In: what each wants, the entry's bytes as a stream. Out: a [`ClaimedFile`] for each. Odd: nothing beyond the longest head
//! is read before a detector has seen its head and asked for the rest; the buffer stays for the next entry, since fresh
//! memory costs more than the copy.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

use plimsoll_image::{Budget, EntryMeta, TreePath};

use super::Job;
use crate::{
    content::{Content, MAX_IN_MEMORY, Spool, SpoolError},
    executable,
    parser::{ClaimedFile, ParseError, Want},
};

/// The buffer grows from here: what a header says of a file's size may be a lie.
const FIRST_GROWTH: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Keeper {
    /// Its length is what was needed so far; what it holds is the last entry's.
    buffer: Vec<u8>,
    pub(super) spool: Spool,
}

/// What was kept of an entry.
pub(super) struct Kept<'k> {
    /// Its first bytes: all that detectors want in memory.
    start: &'k [u8],
    /// All of it, if a detector asked for the rest and it is within the limits.
    all: Option<Result<Content<'k>, ParseError>>,
    /// Of each job, whether its rest is wanted.
    wants_rest: Vec<bool>,
    size: u64,
    budget: &'k Budget,
}

/// How much of a file of `size` bytes the jobs want as one piece.
pub(super) fn bytes_in_memory(jobs: &[Job], size: u64, budget: &Budget) -> u64 {
    let bound = budget.max_claimed_file_bytes;
    let wanted = jobs.iter().map(|job| match job.want {
        Want::Whole { limit } if size > limit.min(bound) => 0,
        Want::Whole { .. } => size,
        Want::Head { limit } => limit.min(bound),
        Want::Seekable { head, .. } => head.min(bound),
        Want::Program { .. } => executable::HEAD,
    });
    wanted.max().unwrap_or_default()
}

impl Keeper {
    pub(super) const fn new() -> Self {
        Self { buffer: Vec::new(), spool: Spool::new() }
    }

    /// Reads what the jobs want of `content`, and all of it if it is not longer than `whole`.
    ///
    /// # Errors
    /// Those of `content` alone; a temporary file that fails costs those who want the rest.
    pub(super) fn keep<'k>(
        &'k mut self,
        jobs: &[Job],
        whole: Option<u64>,
        meta: &EntryMeta,
        budget: &'k Budget,
        content: &mut dyn Read,
    ) -> io::Result<Kept<'k>> {
        let take = bytes_in_memory(jobs, meta.size, budget);
        let mut filled = fill(&mut self.buffer, 0, take, content)?;
        let start = self.buffer.get(..filled).unwrap_or_default();
        let wants_rest: Vec<bool> = jobs.iter().map(|job| wants_rest(job, meta, start)).collect();
        let is_allowed = |job: &Job| matches!(job.want, Want::Seekable { limit, .. } | Want::Program { limit } if meta.size <= limit.min(budget.max_claimed_file_bytes));
        let is_whole_wanted =
            whole.is_some_and(|limit| meta.size <= limit.min(budget.max_claimed_file_bytes));
        let is_rest_wanted = is_whole_wanted
            || jobs.iter().zip(&wants_rest).any(|(job, wants)| *wants && is_allowed(job));
        let is_all = u64::try_from(filled).is_ok_and(|filled| filled < take || filled >= meta.size);
        let mut spooled = None;
        if is_rest_wanted && !is_all {
            if meta.size <= MAX_IN_MEMORY {
                filled = fill(&mut self.buffer, filled, meta.size, content)?;
            } else {
                spooled = match self.spool.keep(start, content, meta.size) {
                    Ok(content) => Some(Ok(content)),
                    Err(SpoolError::Source(error)) => return Err(error),
                    Err(SpoolError::Spool(error)) => {
                        Some(Err(ParseError::Unkept(error.to_string())))
                    }
                };
            }
        }
        let start = self.buffer.get(..filled).unwrap_or_default();
        let in_memory = is_rest_wanted.then_some(Ok(Content::of_bytes(start)));
        Ok(Kept { start, all: spooled.or(in_memory), wants_rest, size: meta.size, budget })
    }

    /// Gives back what only large files need.
    pub(super) fn let_go(&mut self) {
        if self.buffer.len() > usize::try_from(MAX_IN_MEMORY).unwrap_or(usize::MAX) {
            self.buffer = Vec::new();
        }
        self.spool.empty();
    }
}

/// Reads on from `filled` until `wanted` bytes are there or no more come; returns how many are.
fn fill(
    buffer: &mut Vec<u8>,
    mut filled: usize,
    wanted: u64,
    content: &mut dyn Read,
) -> io::Result<usize> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    while filled < wanted {
        if filled == buffer.len() {
            buffer.resize(buffer.len().saturating_mul(2).max(FIRST_GROWTH).min(wanted), 0);
        }
        let end = buffer.len().min(wanted);
        match content.read(buffer.get_mut(filled..end).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Asks the detector; one that panics is asked no more, and will say so when it parses.
fn wants_rest(job: &Job, meta: &EntryMeta, start: &[u8]) -> bool {
    let head = match job.want {
        Want::Seekable { head, .. } => head,
        Want::Program { .. } => return executable::is_program(start),
        Want::Whole { .. } | Want::Head { .. } => return false,
    };
    let path = job.claimed.as_ref().unwrap_or(&meta.path);
    let ask = || job.parser.wants_rest(path.as_bytes(), first(start, head));
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or(true)
}

fn first(bytes: &[u8], limit: u64) -> &[u8] {
    usize::try_from(limit).ok().and_then(|limit| bytes.get(..limit)).unwrap_or(bytes)
}

impl<'k> Kept<'k> {
    /// What the job at `position` sees.
    pub(super) fn file(
        &self,
        position: usize,
        want: Want,
        path: &'k TreePath,
    ) -> Result<ClaimedFile<'k>, ParseError> {
        let (bytes, content) = match want {
            Want::Whole { limit } => {
                self.check(limit)?;
                let bytes = first(self.start, self.size);
                (bytes, Content::of_bytes(bytes))
            }
            Want::Head { limit } => {
                let bytes = first(self.start, limit);
                (bytes, Content::of_bytes(bytes))
            }
            Want::Seekable { head, limit } => self.seekable(position, head, limit)?,
            Want::Program { limit } => self.seekable(position, executable::HEAD, limit)?,
        };
        Ok(ClaimedFile { path, bytes, content, size: self.size, budget: self.budget })
    }

    /// Its head, and all of it if its rest is wanted.
    fn seekable(
        &self,
        position: usize,
        head: u64,
        limit: u64,
    ) -> Result<(&'k [u8], Content<'k>), ParseError> {
        let bytes = first(self.start, head);
        if !self.wants_rest.get(position).copied().unwrap_or_default() {
            return Ok((bytes, Content::of_bytes(bytes)));
        }
        self.check(limit)?;
        Ok((bytes, self.all.clone().unwrap_or_else(|| Ok(Content::of_bytes(bytes)))?))
    }

    /// All of it, for who asked for it within a limit.
    pub(super) fn whole(&self, limit: u64) -> Result<Content<'k>, ParseError> {
        self.check(limit)?;
        self.all.clone().unwrap_or_else(|| Ok(Content::of_bytes(self.start)))
    }

    /// Whether Linux can run or load it.
    pub(super) fn is_executable(&self) -> bool {
        executable::is_executable(self.start)
    }

    /// Whether it begins as programs do.
    pub(super) fn is_program(&self) -> bool {
        executable::is_program(self.start)
    }

    fn check(&self, limit: u64) -> Result<(), ParseError> {
        let size = self.size;
        if size > limit {
            return Err(ParseError::TooLarge { size, limit, name: "the format's own" });
        }
        let limit = self.budget.max_claimed_file_bytes;
        if size > limit {
            return Err(ParseError::TooLarge { size, limit, name: "max_claimed_file_bytes" });
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "keeper/tests.rs"]
mod tests;
