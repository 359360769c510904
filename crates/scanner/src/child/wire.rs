//! What parent and child say to each other, and how.
//!
//! In: a pair of sockets. Out: frames: kind and length (two `u32`, little-endian), then so many bytes; answers carry open
//! files. Source: `unix(7)`, `SCM_RIGHTS`. Odd: the child is not to be trusted, so its end can neither block the parent
//! nor make it hold more than a frame's kind allows; files that it sends are never taken out of the socket.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use plimsoll_advisory::MatchContext;
use plimsoll_image::{Budget, ImageDocuments, LayerDescriptor, REGISTRY_BY_CONTENTS, StoredLayer};
use plimsoll_inspect::FingerprintKey;
use plimsoll_model::{Digest, Kinds, Platform, Timestamp};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    attempt::{Attempt, Confined},
    limits::ChildLimits,
    list::Listed,
};
use crate::listing::ListingFormat;

/// Bytes of what tells the child what to do: documents of an image, twice 8 MiB, and little else.
const MAX_SETUP: u32 = 64 << 20;
/// Bytes of a small message.
const MAX_SMALL: u32 = 4 << 20;
/// Bytes of one layer's cache entry.
const MAX_ENTRY: u32 = 1 << 30;
/// Bytes of one piece of a report.
pub(super) const MAX_PIECE: u32 = 1 << 20;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(super) enum Kind {
    /// To the child: [`Setup`], with the board.
    Setup = 1,
    /// To the child: the manifest's or configuration's bytes, in that order.
    Document = 2,
    /// To the child, with a file or without: the answer to [`Kind::Blob`], [`Kind::Part`], [`Kind::Entry`] or [`Kind::Spool`]. A text is
    /// why there is none.
    Answer = 3,
    /// The child is confined: [`Level`](super::Level).
    Ready = 16,
    /// The image is open: its [`ImageIdentity`](plimsoll_model::ImageIdentity).
    Opened = 17,
    /// Nothing will come: a [`Refusal`].
    Refused = 18,
    /// Reading begins: number of layers and bytes.
    LayersBegin = 19,
    /// A layer is done: bytes, and whether it was known.
    LayerDone = 20,
    /// A step after the layers begins: its name.
    Step = 21,
    /// Asks for the blob of a layer, by position.
    Blob = 22,
    /// Asks for what is known of a layer, by digest.
    Entry = 23,
    /// Asks for a file to unpack into.
    Spool = 24,
    /// What is to be kept of a layer: its digest in 32 bytes, then the entry.
    Keep = 25,
    /// A piece of the report or listing.
    Piece = 26,
    /// It is complete: [`Done`].
    Done = 27,
    /// An attempt that must fail has ended: its error, or that it did not fail.
    Attempted = 28,
    /// Asks for a part of a layer's blob: position of the layer, offset, length.
    Part = 29,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Setup,
        Self::Document,
        Self::Answer,
        Self::Ready,
        Self::Opened,
        Self::Refused,
        Self::LayersBegin,
        Self::LayerDone,
        Self::Step,
        Self::Blob,
        Self::Entry,
        Self::Spool,
        Self::Keep,
        Self::Piece,
        Self::Done,
        Self::Attempted,
        Self::Part,
    ];

    const fn most_bytes(self) -> u32 {
        match self {
            Self::Setup | Self::Document => MAX_SETUP,
            Self::Keep => MAX_ENTRY,
            Self::Piece => MAX_PIECE,
            _ => MAX_SMALL,
        }
    }
}

/// What the child is to do.
#[derive(Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) job: Job,
    pub(super) limits: ChildLimits,
    /// Without all parts of the sandbox nothing is read.
    pub(super) is_sandbox_required: bool,
    pub(super) budget: Budget,
    pub(super) today: Timestamp,
    pub(super) threads: usize,
    pub(super) context: MatchContext,
    pub(super) kinds: Kinds,
    /// Path of the advisory snapshot, as bytes.
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) has_cache: bool,
    pub(super) rules: Option<NamedRules>,
    /// The cache's key of fingerprints.
    pub(super) fingerprints: Option<FingerprintKey>,
    /// List the image's files instead of scanning it.
    pub(super) listing: Option<ListingWish>,
    pub(super) left_out: Vec<LeftOut>,
}

/// As [`Rules`](crate::Rules).
#[derive(Serialize, Deserialize)]
pub(super) struct NamedRules {
    /// Paths of folders, as bytes.
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) version: String,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Job {
    /// An image on this machine.
    Local {
        /// As bytes.
        path: Vec<u8>,
        kind: Option<String>,
        platform: Platform,
        /// Whether an image of another platform is refused.
        is_platform_required: bool,
    },
    /// An image whose blobs the parent hands over; manifest and configuration follow.
    Remote(Documents),
    /// An image in a store, whose layers lie in folders; manifest and configuration follow.
    Stored { documents: Documents, layers: Vec<StoredLayer> },
    /// A VEX document, which follows.
    Vex,
    /// Something that must fail.
    Attempt { attempt: Attempt, confined: Confined },
}

