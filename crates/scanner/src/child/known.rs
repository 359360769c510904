//! What the parent knows of an image before it starts a child.
//!
//! In: what is to be scanned. Out: the image as it was found before, if nothing changed since; else, which cache entries the
//! child may see and make. Odd: for this the parent reads the image's documents itself, as it does for registries anyway; a
//! file that would have to be unpacked for that is left to the child. What a child says of an image is kept for that very
//! image alone: as long as its files do not change, or under the digests that its registry promises.

use std::collections::BTreeSet;

use plimsoll_advisory::Snapshot;
use plimsoll_image::{FilePlace, ImageDocuments, LayerSource, is_compressed, open_path};
use plimsoll_model::{Digest, Verdict};

use super::{ChildError, ChildScan, Target, inside};
use crate::{
    LayerCache, Progress, Rules, ScanOptions, Scanned,
    cache::local_file,
    scan::{Configured, look, look::ImageTerms, report},
};

/// An image, as far as the parent knows it.
pub(super) struct Known<'a> {
    cache: &'a LayerCache,
    image: Image<'a>,
    /// Where each layer's bytes lie, if they do on this machine.
    places: Vec<Option<FilePlace>>,
    key: Option<Digest>,
}

enum Image<'a> {
    Local(Box<dyn LayerSource + Send>),
    Remote(&'a ImageDocuments),
}

impl<'a> Known<'a> {
    /// Reads the image's documents; `None` where nothing is kept, or the parent may not read them.
    pub(super) fn of(request: &ChildScan<'a>, is_sandbox_required: bool) -> Option<Self> {
        let cache = request.cache.filter(|_| !is_sandbox_required)?;
        let image = match request.target {
            Target::Remote(source) => Image::Remote(source.documents()),
            Target::Stored(_) => return None,
            Target::Local { path, .. } if is_compressed(path) => return None,
            Target::Local { path, kind, platform, is_platform_required } => {
                let source = open_path(path, kind, platform, request.budget).ok()?;
                let own = inside::platform_of(source.documents());
                if is_platform_required && own.is_some_and(|own| !own.satisfies(platform)) {
                    return None;
                }
                Image::Local(source)
            }
        };
        let mut known = Self { cache, image, places: Vec::new(), key: None };
        known.places = known.places_now();
        let malware = request.rules.map(Rules::version);
        let terms = ImageTerms { budget: request.budget, malware, kinds: request.kinds };
        let place = |index: usize| known.places.get(index).copied().flatten();
        known.key = look::image_key(known.documents(), &terms, request.today, place);
        Some(known)
    }

    fn documents(&self) -> &ImageDocuments {
        match &self.image {
            Image::Local(source) => source.documents(),
            Image::Remote(documents) => documents,
        }
    }

    fn places_now(&self) -> Vec<Option<FilePlace>> {
        match &self.image {
            Image::Local(source) => {
                (0..source.documents().layers.len()).map(|index| source.place(index)).collect()
            }
            Image::Remote(_) => Vec::new(),
        }
    }

    /// The scan of an image of which everything is known.
    pub(super) fn scanned(
        &self,
        request: &ChildScan<'_>,
        progress: &dyn Progress,
    ) -> Option<Result<Scanned, ChildError>> {
        let image = self.cache.image(&self.key?)?;
        let snapshot = match request.snapshot.map(Snapshot::open).transpose() {
            Ok(snapshot) => snapshot,
            Err(error) => return Some(Err(ChildError::Snapshot(inside::described(&error)))),
        };
        let options = ScanOptions {
            snapshot: snapshot.as_ref(),
            cache: None,
            budget: request.budget,
            today: request.today,
            threads: request.threads,
            kinds: request.kinds,
            context: request.context,
            malware: None,
            watch: None,
        };
        let documents = self.documents();
        look::tell_all_known(documents, progress);
        let report = report(documents, Configured::of(documents), image, &options, progress);
        Some(Ok(Scanned { report, interrupted: None }))
    }

    /// Names of the entries besides its layers' that the child may see.
    pub(super) fn readable(&self) -> BTreeSet<Digest> {
        self.places.iter().flatten().map(local_file::key).collect()
    }

    /// The name of the one entry besides its layers' that the child may make.
    pub(super) const fn key(&self) -> Option<Digest> {
        self.key
    }

    /// Remembers that the layers' files were read and are what their names say, if they are still the same files.
    pub(super) fn keep(&self, request: &ChildScan<'_>, scanned: &Scanned) {
        let is_read =
            scanned.interrupted.is_none() && scanned.report.coverage.verdict != Verdict::Unreadable;
        if !is_read || self.places_now() != self.places {
            return;
        }
        for (place, layer) in self.places.iter().zip(&self.documents().layers) {
            if let (Some(place), Some(digest)) = (place, layer.digest) {
                // Without it the file is hashed again next time, nothing else.
                let _written = self.cache.put_hashed(place, digest, request.today);
            }
        }
    }
}
