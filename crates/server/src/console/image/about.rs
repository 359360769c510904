//! What an image is and where it comes from.
//!
//! In: an image with what is known of it. Out: a card of facts, with the form that asks for another scan. Odd: digests
//! stand here in full, because people copy them.

use maud::{Markup, html};
use plimsoll_store::{NetType, RepoType, TaskState, Workload};

use super::Loaded;
use crate::console::{session::Session, words};

pub(super) fn card(loaded: &Loaded, session: &Session) -> Markup {
    let image = &loaded.risk.image;
    let settings = &loaded.risk.registry.settings;
    let distribution =
        loaded.report.as_ref().and_then(|report| report.image.distribution.as_deref());
    html! {
        section class="card padded" aria-labelledby="identity" {
            h2 id="identity" { "About this image" }
            dl class="facts" {
                dt { "Scanned" }
                dd {
                    @match loaded.risk.scanned { Some(at) => (words::moment(at)), None => "not with success yet" }
                    (scan_again(loaded, session))
                }
                @if let Some(distribution) = distribution { dt { "Distribution" } dd { (distribution) } }
                dt { "Registry" }
                dd { (settings.name) " " span class="muted" { "(" (settings.authority()) ")" } }
                dt { "Platform, size" } dd { (loaded.risk.platform) ", " (words::size(image.size)) }
                dt { "Who can pull it" }
                dd {
                    @match image.repo_type {
                        RepoType::Public => "anybody",
                        RepoType::Private => "accounts of the registry",
                    }
                    @if settings.net_type == NetType::Intranet { ", in a private network" }
                }
                dt { "Tag set" } dd { (words::moment(image.updated)) }
                dt { "Manifest" } dd { code { (image.known_digest().to_string()) } }
                @if image.digest != image.known_digest() {
                    dt { "Index" } dd { code { (image.digest.to_string()) } }
                }
                dt { "Image id" } dd { code { (image.image_id.to_string()) } }
                @if !loaded.workloads.is_empty() { dt { "Runs as" } dd { (runs_as(&loaded.workloads)) } }
            }
        }
    }
}

fn scan_again(loaded: &Loaded, session: &Session) -> Markup {
    let state = loaded.risk.task.as_ref().map(|task| task.state);
    html! {
        @match state {
            Some(TaskState::Queued) => " · queued for a scan",
            Some(TaskState::Running) => " · being scanned now",
            _ => form class="inline" method="post" action={ (loaded.path()) "/scan" } {
                input type="hidden" name="csrf" value=(session.csrf);
                button class="quiet" type="submit" { "Scan again" }
            },
        }
    }
}

fn runs_as(workloads: &[(String, Workload)]) -> Markup {
    let mut places: Vec<(&str, &str, &str)> = workloads
        .iter()
        .map(|(cluster, workload)| {
            (cluster.as_str(), workload.namespace.as_str(), workload.app.as_str())
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    html! {
        @for (position, (cluster, namespace, app)) in places.iter().enumerate() {
            @if position > 0 { ", " }
            (app) " " span class="muted" { "(" (namespace) " in " (cluster) ")" }
        }
    }
}
