//! Malicious and sensitive files of all images, by content or kind.
//!
//! In: which of both, filters and a page number from the URL. Out: groups with the numbers of images that have them, the worst first;
//! each leads to the images that have it. Odd: secrets come masked from the scan, so nothing here could show one.

mod entry;
mod group;

use std::collections::BTreeSet;

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Html,
};
use maud::{Markup, html};
use plimsoll_model::sensitive::{SENSITIVE_FILE_KEYS, SensitiveClass, SensitiveFileKey};
use plimsoll_store::{
    FileFilter, FileGroup, FileKind, FileLevel, FileState, GroupedFilesQuery, ImageSelection,
};
use serde::Deserialize;

use super::{
    images::select,
    page::{self, Section},
    paging::{self, Address},
    refusal::Refusal,
    session::Session,
    state, words,
};
use crate::{
    context::Context,
    operation::sensitive_rules::{SensitiveRules, name_of},
};

pub(super) use self::group::get as group;

const PATH: &str = "/console/files";
const PAGE_SIZE: u32 = 50;

/// The filters, as they stand in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Filters {
    text: String,
    level: String,
    page: String,
}

/// Which of both lists.
#[derive(Clone, Copy, PartialEq, Eq)]
struct List {
    kind: FileKind,
    /// How it stands in addresses.
    word: &'static str,
    title: &'static str,
    lead: &'static str,
}

const LISTS: [List; 2] = [
    List {
        kind: FileKind::Malicious,
        word: "malicious",
        title: "Malicious files",
        lead: "Web shells, miners, and whatever else somebody else put into an image, by content.",
    },
    List {
        kind: FileKind::Sensitive,
        word: "sensitive",
        title: "Sensitive files",
        lead: "Keys, passwords and tokens that whoever can pull an image has, in whatever layer, by kind.",
    },
];

const NOT_FOUND: Refusal =
    Refusal::NotFound("There are two lists of files: malicious and sensitive ones.");

impl List {
    fn find(word: &str) -> Result<Self, Refusal> {
        LISTS.into_iter().find(|list| list.word == word).ok_or(NOT_FOUND)
    }

    fn path(self) -> String {
        format!("{PATH}/{}", self.word)
    }
}

/// What a level is called, and its class.
const fn level_words(kind: FileKind, level: FileLevel) -> (&'static str, &'static str) {
    match (kind, level) {
        (FileKind::Malicious, FileLevel::High) => ("serious", "level-3"),
        (FileKind::Malicious, FileLevel::Medium) => ("suspicious", "level-2"),
        (FileKind::Malicious, FileLevel::Low) => ("reminder", "level-1"),
        (FileKind::Sensitive, FileLevel::High) => ("high", "level-3"),
        (FileKind::Sensitive, FileLevel::Medium) => ("medium", "level-2"),
        (FileKind::Sensitive, FileLevel::Low) => ("low", "level-1"),
    }
}

const LEVELS: [(&str, FileLevel); 3] =
    [("high", FileLevel::High), ("medium", FileLevel::Medium), ("low", FileLevel::Low)];

/// How a file stands, in a word.
const fn state_words(state: FileState) -> &'static str {
    match state {
        FileState::Open => "open",
        FileState::Ignored => "ignored",
        FileState::FalsePositive => "false positive",
        FileState::Gone => "gone",
    }
}

/// `GET /console/files/{list}`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(list): Path<String>,
    Query(filters): Query<Filters>,
) -> Result<Html<String>, Refusal> {
    let list = List::find(&list)?;
    let rules = SensitiveRules::read(&context.store, true).await?;
    let page_number = paging::number(&filters.page);
    let query = |page| GroupedFilesQuery {
        kind: list.kind,
        images: ImageSelection::default(),
        filter: filters.of(list.kind, &rules),
        page,
        page_size: PAGE_SIZE,
    };
    let is_off = list.kind == FileKind::Sensitive && !rules.is_on;
    let mut groups = context.store.grouped_files(&query(page_number)).await?;
    let last = paging::pages(groups.total, u64::from(PAGE_SIZE));
    if u64::from(groups.page) > last {
        let last = u32::try_from(last).unwrap_or(u32::MAX);
        groups = context.store.grouped_files(&query(last)).await?;
    }
    let path = list.path();
    let address = Address {
        path: &path,
        query: vec![("text", filters.text.trim()), ("level", &filters.level)],
    };
    let is_filtered = address.page(1) != path;
    let body = html! {
        div class="title" { h1 { (list.title) } p class="lead" { (list.lead) } }
        (tabs(list))
        @if is_off {
            (page::empty("Sensitive files are switched off", &html! {
                p { "Somebody asked not to list them (action OpenSensitiveFileScan). What scans found is there again when they are "
                    "switched on." }
            }))
        } @else if groups.total == 0 && !is_filtered {
            (page::empty("No scanned image has any", &html! {
                p { "Images that wait for a scan, and what a scan could not look at, may still have some. "
                    "See the coverage in the " a href="/console/images" { "risk list" } "." }
            }))
        } @else {
            (form(list, &filters))
            @if groups.items.is_empty() {
                p class="card none" { "None matches. " a href=(path) { "Clear the filter" } }
            } @else {
                (table(list, &groups.items))
                (paging::links(&address, u64::from(groups.page), u64::from(PAGE_SIZE), groups.total))
            }
        }
    };
    Ok(page::page(list.title, Section::Files, &session, &state(&context).await?, &body))
}