/// As [`ListingOptions`](crate::listing::ListingOptions), and how it is written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ListingWish {
    pub(super) digests: bool,
    pub(super) layer: Option<usize>,
    pub(super) format: ListingFormat,
}

/// [`ImageDocuments`] without the documents themselves.
#[derive(Serialize, Deserialize)]
pub(super) struct Documents {
    name: String,
    has_manifest: bool,
    manifest_digest: Option<Digest>,
    config_digest: Option<Digest>,
    layers: Vec<Layer>,
    platform: Option<Platform>,
    total_size: u64,
    /// Whether only parts of layers are read.
    is_by_contents: bool,
}

#[derive(Serialize, Deserialize)]
struct Layer {
    digest: Option<Digest>,
    media_type: String,
    size: u64,
    diff_id: Option<Digest>,
}

impl Documents {
    pub(super) fn of(documents: &ImageDocuments) -> Self {
        let layer = |layer: &LayerDescriptor| Layer {
            digest: layer.digest,
            media_type: layer.media_type.clone(),
            size: layer.size,
            diff_id: layer.diff_id,
        };
        Self {
            name: documents.name.clone(),
            has_manifest: documents.manifest.is_some(),
            manifest_digest: documents.manifest_digest,
            config_digest: documents.config_digest,
            layers: documents.layers.iter().map(layer).collect(),
            platform: documents.platform.clone(),
            total_size: documents.total_size,
            is_by_contents: documents.source_kind == REGISTRY_BY_CONTENTS,
        }
    }

    /// With the documents that followed.
    pub(super) fn with(self, manifest: Vec<u8>, config: Vec<u8>) -> ImageDocuments {
        let layer = |layer: Layer| LayerDescriptor {
            digest: layer.digest,
            media_type: layer.media_type,
            size: layer.size,
            diff_id: layer.diff_id,
        };
        ImageDocuments {
            name: self.name,
            source_kind: if self.is_by_contents { REGISTRY_BY_CONTENTS } else { "registry" },
            manifest: self.has_manifest.then_some(manifest),
            manifest_digest: self.manifest_digest,
            config,
            config_digest: self.config_digest,
            layers: self.layers.into_iter().map(layer).collect(),
            platform: self.platform,
            total_size: self.total_size,
        }
    }
}

/// Something that an earlier attempt died of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct LeftOut {
    pub(super) layer: usize,
    /// The entry and the detector; `None`: the layer as a whole.
    pub(super) file: Option<(u32, String)>,
    /// As a sentence.
    pub(super) why: String,
}

/// Why the child read nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// The image cannot be opened.
    Image(String),
    /// It is for another platform than was asked for.
    Platform(String),
    /// The advisory snapshot cannot be opened.
    Snapshot(String),
    /// The rules for malicious files cannot be opened.
    Rules(String),
    /// This machine lacks a part of the sandbox that was required, or refuses it.
    Sandbox(String),
    /// The set-up itself.
    Setup(String),
}

/// The end of a report or listing.
#[derive(Serialize, Deserialize)]
pub(super) enum Done {
    Report {
        /// As [`Scanned::interrupted`](crate::Scanned::interrupted).
        interrupted: Option<String>,
    },
    Listing(Listed),
    /// A VEX document was read, or is none: why.
    Vex {
        problem: Option<String>,
    },
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The other side is gone.
    #[error("the other side is gone")]
    Closed,
    /// It says what it may not say.
    #[error("{0}")]
    Protocol(String),
    /// The wait was ended by whoever watches over it.
    #[error("the wait was ended")]
    Ended,
    /// The socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for WireError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET => Self::Closed,
            errno => Self::Io(errno.into()),
        }
    }
}

/// Asked again and again while nothing comes; `true` ends the wait.
pub(super) type Watcher<'w> = dyn FnMut() -> bool + 'w;

/// One end.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
}

/// How often a watcher is asked.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The parent's end, which never blocks for longer than [`TICK`], and the child's.
pub(super) fn pair() -> io::Result<(Channel, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    let (parent, child) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let before = rustix::fs::fcntl_getfl(&parent)?;
    rustix::fs::fcntl_setfl(&parent, before | rustix::fs::OFlags::NONBLOCK)?;
    Ok((Channel { socket: parent }, child))
}

