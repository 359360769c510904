//! The image that a command is about: opened, wherever it is.
//!
//! In: what was said of the target. Out: a [`LayerSource`]. Odd: what exists as a file or folder is one; everything else is
//! a registry's image, unless it looks like a path.

use std::path::Path;

use anyhow::{Context, bail};
use plimsoll_image::{Budget, ImageDocuments, InputKind, LayerSource, open_path, parse_config};
use plimsoll_model::{ImageReference, Platform, ReferenceError, Secret};
use plimsoll_registry::{Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, resolve};

use super::registry::account;
use crate::arguments::{Access, Input, Target};

/// Opens the target for the platform that was asked for, else for this machine's.
pub(crate) async fn open(
    target: &Target,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    let platform = target.platform.clone().unwrap_or_else(Platform::host);
    let source = open_any(target, &platform, budget).await?;
    if let Some(wanted) = &target.platform {
        check_platform(source.documents(), wanted)?;
    }
    Ok(source)
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

async fn open_any(
    target: &Target,
    platform: &Platform,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    let name = &target.name;
    let path = Path::new(name);
    let kind = match target.input {
        Some(Input::Registry) => return open_registry(target, platform, budget).await,
        Some(Input::Local(kind)) => Some(kind),
        None if path.exists() || names_inside(name) => None,
        None if name.starts_with(['/', '.', '~']) || name.contains(".tar") => {
            bail!(
                "`{name}` does not exist\nhint: a registry's image is said as HOST/REPOSITORY:TAG"
            )
        }
        None => return open_registry(target, platform, budget).await,
    };
    open_path(path, kind, platform, budget).map_err(|error| match kind {
        Some(_) => error.into(),
        None => anyhow::anyhow!(
            "{error}\nhint: `--input KIND` says what it is: registry, {}",
            input_kinds()
        ),
    })
}

fn input_kinds() -> String {
    InputKind::ALL.map(InputKind::name).join(", ")
}

/// `folder/layout:NAME`: one of several images in a file or folder. A bare `debian:12` is a registry's image even where a
/// folder `debian` lies about.
fn names_inside(target: &str) -> bool {
    target.rsplit_once(':').is_some_and(|(path, _)| path.contains('/') && Path::new(path).exists())
}

async fn open_registry(
    target: &Target,
    platform: &Platform,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    let reference: ImageReference = match target.name.parse() {
        Ok(reference) => reference,
        // The target holds a password, so it is not repeated.
        Err(error @ ReferenceError::Account) => {
            bail!("{error}\nhint: `--username NAME --password-file FILE`")
        }
        Err(error) => {
            let name = &target.name;
            let context =
                format!("`{name}` is neither a file nor a folder here, nor an image of a registry");
            return Err(anyhow::Error::new(error).context(context));
        }
    };
    let endpoint = endpoint(&reference.host, &target.access)?;
    let client =
        RegistryClient::new(endpoint, credentials(&reference, target)?, &http(&target.access)?)?;
    let image =
        resolve(&client, &reference.repository, &reference.manifest_name(), platform, budget).await;
    let image = image.map_err(|error| match error.hint() {
        Some(hint) => {
            anyhow::Error::new(error).context(format!("`{reference}` cannot be read\nhint: {hint}"))
        }
        None => error.into(),
    })?;
    Ok(Box::new(image))
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
