//! The parent's side of one attempt: starts a child, gives it what it asks for, takes what it says.
//!
//! In: an image and how to scan it. Out: a report, or how the child ended without one. Odd: everything that comes from the
//! child may be an attacker's: it is bounded, only the image's own layers are handed out or kept, and a child that breaks
//! the rules is killed. It can lie about its image, but neither reach anything else nor stop the parent.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use plimsoll_image::{ImageDocuments, LayerSource};
use plimsoll_model::{Digest, ImageIdentity, Report};

use super::{
    ChildScan, Isolation, Level, Target,
    board::{Board, Place, Slot},
    death::Cause,
    known::Known,
    launch::Running,
    list::Listed,
    stream::pump,
    wire::{
        Channel, Documents, Done, Job, Kind, LeftOut, ListingWish, NamedRules, Refusal, Setup,
        WireError, pair, parse,
    },
};
use crate::{LayerCache, Progress, Scanned};

/// Bytes of a report's text: several times that of the largest images.
const MAX_REPORT: usize = 256 << 20;
/// Blobs and parts of them, cache entries and files to unpack into that one child may ask for or keep in all: a scan reads
/// a layer twice.
const MAX_ASKED: usize = 65_536;
/// Blobs that flow at once, each with a thread of the parent; more where the child has more than half as many.
const MAX_FLOWING: usize = 64;
/// How often the child's notes are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How an attempt ended.
pub(super) enum Outcome {
    Report {
        scanned: Box<Scanned>,
        level: Level,
    },
    /// The listing was written.
    Listing {
        listed: Listed,
        level: Level,
    },
    /// It could not be written.
    NotWritten(io::Error),
    /// The child says why there will be no report.
    Refused(Refusal),
    Died {
        cause: Cause,
        identity: Option<Box<ImageIdentity>>,
        board: Board,
    },
    /// It was told to stop.
    Stopped,
}

/// What differs between the attempts at one image.
pub(super) struct Plan<'p> {
    pub(super) left_out: &'p [LeftOut],
    pub(super) threads: usize,
    /// When the last attempt must be done.
    pub(super) deadline: Instant,
    /// What is known of the image before.
    pub(super) known: Option<&'p Known<'p>>,
    pub(super) listing: Option<ListingWish>,
}

/// Who is told what, while a child runs.
pub(super) struct Observers<'o> {
    pub(super) progress: &'o dyn Progress,
    pub(super) is_stopped: &'o dyn Fn() -> bool,
    /// Takes a listing as it comes.
    pub(super) output: &'o mut dyn Write,
}

/// Starts a child and serves it to its end.
pub(super) fn attempt(
    isolation: &Isolation,
    request: &ChildScan<'_>,
    plan: &Plan<'_>,
    observers: Observers<'_>,
) -> io::Result<Outcome> {
    let Observers { progress, is_stopped, output } = observers;
    let board = Board::new()?;
    let (channel, socket) = pair()?;
    let child = isolation.launcher.start(socket)?;
    let mut watcher = Watcher::new(&board, isolation, plan, is_stopped);
    let mut broker = Broker {
        channel,
        isolation,
        request,
        progress,
        identity: None,
        known: plan.known.and_then(Known::key).into_iter().collect(),
        readable: plan.known.map(Known::readable).unwrap_or_default(),
        level: Level::default(),
        report: Vec::new(),
        output,
        not_written: None,
        asked: 0,
        flowing: Arc::default(),
    };
    let served =
        broker.set_up(&board, plan, &mut watcher).and_then(|()| broker.serve(plan, &mut watcher));
    let ended = watcher.ended;
    let identity = broker.identity.take();
    let (level, not_written) = (broker.level, broker.not_written.take());
    if let Some(error) = not_written {
        return Ok(Outcome::NotWritten(error));
    }
    // One that is done has nothing left to do; whatever it still wants, it does not get.
    let cause = match served {
        Ok(End::Report(scanned)) => return Ok(Outcome::Report { scanned, level }),
        Ok(End::Listing(listed)) => return Ok(Outcome::Listing { listed, level }),
        Ok(End::Refused(refusal)) => return Ok(Outcome::Refused(refusal)),
        Err(WireError::Closed) => {
            drop(broker);
            return died(child, identity, board);
        }
        Err(WireError::Ended) => match ended {
            Some(Ended::Stopped) | None => return Ok(Outcome::Stopped),
            Some(Ended::Deadline) => Cause::Wall,
            Some(Ended::Hangs(place)) => Cause::File(place),
        },
        Err(WireError::Protocol(problem)) => Cause::Protocol(problem),
        Err(WireError::Io(error)) => return Err(error),
    };
    Ok(Outcome::Died { cause, identity, board })
}

