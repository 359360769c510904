//! `plimsoll subscription`: who is told what changed.

use std::path::Path;

use anyhow::{Context, bail};
use plimsoll_model::Priority;
use plimsoll_server::{notify::Destination, operation::subscriptions::AddSubscription};
use plimsoll_store::{Delivery, Wanted};

use crate::{
    arguments::{Global, ListFormat, PriorityWord, Subscription, SubscriptionAdd},
    backend::Backend,
    terminal::Terminal,
};

/// Channels whose addresses hold tokens.
const TOKEN_ADDRESSES: [&str; 2] = ["slack", "dingtalk"];

pub(crate) async fn run(
    subscription: Subscription,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    match subscription {
        Subscription::Add(add) => {
            let request = request(*add)?;
            let added = Backend::open(global).await?.add_subscription(&request).await?;
            let name = &added.subscription.name;
            terminal.say(&format!("subscription {name}: {}", added.subscription.destination));
            if let Some(secret) = added.secret {
                terminal.print(&secret)?;
                terminal.say("the secret that messages are signed with; it is not shown again");
            }
            terminal.say(&format!("hint: `plimsoll subscription test {name}` sends a sample"));
        }
        Subscription::List { format } => {
            let list = Backend::open(global).await?.list_subscriptions().await?;
            let head =
                ["NAME", "CHANNEL", "DESTINATION", "WANTS", "WAITING", "DELIVERED", "GIVEN UP"];
            terminal.list(format, &head, &list.subscriptions, |one| {
                let count = |states: &[&str]| {
                    let counts = states.iter().filter_map(|state| one.messages.get(*state));
                    counts.sum::<u64>().to_string()
                };
                vec![
                    one.name.clone(),
                    one.channel.clone(),
                    one.destination.clone(),
                    wants(&one.wanted),
                    count(&["queued", "running"]),
                    count(&["done"]),
                    count(&["failed"]),
                ]
            })?;
        }
        Subscription::Show { name, format } => {
            let shown = Backend::open(global).await?.show_subscription(&name).await?;
            if format == ListFormat::Json {
                terminal.print(&serde_json::to_string_pretty(&shown)?)?;
                return Ok(());
            }
            let one = &shown.subscription;
            terminal.print(&format!(
                "{}: {} to {}\nwants {}\nadded {}\n",
                one.name,
                one.channel,
                one.destination,
                wants(&one.wanted),
                one.created
            ))?;
            let head = ["QUEUED", "KIND", "STATE", "ATTEMPTS", "NEXT OR LAST", "ERROR", "ID"];
            terminal.list(format, &head, &shown.latest, |message| {
                vec![
                    message.created.to_string(),
                    message.kind.clone(),
                    message.state.clone(),
                    message.attempts.to_string(),
                    message.finished.unwrap_or(message.due).to_string(),
                    message.error.clone().unwrap_or_default(),
                    message.id.clone(),
                ]
            })?;
        }
        Subscription::Test { name } => {
            let tested = Backend::open(global).await?.test_subscription(&name).await?;
            if !tested.delivered {
                bail!(
                    "the sample did not arrive: {}",
                    tested.error.unwrap_or_else(|| "nothing is known of it".to_owned())
                );
            }
            terminal.say(&format!("the sample arrived ({})", tested.id));
        }
        Subscription::Retry { name } => {
            let retried = Backend::open(global).await?.retry_subscription(&name).await?;
            terminal.say(&format!("{} messages are tried again by the server", retried.messages));
        }
        Subscription::Remove { name } => {
            let removed = Backend::open(global).await?.remove_subscription(&name).await?;
            terminal.say(&format!(
                "subscription {name} is forgotten, and {} messages that did not arrive with it",
                removed.undelivered
            ));
        }
    }
    Ok(())
}

/// What somebody is told, in words.
fn wants(wanted: &Wanted) -> String {
    let mut words = vec![match wanted.minimum {
        Some(Priority::Asap) => "asap".to_owned(),
        Some(priority) => format!("{priority} and above"),
        None => "everything".to_owned(),
    }];
    for (what, patterns) in [
        ("registry", &wanted.registries),
        ("namespace", &wanted.namespaces),
        ("repository", &wanted.repositories),
    ] {
        if !patterns.is_empty() {
            words.push(format!("{what} {}", patterns.join("|")));
        }
    }
    words.extend(wanted.running.then(|| "running".to_owned()));
    words.extend((!wanted.new_images).then(|| "no new images".to_owned()));
    words.push(match wanted.delivery {
        Delivery::Instant => "at once".to_owned(),
        Delivery::Digest { hour } => format!("daily at {hour}:00 UTC"),
        Delivery::Split { from, hour } => format!("{from} at once, rest daily at {hour}:00 UTC"),
    });
    words.join(", ")
}

fn request(add: SubscriptionAdd) -> anyhow::Result<AddSubscription> {
    let is_stdin = |path: &Option<std::path::PathBuf>| {
        path.as_deref().is_some_and(|path| path.as_os_str() == "-")
    };
    if is_stdin(&add.url_file) && is_stdin(&add.secret_file) {
        bail!("standard input can be the address or the secret\nhint: put one of them into a file");
    }
    if add.url.is_some() && TOKEN_ADDRESSES.contains(&add.channel.as_str()) {
        bail!(
            "an address of {} is a secret, and everybody on this machine can read arguments\nhint: `--url-file FILE`, \
             or PLIMSOLL_SUBSCRIPTION_URL in the environment",
            add.channel
        );
    }
    let url = match add.url {
        Some(url) => Some(url),
        None => kept(add.url_file.as_deref(), "PLIMSOLL_SUBSCRIPTION_URL")?,
    };
    let ca_pem = add.ca_file.as_deref().map(read).transpose()?;
    Ok(AddSubscription {
        name: add.name,
        channel: add.channel,
        destination: Destination {
            url,
            to: add.to,
            from: add.from,
            username: add.username,
            plain: add.plain,
            ca_pem,
        },
        secret: kept(add.secret_file.as_deref(), "PLIMSOLL_SUBSCRIPTION_SECRET")?,
        minimum: add.minimum.map(PriorityWord::priority),
        registries: add.registries,
        namespaces: add.namespaces,
        repositories: add.repositories,
        running: add.running,
        no_new_images: add.no_new_images,
        digest_hour: add.digest,
        instant_from: add.instant_from.map(PriorityWord::priority),
    })
}

/// A secret from a file, standard input or the environment.
fn kept(path: Option<&Path>, variable: &str) -> anyhow::Result<Option<String>> {
    let text = match path {
        Some(path) if path.as_os_str() == "-" => std::io::read_to_string(std::io::stdin())?,
        Some(path) => read(path)?,
        None => match std::env::var_os(variable) {
            Some(value) => {
                value.into_string().ok().with_context(|| format!("{variable} is not UTF-8"))?
            }
            None => return Ok(None),
        },
    };
    Ok(Some(text.trim().to_owned()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))
}

impl PriorityWord {
    const fn priority(self) -> Priority {
        match self {
            Self::Asap => Priority::Asap,
            Self::Later => Priority::Later,
            Self::Nntf => Priority::Nntf,
        }
    }
}
