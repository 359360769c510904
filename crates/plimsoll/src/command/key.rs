//! `plimsoll key`: access keys of the gateway.

use plimsoll_server::operation::keys::CreateKey;

use crate::{
    arguments::{Global, Key, KeyFormat},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(key: Key, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match key {
        Key::Create { name, allow, format } => {
            let created = backend.create_key(&CreateKey { name, allow }).await?;
            match format {
                KeyFormat::Env => terminal.print(&format!(
                    "ALIBABA_CLOUD_ACCESS_KEY_ID={}\nALIBABA_CLOUD_ACCESS_KEY_SECRET={}",
                    created.access_key_id, created.access_key_secret
                ))?,
                KeyFormat::Text => {
                    terminal.print(&format!(
                        "access key id      {}\naccess key secret  {}",
                        created.access_key_id, created.access_key_secret
                    ))?;
                    terminal.say("the secret is not shown again");
                }
            }
        }
        Key::List { format } => {
            let list = backend.list_keys().await?;
            let head = ["ACCESS KEY ID", "NAME", "MAY", "STATE", "CREATED", "LAST USED"];
            terminal.list(format, &head, &list.keys, |key| {
                vec![
                    key.access_key_id.clone(),
                    key.name.clone(),
                    key.allow.join(", "),
                    if key.active { "active" } else { "disabled" }.to_owned(),
                    key.created.to_string(),
                    key.last_used.map_or_else(|| "never".to_owned(), |used| used.date()),
                ]
            })?;
        }
        Key::Disable { id } => {
            backend.set_key_state(&id, false).await?;
            terminal.say(&format!("requests with {id} are refused from now on"));
        }
        Key::Enable { id } => {
            backend.set_key_state(&id, true).await?;
            terminal.say(&format!("requests with {id} are accepted again"));
        }
    }
    Ok(())
}