/// Its end of the channel is closed: it is dead, or about to be.
fn died(
    mut child: Running,
    identity: Option<Box<ImageIdentity>>,
    board: Board,
) -> io::Result<Outcome> {
    // One that closed the channel and lives on would be waited for in vain.
    child.kill_unless_it_ends_within(Duration::from_secs(5));
    let (status, said) = child.end()?;
    Ok(Outcome::Died { cause: Cause::of(status, &said), identity, board })
}

/// A path that means the same in the child: this process's own files have other numbers there, or none.
fn lasting(path: &Path) -> Cow<'_, Path> {
    let is_own = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    match path.canonicalize() {
        Ok(real) if is_own && real.is_file() => Cow::Owned(real),
        _ => Cow::Borrowed(path),
    }
}

enum End {
    Report(Box<Scanned>),
    Listing(Listed),
    Refused(Refusal),
}

struct Broker<'b> {
    channel: Channel,
    isolation: &'b Isolation,
    request: &'b ChildScan<'b>,
    progress: &'b dyn Progress,
    identity: Option<Box<ImageIdentity>>,
    /// Digests of the image's layers: nothing else is handed out or kept.
    known: BTreeSet<Digest>,
    /// Names of further entries that it may only see.
    readable: BTreeSet<Digest>,
    level: Level,
    report: Vec<u8>,
    output: &'b mut dyn Write,
    not_written: Option<io::Error>,
    asked: usize,
    /// Held by each blob that flows.
    flowing: Arc<()>,
}

