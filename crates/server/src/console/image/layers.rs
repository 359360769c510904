//! The layers of an image, bottom first.
//!
//! In: a report. Out: each layer with how many packages and findings come from it. Odd: a database of packages is
//! rewritten as a whole, so the layer that changed it last holds all its packages.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{Digest, Report, Subject};

use crate::console::words;

#[derive(Default)]
struct Held {
    packages: u64,
    findings: u64,
}

pub(super) fn view(report: &Report) -> Markup {
    let held = held(report);
    let none = Held::default();
    html! {
        @if report.image.layers.is_empty() { p { "This image has no layers." } }
        @else {
            p class="muted" { "Bottom first, as they are laid on each other. Equal layers are read once for all images." }
            ol class="card layers" {
                @for (position, layer) in report.image.layers.iter().enumerate() {
                    @let own = held.get(layer).unwrap_or(&none);
                    li {
                        span class="position" { (position + 1) }
                        code { (layer.to_string()) }
                        span class="small number" {
                            (words::count(own.packages, "package")) ", " (words::count(own.findings, "finding"))
                        }
                    }
                }
            }
        }
    }
}

fn held(report: &Report) -> BTreeMap<Digest, Held> {
    let mut held: BTreeMap<Digest, Held> = BTreeMap::new();
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
    for finding in &report.findings {
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
            held.entry(layer).or_default().findings += 1;
        }
    }
    held
}
