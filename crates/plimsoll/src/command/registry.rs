//! `plimsoll registry`: registries whose images are watched, tokens of those who speak for them, their webhooks.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plimsoll_server::operation::{
    registries::{AddRegistry, Net, OfTenant},
    sync::SyncReport,
    webhooks::{InstallWebhook, WebhookProblem},
};

use crate::{
    arguments::{
        Access, Global, Network, Registry, RegistryAdd, RegistryToken, RegistryWebhook,
        TokenPurpose,
    },
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(
    registry: Registry,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    match registry {
        Registry::Add(add) => {
            let request = request(*add)?;
            let added = Backend::open(global).await?.add_registry(&request).await?;
            terminal.say(&format!("registry {}: {} ({})", added.name, added.url, added.kind));
            terminal.say(&format!(
                "hint: `plimsoll registry check {}` tries its accounts, `plimsoll registry sync {}` looks for its images",
                added.name, added.name
            ));
        }
        Registry::List { format } => {
            let list = Backend::open(global).await?.list_registries().await?;
            let head = ["NAME", "TENANT", "KIND", "REPORTED AS", "ADDRESS", "ACCOUNT", "PROBLEM"];
            terminal.list(format, &head, &list.registries, |registry| {
                vec![
                    registry.name.clone(),
                    registry.tenant.clone().unwrap_or_default(),
                    registry.kind.clone(),
                    registry.reported_type.clone(),
                    registry.url.clone(),
                    registry.username.clone().unwrap_or_else(|| "none".to_owned()),
                    registry.problem.clone().unwrap_or_default(),
                ]
            })?;
        }
        Registry::Sync { name, scan } => {
            let backend = Backend::open(global).await?;
            let names = match name {
                Some(name) => vec![name],
                None => backend
                    .list_registries()
                    .await?
                    .registries
                    .into_iter()
                    .map(|registry| registry.name)
                    .collect(),
            };
            let mut failed = Vec::new();
            for name in names {
                match backend.sync_registry(&name).await {
                    Ok(outcome) => report(&outcome, terminal)?,
                    Err(error) => {
                        terminal.error(&error);
                        failed.push(name);
                    }
                }
            }
            if scan {
                backend.scan_queued(global, terminal).await?;
            }
            if !failed.is_empty() {
                bail!("not every registry was looked at: {}", failed.join(", "));
            }
        }
        Registry::Check { name } => {
            let checked = Backend::open(global).await?.check_registry(&name).await?;
            terminal
                .print(&format!("registry {name}: it lets the accounts in ({})", checked.kind))?;
            if !checked.domains.is_empty() {
                terminal.print(&format!("  reached by {}", checked.domains.join(", ")))?;
            }
            if let Some(pulls) = checked.pulls {
                terminal
                    .print(&format!("  {} of {} pulls are left", pulls.remaining, pulls.limit))?;
            }
        }
        Registry::Tenant { name, tenant } => {
            let of = OfTenant { tenant };
            let set = Backend::open(global).await?.set_tenant(&name, &of).await?;
            let of = set.tenant.as_deref().unwrap_or("the site itself");
            terminal.say(&format!("registry {name} belongs to {of}"));
        }
        Registry::Token(command) => token(command, global, terminal).await?,
        Registry::Webhook(command) => webhook(command, global, terminal).await?,
        Registry::Remove { name } => {
            let removed = Backend::open(global).await?.remove_registry(&name).await?;
            terminal.say(&format!(
                "registry {name} is forgotten, and {} images with it",
                removed.images
            ));
        }
    }
    Ok(())
}

async fn token(command: RegistryToken, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match command {
        RegistryToken::Create { name, purpose } => {
            let created = backend.create_registry_token(&name, purpose.as_str()).await?;
            match purpose {
                // The address is the token: it is all that goes into the registry's settings.
                TokenPurpose::Hook => {
                    terminal.print(&created.path)?;
                    terminal.say("the server's address with this path goes into the webhook; it is not shown again");
                }
                TokenPurpose::Scanner => {
                    terminal.print(&created.token)?;
                    terminal.say(&format!(
                        "for the scanner in Harbor: the server's address with `{}`, Bearer, this token; it is not shown again",
                        created.path
                    ));
                }
                TokenPurpose::Report => {
                    terminal.print(&created.token)?;
                    terminal.say(
                        "for `plimsoll scan --report-to`: PLIMSOLL_REPORT_TOKEN or `--report-token-file`; it is not shown again",
                    );
                }
            }
        }
        RegistryToken::List { name, format } => {
            let list = backend.list_registry_tokens(&name).await?;
            terminal.list(format, &["PURPOSE", "MADE"], &list.tokens, |token| {
                vec![token.purpose.clone(), token.created.to_string()]
            })?;
        }
        RegistryToken::Remove { name, purpose } => {
            let removed = backend.remove_registry_token(&name, purpose.as_str()).await?;
            terminal.say(if removed.removed {
                "whoever has the token is refused from now on"
            } else {
                "there was no such token"
            });
        }
    }
    Ok(())
}

async fn webhook(
    command: RegistryWebhook,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match command {
        RegistryWebhook::Install { name, url } => {
            let done = backend.install_webhook(&name, &InstallWebhook { url }).await?;
            terminal.print(&format!(
                "registry {name}: {} webhooks set, {} changed, {} as they should be, to {}",
                done.created.len(),
                done.changed.len(),
                done.unchanged,
                done.address
            ))?;
            for place in done.created.iter().chain(&done.changed) {
                terminal.say(&format!("  {place}"));
            }
            if done.made_token {
                terminal.say("a token was made for them; an earlier one is refused from now on");
            }
            fail_at(&name, &done.problems, done.problem_count, terminal)
        }
        RegistryWebhook::List { name, format } => {
            let list = backend.list_webhooks(&name).await?;
            let head = ["AT", "SENDS TO", "LET IN", "TELLS ALL"];
            let word = |is: bool| if is { "yes" } else { "no" }.to_owned();
            terminal.list(format, &head, &list.webhooks, |hook| {
                vec![
                    hook.at.clone(),
                    hook.address.clone(),
                    word(hook.is_let_in),
                    word(hook.is_whole),
                ]
            })?;
            let problem_count = u64::try_from(list.problems.len()).unwrap_or(u64::MAX);
            fail_at(&name, &list.problems, problem_count, terminal)
        }
        RegistryWebhook::Remove { name } => {
            let done = backend.remove_webhook(&name).await?;
            terminal.say(&format!(
                "registry {name}: webhooks taken away at {} places",
                done.removed.len()
            ));
            terminal.say(&format!(
                "hint: `plimsoll registry token remove {name} hook` refuses whoever has the token, too"
            ));
            let problem_count = u64::try_from(done.problems.len()).unwrap_or(u64::MAX);
            fail_at(&name, &done.problems, problem_count, terminal)
        }
    }
}

/// Says where it did not work, and fails if there is such a place.
fn fail_at(
    name: &str,
    problems: &[WebhookProblem],
    problem_count: u64,
    terminal: Terminal,
) -> anyhow::Result<()> {
    for problem in problems {
        terminal.say(&format!("  not done: {}: {}", problem.at, problem.why));
    }
    if problem_count > 0 {
        bail!("registry {name}: {problem_count} places have no webhook or could not be asked");
    }
    Ok(())
}

fn report(sync: &SyncReport, terminal: Terminal) -> anyhow::Result<()> {
    terminal.print(&format!(
        "registry {}: {} images in {} repositories ({} new, {} changed, {} gone, {} unchanged), {} scans queued",
        sync.registry, sync.images, sync.repositories, sync.added, sync.updated, sync.removed, sync.unchanged, sync.queued
    ))?;
    for problem in &sync.problems {
        terminal.say(&format!("  not looked at: {}: {}", problem.at, problem.why));
    }
    for skipped in &sync.skipped {
        terminal.say(&format!("  no image: {}: {}", skipped.at, skipped.why));
    }
    Ok(())
}

fn request(add: RegistryAdd) -> anyhow::Result<AddRegistry> {
    let from_input =
        |path: &Option<PathBuf>| path.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if from_input(&add.access.password_file) && from_input(&add.api_token_file) {
        bail!("password and token cannot both be read from standard input");
    }
    let (username, password) = account(&add.access)?;
    let api_token = api_token(&add)?;
    let proxy_password = proxy_password(&add.access)?;
    let ca_pem = add.access.ca_file.as_deref().map(|path| {
        std::fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))
    });
    Ok(AddRegistry {
        name: add.name,
        url: add.url,
        kind: Some(add.kind),
        reported_type: add.reported_type,
        region_id: add.region,
        net_type: Some(match add.network {
            Network::Internet => Net::Internet,
            Network::Intranet => Net::Intranet,
        }),
        plain_http: add.access.plain_http,
        ca_pem: ca_pem.transpose()?,
        username,
        password,
        repositories: add.repositories,
        platform: None,
        api_url: add.api_url,
        api_account: add.api_account,
        api_token,
        instance: add.instance,
        namespaces: add.namespaces,
        include: add.include,
        exclude: add.exclude,
        proxy: add.access.proxy,
        proxy_username: add.access.proxy_username,
        proxy_password,
        tenant: add.tenant,
    })
}

