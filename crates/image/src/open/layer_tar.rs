//! A single tar: a root file system, or one layer.
//!
//! In: a tar file, plain or compressed. Out: a source of one layer that no document describes. Odd: whiteouts in it mean
//! what they mean in the lowest layer of an image: nothing.

use std::fs::File;

use super::{OpenError, Wanted, io_error};
use crate::{
    blob::{Expected, read_stream},
    budget::Budget,
    source::{
        EntryVisitor, FileIdentity, FilePlace, ImageDocuments, LayerDescriptor, LayerEntries,
        LayerSource, ReadError,
    },
};

struct LayerTar {
    file: std::path::PathBuf,
    documents: ImageDocuments,
}

pub(super) fn open(wanted: &Wanted<'_>) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    let file = File::open(wanted.file).map_err(|source| io_error(wanted.file, source))?;
    let size = file.metadata().map_err(|source| io_error(wanted.file, source))?.len();
    if let Some(name) = wanted.name {
        let problem = format!(
            "holds a single file system, so that `{name}` cannot name one of several images"
        );
        return Err(wanted.not_this_kind(&problem));
    }
    let layer = LayerDescriptor {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size,
        ..LayerDescriptor::default()
    };
    Ok(Box::new(LayerTar {
        file: wanted.file.to_owned(),
        documents: ImageDocuments {
            name: wanted.shown.display().to_string(),
            source_kind: "layer-tar",
            manifest: None,
            manifest_digest: None,
            config: b"{}".to_vec(),
            config_digest: None,
            layers: vec![layer],
            platform: None,
            total_size: size,
        },
    }))
}

impl LayerSource for LayerTar {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn place(&self, _: usize) -> Option<FilePlace> {
        let file = FileIdentity::of(&self.file.metadata().ok()?);
        Some(FilePlace { file, offset: 0, length: file.size })
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        if index != 0 {
            return Err(ReadError::NoSuchLayer { index, count: 1 });
        }
        let at = self.file.display().to_string();
        let file = File::open(&self.file);
        let mut file = file.map_err(|source| ReadError::Io { at: at.clone(), source })?;
        let expected =
            Expected { digest: None, size: None, diff_id: None, is_diff_id_binding: false };
        read_stream(&mut file, &at, &expected, budget, visitor)
    }
}
