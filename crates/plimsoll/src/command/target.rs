//! The image that a command is about: opened, wherever it is.
//!
//! In: what was said of the target. Out: where it lies ([`Located`]), or a [`LayerSource`]. Odd: without a kind in front,
//! what exists as a file or folder is one; everything else is a registry's image, unless it looks like a path. Images in
//! stores of this machine are read only when asked for by their kind, so that a name never means one of two images.

mod daemon;
mod grammar;
mod storage;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plimsoll_image::{
    Budget, ImageDocuments, InputKind, LayerSource, StoredImage, open_path, parse_config,
};
use plimsoll_model::{ImageReference, Platform, ReferenceError, Report, Secret};
use plimsoll_registry::{
    Credentials, Endpoint, HttpClient, HttpOptions, Proxy, RegistryClient, RemoteImage, resolve,
};

use plimsoll_scanner::child::{self, ChildError};

use self::daemon::Spooled;
use super::registry::{account, proxy_password};
use crate::arguments::{Access, Input, Target};

/// Where the target lies.
pub(crate) enum Located {
    /// On this machine; nothing of it was read.
    Local(PathBuf, Option<InputKind>),
    /// In a registry; its documents are fetched.
    Remote(Box<RemoteImage>),
    /// In a store of this machine; its documents are read.
    Stored(Box<StoredImage>),
    /// In a file that a daemon's answer was put down in.
    Spooled(Spooled),
}

impl Located {
    /// As a child is told of it.
    pub(crate) fn for_child<'l>(
        &'l self,
        target: &Target,
        platform: &'l Platform,
    ) -> child::Target<'l> {
        let local = |path: &'l Path, kind| child::Target::Local {
            path,
            kind,
            platform,
            is_platform_required: target.platform.is_some(),
        };
        match self {
            Self::Remote(image) => child::Target::Remote(&**image),
            Self::Stored(image) => child::Target::Stored(image),
            Self::Local(path, kind) => local(path, *kind),
            Self::Spooled(image) => local(image.path(), Some(InputKind::DockerArchive)),
        }
    }

    /// The name of an image that lies elsewhere than where it is read.
    pub(crate) fn other_name(&self) -> Option<&str> {
        match self {
            Self::Spooled(image) => Some(&image.name),
            Self::Local(..) | Self::Remote(_) | Self::Stored(_) => None,
        }
    }

    /// What a child's failure means to whoever named the target.
    pub(crate) fn explain(&self, error: ChildError) -> anyhow::Error {
        match (error, self) {
            (ChildError::Image(problem), Self::Local(_, kind)) => {
                anyhow::anyhow!("{}", not_opened(&problem, *kind))
            }
            (ChildError::Image(problem) | ChildError::Platform(problem), Self::Spooled(image)) => {
                anyhow::anyhow!("{}", image.explained(&problem))
            }
            (error @ (ChildError::Sandbox(_) | ChildError::Start(_)), _) => {
                anyhow::Error::new(error).context(
                    "nothing was read\nhint: `plimsoll sandbox` shows what this machine can; `--sandbox off` reads images \
                     without protection from what is in them",
                )
            }
            (error, _) => error.into(),
        }
    }
}

/// Gives an image that was read elsewhere the name by which it was asked for.
pub(crate) fn identify(other_name: Option<&str>, report: &mut Report) {
    if let Some(name) = other_name {
        Spooled::identify(name, &mut report.image);
    }
}

/// The platform that was asked for, else this machine's.
pub(crate) fn platform(target: &Target) -> Platform {
    target.platform.clone().unwrap_or_else(Platform::host)
}

/// Opens the target for the platform that was asked for, else for this machine's.
pub(crate) async fn open(
    target: &Target,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    open_located(locate(target, budget).await?, target, budget)
}

/// Opens what was located.
pub(crate) fn open_located(
    located: Located,
    target: &Target,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    let platform = platform(target);
    let source: Box<dyn LayerSource + Send> = match located {
        Located::Remote(image) => image,
        Located::Stored(image) => image,
        Located::Local(path, kind) => open_path(&path, kind, &platform, budget)
            .map_err(|error| anyhow::anyhow!("{}", not_opened(&error.to_string(), kind)))?,
        Located::Spooled(image) => {
            open_path(image.path(), Some(InputKind::DockerArchive), &platform, budget)
                .map_err(|error| anyhow::anyhow!("{}", image.explained(&error.to_string())))?
        }
    };
    if let Some(wanted) = &target.platform {
        check_platform(source.documents(), wanted)?;
    }
    Ok(source)
}

/// What to say of a file or folder that cannot be opened.
pub(crate) fn not_opened(problem: &str, kind: Option<InputKind>) -> String {
    match kind {
        Some(_) => problem.to_owned(),
        None => {
            let kinds = InputKind::ALL.map(InputKind::name).join(", ");
            format!(
                "{problem}\nhint: `KIND:TARGET` or `--input KIND` says what it is: registry, {kinds}"
            )
        }
    }
}

/// An image of one platform is what it is, whatever was asked for.
fn check_platform(documents: &ImageDocuments, wanted: &Platform) -> anyhow::Result<()> {
    let config = parse_config(&documents.config).ok().and_then(|config| config.platform());
    match config.or_else(|| documents.platform.clone()) {
        Some(platform) if !platform.satisfies(wanted) => {
            bail!("`{}` is an image for {platform}, not for {wanted}", documents.name)
        }
        _ => Ok(()),
    }
}

