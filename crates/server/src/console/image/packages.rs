//! The packages of an image.
//!
//! In: a report and a filter from the URL. Out: a table, with what is known against each package. Odd: a package at
//! several places is one row, as in the report.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{Finding, Package, Report, Subject};
use serde::Deserialize;

use crate::console::{
    images::select,
    paging::{self, Address},
    words,
};

const PAGE_SIZE: usize = 100;
/// Places shown per package.
const PLACES: usize = 3;

/// The filters, as they stand in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Filters {
    text: String,
    ecosystem: String,
    page: String,
}

impl Filters {
    fn admit(&self, package: &Package) -> bool {
        let text = self.text.trim().to_lowercase();
        let ecosystem = self.ecosystem.is_empty() || package.ecosystem.0 == self.ecosystem;
        ecosystem
            && (package.name.to_lowercase().contains(&text)
                || package.purl.to_lowercase().contains(&text)
                || package.locations.iter().any(|place| place.path.to_lowercase().contains(&text)))
    }
}

pub(super) fn view(image: &str, report: &Report, filters: &Filters) -> Markup {
    let path = format!("{image}/packages");
    let matching: Vec<&Package> =
        report.packages.iter().filter(|package| filters.admit(package)).collect();
    let total = u64::try_from(matching.len()).unwrap_or(u64::MAX);
    let size = u64::try_from(PAGE_SIZE).unwrap_or(u64::MAX);
    let page = u64::from(paging::number(&filters.page)).min(paging::pages(total, size));
    let start = usize::try_from((page - 1) * size).unwrap_or(usize::MAX);
    let shown: Vec<&Package> = matching.into_iter().skip(start).take(PAGE_SIZE).collect();
    let known = known_against(report);
    let address = Address {
        path: &path,
        query: vec![("text", filters.text.trim()), ("ecosystem", &filters.ecosystem)],
    };
    html! {
        @if report.packages.is_empty() {
            p class="card none" { "No package was found. " (words::verdict_sentence(report.coverage.verdict)) }
        } @else {
            (form(&path, filters, report))
            @if shown.is_empty() { p class="card none" { "No package matches. " a href={ (path) "#views" } { "Clear the filter" } } }
            @else {
                (table(image, &shown, &known))
                (paging::links(&address, page, size, total))
            }
        }
    }
}

/// The vulnerabilities of each package; the report has the most urgent first.
fn known_against(report: &Report) -> BTreeMap<&str, Vec<&Finding>> {
    let mut known: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.is_open()) {
        if let Subject::Purl(purl) = &finding.subject {
            known.entry(purl).or_default().push(finding);
        }
    }
    known
}

fn form(path: &str, filters: &Filters, report: &Report) -> Markup {
    let mut ecosystems: Vec<&str> =
        report.packages.iter().map(|package| package.ecosystem.0.as_str()).collect();
    ecosystems.sort_unstable();
    ecosystems.dedup();
    html! {
        form class="filters" method="get" action={ (path) "#views" } role="search" aria-label="Filter packages" {
            div class="wide" {
                label for="text" { "Name or path contains" }
                input id="text" name="text" type="search" value=(filters.text);
            }
            (select("ecosystem", "Ecosystem", &filters.ecosystem, ecosystems.iter().map(|name| (*name, *name))))
            div class="actions" {
                button class="button" type="submit" { "Filter" }
                @if !(filters.text.is_empty() && filters.ecosystem.is_empty()) { a href={ (path) "#views" } { "Clear" } }
            }
        }
    }
}

fn table(image: &str, packages: &[&Package], known: &BTreeMap<&str, Vec<&Finding>>) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Packages" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Package", "Version", "Known against it", "Found in"] {
                        th role="columnheader" scope="col" { (head) }
                    }
                } }
                tbody role="rowgroup" {
                    @for package in packages { (row(image, package, known.get(package.purl.as_str()))) }
                }
            }
        }
    }
}

fn row(image: &str, package: &Package, known: Option<&Vec<&Finding>>) -> Markup {
    html! {
        tr role="row" {
            th role="rowheader" scope="row" {
                span class="image-name" { (package.name) }
                span class="meta" {
                    span { (package.ecosystem.0) @if let Some(release) = &package.release { " " (release) } }
                    @if let Some(source) = &package.source && source.name != package.name {
                        " " span { "from " (source.name) }
                    }
                }
            }
            td role="cell" data-label="Version" class="wrap" {
                // Short versions in one piece: a hyphen in one is not the end of a word.
                code class=[(package.version.len() <= 24).then_some("whole")] { (package.version) }
            }
            td role="cell" data-label="Known against it" { (known_cell(image, package, known)) }
            td role="cell" data-label="Found in" class="small wrap places" { div {
                @for place in package.locations.iter().take(PLACES) { div { code { "/" (place.path) } } }
                @if package.locations.len() > PLACES {
                    span class="muted" { "and " (package.locations.len() - PLACES) " more" }
                }
            } }
        }
    }
}

/// How many findings, how urgent the worst is, and the way to them.
fn known_cell(image: &str, package: &Package, known: Option<&Vec<&Finding>>) -> Markup {
    let Some((known, first)) = known.and_then(|known| Some((known, known.first()?))) else {
        return html! { span class="muted" { "nothing" } };
    };
    let (class, words) = match first.priority {
        Some(priority) => (priority.as_str(), words::priority(priority)),
        None => ("asap", first.level.as_str()),
    };
    let findings = Address { path: image, query: vec![("text", &package.purl)] }.page(1);
    html! {
        a class="counts" href={ (findings) "#views" } {
            span class=(class) { b { (known.len()) } @if known.len() > 1 { ", worst: " } @else { " " } (words) }
        }
    }
}
