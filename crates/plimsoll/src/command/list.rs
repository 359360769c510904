//! `plimsoll list`: what this program knows, from the lists themselves.

use plimsoll_model::ecosystem::{ECOSYSTEMS, MatchedBy, Origin};
use plimsoll_server::action;

use crate::{
    arguments::{List, ListWhat},
    terminal::Terminal,
};

pub(crate) fn run(list: &List, terminal: Terminal) -> anyhow::Result<()> {
    let (head, rows) = table(list.what);
    terminal.list(list.format, head, &rows, Clone::clone)
}

type Table = (&'static [&'static str], Vec<Vec<String>>);

fn table(what: ListWhat) -> Table {
    match what {
        ListWhat::Parsers => (&["id", "version", "reads"], parsers()),
        ListWhat::Checks => {
            (&["id", "kind", "class", "name", "level", "title", "remedy", "source"], checks())
        }
        ListWhat::MalwareRules => {
            (&["rule", "level", "type", "files", "title", "source"], malware_rules())
        }
        ListWhat::HashFormats => (&["id", "reads"], hash_formats()),
        ListWhat::Detectors => (&["id", "looks for"], detectors()),
        ListWhat::SecretRules => {
            (&["id", "key", "class", "level", "title", "told by", "what to do"], secret_rules())
        }
        ListWhat::Feeds => (&["id", "about", "published at"], feeds()),
        ListWhat::RegistryKinds => (&["id", "title", "fields"], registry_kinds()),
        ListWhat::Formats => (&["id", "about"], formats()),
        ListWhat::Actions => (&["action", "access", "about"], actions()),
        ListWhat::Channels => (&["id", "about", "takes"], channels()),
        ListWhat::Hooks => (&["id", "about"], hooks()),
        ListWhat::Budgets => (&["name", "default", "limits"], budgets()),
        ListWhat::VersionOrders => {
            (&["order", "ecosystems", "other names", "source", "tested against"], version_orders())
        }
        ListWhat::Ecosystems => {
            (&["ecosystem", "package URL", "origin", "version order", "matched by"], ecosystems())
        }
    }
}

fn words(words: &[&dyn std::fmt::Display]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn parsers() -> Vec<Vec<String>> {
    let row = |parser: &&'static dyn plimsoll_inspect::Parser| {
        words(&[&parser.id(), &parser.version(), &parser.reads()])
    };
    plimsoll_inspect::parsers().iter().map(row).collect()
}

fn checks() -> Vec<Vec<String>> {
    let row = |check: &&'static dyn plimsoll_inspect::Check| {
        words(&[
            &check.id(),
            &check.kind(),
            &check.class(),
            &check.about().name,
            &check.level(),
            &check.title(),
            &check.about().remedy,
            &check.source(),
        ])
    };
    plimsoll_inspect::checks().iter().map(row).collect()
}

fn malware_rules() -> Vec<Vec<String>> {
    let row = |about: plimsoll_inspect::RuleAbout| {
        words(&[
            &about.id,
            &about.level,
            &about.virus_type,
            &about.kinds,
            &about.title,
            &about.source,
        ])
    };
    // Without folders there is nothing that could be missing.
    let rules = plimsoll_scanner::Rules::embedded().list().unwrap_or_default();
    rules.into_iter().map(row).collect()
}

fn hash_formats() -> Vec<Vec<String>> {
    let row = |format: &&'static dyn plimsoll_inspect::HashFormat| {
        words(&[&format.id(), &format.reads()])
    };
    plimsoll_inspect::hash_formats().iter().map(row).collect()
}

fn detectors() -> Vec<Vec<String>> {
    let row = |detector: &&'static dyn plimsoll_inspect::Detector| {
        words(&[&detector.id(), &detector.looks_for()])
    };
    plimsoll_inspect::detectors().iter().map(row).collect()
}

fn secret_rules() -> Vec<Vec<String>> {
    let row = |rule: &&'static plimsoll_inspect::SecretRule| {
        let key = rule.secret_key();
        let class = key.map(|key| key.class().as_str()).unwrap_or_default();
        let remedy = key.map(|key| plimsoll_inspect::remedy(key.class())).unwrap_or_default();
        words(&[&rule.id, &rule.key, &class, &rule.level(), &rule.title, &rule.told_by(), &remedy])
    };
    plimsoll_inspect::secret_rules().iter().map(row).collect()
}

fn feeds() -> Vec<Vec<String>> {
    let row = |feed: &&'static dyn plimsoll_advisory::feed::Feed| {
        words(&[&feed.id(), &feed.about(), &feed.home()])
    };
    plimsoll_advisory::feed::feeds().iter().map(row).collect()
}

fn registry_kinds() -> Vec<Vec<String>> {
    let row = |kind: &&'static dyn plimsoll_registry::kind::RegistryKind| {
        let fields: Vec<&str> = kind.fields().iter().map(|field| field.id).collect();
        words(&[&kind.id(), &kind.title(), &fields.join(", ")])
    };
    plimsoll_registry::kind::kinds().iter().map(row).collect()
}

fn formats() -> Vec<Vec<String>> {
    let row = |format: &&'static dyn plimsoll_scanner::format::Format| {
        words(&[&format.id(), &format.about()])
    };
    plimsoll_scanner::format::formats().iter().map(row).collect()
}

fn actions() -> Vec<Vec<String>> {
    let row = |action: &action::Action| words(&[&action.name, &action.access, &action.about]);
    action::actions().iter().map(row).collect()
}

fn channels() -> Vec<Vec<String>> {
    let row = |channel: &&'static dyn plimsoll_server::notify::Channel| {
        words(&[&channel.id(), &channel.about(), &channel.takes().join(", ")])
    };
    plimsoll_server::notify::channels().iter().map(row).collect()
}

fn hooks() -> Vec<Vec<String>> {
    let row = |format: &&'static dyn plimsoll_server::hook::HookFormat| {
        words(&[&format.id(), &format.about()])
    };
    plimsoll_server::hook::formats().iter().map(row).collect()
}

fn budgets() -> Vec<Vec<String>> {
    let budget = plimsoll_image::Budget::default();
    let row = |limit: &plimsoll_image::Limit| {
        words(&[&limit.name, &limit.shown(limit.of(&budget)), &limit.about])
    };
    plimsoll_image::limits().iter().map(row).collect()
}

fn version_orders() -> Vec<Vec<String>> {
    let row = |order: &plimsoll_advisory::version::VersionOrder| {
        words(&[
            &order.scheme.name(),
            &order.ecosystems().collect::<Vec<_>>().join(", "),
            &order.also.join(", "),
            &order.source,
            &order.oracle.unwrap_or("cases from the specification"),
        ])
    };
    plimsoll_advisory::version_orders().iter().map(row).collect()
}

fn ecosystems() -> Vec<Vec<String>> {
    let row = |row: &plimsoll_model::ecosystem::Row| {
        let purl = row
            .purl_namespace
            .map_or_else(|| row.purl_type.to_owned(), |name| format!("{}/{name}", row.purl_type));
        let origin = match row.origin {
            Origin::System => "system",
            Origin::Application => "application",
        };
        let by = match row.matched_by {
            MatchedBy::Source => "source package",
            MatchedBy::Name => "name",
        };
        words(&[&row.name, &purl, &origin, &row.scheme.name(), &by])
    };
    ECOSYSTEMS.iter().map(row).collect()
}
