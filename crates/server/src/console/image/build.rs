//! How an image was built: the build file that its history tells, with each risk at its line.
//!
//! In: a report. Out: steps with line numbers and layers, risks below the step that they are about, then what is about the image as
//! a whole. Odd: the build file is what the history tells and not the one that was written: sources of COPY are gone, and what
//! stands before the first step of a base image is unknown.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{BuildStep, Kind, Report};

use super::findings::{self, Around, Record};

/// Steps shown at most.
const MOST: usize = 1_000;

pub(super) fn view(report: &Report, around: &Around<'_>) -> Markup {
    let records = findings::records(report);
    let mut at_steps: BTreeMap<u32, Vec<&Record<'_>>> = BTreeMap::new();
    let mut of_image: Vec<&Record<'_>> = Vec::new();
    for record in records.iter().filter(|record| record.lead.kind == Kind::Build) {
        let step = record.lead.extra.get("history").and_then(|number| number.parse().ok());
        match step.filter(|step| report.build.iter().any(|one| one.index == *step)) {
            Some(step) => at_steps.entry(step).or_default().push(record),
            None => of_image.push(record),
        }
    }
    html! {
        @if !of_image.is_empty() {
            section class="group" {
                h2 { "Of the image as a whole " span class="count" { (of_image.len()) } }
                @for record in &of_image { (findings::of_record(record, around)) }
            }
        }
        section class="group" {
            h2 { "Build file" }
            p { "Put together from the image’s history, oldest first; each risk stands below its step." }
            ol class="card build-file" {
                li { span class="position" { "1" } pre { "FROM scratch" } }
                @for step in report.build.iter().take(MOST) {
                    (line(step, at_steps.get(&step.index).map_or(&[][..], Vec::as_slice), around))
                }
            }
            @if report.build.len() > MOST {
                p class="muted" { "… and " (report.build.len() - MOST) " more steps" }
            }
        }
    }
}

fn line(step: &BuildStep, records: &[&Record<'_>], around: &Around<'_>) -> Markup {
    html! {
        li id={ "line-" (step.line) } class=[(!records.is_empty()).then_some("has-risk")] {
            span class="position" { (step.line) }
            pre { (step.instruction) }
            span class="small muted" {
                @if let Some(position) = step.layer.and_then(|layer| around.position(&layer)) {
                    "layer " (position)
                }
                @if step.inherited { " " span class="chip" { "from the base image" } }
            }
            @if !records.is_empty() {
                div class="risks" { @for record in records { (findings::of_record(record, around)) } }
            }
        }
    }
}
