//! What a store knows of its images and layers.
//!
//! In: `DRIVER-images/images.json` and `DRIVER-layers/layers.json`. Out: [`Store`]. Source: containers/storage, `images.go`
//! and `layers.go`. Odd: these files are the store's own and not an image's; still they are bounded.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use super::{OpenError, StorePlace, io_error};

/// Bytes of a list of images or layers: that of ten thousand layers has 5 MiB.
const MAX_RECORDS: u64 = 256 << 20;

/// How layers are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Driver {
    Overlay,
    Vfs,
}

impl Driver {
    const ALL: [Self; 2] = [Self::Overlay, Self::Vfs];

    const fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Vfs => "vfs",
        }
    }

    /// Whether each layer's folder is a whole tree.
    pub(super) const fn is_tree(self) -> bool {
        matches!(self, Self::Vfs)
    }
}

/// The images of one driver in one folder.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
    pub(super) driver: Driver,
    pub(super) image_records: Vec<ImageRecord>,
    /// By their ids.
    pub(super) layers: BTreeMap<String, LayerRecord>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ImageRecord {
    pub(super) id: String,
    #[serde(default)]
    pub(super) names: Option<Vec<String>>,
    /// The uppermost.
    #[serde(default)]
    pub(super) layer: Option<String>,
    /// Of the manifest.
    #[serde(default)]
    pub(super) digest: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LayerRecord {
    pub(super) id: String,
    #[serde(default)]
    pub(super) parent: Option<String>,
    #[serde(default, rename = "diff-digest")]
    pub(super) diff_digest: Option<String>,
    #[serde(default)]
    flags: Option<Flags>,
}

#[derive(Debug, Deserialize)]
struct Flags {
    #[serde(default)]
    incomplete: Option<bool>,
}

impl LayerRecord {
    pub(super) fn is_incomplete(&self) -> bool {
        self.flags.as_ref().and_then(|flags| flags.incomplete) == Some(true)
    }
}

impl Store {
    /// The stores in a folder: one for each driver that is read.
    pub(super) fn at(place: &StorePlace) -> Result<Vec<Self>, OpenError> {
        let is_wanted =
            |driver: &Driver| place.driver.as_deref().is_none_or(|name| name == driver.name());
        let mut stores = Vec::new();
        for driver in Driver::ALL.into_iter().filter(is_wanted) {
            let mut store = Self {
                folder: place.folder.clone(),
                driver,
                image_records: Vec::new(),
                layers: BTreeMap::new(),
            };
            let Some(images) = read::<ImageRecord>(&store.images().join("images.json"))? else {
                continue;
            };
            let layers = store.folder.join(format!("{}-layers", driver.name()));
            let layers = read::<LayerRecord>(&layers.join("layers.json"))?.unwrap_or_default();
            store.image_records = images.into_iter().filter(|it| is_id(&it.id)).collect();
            let layers = layers.into_iter().filter(|it| is_id(&it.id));
            store.layers = layers.map(|layer| (layer.id.clone(), layer)).collect();
            stores.push(store);
        }
        Ok(stores)
    }

    /// The folder of what is known of images.
    pub(super) fn images(&self) -> PathBuf {
        self.folder.join(format!("{}-images", self.driver.name()))
    }

    /// The folder of a layer's files.
    pub(super) fn layer_folder(&self, id: &str) -> PathBuf {
        match self.driver {
            Driver::Overlay => self.folder.join("overlay").join(id).join("diff"),
            Driver::Vfs => self.folder.join("vfs/dir").join(id),
        }
    }
}

/// Ids become parts of paths.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A list of records; `None` when there is no such file.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Vec<T>>, OpenError> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(path, source)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_RECORDS + 1).read_to_end(&mut bytes).map_err(|source| io_error(path, source))?;
    let bad = |problem: String| OpenError::NotThisKind { at: path.display().to_string(), problem };
    if bytes.len() as u64 > MAX_RECORDS {
        return Err(bad(format!("has more than {MAX_RECORDS} bytes")));
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| bad(format!("is no list of a store's images or layers: {error}")))
}

/// Opens what must be a regular file: anything else could block or never end.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "is not a regular file"))
}
