//! One malicious or sensitive file of an image, with what was seen.
//!
//! In: a file, and what stands above it. Out: a card. Odd: what was seen is cut and masked by the scan, so it can be shown as it is.

use maud::{Markup, html};
use plimsoll_store::{FileInImage, FileState};

use super::{List, level_words, state_words};
use crate::console::words;

/// Evidence shown of a file.
const MOST: usize = 5;

pub(super) fn entry(list: List, file: &FileInImage, heading: &Markup) -> Markup {
    let (level, class) = level_words(list.kind, file.level);
    let extra = |name: &str| file.finding.extra.get(name).map(String::as_str);
    let class = if file.state.is_open() { class } else { "level-0" };
    html! {
        article class={ "card finding file " (class) } {
            div class="what" {
                (heading)
                " "
                @if file.state.is_open() { b class=(class) { (level) } }
                @else { span class="chip" { (state_words(file.state)) } }
            }
            p class="mono" { @if !file.path().starts_with("pkg:") { "/" } (file.path()) }
            ul class="small" {
                @for evidence in file.finding.evidence.iter().take(MOST) { li { code { (evidence.detail) } } }
                @if file.finding.evidence.len() > MOST {
                    li class="muted" { "… and " (file.finding.evidence.len() - MOST) " more" }
                }
            }
            p class="small muted wrap" {
                @if extra("removed") == Some("true") { b { "Removed in the final image, and still in this layer." } " " }
                @if let Some(md5) = file.md5() { "MD5 " code { (md5) } " · " }
                @if let Some(layer) = file.layer { "layer " code { (layer.to_string()) } " · " }
                @if file.state != FileState::Gone { "file id " code { (file.id) } " · " }
                "found first " (words::day(file.first_seen)) ", scanned last " (words::moment(file.scanned))
            }
            @if let Some(fix) = &file.finding.fix { p class="small advice" { (words::prose(&fix.advice)) } }
        }
    }
}
