//! The report as one page for browsers.
//!
//! In: a report. Out: one HTML file with its own styles, pictures and script. Odd: it loads nothing, from nowhere, and its
//! policy allows nothing but the style sheet and the script whose hashes it names; everything from the image is text;
//! without the script it shows all, and with it less.

mod chart;
mod findings;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::{Kind, Level, Report, RiskCounters, Verdict};
use ring::digest::{SHA256, digest};

use self::{
    chart::Part,
    findings::{Group, groups},
};
use super::{
    Format, Style,
    finding_text::KINDS,
    grid::printable,
    sbom::{TOOL_NAME, TOOL_VERSION},
    table,
};
use crate::upgrade::upgrades;

pub(super) struct Html;

impl Format for Html {
    fn id(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "One self-contained page for browsers: charts, search, everything that was found."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        output.write_all(page(report).as_bytes())
    }
}

const STYLES: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

/// Upgrades that are listed.
const MOST_UPGRADES: usize = 15;
/// Rows of a picture.
const MOST_BARS: usize = 8;

/// Levels with their classes and words, the worst first.
const LEVELS: [(Level, &str); 6] = [
    (Level::Critical, "critical"),
    (Level::High, "high"),
    (Level::Medium, "medium"),
    (Level::Low, "low"),
    (Level::Negligible, "negligible"),
    (Level::Unknown, "unknown"),
];

/// Text as text of a page: nothing in it is markup, and what would not be seen stands as an escape.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