impl Broker<'_> {
    fn set_up(
        &mut self,
        board: &Board,
        plan: &Plan<'_>,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), WireError> {
        let request = self.request;
        let setup = Setup {
            job: match request.target {
                Target::Local { path, kind, platform, is_platform_required } => Job::Local {
                    path: lasting(path).as_os_str().as_bytes().to_vec(),
                    kind: kind.map(|kind| kind.name().to_owned()),
                    platform: platform.clone(),
                    is_platform_required,
                },
                Target::Remote(source) => Job::Remote(Documents::of(source.documents())),
                Target::Stored(image) => Job::Stored {
                    documents: Documents::of(image.documents()),
                    layers: image.layers().to_vec(),
                },
            },
            limits: self.isolation.limits,
            is_sandbox_required: self.isolation.is_sandbox_required,
            budget: request.budget.clone(),
            today: request.today,
            threads: plan.threads,
            context: request.context,
            kinds: request.kinds,
            snapshot: request.snapshot.map(|path| path.as_os_str().as_bytes().to_vec()),
            has_cache: request.cache.is_some(),
            rules: request.rules.map(|rules| NamedRules {
                folders: rules
                    .folders()
                    .iter()
                    .map(|folder| folder.as_os_str().as_bytes().to_vec())
                    .collect(),
                version: rules.version().to_owned(),
            }),
            fingerprints: request.cache.and_then(LayerCache::fingerprints).cloned(),
            listing: plan.listing,
            left_out: plan.left_out.to_vec(),
        };
        let mut wait = || watcher.is_over();
        self.channel.send_value(Kind::Setup, &setup, Some(board.file().as_fd()), &mut wait)?;
        let documents: &ImageDocuments = match request.target {
            Target::Remote(source) => source.documents(),
            Target::Stored(image) => image.documents(),
            Target::Local { .. } => return Ok(()),
        };
        let manifest = documents.manifest.as_deref().unwrap_or_default();
        self.channel.send(Kind::Document, manifest, None, &mut wait)?;
        self.channel.send(Kind::Document, &documents.config, None, &mut wait)?;
        // Nobody hashed what lies in a store, so that nothing is kept under its layers' digests.
        if let Target::Remote(_) = request.target {
            self.known.extend(documents.layers.iter().filter_map(|layer| layer.digest));
        }
        Ok(())
    }

    /// Answers and listens until there is a report, or a reason for none.
    fn serve(&mut self, plan: &Plan<'_>, watcher: &mut Watcher<'_>) -> Result<End, WireError> {
        loop {
            // A child that never pauses does not stop the clock.
            if watcher.is_over() {
                return Err(WireError::Ended);
            }
            let (kind, length) = self.channel.head(&mut || watcher.is_over())?;
            if kind == Kind::Keep {
                self.count()?;
                self.keep(length, watcher)?;
                continue;
            }
            let body = self.channel.body(length, &mut || watcher.is_over())?;
            match kind {
                Kind::Ready => self.level = parse(&body)?,
                Kind::Opened => self.opened(parse(&body)?)?,
                Kind::Refused => return parse(&body).map(End::Refused),
                Kind::LayersBegin => {
                    let (layers, bytes) = (number(&body, 0)?, number(&body, 8)?);
                    self.progress.layers_begin(usize::try_from(layers).unwrap_or(0), bytes);
                }
                Kind::LayerDone => {
                    let took = Duration::from_micros(number(&body, 9)?);
                    self.progress.layer_done(number(&body, 0)?, body.get(8) == Some(&1), took);
                }
                Kind::Step => self.progress.step(step(&body)),
                Kind::Blob | Kind::Part | Kind::Entry | Kind::Spool => {
                    self.answer(kind, &body, watcher)?;
                }
                Kind::Piece if plan.listing.is_some() => self.write(body)?,
                Kind::Piece => self.piece(&body)?,
                Kind::Done => return self.done(parse(&body)?, plan.listing.is_some()),
                Kind::Setup | Kind::Document | Kind::Answer | Kind::Attempted | Kind::Keep => {
                    return Err(WireError::Protocol(format!("{kind:?} is not for it to say")));
                }
            }
        }
    }

    /// Said once, before any layer is read: an image of this machine names its layers then.
    fn opened(&mut self, identity: ImageIdentity) -> Result<(), WireError> {
        if self.identity.is_some() {
            return Err(WireError::Protocol("the image was opened twice".to_owned()));
        }
        if matches!(self.request.target, Target::Local { .. }) {
            self.known.extend(identity.layers.iter().copied());
        }
        self.identity = Some(Box::new(identity));
        Ok(())
    }

    fn answer(
        &mut self,
        kind: Kind,
        body: &[u8],
        watcher: &mut Watcher<'_>,
    ) -> Result<(), WireError> {
        self.count()?;
        let file = match kind {
            Kind::Blob => self.blob(number(body, 0)?, None),
            Kind::Part => self.blob(number(body, 0)?, Some((number(body, 8)?, number(body, 16)?))),
            Kind::Entry => self.entry(body),
            _ => Self::spool(),
        };
        let mut wait = || watcher.is_over();
        match file {
            Ok(file) => self.channel.send(Kind::Answer, &[], Some(file.as_fd()), &mut wait),
            Err(problem) => self.channel.send(Kind::Answer, problem.as_bytes(), None, &mut wait),
        }
    }

    fn count(&mut self) -> Result<(), WireError> {
        self.asked += 1;
        if self.asked > MAX_ASKED {
            return Err(WireError::Protocol(format!("it asks more than {MAX_ASKED} times")));
        }
        Ok(())
    }

    /// A layer's blob, or a part of it: offset and length.
    fn blob(&self, index: u64, part: Option<(u64, u64)>) -> Result<OwnedFd, String> {
        let Target::Remote(source) = self.request.target else {
            return Err("the image has no blobs elsewhere".to_owned());
        };
        let most = MAX_FLOWING.max(self.request.threads.saturating_mul(2));
        if Arc::strong_count(&self.flowing) > most {
            return Err(format!("{most} blobs flow already"));
        }
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let blob = match part {
            Some((offset, length)) => source.open_part(index, offset, length),
            None => source.open_blob(index),
        };
        let blob = blob.map_err(|error| error.to_string())?;
        pump(blob, Arc::clone(&self.flowing)).map_err(|error| error.to_string())
    }

    fn entry(&self, digest: &[u8]) -> Result<OwnedFd, String> {
        let digest = self.known_digest(digest).or_else(|| self.readable_digest(digest));
        let digest = digest.ok_or("no layer of the image has this digest")?;
        let file = self.request.cache.and_then(|cache| cache.entry_file(&digest));
        file.map(Into::into).ok_or_else(|| "nothing is known of it".to_owned())
    }

    fn spool() -> Result<OwnedFd, String> {
        tempfile::tempfile().map(Into::into).map_err(|error| error.to_string())
    }

    fn keep(&mut self, length: u32, watcher: &mut Watcher<'_>) -> Result<(), WireError> {
        let mut digest = [0; 32];
        let entry = length.checked_sub(32);
        let entry = entry.ok_or_else(|| WireError::Protocol("an entry without digest".into()))?;
        self.channel.read_exact(&mut digest, &mut || watcher.is_over())?;
        let mut arriving = Arriving { channel: &self.channel, left: entry, watcher, failure: None };
        if let (Some(cache), Some(digest)) = (self.request.cache, self.known_digest(&digest)) {
            // Without the entry the next scan is slower, nothing else.
            let _kept = cache.keep_entry(&digest, &mut arriving);
        }
        // What was not kept is in the way of what comes next.
        let _drained = io::copy(&mut arriving, &mut io::sink());
        arriving.failure.map_or(Ok(()), Err)
    }

    fn known_digest(&self, bytes: &[u8]) -> Option<Digest> {
        let digest = Digest::from_bytes(bytes.try_into().ok()?);
        self.known.contains(&digest).then_some(digest)
    }

    fn readable_digest(&self, bytes: &[u8]) -> Option<Digest> {
        let digest = Digest::from_bytes(bytes.try_into().ok()?);
        self.readable.contains(&digest).then_some(digest)
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), WireError> {
        if self.report.len() + piece.len() > MAX_REPORT {
            return Err(WireError::Protocol(format!("a report of more than {MAX_REPORT} bytes")));
        }
        self.report.extend_from_slice(piece);
        Ok(())
    }

    /// Passes a piece of a listing on, without what only an attacker's child could have put there.
    fn write(&mut self, mut piece: Vec<u8>) -> Result<(), WireError> {
        for byte in piece.iter_mut().filter(|byte| byte.is_ascii_control() && **byte != b'\n') {
            *byte = b'?';
        }
        self.output.write_all(&piece).map_err(|error| {
            self.not_written = Some(error);
            WireError::Ended
        })
    }

    fn done(&mut self, done: Done, is_listing: bool) -> Result<End, WireError> {
        match done {
            Done::Report { interrupted } if !is_listing => {
                let report: Report = parse(&self.report)?;
                Ok(End::Report(Box::new(Scanned { report, interrupted })))
            }
            Done::Listing(listed) if is_listing => Ok(End::Listing(listed)),
            _ => Err(WireError::Protocol("what came to its end was not asked for".to_owned())),
        }
    }
}

