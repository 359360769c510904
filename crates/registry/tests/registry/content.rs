//! Images that this crate's servers serve, and clients to fetch them with.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    time::Duration,
};

use plimsoll_image::{BuiltImage, EntryMeta, EntryVisitor, ImageBuilder, Layer, LayerSource as _};
use plimsoll_model::{Digest, Platform, Secret};
use plimsoll_registry::{
    Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, RegistryError, RemoteImage,
    kind::{Adapter, ApiSettings, Connection, Now},
};
use ring::digest::{SHA256, digest};

use crate::origin::{Origin, Reply, Request};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Stands for every secret; no test server but the right one may ever see it.
pub(crate) const PASSWORD: &str = "c4n4ry-passw0rd";

pub(crate) fn amd64() -> Platform {
    "linux/amd64".parse().unwrap()
}

/// An image of two layers; `seed` makes it differ from others, `size` is that of its large file.
pub(crate) fn image(seed: &str, size: usize) -> BuiltImage {
    // Not compressible, so that the blob has about this size too.
    let noise: Vec<u8> = (0..size / 32 + 1)
        .flat_map(|n| digest(&SHA256, format!("{seed}{n}").as_bytes()).as_ref().to_vec())
        .take(size)
        .collect();
    let base = Layer::builder("base").file("etc/os-release", b"ID=test\n").build().unwrap();
    let top = Layer::builder("top")
        .file("srv/seed", seed.as_bytes())
        .file("srv/noise", &noise)
        .build()
        .unwrap();
    ImageBuilder::new(amd64()).layer(&base).layer(&top).build().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(digest(&SHA256, bytes).as_ref().try_into().unwrap())
}

/// What a registry holds: path to content type and bytes.
#[derive(Clone, Default)]
pub(crate) struct Content(BTreeMap<String, (String, Vec<u8>)>);

impl Content {
    pub(crate) fn image(mut self, repository: &str, tag: &str, image: &BuiltImage) -> Self {
        self = self.manifest(repository, tag, OCI_MANIFEST, &image.manifest);
        self = self.blob(repository, &image.config);
        for (_, bytes) in &image.layers {
            self = self.blob(repository, bytes);
        }
        self
    }

    pub(crate) fn manifest(
        mut self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Self {
        for name in [tag.to_owned(), sha256(bytes).to_string()] {
            self.0.insert(
                format!("/v2/{repository}/manifests/{name}"),
                (media_type.to_owned(), bytes.to_vec()),
            );
        }
        self
    }

    pub(crate) fn blob(mut self, repository: &str, bytes: &[u8]) -> Self {
        self.0.insert(
            format!("/v2/{repository}/blobs/{}", sha256(bytes)),
            ("application/octet-stream".to_owned(), bytes.to_vec()),
        );
        self
    }

    pub(crate) fn reply(&self, request: &Request) -> Reply {
        if request.path() == "/v2/" {
            return Reply::json("{}");
        }
        match self.0.get(request.path()) {
            Some((media_type, bytes)) => {
                Reply::new(200).header("Content-Type", media_type).body(bytes.clone())
            }
            None => Reply::new(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        }
    }
}

/// Options without waiting and without the machine's roots.
pub(crate) fn options() -> HttpOptions {
    HttpOptions { system_roots: false, retry_pause: Duration::ZERO, ..HttpOptions::default() }
}

pub(crate) fn account() -> Credentials {
    Credentials::new("ci", Secret::new(PASSWORD.to_owned()))
}

pub(crate) fn client(origin: &Origin, credentials: Option<Credentials>) -> RegistryClient {
    client_with(&origin.address.to_string(), credentials, options())
}

pub(crate) fn client_with(
    endpoint: &str,
    credentials: Option<Credentials>,
    options: HttpOptions,
) -> RegistryClient {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    RegistryClient::new(endpoint, credentials, &HttpClient::new(options).unwrap()).unwrap()
}

/// A connected registry of a kind, at a fixed time.
pub(crate) fn adapter(
    kind: &str,
    endpoint: &str,
    credentials: Option<Credentials>,
    api: ApiSettings,
) -> Result<Box<dyn Adapter>, RegistryError> {
    let connection = Connection {
        endpoint: endpoint.parse().unwrap(),
        credentials,
        http: HttpClient::new(options()).unwrap(),
        api,
        now: Now::new(|| "2026-11-25T09:30:00Z".parse().unwrap()),
    };
    plimsoll_registry::kind::kind(kind).unwrap().connect(connection)
}

/// Reads all layers on a thread that may block; returns the files' paths and sizes, or the first error.
pub(crate) async fn files(image: RemoteImage) -> Result<BTreeMap<String, u64>, String> {
    let read = move || {
        let mut files = Files(BTreeMap::new());
        for index in 0..image.documents().layers.len() {
            image
                .read_layer(index, &plimsoll_image::Budget::default(), &mut files)
                .map_err(|error| error.to_string())?;
        }
        Ok(files.0)
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

struct Files(BTreeMap<String, u64>);

impl EntryVisitor for Files {
    fn visit(&mut self, _: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        let size = io::copy(content, &mut io::sink())?;
        self.0.insert(meta.path.display().into_owned(), size);
        Ok(())
    }
}

pub(crate) fn wanted_files(seed: &str, size: u64) -> BTreeMap<String, u64> {
    let seed_size = u64::try_from(seed.len()).unwrap();
    [("etc/os-release", 8), ("srv/noise", size), ("srv/seed", seed_size)]
        .map(|(path, size)| (path.to_owned(), size))
        .into()
}
