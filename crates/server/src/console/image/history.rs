//! The history of an image: a picture of its counters, what refreshes changed, and each change of a counter.
//!
//! In: changes from the store. Out: the view's body. Odd: an image has the history of what it names now; where its tag was moved,
//! that begins with the move.

use maud::{Markup, html};
use plimsoll_model::Timestamp;
use plimsoll_store::{ChangedBy, CounterChange, ImageChange, WhatChanged};

use crate::console::{
    changes::{finding, priorities},
    images, picture, words,
};

/// Changes of vulnerabilities that are shown.
pub(super) const MOST_CHANGES: usize = 200;
/// Changes of counters that are shown.
pub(super) const MOST_COUNTERS: u32 = 200;

pub(super) fn view(history: &[CounterChange], changes: &[ImageChange], now: Timestamp) -> Markup {
    html! {
        section class="card chart-card" aria-labelledby="counters" {
            h2 id="counters" { "Vulnerabilities over time" }
            @if history.is_empty() {
                p class="muted" { "Nothing was kept yet: the history begins with the next change." }
            } @else {
                (picture::history(history, now))
                (images::key())
            }
        }
        @if !changes.is_empty() {
            h2 { "What refreshes changed" }
            (vulnerabilities(changes))
        }
        @if !history.is_empty() {
            h2 { "Each change of a counter" }
            (counters(history))
        }
    }
}

fn vulnerabilities(changes: &[ImageChange]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Vulnerabilities that this image got or lost" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Vulnerability", "What happened", "When to act", "Refresh"] {
                        th role="columnheader" scope="col" { (head) }
                    }
                } }
                tbody role="rowgroup" {
                    @for change in changes {
                        tr role="row" {
                            th role="rowheader" scope="row" class="wrap" { (finding(&change.id)) }
                            td role="cell" data-label="What happened" {
                                @match change.what {
                                    WhatChanged::Newly => "newly hit",
                                    WhatChanged::Cleared => span class="good" { "cleared" },
                                    WhatChanged::Priority => "other priority",
                                }
                            }
                            td role="cell" data-label="When to act" { (priorities(change.priority_before, change.priority)) }
                            td role="cell" data-label="Refresh" class="when" { (words::moment(change.at)) }
                        }
                    }
                }
            }
        }
    }
}

fn counters(history: &[CounterChange]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Counters, newest first" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["When", "By", "Vulnerabilities", "Failed checks"] { th role="columnheader" scope="col" { (head) } }
                } }
                tbody role="rowgroup" {
                    @for change in history.iter().rev() {
                        tr role="row" {
                            th role="rowheader" scope="row" { (words::moment(change.at)) }
                            td role="cell" data-label="By" {
                                @match change.by {
                                    ChangedBy::Scan => "a scan",
                                    ChangedBy::Refresh => "new advisories",
                                    ChangedBy::Rule => "a rule",
                                    ChangedBy::Setting => "its use",
                                }
                            }
                            td role="cell" data-label="Vulnerabilities" { (images::vulnerability_counts(&change.counters)) }
                            td role="cell" data-label="Failed checks" { (images::baseline_counts(&change.counters)) }
                        }
                    }
                }
            }
        }
    }
}
