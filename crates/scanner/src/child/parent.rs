//! The parent, as the child knows it.
//!
//! In: questions from any thread of the scan. Out: blobs, cache entries and spool files, as open files. Odd: one question is
//! asked at a time, and what is opened then flows beside the channel; messages that need no answer share it.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use plimsoll_image::{
    Budget, EntryVisitor, ImageDocuments, LayerEntries, LayerSource, REGISTRY_BY_CONTENTS,
    RangeSource, ReadError, read_blob, read_by_contents,
};
use plimsoll_model::{Digest, ImageIdentity};

use super::{
    stream::Pumped,
    wire::{Channel, Done, Kind, WireError},
};
use crate::{Progress, cache::EntryStore};

/// The channel, one thread at a time.
#[derive(Debug)]
pub(super) struct Parent(Mutex<Channel>);

impl Parent {
    pub(super) const fn new(channel: Channel) -> Self {
        Self(Mutex::new(channel))
    }

    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image is open.
    pub(super) fn opened(&self, identity: &ImageIdentity) -> Result<(), WireError> {
        self.channel().send_value(Kind::Opened, identity, None, &mut || false)
    }

    /// A document that follows the set-up.
    pub(super) fn document(&self) -> Result<Vec<u8>, WireError> {
        let channel = self.channel();
        match channel.head(&mut || false)? {
            (Kind::Document, length) => channel.body(length, &mut || false),
            (other, _) => Err(WireError::Protocol(format!("{other:?} in a document's place"))),
        }
    }

    pub(super) fn piece(&self, piece: &[u8]) -> Result<(), WireError> {
        self.channel().send(Kind::Piece, piece, None, &mut || false)
    }

    pub(super) fn done(&self, done: &Done) -> Result<(), WireError> {
        self.channel().send_value(Kind::Done, done, None, &mut || false)
    }

    /// A file to unpack into.
    pub(super) fn spool(&self) -> io::Result<File> {
        let answer = self.ask(Kind::Spool, &[]).map_err(io::Error::other)?;
        answer.map(File::from).map_err(io::Error::other)
    }

    /// The file that the parent answers with, or its text.
    fn ask(&self, kind: Kind, body: &[u8]) -> Result<Result<OwnedFd, String>, WireError> {
        let channel = self.channel();
        channel.send(kind, body, None, &mut || false)?;
        let (kind, length, file) = channel.head_and_file()?;
        let text = channel.body(length, &mut || false)?;
        match (kind, file) {
            (Kind::Answer, Some(file)) => Ok(Ok(file)),
            (Kind::Answer, None) => Ok(Err(String::from_utf8_lossy(&text).into_owned())),
            (other, _) => Err(WireError::Protocol(format!("{other:?} is no answer"))),
        }
    }

    /// Tells something; if the parent is gone, so are we soon.
    fn tell(&self, kind: Kind, parts: &[&[u8]]) {
        let _told = self.channel().send_parts(kind, parts, None, &mut || false);
    }
}

impl Progress for Parent {
    fn layers_begin(&self, layers: usize, bytes: u64) {
        self.tell(Kind::LayersBegin, &[&(layers as u64).to_le_bytes(), &bytes.to_le_bytes()]);
    }

    fn layer_done(&self, bytes: u64, cached: bool, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.tell(
            Kind::LayerDone,
            &[&bytes.to_le_bytes(), &[u8::from(cached)], &took.to_le_bytes()],
        );
    }

    fn step(&self, name: &'static str) {
        self.tell(Kind::Step, &[name.as_bytes()]);
    }
}

impl EntryStore for Parent {
    fn open(&self, digest: &Digest) -> Option<Box<dyn Read>> {
        let file = self.ask(Kind::Entry, digest.as_bytes()).ok()?.ok()?;
        Some(Box::new(File::from(file)))
    }

    fn keep(&self, digest: &Digest, entry: &[u8]) -> io::Result<()> {
        let channel = self.channel();
        let sent = channel.send_parts(Kind::Keep, &[digest.as_bytes(), entry], None, &mut || false);
        sent.map_err(io::Error::other)
    }
}

/// An image whose blobs the parent hands over.
pub(super) struct Remote {
    documents: ImageDocuments,
    parent: Arc<Parent>,
}

impl Remote {
    pub(super) const fn new(documents: ImageDocuments, parent: Arc<Parent>) -> Self {
        Self { documents, parent }
    }
}

/// The parts of one layer.
struct Parts<'p> {
    parent: &'p Parent,
    index: u64,
}

impl RangeSource for Parts<'_> {
    fn range(&self, offset: u64, length: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let body = [self.index, offset, length].map(u64::to_le_bytes).concat();
        let pipe = self.parent.ask(Kind::Part, &body).map_err(io::Error::other)?;
        let pipe = pipe.map_err(io::Error::other)?;
        Ok(Box::new(Pumped::new(File::from(pipe))))
    }
}

impl LayerSource for Remote {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        let count = self.documents.layers.len();
        let layer = self.documents.layers.get(index);
        let layer = layer.ok_or(ReadError::NoSuchLayer { index, count })?;
        let failed = |source| {
            let at = layer.digest.map(|digest| digest.to_string());
            ReadError::Io { at: format!("layer {}", at.unwrap_or_default()), source }
        };
        if self.documents.source_kind == REGISTRY_BY_CONTENTS {
            let parts = Parts { parent: &self.parent, index: index as u64 };
            let read = read_by_contents(&parts, &self.documents, index, budget, visitor)?;
            if let Some(read) = read {
                return Ok(read);
            }
        }
        let answer = self.parent.ask(Kind::Blob, &(index as u64).to_le_bytes());
        let pipe = answer.map_err(|error| failed(io::Error::other(error)))?;
        let pipe = pipe.map_err(|text| failed(io::Error::other(text)))?;
        read_blob(&mut Pumped::new(File::from(pipe)), layer, budget, visitor)
    }
}