fn page(report: &Report) -> String {
    let groups = groups(report);
    let name = escape(&report.image.name);
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLES),
        hash(SCRIPT)
    );
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{name} – risks</title>\n<style>{STYLES}</style>\n</head>\n<body>\n"
    );
    page.push_str(&head(report, &name));
    page.push_str("<main class=\"wide\">\n");
    page.push_str(&tiles(report, &groups));
    page.push_str(&coverage(report));
    page.push_str(&charts(report, &groups));
    page.push_str(&what_to_do(report));
    page.push_str(&findings::section(report, &groups));
    page.push_str(&packages(report));
    page.push_str(&format!(
        "</main>\n<footer class=\"wide\">Written by {TOOL_NAME} {TOOL_VERSION}. The page loads nothing and sends nothing.</footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    ));
    page
}

fn head(report: &Report, name: &str) -> String {
    let image = &report.image;
    let mut facts: Vec<String> = Vec::new();
    facts.extend(image.distribution.as_deref().map(escape));
    facts.extend(image.platform.as_ref().map(|platform| escape(&platform.to_string())));
    if !image.layers.is_empty() {
        let layers = table::count(image.layers.len(), "layer");
        facts.push(format!("{} in {layers}", table::size(image.size)));
    }
    facts.push(table::count(report.packages.len(), "package"));
    facts.extend(image.digest.as_ref().map(|digest| format!("<code>{digest}</code>")));
    let facts: String = facts.iter().map(|fact| format!("<span>{fact}</span>")).collect();
    format!(
        "<header><div class=\"wide\"><div class=\"top\"><div><div class=\"maker\">{TOOL_NAME} risk report</div>\
         <h1>{name}</h1></div><button type=\"button\" class=\"theme\" id=\"theme\" hidden>Light or dark</button></div>\
         <p class=\"facts\">{facts}</p></div></header>\n"
    )
}

fn tiles(report: &Report, groups: &[Group<'_>]) -> String {
    let counters = RiskCounters::of(report);
    let of_kind =
        |kind| groups.iter().filter(|group| group.kind() == kind && group.is_open()).count();
    let is_known = report.feed.is_some() && report.coverage.verdict != Verdict::Unreadable;
    let mut tiles = String::from("<section class=\"tiles\" aria-label=\"Numbers\">");
    let mut tile = |number: String, class: &str, what: &str| {
        tiles.push_str(&format!(
            "<div class=\"tile {class}\"><b>{number}</b><span>{}</span></div>",
            escape(what)
        ));
    };
    let is_left_out = |kind| report.coverage.left_out.contains(&kind);
    if is_left_out(Kind::Vulnerability) {
        tile("–".to_owned(), "", "vulnerabilities: not looked for");
    } else if is_known {
        let class = |number: u32, bad| if number == 0 { "good" } else { bad };
        tile(counters.asap.to_string(), class(counters.asap, "bad"), "to fix as soon as possible");
        tile(counters.later.to_string(), class(counters.later, "warn"), "can wait");
        tile(counters.nntf.to_string(), "", "no need to fix now");
    } else {
        tile("?".to_owned(), "warn", "vulnerabilities: nothing to look with");
    }
    for (kind, _, plural) in KINDS.iter().filter(|(kind, ..)| *kind != Kind::Vulnerability) {
        let number = of_kind(*kind);
        // Licences are refused only where somebody asks for it.
        if *kind == Kind::License && number == 0 {
            continue;
        }
        if is_left_out(*kind) {
            tile("–".to_owned(), "", &format!("{plural}: not looked for"));
            continue;
        }
        let worst = groups
            .iter()
            .filter(|group| group.kind() == *kind && group.is_open())
            .map(|group| group.first.level)
            .max();
        let class = match worst {
            Some(Level::Critical | Level::High) => "bad",
            Some(Level::Medium) => "warn",
            _ => "",
        };
        tile(number.to_string(), class, plural);
    }
    tiles.push_str("</section>\n");
    tiles
}

fn coverage(report: &Report) -> String {
    let coverage = &report.coverage;
    let (class, meaning) = match coverage.verdict {
        Verdict::Complete => ("good", "everything that we know how to read was read"),
        Verdict::Partial => ("warn", "something could not be looked at"),
        Verdict::Unreadable => {
            ("bad", "the image could not be read: no findings does not mean clean")
        }
    };
    let feed = match &report.feed {
        None => "No advisory data: vulnerabilities were not looked for.".to_owned(),
        Some(feed) => {
            let records: u64 = feed.sources.iter().map(|source| source.records).sum();
            let starter = if feed.starter { " (the small built-in feed)" } else { "" };
            format!(
                "Advisory data{starter}: {records} records of {}, as of {}.",
                table::count(feed.sources.len(), "source"),
                feed.date.date()
            )
        }
    };
    let mut section = format!(
        "<section class=\"panel note {class}\"><h2>Coverage: {}</h2><p>{}. {}</p>",
        coverage.verdict,
        capital(meaning),
        escape(&feed)
    );
    if let Some(left_out) = table::left_out(report) {
        section.push_str(&format!("<p>Not looked for, as asked: {left_out}.</p>"));
    }
    if !coverage.gaps.is_empty() {
        section.push_str(&format!(
            "<details><summary>{}</summary><ul>",
            table::count(coverage.gaps.len(), "gap")
        ));
        for gap in &coverage.gaps {
            let place = if gap.at.is_empty() {
                String::new()
            } else {
                format!("<code>{}</code>: ", escape(&gap.at))
            };
            section.push_str(&format!("<li>{place}{}</li>", escape(&gap.detail)));
        }
        section.push_str("</ul></details>");
    }
    section.push_str("</section>\n");
    section
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + letters.as_str()
}

fn charts(report: &Report, groups: &[Group<'_>]) -> String {
    // A vulnerability counts once, whatever its packages are to be upgraded to.
    let mut counted: BTreeSet<&str> = BTreeSet::new();
    let open: Vec<&Group<'_>> = groups
        .iter()
        .filter(|group| group.is_open())
        .filter(|group| group.kind() != Kind::Vulnerability || counted.insert(&group.first.record))
        .collect();
    if open.is_empty() {
        return String::new();
    }
    let counters = RiskCounters::of(report);
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let urgencies: [Part; 3] = [
        ("asap", "as soon as possible", number(counters.asap)),
        ("later", "can wait", number(counters.later)),
        ("nntf", "no need now", number(counters.nntf)),
    ];
    let mut section = String::from(
        "<section class=\"charts\" aria-label=\"Charts\"><h2 class=\"hidden-label\">Charts</h2>",
    );
    let mut panel = |title: &str, picture: &str| {
        section.push_str(&format!("<div class=\"panel\"><h3>{title}</h3>{picture}</div>"));
    };
    panel(
        "Vulnerabilities by urgency",
        &chart::ring("Vulnerabilities by urgency", "in all", &urgencies),
    );
    let levels = |of: &[&Group<'_>]| -> Vec<Part> {
        let part = |(level, word): &(Level, &'static str)| {
            (*word, *word, of.iter().filter(|group| group.first.level == *level).count())
        };
        LEVELS.iter().map(part).collect()
    };
    let kinds: Vec<(String, Vec<Part>)> = KINDS
        .iter()
        .map(|(kind, _, plural)| {
            let of: Vec<&Group<'_>> =
                open.iter().copied().filter(|group| group.kind() == *kind).collect();
            // Short enough to stand beside its bar.
            let word = if *kind == Kind::Malware { "Malicious files" } else { plural };
            (word.to_owned(), levels(&of))
        })
        .filter(|(_, parts)| parts.iter().any(|(.., number)| *number > 0))
        .collect();
    let all = levels(&open);
    let used: Vec<Part> = all.into_iter().filter(|(.., number)| *number > 0).collect();
    panel(
        "Findings by kind and level",
        &(chart::bars("Findings by kind and level", &kinds) + &chart::key(&used)),
    );
    let mut by_layer: BTreeMap<usize, Vec<&Group<'_>>> = BTreeMap::new();
    for group in &open {
        if let Some(layer) = group.layer(report) {
            by_layer.entry(layer).or_default().push(group);
        }
    }
    if !by_layer.is_empty() {
        let mut rows: Vec<(usize, Vec<Part>)> =
            by_layer.iter().map(|(layer, of)| (*layer, levels(of))).collect();
        rows.sort_by_key(|(layer, parts)| {
            (std::cmp::Reverse(parts.iter().map(|(.., number)| *number).sum::<usize>()), *layer)
        });
        rows.truncate(MOST_BARS);
        rows.sort_by_key(|(layer, _)| *layer);
        let rows: Vec<(String, Vec<Part>)> =
            rows.into_iter().map(|(layer, parts)| (layer_name(report, layer), parts)).collect();
        panel("Findings by layer", &chart::bars("Findings by layer", &rows));
    }
    let upgrades = upgrades(report);
    if !upgrades.is_empty() {
        let rows: Vec<(String, Vec<Part>)> = upgrades
            .iter()
            .take(MOST_BARS)
            .map(|row| {
                let parts = vec![
                    ("asap", "as soon as possible", row.asap.len()),
                    ("later", "can wait", row.later.len()),
                ];
                (format!("{} {}", row.package, row.installed), parts)
            })
            .collect();
        panel(
            "What single upgrades end",
            &chart::bars("Vulnerabilities that single upgrades end", &rows),
        );
    }
    section.push_str("</section>\n");
    section
}

/// Layers count from 1, as people count.
fn layer_name(report: &Report, layer: usize) -> String {
    let digest = report.image.layers.get(layer).map(ToString::to_string).unwrap_or_default();
    let short: String = digest.trim_start_matches("sha256:").chars().take(8).collect();
    format!("layer {}, {short}", layer + 1)
}

fn what_to_do(report: &Report) -> String {
    let upgrades = upgrades(report);
    if upgrades.is_empty() {
        return String::new();
    }
    let mut section = String::from(
        "<section class=\"panel\"><h2 id=\"first\">What to do first</h2><div class=\"scroll\" role=\"region\" aria-labelledby=\"first\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Package</th>\
         <th scope=\"col\">Installed</th><th scope=\"col\">Upgrade to</th><th scope=\"col\" class=\"number\">Ends asap</th><th scope=\"col\" class=\"number\">Ends later</th>\
         <th scope=\"col\">Installed as</th></tr></thead><tbody>",
    );
    for row in upgrades.iter().take(MOST_UPGRADES) {
        let names: Vec<String> = row.names.iter().map(|name| escape(name)).collect();
        section.push_str(&format!(
            "<tr><td><b>{}</b></td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            escape(&row.package),
            escape(&row.installed),
            escape(&row.version),
            row.asap.len(),
            row.later.len(),
            names.join(", ")
        ));
    }
    section.push_str("</tbody></table></div>");
    if upgrades.len() > MOST_UPGRADES {
        section
            .push_str(&format!("<p>… and {} more upgrades.</p>", upgrades.len() - MOST_UPGRADES));
    }
    section.push_str("</section>\n");
    section
}

fn packages(report: &Report) -> String {
    if report.packages.is_empty() {
        return String::new();
    }
    let mut section = format!(
        "<section><details class=\"panel\"><summary>{}</summary><div class=\"scroll\" role=\"region\" aria-label=\"Packages\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\">Version</th><th scope=\"col\">Ecosystem</th><th scope=\"col\">Licence</th><th scope=\"col\">Found in</th></tr></thead><tbody>",
        capital(&table::count(report.packages.len(), "package"))
    );
    for package in &report.packages {
        let release = package.release.as_deref().map(|release| format!(" {release}"));
        let place = package.locations.first().map(|location| format!("/{}", location.path));
        section.push_str(&format!(
            "<tr data-kind=\"package\"><td><b>{}</b></td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            escape(&package.name),
            escape(&package.version),
            escape(&format!("{}{}", package.ecosystem.0, release.unwrap_or_default())),
            escape(package.extra.get("license").map(String::as_str).unwrap_or_default()),
            escape(&place.unwrap_or_default())
        ));
    }
    section.push_str("</tbody></table></div></details></section>\n");
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_from_the_image_is_text() {
        assert_eq!(
            escape("</script><img onerror='x' a=\"b\">&\u{202e}\u{1b}"),
            "&lt;/script&gt;&lt;img onerror=&#39;x&#39; a=&quot;b&quot;&gt;&amp;\\u{202e}\\u{1b}"
        );
    }

    #[test]
    fn the_parts_do_not_end_their_elements() {
        assert!(!STYLES.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }
}
