//! One malicious content or one kind of sensitive file: the images that have it, file by file, with what was seen.
//!
//! In: a key and a page number from the URL. Out: a list; each leads to its image, where it can be dealt with. Odd: what is dealt
//! with is listed behind what counts in each image.

use std::collections::BTreeSet;

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Html,
};
use maud::{Markup, html};
use plimsoll_store::{
    FileFilter, FileGroup, FileInImage, FileKind, FilesQuery, GroupedFilesQuery, ImageSelection,
};
use serde::Deserialize;

use super::{List, encoded, entry::entry, level_words};
use crate::{
    console::{
        page::{self, Section},
        paging::{self, Address},
        refusal::Refusal,
        session::Session,
        state, words,
    },
    context::Context,
    operation::sensitive_rules::name_of,
};

const PAGE_SIZE: u32 = 50;

/// Which part, as it stands in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Shown {
    page: String,
}

/// `GET /console/files/{list}/{key}`
pub(in crate::console) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Path((list, key)): Path<(String, String)>,
    Query(shown): Query<Shown>,
) -> Result<Html<String>, Refusal> {
    let list = List::find(&list)?;
    let filter = FileFilter { keys: Some(BTreeSet::from([key.clone()])), ..FileFilter::default() };
    let query = |page| FilesQuery {
        kind: list.kind,
        images: ImageSelection::default(),
        filter: filter.clone(),
        states: BTreeSet::new(),
        page,
        page_size: PAGE_SIZE,
    };
    let mut files = context.store.files_in_images(&query(paging::number(&shown.page))).await?;
    let last = paging::pages(files.total, u64::from(PAGE_SIZE));
    if u64::from(files.page) > last {
        files = context.store.files_in_images(&query(u32::try_from(last).unwrap_or(1))).await?;
    }
    let groups = GroupedFilesQuery {
        kind: list.kind,
        images: ImageSelection::default(),
        filter,
        page: 1,
        page_size: 1,
    };
    let group = context.store.grouped_files(&groups).await?.items.pop();
    let path = format!("{}/{}", list.path(), encoded(&key));
    let address = Address { path: &path, query: Vec::new() };
    let title = match (&group, list.kind) {
        (_, FileKind::Sensitive) => name_of(&key).to_owned(),
        (Some(group), FileKind::Malicious) => group.name.clone(),
        (None, FileKind::Malicious) => key.clone(),
    };
    let body = html! {
        nav class="crumbs" aria-label="Where you are" { a href=(list.path()) { (list.title) } }
        div class="title" {
            h1 class="wrap" { (title) }
            @if let Some(group) = &group { (about(list, group)) }
        }
        @if files.items.is_empty() {
            (page::empty("No scanned image has it", &html! {
                p { "Nothing speaks for it any more: the images that had it are gone, or hold something else now." }
            }))
        } @else {
            p class="muted" { "What to do about a file is decided at its image." }
            @for file in &files.items {
                (entry(list, file, &of_image(file)))
            }
            (paging::links(&address, u64::from(files.page), u64::from(PAGE_SIZE), files.total))
        }
    };
    Ok(page::page(&title, Section::Files, &session, &state(&context).await?, &body))
}

fn about(list: List, group: &FileGroup) -> Markup {
    let (level, class) = level_words(list.kind, group.level);
    html! {
        p class="lead" { (words::sentence(&group.title)) }
        p {
            b class=(class) { (level) } " · " (words::count(group.images, "image"))
            @if group.images == 1 { " has it" } @else { " have it" }
            @if group.dealt_with > 0 { ", in " (words::count(group.dealt_with, "more image")) " it is dealt with" }
            " · found first " (words::day(group.first_seen))
            @if list.kind == FileKind::Malicious { " · " code { (group.key) } }
        }
    }
}

/// The image that has a file.
fn of_image(file: &FileInImage) -> Markup {
    html! {
        a href={ "/console/images/" (file.image.uuid) "/findings/" (file.finding.kind.as_str()) "#views" } {
            (file.image.path()) span class="tag" { ":" (file.image.tag) }
        }
        " " span class="meta" { (file.registry) }
    }
}