/// A cache entry on its way.
struct Arriving<'a, 'w> {
    channel: &'a Channel,
    left: u32,
    watcher: &'a mut Watcher<'w>,
    failure: Option<WireError>,
}

impl Read for Arriving<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let watcher = &mut *self.watcher;
        match self.channel.read_some(buffer, &mut || watcher.is_over()) {
            Ok(read) => {
                self.left = self.left.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
                Ok(read)
            }
            Err(error) => {
                let told = io::Error::other(error.to_string());
                self.failure = Some(error);
                self.left = 0;
                Err(told)
            }
        }
    }
}

/// Why a wait was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ended {
    Stopped,
    Deadline,
    Hangs(Place),
}

/// Looks at the clock, at the flag that stops, and at whether the child moves.
struct Watcher<'w> {
    board: &'w Board,
    is_stopped: &'w dyn Fn() -> bool,
    deadline: Instant,
    file: Duration,
    looked: Instant,
    /// Each slot with the time since which it has not changed.
    slots: Vec<(Slot, Instant)>,
    ended: Option<Ended>,
}

impl<'w> Watcher<'w> {
    fn new(
        board: &'w Board,
        isolation: &Isolation,
        plan: &Plan<'_>,
        is_stopped: &'w dyn Fn() -> bool,
    ) -> Self {
        let file = isolation.limits.file;
        let (deadline, looked) = (plan.deadline, Instant::now());
        Self { board, is_stopped, deadline, file, looked, slots: Vec::new(), ended: None }
    }

    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        self.ended = if (self.is_stopped)() {
            Some(Ended::Stopped)
        } else if now >= self.deadline {
            Some(Ended::Deadline)
        } else if now.duration_since(self.looked) >= LOOK.min(self.file) {
            self.looked = now;
            self.hanging(now).map(Ended::Hangs)
        } else {
            None
        };
        self.ended.is_some()
    }

    /// The file that a detector has been on for too long.
    fn hanging(&mut self, now: Instant) -> Option<Place> {
        let before = std::mem::take(&mut self.slots);
        let slots = self.board.slots().into_iter().enumerate().map(|(number, slot)| {
            let since = before.get(number).filter(|(earlier, _)| *earlier == slot);
            (slot, since.map_or(now, |(_, since)| *since))
        });
        self.slots = slots.collect();
        let limit = self.file;
        let hangs = self.slots.iter().find(|(slot, since)| {
            matches!(slot.place, Place::File { .. }) && now.duration_since(*since) >= limit
        });
        hangs.map(|(slot, _)| slot.place)
    }
}

fn number(body: &[u8], at: usize) -> Result<u64, WireError> {
    let bytes = body.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_le_bytes).ok_or_else(|| WireError::Protocol("a number is missing".into()))
}

/// The names of steps are the program's own.
fn step(name: &[u8]) -> &'static str {
    let known = ["merge", "inspect", "match"];
    known.into_iter().find(|known| known.as_bytes() == name).unwrap_or("scan")
}
