//! `plimsoll context`: how images are used.

use anyhow::bail;
use plimsoll_server::operation::contexts::SetContext;

use crate::{
    arguments::{ContextCommand, Global},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(
    command: ContextCommand,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    let request = match command {
        ContextCommand::List { format } => {
            let list = backend.list_contexts().await?.contexts;
            let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
            let head = ["SCOPE", "NAME", "EXPOSURE", "IMPORTANCE"];
            return terminal.list(format, &head, &list, |one| {
                vec![
                    one.scope.to_string(),
                    one.name.clone(),
                    word(one.exposure.map(plimsoll_model::Exposure::as_str)),
                    word(one.importance.map(plimsoll_model::Importance::as_str)),
                ]
            });
        }
        ContextCommand::Set(set) => {
            if set.uses.exposure.is_none() && set.uses.importance.is_none() {
                bail!("nothing is said\nhint: `--exposure`, `--importance` or both");
            }
            SetContext {
                scope: set.scope.to_string(),
                name: set.name,
                exposure: set.uses.exposure.map(|one| one.to_string()),
                importance: set.uses.importance.map(|one| one.to_string()),
            }
        }
        ContextCommand::Unset(unset) => SetContext {
            scope: unset.scope.to_string(),
            name: unset.name,
            exposure: None,
            importance: None,
        },
    };
    if !backend.set_context(&request).await?.changed {
        terminal.say("that is so already");
        return Ok(());
    }
    match backend.settle_contexts(global).await? {
        Some(settled) if settled.is_done => {
            terminal.say(&format!("{} images are judged in another way", settled.moved));
        }
        _ => terminal.say("images follow within seconds, where a server runs"),
    }
    Ok(())
}