impl Filters {
    fn of(&self, kind: FileKind, rules: &SensitiveRules) -> FileFilter {
        let text = self.text.trim();
        let level = LEVELS.iter().find(|(word, _)| *word == self.level).map(|(_, level)| *level);
        let mut filter =
            FileFilter { levels: level.into_iter().collect(), ..FileFilter::default() };
        match kind {
            FileKind::Malicious => {
                let is_md5 = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_md5 {
                    filter.keys = Some(BTreeSet::from([text.to_ascii_lowercase()]));
                } else if !text.is_empty() {
                    filter.name = Some(text.to_owned());
                }
            }
            FileKind::Sensitive => {
                filter.hidden = rules.hidden();
                if !text.is_empty() {
                    let text = text.to_lowercase();
                    let named = |row: &&SensitiveFileKey| {
                        row.name.to_lowercase().contains(&text)
                            || row.key.to_lowercase().contains(&text)
                    };
                    let keys = SENSITIVE_FILE_KEYS.iter().filter(named);
                    filter.keys = Some(keys.map(|row| row.key.to_owned()).collect());
                }
            }
        }
        filter
    }
}

fn tabs(current: List) -> Markup {
    html! {
        nav aria-label="Lists of files" { ul class="tabs" {
            @for list in LISTS {
                li { a href=(list.path()) aria-current=[(list == current).then_some("page")] { (list.title) } }
            }
        } }
    }
}

fn form(list: List, filters: &Filters) -> Markup {
    let levels = LEVELS.into_iter().map(|(word, level)| (word, level_words(list.kind, level).0));
    html! {
        form class="filters" method="get" action=(list.path()) role="search" aria-label="Filter files" {
            div class="wide" {
                @match list.kind {
                    FileKind::Malicious => {
                        label for="text" { "Name contains, or MD5" }
                        input id="text" name="text" type="search" value=(filters.text) placeholder="WebShell";
                    },
                    FileKind::Sensitive => {
                        label for="text" { "Kind contains" }
                        input id="text" name="text" type="search" value=(filters.text) placeholder="private key";
                    },
                }
            }
            (select("level", "Level", &filters.level, levels))
            div class="actions" {
                button class="button" type="submit" { "Filter" }
                @if !(filters.text.is_empty() && filters.level.is_empty()) { a href=(list.path()) { "Clear" } }
            }
        }
    }
}

fn table(list: List, groups: &[FileGroup]) -> Markup {
    let heads = match list.kind {
        FileKind::Malicious => ["What it is", "Level", "Images", "Found first", "Scanned last"],
        FileKind::Sensitive => ["Kind", "Level", "Images", "Found first", "Scanned last"],
    };
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { (list.title) }
                thead role="rowgroup" { tr role="row" {
                    @for head in heads {
                        th role="columnheader" scope="col" class=[(head == "Images").then_some("right")] { (head) }
                    }
                } }
                tbody role="rowgroup" { @for group in groups { (row(list, group)) } }
            }
        }
    }
}

fn row(list: List, group: &FileGroup) -> Markup {
    let (level, class) = level_words(list.kind, group.level);
    let is_open = group.state.is_open();
    html! {
        tr role="row" {
            th role="rowheader" scope="row" {
                a class="image-name" href={ (list.path()) "/" (encoded(&group.key)) } {
                    @match list.kind { FileKind::Malicious => (group.name), FileKind::Sensitive => (name_of(&group.key)) }
                }
                span class="meta wrap" {
                    @match list.kind {
                        FileKind::Malicious => { span { (words::sentence(&group.title)) } " " span class="mono" { (group.key) } },
                        FileKind::Sensitive => { span { (class_name(group)) } " " span class="mono" { (group.key) } },
                    }
                }
            }
            td role="cell" data-label="Level" {
                @if is_open { b class=(class) { (level) } } @else { (level) " " span class="chip" { (state_words(group.state)) } }
            }
            td role="cell" data-label="Images" class="number right" {
                b { (group.images) }
                @if group.dealt_with > 0 { span class="meta" { (group.dealt_with) " dealt with" } }
                @if list.kind == FileKind::Sensitive { span class="meta" { (words::count(group.files, "file")) } }
            }
            td role="cell" data-label="Found first" { (words::day(group.first_seen)) }
            td role="cell" data-label="Scanned last" {
                @match group.last_scanned { Some(at) => (words::moment(at)), None => span class="muted" { "not known" } }
            }
        }
    }
}

fn class_name(group: &FileGroup) -> &'static str {
    let known = SensitiveFileKey::find(&group.key).map(|row| row.class);
    let said = group.class.as_deref().and_then(|class| class.parse().ok());
    known.or(said).map_or("Sensitive file", SensitiveClass::name)
}

/// A key as a part of an address: an advisory's id may hold what addresses do not.
pub(super) fn encoded(key: &str) -> String {
    form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>().replace('+', "%20")
}
