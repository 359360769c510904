//! A source that can be told to stop.
//!
//! In: a source, and a flag that another thread sets. Out: the same source, whose passes end with an error at the next
//! entry after the flag is set. Odd: a scan is plain code on a thread that nobody can end from outside; this is how a
//! lost lease or a shutdown gets through to it. What such a scan returns means nothing and must be dropped.

use std::{
    io::{self, Read},
    sync::atomic::{AtomicBool, Ordering},
};

use plimsoll_image::{
    Budget, EntryMeta, EntryVisitor, ImageDocuments, LayerEntries, LayerSource, ReadError,
};

/// A source with a flag.
pub(super) struct Stoppable<'a, S> {
    /// Where the image is.
    pub source: S,
    /// Set: stop.
    pub stopped: &'a AtomicBool,
}

struct Watching<'a> {
    visitor: &'a mut dyn EntryVisitor,
    stopped: &'a AtomicBool,
}

impl<S: LayerSource> LayerSource for Stoppable<'_, S> {
    fn documents(&self) -> &ImageDocuments {
        self.source.documents()
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        let mut watching = Watching { visitor, stopped: self.stopped };
        self.source.read_layer(index, budget, &mut watching)
    }
}

impl EntryVisitor for Watching<'_> {
    fn visit(&mut self, index: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("the scan was stopped"));
        }
        self.visitor.visit(index, meta, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct TwoEntries(ImageDocuments);

    impl LayerSource for TwoEntries {
        fn documents(&self) -> &ImageDocuments {
            &self.0
        }

        fn read_layer(
            &self,
            _: usize,
            _: &Budget,
            visitor: &mut dyn EntryVisitor,
        ) -> Result<LayerEntries, ReadError> {
            let meta = EntryMeta {
                path: plimsoll_image::TreePath::clean(b"etc"),
                kind: plimsoll_image::EntryKind::Directory,
                mode: 0o755,
                uid: 0,
                gid: 0,
                size: 0,
                mtime: 0,
                link: None,
                capabilities: None,
            };
            for index in 0..2 {
                let visited = visitor.visit(index, &meta, &mut io::empty());
                visited.map_err(|source| ReadError::Visitor { at: String::new(), source })?;
            }
            Ok(LayerEntries::default())
        }
    }

    struct StopsAfterFirst<'a>(&'a AtomicBool, u32);

    impl EntryVisitor for StopsAfterFirst<'_> {
        fn visit(&mut self, _: u32, _: &EntryMeta, _: &mut dyn Read) -> io::Result<()> {
            self.1 += 1;
            self.0.store(true, Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn a_pass_ends_at_the_next_entry_after_the_flag() {
        let stopped = AtomicBool::new(false);
        let documents = ImageDocuments {
            name: String::new(),
            source_kind: "registry",
            manifest: None,
            manifest_digest: None,
            config: Vec::new(),
            config_digest: None,
            layers: Vec::new(),
            platform: None,
            total_size: 0,
        };
        let source = Stoppable { source: TwoEntries(documents), stopped: &stopped };
        let mut visitor = StopsAfterFirst(&stopped, 0);
        let ended = source.read_layer(0, &Budget::default(), &mut visitor);
        assert!(matches!(ended, Err(ReadError::Visitor { .. })));
        assert_eq!(visitor.1, 1);
    }
}
