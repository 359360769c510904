//! `plimsoll ignore`: findings that do not count.

mod import;

use anyhow::Context as _;
use plimsoll_model::Kind;
use plimsoll_server::operation::ignore::{IgnoreRuleView, WriteIgnoreRule};

use crate::{
    arguments::{Global, Ignore, IgnoreAdd},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(ignore: Ignore, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match ignore {
        Ignore::Add(add) => {
            let added = backend.add_ignore_rule(&request(*add)?).await?;
            terminal.print(&added.rule.id.to_string())?;
            terminal.say(&format!(
                "rule {}: {} is ignored in {} ({})",
                added.rule.id,
                added.rule.rule.vulnerability,
                images(added.images),
                added.rule.rule.place()
            ));
            if added.unused {
                terminal.say("no scanned image has it there now; later ones are covered, too");
            }
        }
        Ignore::Import(what) => import::run(&what, &backend, terminal).await?,
        Ignore::List { unused, format } => {
            let mut rules = backend.list_ignore_rules().await?.ignore_rules;
            let idle = rules.iter().filter(|rule| rule.unused).count();
            let ended = rules.iter().filter(|rule| rule.rule.expired).count();
            if unused {
                rules.retain(|rule| rule.unused || rule.rule.expired);
            }
            let head =
                ["ID", "IGNORES", "IN", "WHERE", "STATE", "LAST USED", "UNTIL", "AUTHOR", "REASON"];
            terminal.list(format, &head, &rules, |rule| {
                vec![
                    rule.rule.id.to_string(),
                    rule.rule.rule.vulnerability.clone(),
                    what(rule),
                    rule.rule.rule.place(),
                    state(rule),
                    last_used(rule),
                    until(rule),
                    rule.rule.rule.author.clone(),
                    rule.rule.rule.reason.clone(),
                ]
            })?;
            if idle + ended > 0 {
                terminal.say(&format!(
                    "{idle} unused, {ended} expired; `plimsoll ignore remove ID` takes a rule back"
                ));
            }
        }
        Ignore::Show { id } => {
            let rule = backend.find_ignore_rule(id).await?;
            let what_it_says = &rule.rule.rule;
            let mut lines = vec![
                ("rule", id.to_string()),
                ("ignores", what_it_says.vulnerability.clone()),
                ("kind", what_it_says.kind.to_string()),
                ("called", what_it_says.alias.clone().unwrap_or_default()),
                ("in", what(&rule)),
                ("where", what_it_says.place()),
            ];
            if let [_, _, ..] = what_it_says.repositories.as_slice() {
                let all = what_it_says.repositories.join(", ");
                lines.push(("repositories", all));
            }
            lines.extend([
                ("reason", what_it_says.reason.clone()),
                (
                    "because",
                    if what_it_says.false_positive { "it is not so" } else { "" }.to_owned(),
                ),
                ("author", what_it_says.author.clone()),
                ("made", rule.rule.created.to_string()),
                ("changed", rule.rule.modified.to_string()),
                ("until", what_it_says.expires.map_or_else(String::new, |at| at.to_string())),
                ("state", state(&rule)),
                ("findings", rule.vulnerabilities.to_string()),
                ("last used", last_used(&rule)),
            ]);
            lines.retain(|(_, value)| !value.is_empty());
            let lines: Vec<String> =
                lines.iter().map(|(name, value)| format!("{name:<16} {value}")).collect();
            terminal.print(&lines.join("\n"))?;
        }
        Ignore::Remove { ids } => {
            for id in ids {
                let removed = backend.remove_ignore_rule(id).await?;
                terminal.say(&format!(
                    "rule {id} is taken back; what it ignored in {} counts again",
                    images(removed.images)
                ));
            }
        }
    }
    Ok(())
}

fn request(add: IgnoreAdd) -> anyhow::Result<WriteIgnoreRule> {
    let author = add
        .author
        .filter(|name| !name.is_empty())
        .context("your login name is not known\nhint: `--author NAME` says who decided it")?;
    Ok(WriteIgnoreRule {
        kind: add.kind,
        path: add.path,
        md5: add.md5,
        false_positive: add.false_positive,
        vulnerability: add.vulnerability,
        alias: add.alias,
        package: add.package,
        of_type: add.of_type,
        image: add.image,
        repositories: Some(add.repositories).filter(|repositories| !repositories.is_empty()),
        reason: add.reason,
        author,
        expires: add.expires,
    })
}

fn images(count: u64) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}

/// Of what packages or files.
fn what(rule: &IgnoreRuleView) -> String {
    let rule = &rule.rule.rule;
    if rule.kind != Kind::Vulnerability {
        let path = rule.path.as_ref().map(|path| format!("/{path}"));
        let md5 = rule.md5.as_ref().map(|md5| format!("md5 {md5}"));
        let parts: Vec<String> = path.into_iter().chain(md5).collect();
        return if parts.is_empty() { rule.kind.to_string() } else { parts.join(", ") };
    }
    let package = rule.package.clone();
    let of_type = rule.of_type.map(|of_type| of_type.to_string());
    let parts: Vec<String> = package.into_iter().chain(of_type).collect();
    if parts.is_empty() { "any package".to_owned() } else { parts.join(", ") }
}

fn state(rule: &IgnoreRuleView) -> String {
    if rule.rule.expired {
        "expired".to_owned()
    } else if rule.unused {
        "unused".to_owned()
    } else {
        images(rule.images)
    }
}

fn last_used(rule: &IgnoreRuleView) -> String {
    match (rule.images, rule.last_used) {
        (1.., _) => "now".to_owned(),
        (0, Some(at)) => at.date(),
        (0, None) => "never".to_owned(),
    }
}

fn until(rule: &IgnoreRuleView) -> String {
    rule.rule.rule.expires.map_or_else(String::new, |at| at.date())
}
