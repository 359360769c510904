//! Outgoing HTTP: image registries by the OCI distribution protocol, feed downloads, objects of S3-compatible stores, and the
//! client side of our own management API, API servers of Kubernetes clusters; and mail.
//!
//! In: endpoints and accounts that an operator configured. Out: lists of repositories and tags, images as
//! [`plimsoll_image::LayerSource`], files. Source: OCI distribution-spec 1.1, Docker's token authentication. Odd: every
//! answer is written by somebody else, so each has a cap, a time limit and a check; credentials are bound to an origin.

mod access;
mod api;
pub mod api_server;
pub mod bucket;
mod challenge;
pub mod client;
pub mod daemon;
pub mod download;
pub mod endpoint;
pub mod error;
pub mod http;
pub mod image;
pub mod kind;
pub mod mail;
pub mod management;
mod paging;
pub mod post;
pub mod reach;
mod realm;
pub mod referrers;

pub use api_server::{ApiServer, ApiServerBody, ApiServerError, ApiServerSettings, BearerToken};
pub use bucket::{Bucket, BucketError, BucketKey, BucketPlace};
pub use client::{BlobReader, FetchedManifest, PullLimit, RegistryClient, Visibility};
pub use daemon::{Daemon, DaemonAddress, DaemonError, DaemonImage};
pub use endpoint::{Credentials, Endpoint, EndpointError, Scheme};
pub use error::RegistryError;
pub use http::{HttpClient, HttpError, HttpOptions, Proxy};
pub use image::{RemoteImage, resolve};
pub use mail::{Mail, MailError, MailSecurity, MailServer};
pub use management::{ManagementClient, ManagementError};
pub use post::{Post, PostClient, Posted};
pub use reach::{ForbiddenAddress, Network, NetworkError, Reach};
pub use referrers::{AttachedDocument, AttachedDocuments, Sort, Via};
