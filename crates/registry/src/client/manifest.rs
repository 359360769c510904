//! Manifests by tag or digest, checked against every digest that names them.

use plimsoll_image::{ManifestDocument, parse_manifest};
use plimsoll_model::{Digest, ImageReference};
use reqwest::{
    Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use ring::digest::{SHA256, digest};

use super::RegistryClient;
use crate::{
    access::{Access, Scope},
    error::RegistryError,
    http::Call,
};

/// What we can read. Schema 1 is asked for too: without it a registry would convert or hide such an image, and "no such
/// tag" would be a lie; it is refused by name when it comes.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1";

/// A manifest or index as served, its digest checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchedManifest {
    /// The bytes as served.
    pub bytes: Vec<u8>,
    /// `Content-Type` without parameters.
    pub media_type: String,
    /// Digest of `bytes`.
    pub digest: Digest,
    /// `bytes`, read.
    pub document: ManifestDocument,
}

/// Who may pull a repository.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Visibility {
    /// Everybody: an anonymous pull works.
    Public,
    /// Only accounts.
    Private,
}

impl Visibility {
    /// `PUBLIC` or `PRIVATE`, as the wire contract spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
        }
    }
}

impl RegistryClient {
    /// The manifest or index that `name`, a tag or digest, stands for.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Digest`] when the bytes are not what the digest or the registry's own header
    /// says, [`RegistryError::Document`] when they are no acceptable manifest.
    pub async fn manifest(
        &self,
        repository: &str,
        name: &str,
    ) -> Result<FetchedManifest, RegistryError> {
        self.spare_pulls(repository, name).await?;
        let limit = plimsoll_image::Budget::default().max_document_bytes;
        let call = accepting(Call::get(self.manifest_url(repository, name)?));
        let scope = Scope::Pull(repository.to_owned());
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let (headers, bytes) = self.document(self.access(), &scope, call, limit).await?;
        let what = format!("manifest `{repository}` `{name}`");
        let actual = digest_of(&bytes);
        let requested = name.parse::<Digest>().ok();
        for expected in requested.into_iter().chain(stated_digest(&headers)) {
            if expected != actual {
                let registry = self.registry();
                return Err(RegistryError::Digest { registry, what, expected, actual });
            }
        }
        let media_type = media_type(&headers);
        let document = parse_manifest(&bytes, Some(&media_type)).map_err(|source| {
            RegistryError::Document { registry: self.registry(), what, source: Box::new(source) }
        })?;
        Ok(FetchedManifest { bytes, media_type, digest: actual, document })
    }

    /// The digest that `name` stands for now, by a HEAD request: registries do not count it as a pull. `None` when the
    /// registry does not say.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn manifest_digest(
        &self,
        repository: &str,
        name: &str,
    ) -> Result<Option<Digest>, RegistryError> {
        let headers = self.head_manifest(self.access(), repository, name).await?;
        Ok(stated_digest(&headers))
    }

    /// Whether `repository` can be pulled without an account, tried with one of its tags or digests.
    ///
    /// # Errors
    /// [`RegistryError`] when the question stays open: an unreachable registry is not a private one.
    pub async fn visibility(
        &self,
        repository: &str,
        name: &str,
    ) -> Result<Visibility, RegistryError> {
        match self.head_manifest(&self.anonymous, repository, name).await {
            Ok(_) => Ok(Visibility::Public),
            // A registry hides from strangers what they may not see: 404 is a refusal too.
            Err(RegistryError::Refused { .. } | RegistryError::NotFound { .. }) => {
                Ok(Visibility::Private)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn head_manifest(
        &self,
        access: &Access,
        repository: &str,
        name: &str,
    ) -> Result<HeaderMap, RegistryError> {
        let call = accepting(Self::head(self.manifest_url(repository, name)?));
        let scope = Scope::Pull(repository.to_owned());
        self.document(access, &scope, call, 0).await.map(|(headers, _)| headers)
    }

    fn manifest_url(&self, repository: &str, name: &str) -> Result<Url, RegistryError> {
        if !ImageReference::is_tag(name) && name.parse::<Digest>().is_err() {
            return Err(RegistryError::Name(name.to_owned()));
        }
        self.repository_url(repository, &["manifests", name])
    }
}

fn accepting(mut call: Call) -> Call {
    call.headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    call
}

fn stated_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_owned()
}

/// SHA-256 of `bytes`.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    let mut digits = [0; 32];
    for (to, from) in digits.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    Digest::from_bytes(digits)
}
