//! `plimsoll settings`: what can be set while everything runs.

use anyhow::bail;
use plimsoll_server::operation::{
    rank::{LIMIT_SETTING, SCOPE_SETTING, scope_of},
    subscriptions::{CONSOLE_SETTING, NETWORKS_SETTING, networks},
};
use plimsoll_store::HISTORY_DAYS_SETTING;

use crate::{
    arguments::{Global, Settings},
    data,
    terminal::Terminal,
};

/// A setting: its name, what it is when nobody said, what it means, and whether a value will do.
struct Known {
    name: &'static str,
    default: &'static str,
    about: &'static str,
    allows: fn(&str) -> bool,
}

const KNOWN: &[Known] = &[
    Known {
        name: SCOPE_SETTING,
        default: "all",
        about: "images that are ranked: all, or dockerhub for Docker Hub's alone",
        allows: |value| scope_of(value).is_some(),
    },
    Known {
        name: LIMIT_SETTING,
        default: "10",
        about: "entries of a ranking: 1 to 100",
        allows: |value| value.parse().is_ok_and(|limit: u32| (1..=100).contains(&limit)),
    },
    Known {
        name: HISTORY_DAYS_SETTING,
        default: "90",
        about: "days that changes and the history of counters are kept: 1 to 3650",
        allows: |value| value.parse().is_ok_and(|days: u32| (1..=3_650).contains(&days)),
    },
    Known {
        name: NETWORKS_SETTING,
        default: "",
        about: "private networks that notifications may go to: 10.0.0.0/8,127.0.0.0/8",
        allows: |value| networks(value).is_ok(),
    },
    Known {
        name: CONSOLE_SETTING,
        default: "",
        about: "where people reach the console, for links in notifications: https://plimsoll.example.com",
        allows: |value| {
            value.is_empty() || value.starts_with("https://") || value.starts_with("http://")
        },
    },
];

pub(crate) async fn run(
    settings: Settings,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    data::refuse_server(global, "settings")?;
    let store = data::store(global).await?;
    let Some(name) = settings.name else {
        let mut rows = Vec::new();
        for known in KNOWN {
            let value =
                store.setting(known.name).await?.unwrap_or_else(|| known.default.to_owned());
            rows.push(vec![known.name.to_owned(), value, known.about.to_owned()]);
        }
        terminal.print(&terminal.grid(&["SETTING", "VALUE", "MEANING"], rows.into_iter()))?;
        return Ok(());
    };
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
        bail!("there is no setting `{name}`\nhint: `plimsoll settings` shows all");
    };
    match settings.value {
        None => {
            let value = store.setting(known.name).await?;
            terminal.print(value.as_deref().unwrap_or(known.default))?;
        }
        Some(value) if (known.allows)(&value) => {
            store.set_setting(known.name, Some(&value)).await?
        }
        Some(value) => bail!("`{value}` does not do for {}: {}", known.name, known.about),
    }
    Ok(())
}
