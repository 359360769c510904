//! The layers of an image, bottom first.
//!
//! In: a report. Out: each layer with how many packages and findings come from it. Odd: a database of packages is
//! rewritten as a whole, so the layer that changed it last holds all its packages.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use plimsoll_model::{Digest, Kind, Priority, Report, Subject};

use crate::console::words;

/// What comes from one layer. Findings by kind and record, as the counters count.
#[derive(Default)]
struct Held<'a> {
    packages: u64,
    findings: BTreeSet<(Kind, &'a str)>,
    asap: BTreeSet<(Kind, &'a str)>,
}

pub(super) fn view(report: &Report) -> Markup {
    let held = held(report);
    let none = Held::default();
    html! {
        @if report.image.layers.is_empty() { p { "This image has no layers." } }
        @else {
            p class="muted" { "Bottom first, as they are laid on each other. The lowest usually come from the base image." }
            ol class="card layers" {
                @for (position, layer) in report.image.layers.iter().enumerate() {
                    @let own = held.get(layer).unwrap_or(&none);
                    li {
                        span class="position" { (position + 1) }
                        code { (layer.to_string()) }
                        span class="small number" {
                            (words::count(own.packages, "package")) ", " (words::count(number(&own.findings), "finding"))
                            @if !own.asap.is_empty() { ", " b class="level-3" { (own.asap.len()) " asap" } }
                        }
                    }
                }
            }
        }
    }
}

fn number(findings: &BTreeSet<(Kind, &str)>) -> u64 {
    u64::try_from(findings.len()).unwrap_or(u64::MAX)
}

fn held(report: &Report) -> BTreeMap<Digest, Held<'_>> {
    let mut held: BTreeMap<Digest, Held<'_>> = BTreeMap::new();
    let mut layers_of: BTreeMap<&str, Vec<Digest>> = BTreeMap::new();
    for package in &report.packages {
        let mut layers: Vec<Digest> =
            package.locations.iter().filter_map(|place| place.layer).collect();
        layers.sort();
        layers.dedup();
        for layer in &layers {
            held.entry(*layer).or_default().packages += 1;
        }
        layers_of.insert(&package.purl, layers);
    }
    for finding in report.findings.iter().filter(|finding| finding.is_open()) {
        let mut layers: Vec<Digest> = finding
            .evidence
            .iter()
            .filter_map(|evidence| evidence.location.as_ref()?.layer)
            .collect();
        if let (true, Subject::Purl(purl)) = (layers.is_empty(), &finding.subject) {
            layers = layers_of.get(purl.as_str()).cloned().unwrap_or_default();
        }
        layers.sort();
        layers.dedup();
        for layer in layers {
            let held = held.entry(layer).or_default();
            let record = (finding.kind, finding.record.as_str());
            held.findings.insert(record);
            if finding.priority == Some(Priority::Asap) {
                held.asap.insert(record);
            }
        }
    }
    held
}
