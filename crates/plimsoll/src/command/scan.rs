//! `plimsoll scan`: one image, from any source.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Context, bail};
use plimsoll_advisory::{MatchContext, Snapshot};
use plimsoll_image::{Budget, ImageDocuments, InputKind, LayerSource, open_path, parse_config};
use plimsoll_model::{ImageReference, Platform, ReferenceError, Secret, Verdict};
use plimsoll_registry::{Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, resolve};
use plimsoll_scanner::{LayerCache, ScanOptions, Scanned, Threshold, format};
use plimsoll_server::operation::feed::{feed_path, open_feed};

use super::registry::account;
use crate::{
    Exit,
    arguments::{Access, Global, Input, Scan},
    data,
    terminal::Terminal,
};

pub(crate) async fn run(
    arguments: Scan,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    if arguments.fail_on.as_ref().is_some_and(Threshold::is_about_vulnerabilities)
        && open_snapshot(&arguments, global)?.is_none()
    {
        bail!(
            "`--fail-on vulnerability` cannot be decided: there is no feed\nhint: `plimsoll feed update`, or `plimsoll feed import PATH`"
        );
    }
    let budget = Budget::default();
    let platform = arguments.platform.clone().unwrap_or_else(Platform::host);
    let source = open(&arguments, &platform, &budget).await?;
    if let Some(wanted) = &arguments.platform {
        check_platform(source.documents(), wanted)?;
    }
    let snapshot = open_snapshot(&arguments, global)?;
    let cache = if arguments.no_cache { None } else { open_cache(global, terminal) };
    let progress = terminal.scan_progress(&arguments.target);
    let (scanned, progress) = tokio::task::spawn_blocking(move || {
        let options = ScanOptions {
            snapshot: snapshot.as_ref(),
            cache: cache.as_ref(),
            budget: &budget,
            today: plimsoll_server::Clock::machine().now(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            context: MatchContext::default(),
        };
        let scanned = plimsoll_scanner::scan(source.as_ref(), &options, &progress);
        // Where no server runs, nobody else keeps the folder within its bound; a scan does not fail for that.
        let _pruned = cache.map(|cache| cache.prune());
        (scanned, progress)
    })
    .await?;
    progress.finish();
    finish(&arguments, &scanned, terminal)
}

/// Writes the report and decides the exit code: coverage first, then the line.
fn finish(arguments: &Scan, scanned: &Scanned, terminal: Terminal) -> anyhow::Result<Exit> {
    let report = &scanned.report;
    let format = format::format(arguments.format).context("no such format")?;
    let mut text = Vec::new();
    format.write(report, terminal.style(arguments.all, arguments.output.is_some()), &mut text)?;
    match &arguments.output {
        Some(path) => {
            let mut file = File::create(path)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
            file.write_all(&text)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
            if file.metadata()?.is_file() {
                file.sync_all()
                    .with_context(|| format!("`{}` cannot be written", path.display()))?;
            }
        }
        None => terminal.print(String::from_utf8(text)?.trim_end())?,
    }
    if let Some(interrupted) = &scanned.interrupted {
        bail!(
            "`{}` was not read to its end: {interrupted}\nhint: the report says UNREADABLE; try again",
            arguments.target
        );
    }
    if arguments.require_coverage.is_some_and(|required| report.coverage.verdict < required) {
        terminal.say(&format!(
            "coverage is {}: --require-coverage is not reached",
            report.coverage.verdict
        ));
        return Ok(Exit::CoverageMissed);
    }
    if report.coverage.verdict == Verdict::Unreadable {
        bail!(
            "`{}` could not be read: the report says why, and says nothing about what is in it",
            arguments.target
        );
    }
    if arguments.fail_on.as_ref().is_some_and(|line| line.is_reached(report)) {
        terminal.say("findings reach the line of --fail-on");
        return Ok(Exit::LineReached);
    }
    Ok(Exit::Done)
}

fn open_snapshot(arguments: &Scan, global: &Global) -> anyhow::Result<Option<Snapshot>> {
    if let Some(path) = &arguments.feed {
        return Snapshot::open(path)
            .map(Some)
            .with_context(|| format!("feed `{}`", path.display()));
    }
    let path = feed_path(&data::directory(global)?);
    open_feed(&path).with_context(|| {
        format!(
            "feed `{}`\nhint: `plimsoll feed import` or `plimsoll feed update` make a new one",
            path.display()
        )
    })
}

/// Without the folder a scan works too, only slower.
fn open_cache(global: &Global, terminal: Terminal) -> Option<LayerCache> {
    let folder = data::layers(global).ok()?;
    let made = folder.parent().map_or(Ok(()), data::make);
    match made.and_then(|()| Ok(LayerCache::open(&folder)?)) {
        Ok(cache) => Some(cache),
        Err(error) => {
            terminal.say(&format!(
                "`{}` cannot be used, so layers are read again each time: {error:#}",
                folder.display()
            ));
            None
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

async fn open(
    arguments: &Scan,
    platform: &Platform,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    let target = &arguments.target;
    let path = Path::new(target);
    let kind = match arguments.input {
        Some(Input::Registry) => return open_registry(arguments, platform, budget).await,
        Some(Input::Local(kind)) => Some(kind),
        None if path.exists() || names_inside(target) => None,
        None if target.starts_with(['/', '.', '~']) || target.contains(".tar") => {
            bail!(
                "`{target}` does not exist\nhint: a registry's image is said as HOST/REPOSITORY:TAG"
            )
        }
        None => return open_registry(arguments, platform, budget).await,
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
    arguments: &Scan,
    platform: &Platform,
    budget: &Budget,
) -> anyhow::Result<Box<dyn LayerSource + Send>> {
    let reference: ImageReference = match arguments.target.parse() {
        Ok(reference) => reference,
        // The target holds a password, so it is not repeated.
        Err(error @ ReferenceError::Account) => {
            bail!("{error}\nhint: `--username NAME --password-file FILE`")
        }
        Err(error) => {
            let target = &arguments.target;
            let context = format!(
                "`{target}` is neither a file nor a folder here, nor an image of a registry"
            );
            return Err(anyhow::Error::new(error).context(context));
        }
    };
    let endpoint = endpoint(&reference.host, &arguments.access)?;
    let client = RegistryClient::new(
        endpoint,
        credentials(&reference, arguments)?,
        &http(&arguments.access)?,
    )?;
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

fn credentials(
    reference: &ImageReference,
    arguments: &Scan,
) -> anyhow::Result<Option<Credentials>> {
    let said = match account(&arguments.access)? {
        (Some(username), Some(password)) => Some(Credentials::new(username, Secret::new(password))),
        _ => crate::login::credentials(&reference.host),
    };
    Ok(said.map(|account| {
        arguments.token_realms.iter().fold(account, |account, host| account.allow_realm(host))
    }))
}
