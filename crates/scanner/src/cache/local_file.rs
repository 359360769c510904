//! Which files on this machine were hashed before, and have not changed since.
//!
//! In: where a layer's bytes lie, and when that is asked. Out: the digest that was computed over them then. Source: what git
//! does with its index ("racy git"). Odd: a file is taken for the same when device, inode, size and both times are; nobody but
//! the machine's administrator can set a file's change time back. A file that was changed within the last moments is not
//! trusted, since a second change could bear the same time.

use plimsoll_image::{FileIdentity, FilePlace};
use plimsoll_model::{Digest, Timestamp};
use ring::digest::SHA256;

use super::wire::{Wire, fields};

/// Seconds for which a change keeps a file from being trusted: file systems count time in steps of up to two seconds.
const SETTLING_SECONDS: i64 = 3;

/// A part of a file, and the digest of its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hashed {
    pub(super) place: FilePlace,
    pub(super) digest: Digest,
}

fields!(Hashed { place, digest });
fields!(FilePlace { file, offset, length });
fields!(FileIdentity { device, inode, size, modified, changed });

/// The name of a file's entry: the same for all that the file ever was, so that a later one takes an earlier one's place.
pub(crate) fn key(place: &FilePlace) -> Digest {
    let mut text = b"file ".to_vec();
    for number in [place.file.device, place.file.inode, place.offset, place.length] {
        number.write(&mut text);
    }
    let digest = ring::digest::digest(&SHA256, &text);
    Digest::from_bytes(digest.as_ref().try_into().unwrap_or_default())
}

/// What a part of a file is known by as long as the file does not change: other than [`key`], another one after each change.
/// `None` when it changed a moment ago.
pub(crate) fn binding(place: &FilePlace, now: Timestamp) -> Option<Digest> {
    let mut text = b"bytes ".to_vec();
    place.write(&mut text);
    let digest = ring::digest::digest(&SHA256, &text);
    let digest = digest.as_ref().try_into().ok().map(Digest::from_bytes);
    digest.filter(|_| is_settled(place, now))
}

/// Whether the file's last change is long enough ago.
pub(super) const fn is_settled(place: &FilePlace, now: Timestamp) -> bool {
    place.file.changed.0.saturating_add(SETTLING_SECONDS) <= now.0
}