/// The API's token, from the file or the environment; its lines stay as they are, since some kinds take several.
fn api_token(add: &RegistryAdd) -> anyhow::Result<Option<String>> {
    let token = match &add.api_token_file {
        Some(path) => Some(secret_in(path)?),
        None => match std::env::var_os("PLIMSOLL_REGISTRY_API_TOKEN") {
            Some(token) => {
                Some(token.into_string().ok().context("PLIMSOLL_REGISTRY_API_TOKEN is not UTF-8")?)
            }
            None => None,
        },
    };
    Ok(token.map(|token| token.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The password of the proxy's account, from its file.
pub(crate) fn proxy_password(access: &Access) -> anyhow::Result<Option<String>> {
    let password = access.proxy_password_file.as_deref().map(secret_in).transpose()?;
    Ok(password.map(|password| password.trim_end_matches(['\r', '\n']).to_owned()))
}

fn secret_in(path: &Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))
}

/// Name and password as they were said, from the file or the environment.
pub(crate) fn account(access: &Access) -> anyhow::Result<(Option<String>, Option<String>)> {
    let Some(username) = access.username.clone() else { return Ok((None, None)) };
    let password = match &access.password_file {
        Some(path) => secret_in(path)?,
        None => {
            let password = std::env::var_os("PLIMSOLL_REGISTRY_PASSWORD").context(
                "an account without a password\nhint: `--password-file FILE`, or PLIMSOLL_REGISTRY_PASSWORD in the environment",
            )?;
            password.into_string().ok().context("PLIMSOLL_REGISTRY_PASSWORD is not UTF-8")?
        }
    };
    Ok((Some(username), Some(password.trim_end_matches(['\r', '\n']).to_owned())))
}
