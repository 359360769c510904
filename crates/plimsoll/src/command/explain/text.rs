//! An explanation for people.
//!
//! In: what is known about the question. Out: text. Odd: texts of images and feeds lose their control characters.

use std::fmt::Write as _;

use plimsoll_model::{Finding, Location, Urgency, View, Why};
use plimsoll_scanner::format::printable;

use super::{Absent, Explained, Found};
use crate::terminal::Terminal;

pub(super) fn of(explained: &Explained<'_>, terminal: Terminal) -> String {
    let mut text = format!("{}\n", printable(&explained.conclusion));
    line(&mut text, "image", &explained.image.name);
    if let Some(feed) = explained.feed {
        line(&mut text, "feed", &format!("of {}, {}", feed.date.date(), feed.snapshot));
    }
    if explained.coverage != plimsoll_model::Verdict::Complete {
        line(
            &mut text,
            "coverage",
            &format!("{}: what was not read is not spoken for", explained.coverage),
        );
    }
    for found in &explained.found {
        text.push('\n');
        finding(&mut text, found, terminal);
    }
    if let Some(absent) = &explained.absent {
        text.push('\n');
        absence(&mut text, absent, terminal);
    }
    text
}

/// `  name      value`, nothing for an empty value.
fn line(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        // Writing to a text cannot fail.
        let _written = writeln!(text, "  {name:<12} {}", printable(value));
    }
}

fn finding(text: &mut String, found: &Found<'_>, terminal: Terminal) {
    let one = found.finding;
    let about = match &one.subject {
        plimsoll_model::Subject::Purl(text)
        | plimsoll_model::Subject::Path(text)
        | plimsoll_model::Subject::Image(text) => text,
    };
    let _written = writeln!(text, "{} in {}", printable(&one.id), printable(about));
    line(text, "", &one.title);
    line(text, "status", one.status.map_or("", plimsoll_model::Status::as_str));
    if let Some(suppressed) = &one.suppressed {
        let by = format!("{}, {} ({})", suppressed.reason, suppressed.advisory, suppressed.by);
        line(text, "not counted", &by);
    }
    line(text, "also", &one.aliases.join(", "));
    for why in &one.why {
        because(text, why);
    }
    let places = found.package.map(|package| package.locations.as_slice()).unwrap_or_default();
    for place in places {
        line(text, "lies in", &located(place));
    }
    if one.why.is_empty() {
        for evidence in &one.evidence {
            let place = evidence.location.as_ref().map(|place| format!(" ({})", located(place)));
            line(text, "seen", &format!("{}{}", evidence.detail, place.unwrap_or_default()));
        }
    }
    if let Some(urgency) = &one.urgency {
        score(text, one, urgency);
    }
    signals(text, one);
    line(text, "fix", one.fix.as_ref().map_or("none is known", |fix| &fix.advice));
    if !one.views.is_empty() {
        let head = ["SOURCE", "ADVISORY", "CHANGED", "SAYS", "FIXED IN", "SEVERITY", "NOTE"];
        text.push_str(&terminal.grid(&head, one.views.iter().map(view)));
        text.push('\n');
    }
}

fn because(text: &mut String, why: &Why) {
    let revision =
        why.revision.map(|time| format!(", changed {}", time.date())).unwrap_or_default();
    line(text, "advisory", &format!("{} ({}{revision})", why.advisory, why.source));
    line(text, "affected", &why.range);
    line(text, "installed", &why.package);
    line(text, "compared", &why.comparison);
}

fn located(place: &Location) -> String {
    match &place.layer {
        Some(layer) => format!("{} of layer {layer}", place.path),
        None => place.path.clone(),
    }
}

/// The score with its terms, as `docs/semantics.md` defines them.
fn score(text: &mut String, one: &Finding, urgency: &Urgency) {
    let priority = one.priority.map_or("none", plimsoll_model::Priority::as_str);
    let tenths = |tenths: u16| format!("{}.{}", tenths / 10, tenths % 10);
    let product = format!(
        "{} = C {} × T {}.{:02} × E {} × A {}",
        tenths(urgency.tenths),
        tenths(urgency.c10),
        urgency.t100 / 100,
        urgency.t100 % 100,
        tenths(urgency.e10),
        tenths(urgency.a10)
    );
    line(text, "priority", priority);
    line(text, "score", &product);
    line(
        text,
        "",
        &if urgency.rules.is_empty() {
            String::new()
        } else {
            format!("then {}", urgency.rules.join(", "))
        },
    );
    line(text, "severity", urgency.cvss.as_deref().unwrap_or("no CVSS vector"));
}

/// What is known beside the score's terms.
fn signals(text: &mut String, one: &Finding) {
    let mut known = Vec::new();
    if let Some(urgency) = &one.urgency {
        known.extend(
            urgency
                .known_exploited
                .as_ref()
                .map(|date| format!("known to be exploited since {date}")),
        );
        known.extend(urgency.epss.map(|score| format!("EPSS {score}")));
    }
    for (key, name) in [
        ("epss-percentile", "EPSS percentile"),
        ("exploit", "exploit"),
        ("ransomware", "ransomware"),
        ("vendor-severity", "vendor says"),
        ("cwe", ""),
        ("published", "published"),
    ] {
        known.extend(one.extra.get(key).map(|value| format!("{name} {value}").trim().to_owned()));
    }
    line(text, "signals", &known.join(", "));
}

fn view(view: &View) -> Vec<String> {
    let note = [view.justification.as_deref(), view.text.as_deref()];
    vec![
        view.source.clone(),
        view.advisory.clone(),
        dated(view.revision),
        view.status.map(|status| status.to_string()).unwrap_or_default(),
        view.fixed.clone().unwrap_or_default(),
        view.severity.iter().chain(&view.cvss).cloned().collect::<Vec<_>>().join(" "),
        note.into_iter().flatten().collect::<Vec<_>>().join(": "),
    ]
}

fn absence(text: &mut String, absent: &Absent, terminal: Terminal) {
    line(
        text,
        "looked into",
        &format!("feed of {}, {}", absent.feed.date.date(), absent.feed.snapshot),
    );
    let looks = &absent.absence.looked_at;
    if !looks.is_empty() {
        let head = ["PACKAGE", "ADVISORY", "SOURCE", "CHANGED", "AFFECTED", "WHY NOT"];
        let rows = looks.iter().map(|look| {
            vec![
                look.installed.clone(),
                look.advisory.clone(),
                look.source.clone(),
                dated(look.revision),
                look.ranges.join("; "),
                look.reason.clone(),
            ]
        });
        text.push_str(&terminal.grid(&head, rows));
        text.push('\n');
    }
    if looks.is_empty() && !absent.absence.advisories.is_empty() {
        let head = ["ADVISORY", "SOURCE", "CHANGED", "SPEAKS OF"];
        let rows = absent.absence.advisories.iter().map(|mention| {
            let more = mention.package_count.saturating_sub(mention.packages.len());
            let mut names = mention.packages.join(", ");
            if more > 0 {
                names.push_str(&format!(" and {more} more"));
            }
            vec![mention.advisory.clone(), mention.source.clone(), dated(mention.revision), names]
        });
        text.push_str(&terminal.grid(&head, rows));
        text.push('\n');
    }
}

/// The day of a revision; nothing where the source gives none.
fn dated(revision: Option<plimsoll_model::Timestamp>) -> String {
    revision.map(plimsoll_model::Timestamp::date).unwrap_or_default()
}
