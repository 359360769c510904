//! The files of one download: target, part, and what each came from.

use std::{
    io,
    path::{Path, PathBuf},
};

use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncWriteExt as _, BufWriter},
};

use super::DownloadError;

/// Where a file came from and what names its version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Origin {
    /// A validator that is good enough to glue two halves of a file together (RFC 9110 §13.1.5: weak ones are not).
    pub(super) fn strong(&self) -> Option<&str> {
        self.etag
            .as_deref()
            .filter(|etag| !etag.starts_with("W/"))
            .or(self.last_modified.as_deref().filter(|_| self.etag.is_none()))
            .filter(|validator| HeaderValue::from_str(validator).is_ok())
    }
}

pub(super) struct Files {
    target: PathBuf,
}

impl Files {
    pub(super) fn new(target: &Path) -> Self {
        Self { target: target.to_owned() }
    }

    pub(super) async fn part_length(&self) -> Result<u64, DownloadError> {
        let path = self.beside(".part");
        match fs::metadata(&path).await {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(DownloadError::File { path, source }),
        }
    }

    /// What the part came from, if that is `url`.
    pub(super) async fn part_origin(&self, url: &str) -> Option<Origin> {
        read_origin(&self.beside(".part.origin"), url).await
    }

    /// What the target came from, if there is a target and that is `url`.
    pub(super) async fn target_origin(&self, url: &str) -> Option<Origin> {
        fs::metadata(&self.target).await.ok()?;
        read_origin(&self.beside(".origin"), url).await
    }

    /// Opens the part for appending at `start`; 0 begins anew.
    pub(super) async fn open_part(
        &self,
        start: u64,
        origin: &Origin,
    ) -> Result<Part, DownloadError> {
        if let Some(folder) = self.target.parent() {
            fs::create_dir_all(folder).await.map_err(failed(folder))?;
        }
        let path = self.beside(".part");
        let file = if start == 0 {
            let origin_path = self.beside(".part.origin");
            let text = serde_json::to_vec(origin).unwrap_or_default();
            // The validators change first: an old part with new validators is cut to nothing right below, a new part
            // with old validators would be glued to the wrong half.
            fs::write(&origin_path, text).await.map_err(failed(&origin_path))?;
            File::create(&path).await
        } else {
            OpenOptions::new().append(true).open(&path).await
        };
        let file = file.map_err(failed(&path))?;
        Ok(Part { file: BufWriter::with_capacity(1 << 18, file), path })
    }

    pub(super) async fn forget_part(&self) -> Result<(), DownloadError> {
        for suffix in [".part", ".part.origin"] {
            let path = self.beside(suffix);
            match fs::remove_file(&path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The target is no longer what came from its address.
    pub(super) async fn forget_origin(&self) -> Result<(), DownloadError> {
        let origin = self.beside(".origin");
        match fs::remove_file(&origin).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&origin)(error)),
            _ => Ok(()),
        }
    }

    /// The whole part becomes the target.
    pub(super) async fn publish(&self) -> Result<(), DownloadError> {
        let origin = self.beside(".origin");
        // Without validators in between: a crash here costs one download, not a wrong "current".
        self.forget_origin().await?;
        fs::rename(self.beside(".part"), &self.target).await.map_err(failed(&self.target))?;
        fs::rename(self.beside(".part.origin"), &origin).await.map_err(failed(&origin))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.target.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    }
}

/// The growing part.
pub(super) struct Part {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Part {
    pub(super) async fn write(&mut self, piece: &[u8]) -> Result<(), DownloadError> {
        self.file.write_all(piece).await.map_err(failed(&self.path))
    }

    pub(super) async fn finish(mut self) -> Result<(), DownloadError> {
        self.file.flush().await.map_err(failed(&self.path))?;
        self.file.get_ref().sync_all().await.map_err(failed(&self.path))
    }
}

async fn read_origin(path: &Path, url: &str) -> Option<Origin> {
    let text = fs::read(path).await.ok()?;
    serde_json::from_slice::<Origin>(&text).ok().filter(|origin| origin.url == url)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DownloadError {
    let path = path.to_owned();
    move |source| DownloadError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_validators_glue() {
        let origin = |etag: Option<&str>, modified: Option<&str>| Origin {
            url: String::new(),
            etag: etag.map(str::to_owned),
            last_modified: modified.map(str::to_owned),
        };
        assert_eq!(origin(Some("\"a\""), Some("m")).strong(), Some("\"a\""));
        assert_eq!(origin(Some("W/\"a\""), Some("m")).strong(), None);
        assert_eq!(origin(None, Some("m")).strong(), Some("m"));
        assert_eq!(origin(None, None).strong(), None);
    }
}