impl Channel {
    /// The child's end.
    pub(super) const fn inherited(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// The same end once more.
    pub(super) fn another(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()? })
    }

    pub(super) fn send(
        &self,
        kind: Kind,
        body: &[u8],
        file: Option<BorrowedFd<'_>>,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), WireError> {
        self.send_parts(kind, &[body], file, watcher)
    }

    pub(super) fn send_value<T: Serialize>(
        &self,
        kind: Kind,
        value: &T,
        file: Option<BorrowedFd<'_>>,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), WireError> {
        let body = serde_json::to_vec(value).map_err(io::Error::from)?;
        self.send(kind, &body, file, watcher)
    }

    /// One frame of several parts.
    pub(super) fn send_parts(
        &self,
        kind: Kind,
        parts: &[&[u8]],
        file: Option<BorrowedFd<'_>>,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), WireError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).ok().filter(|length| *length <= kind.most_bytes());
        let length = length.ok_or_else(|| {
            WireError::Protocol(format!("a message {kind:?} may have {} bytes", kind.most_bytes()))
        })?;
        let mut head = (kind as u32).to_le_bytes().to_vec();
        head.extend(length.to_le_bytes());
        // The file goes along with the first byte.
        let sent = self.send_some(&head, file, watcher)?;
        self.send_all(head.get(sent..).unwrap_or_default(), watcher)?;
        for part in parts {
            self.send_all(part, watcher)?;
        }
        Ok(())
    }

    fn send_all(&self, mut bytes: &[u8], watcher: &mut Watcher<'_>) -> Result<(), WireError> {
        while !bytes.is_empty() {
            let sent = self.send_some(bytes, None, watcher)?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    fn send_some(
        &self,
        bytes: &[u8],
        file: Option<BorrowedFd<'_>>,
        watcher: &mut Watcher<'_>,
    ) -> Result<usize, WireError> {
        let files: Vec<BorrowedFd<'_>> = file.into_iter().collect();
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !files.is_empty() {
                control.push(SendAncillaryMessage::ScmRights(&files));
            }
            let sent = rustix::net::sendmsg(
                &self.socket,
                &[io::IoSlice::new(bytes)],
                &mut control,
                SendFlags::NOSIGNAL,
            );
            match sent {
                Ok(sent) => return Ok(sent),
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, watcher)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// The kind and length of the next frame; files that come along stay with the kernel.
    pub(super) fn head(&self, watcher: &mut Watcher<'_>) -> Result<(Kind, u32), WireError> {
        let mut head = [0; 8];
        self.read_exact(&mut head, watcher)?;
        parse_head(head)
    }

    /// As [`head`](Self::head), for the child, which trusts the parent: with the file.
    pub(super) fn head_and_file(&self) -> Result<(Kind, u32, Option<OwnedFd>), WireError> {
        let mut head = [0; 8];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let mut parts = [io::IoSliceMut::new(&mut head)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            match rustix::net::recvmsg(&self.socket, &mut parts, &mut control, flags) {
                Err(Errno::INTR) => {}
                received => break received?.bytes,
            }
        };
        if received == 0 {
            return Err(WireError::Closed);
        }
        let mut file = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                file = files.last();
            }
        }
        self.read_exact(head.get_mut(received..).unwrap_or_default(), &mut || false)?;
        let (kind, length) = parse_head(head)?;
        Ok((kind, length, file))
    }

    pub(super) fn body(
        &self,
        length: u32,
        watcher: &mut Watcher<'_>,
    ) -> Result<Vec<u8>, WireError> {
        let mut body = vec![0; usize::try_from(length).unwrap_or(0)];
        self.read_exact(&mut body, watcher)?;
        Ok(body)
    }

    pub(super) fn read_exact(
        &self,
        mut buffer: &mut [u8],
        watcher: &mut Watcher<'_>,
    ) -> Result<(), WireError> {
        while !buffer.is_empty() {
            let read = self.read_some(buffer, watcher)?;
            buffer = buffer.get_mut(read..).unwrap_or_default();
        }
        Ok(())
    }

    /// At least one byte.
    pub(super) fn read_some(
        &self,
        buffer: &mut [u8],
        watcher: &mut Watcher<'_>,
    ) -> Result<usize, WireError> {
        loop {
            match rustix::io::read(&self.socket, &mut *buffer) {
                Ok(0) => return Err(WireError::Closed),
                Ok(read) => return Ok(read),
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, watcher)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn wait(&self, event: PollFlags, watcher: &mut Watcher<'_>) -> Result<(), WireError> {
        loop {
            if watcher() {
                return Err(WireError::Ended);
            }
            let mut sockets = [PollFd::from_borrowed_fd(self.socket.as_fd(), event)];
            match poll(&mut sockets, Some(&TICK)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

fn parse_head(head: [u8; 8]) -> Result<(Kind, u32), WireError> {
    let [a, b, c, d, e, f, g, h] = head;
    let (number, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let kind = Kind::ALL.into_iter().find(|kind| *kind as u32 == number);
    let kind = kind.ok_or_else(|| WireError::Protocol(format!("there is no message {number}")))?;
    if length > kind.most_bytes() {
        return Err(WireError::Protocol(format!(
            "a message {kind:?} of {length} bytes is too long"
        )));
    }
    Ok((kind, length))
}

/// Reads a body.
pub(super) fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, WireError> {
    serde_json::from_slice(body).map_err(|error| WireError::Protocol(error.to_string()))
}