/// Tells where the target lies. A registry's image is that of the platform that was asked for.
pub(crate) async fn locate(target: &Target, budget: &Budget) -> anyhow::Result<Located> {
    let said = match target.input {
        Some(input) => Some((input, target.name.as_str())),
        None => grammar::split(&target.name),
    };
    let (input, name) = match said {
        Some((input, name)) => (Some(input), name),
        None => (None, target.name.as_str()),
    };
    let path = Path::new(name);
    let located = locate_as(target, input, name, path, budget).await?;
    if target.partial_pull && !matches!(located, Located::Remote(_)) {
        bail!("`--partial-pull`: `{name}` is no image of a registry, so that nothing is pulled");
    }
    Ok(located)
}

async fn locate_as(
    target: &Target,
    input: Option<Input>,
    name: &str,
    path: &Path,
    budget: &Budget,
) -> anyhow::Result<Located> {
    let kind = match input {
        Some(Input::Registry) => return remote(target, name, budget).await,
        Some(Input::Storage) => return stored(target, name, budget),
        Some(Input::Daemon) => return daemon::fetch(name, budget).await.map(Located::Spooled),
        Some(Input::Local(kind)) => Some(kind),
        None if path.exists() || names_inside(name) => None,
        None if name.starts_with(['/', '.', '~']) || name.contains(".tar") => {
            bail!(
                "`{name}` does not exist\nhint: a registry's image is said as HOST/REPOSITORY:TAG"
            )
        }
        None => return remote(target, name, budget).await,
    };
    Ok(Located::Local(path.to_owned(), kind))
}

fn stored(target: &Target, name: &str, budget: &Budget) -> anyhow::Result<Located> {
    let image = storage::open(name, budget)?;
    if let Some(wanted) = &target.platform {
        check_platform(image.documents(), wanted)?;
    }
    Ok(Located::Stored(Box::new(image)))
}

/// `folder/layout:NAME`: one of several images in a file or folder. A bare `debian:12` is a registry's image even where a
/// folder `debian` lies about.
fn names_inside(target: &str) -> bool {
    target.rsplit_once(':').is_some_and(|(path, _)| path.contains('/') && Path::new(path).exists())
}

async fn remote(target: &Target, name: &str, budget: &Budget) -> anyhow::Result<Located> {
    let reference: ImageReference = match name.parse() {
        Ok(reference) => reference,
        // The target holds a password, so it is not repeated.
        Err(error @ ReferenceError::Account) => {
            bail!("{error}\nhint: `--username NAME --password-file FILE`")
        }
        Err(error) => {
            let context = format!(
                "`{name}` is neither a file nor a folder here, nor an image of a registry\n{}",
                grammar::advice(name)
            );
            return Err(anyhow::Error::new(error).context(context));
        }
    };
    let endpoint = endpoint(&reference.host, &target.access)?;
    let client =
        RegistryClient::new(endpoint, credentials(&reference, target)?, &http(&target.access)?)?;
    let (repository, name, platform) =
        (&reference.repository, reference.manifest_name(), platform(target));
    let image = resolve(&client, repository, &name, &platform, budget).await;
    let image = image.map_err(|error| match error.hint() {
        Some(hint) => {
            anyhow::Error::new(error).context(format!("`{reference}` cannot be read\nhint: {hint}"))
        }
        None => error.into(),
    })?;
    if let Some(wanted) = &target.platform {
        check_platform(LayerSource::documents(&image), wanted)?;
    }
    let image = if target.partial_pull { image.by_contents() } else { image };
    Ok(Located::Remote(Box::new(image)))
}

/// https; but http to this machine unless a certificate authority was named for it, and where it was asked for.
fn endpoint(host: &str, access: &Access) -> anyhow::Result<Endpoint> {
    let text = match (access.plain_http, &access.ca_file) {
        (true, _) => format!("http://{host}"),
        (false, Some(_)) => format!("https://{host}"),
        (false, None) => host.to_owned(),
    };
    Ok(Endpoint::parse(&text, access.plain_http)?)
}

fn http(access: &Access) -> anyhow::Result<HttpClient> {
    let mut options = HttpOptions::default();
    if let Some(path) = &access.ca_file {
        let pem = std::fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        options.ca_pem.push(pem);
    }
    if let Some(address) = &access.proxy {
        let account = match (&access.proxy_username, proxy_password(access)?) {
            (Some(username), Some(password)) => {
                Some(Credentials::new(username.clone(), Secret::new(password)))
            }
            _ => None,
        };
        options.proxy = Some(Proxy::parse(address, account)?);
    }
    Ok(HttpClient::new(options)?)
}

fn credentials(reference: &ImageReference, target: &Target) -> anyhow::Result<Option<Credentials>> {
    let said = match account(&target.access)? {
        (Some(username), Some(password)) => Some(Credentials::new(username, Secret::new(password))),
        _ => crate::login::credentials(&reference.host),
    };
    Ok(said.map(|account| {
        target.token_realms.iter().fold(account, |account, host| account.allow_realm(host))
    }))
}
