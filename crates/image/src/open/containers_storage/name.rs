//! Which image of a store is meant.
//!
//! In: a name as people say it, or an id. Out: the one image that has it. Source: podman(1), "image names"; the names that
//! a store keeps have host, repository and tag. Odd: the end of a name is enough when only one image's name ends so.

use std::collections::BTreeSet;

use super::{
    OpenError,
    records::{ImageRecord, Store},
};

/// Names in a message.
const MAX_SHOWN: usize = 20;
/// Digits of an id that are enough.
const MIN_ID: usize = 6;

type Found<'s> = (&'s Store, &'s ImageRecord);

/// The image of that name, or else of that id.
pub(super) fn find<'s>(stores: &'s [Store], name: &str) -> Result<Found<'s>, OpenError> {
    let all =
        || stores.iter().flat_map(|store| store.image_records.iter().map(move |it| (store, it)));
    let wanted = Wanted::of(name);
    let full =
        [String::new(), "localhost/".into(), "docker.io/library/".into(), "docker.io/".into()];
    let mut found = Vec::new();
    for prefix in full {
        let has_name = |it: &Found<'_>| {
            wanted.is(it.1, |stored| {
                stored.strip_prefix(prefix.as_str()) == Some(wanted.name.as_str())
            })
        };
        found = distinct(all().filter(has_name));
        if !found.is_empty() {
            break;
        }
    }
    if found.is_empty() {
        let id = name.strip_prefix("sha256:").unwrap_or(name);
        let is_id = id.len() >= MIN_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        found = distinct(all().filter(|(_, image)| is_id && image.id.starts_with(id)));
    }
    if found.is_empty() && !wanted.name.is_empty() {
        let end = format!("/{}", wanted.name);
        found = distinct(all().filter(|it| wanted.is(it.1, |stored| stored.ends_with(&end))));
    }
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            let at = places(stores);
            let shown = shown(all());
            let missing = match shown.as_str() {
                "" => format!("an image `{name}` (there is none at all)"),
                shown => format!("an image `{name}` (there is: {shown})"),
            };
            Err(OpenError::Missing { at, missing })
        }
        several => {
            let names = shown(several.iter().copied());
            let at = "containers-storage".to_owned();
            Err(OpenError::SeveralImages { at, count: several.len(), names })
        }
    }
}

/// What was said, in the form in which stores keep names.
struct Wanted {
    /// With its tag; without one when a digest was said.
    name: String,
    digest: Option<String>,
}

impl Wanted {
    fn of(text: &str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let name = if has_tag || digest.is_some() || name.is_empty() {
            name.to_owned()
        } else {
            format!("{name}:latest")
        };
        Self { name, digest }
    }

    /// Whether one of an image's names is the wanted one, by its digest if one was said.
    fn is(&self, image: &ImageRecord, fits: impl Fn(&str) -> bool) -> bool {
        let mut names = image.names.iter().flatten();
        let Some(digest) = &self.digest else { return names.any(|name| fits(name)) };
        names.any(|name| match name.split_once('@') {
            Some((name, other)) => other == digest && fits(without_tag(name)),
            None => {
                image.digest.as_ref() == Some(digest) && (fits(without_tag(name)) || fits(name))
            }
        })
    }
}

fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// Each image once: an additional store may hold it, too.
fn distinct<'s>(found: impl Iterator<Item = Found<'s>>) -> Vec<Found<'s>> {
    let mut seen = BTreeSet::new();
    found.filter(|(_, image)| seen.insert(image.id.as_str())).collect()
}

fn shown<'s>(images: impl Iterator<Item = Found<'s>>) -> String {
    let names: BTreeSet<String> = images
        .flat_map(|(_, image)| match image.names.as_deref() {
            Some(names) if !names.is_empty() => names.to_vec(),
            _ => vec![image.id.clone()],
        })
        .collect();
    let more = names.len().saturating_sub(MAX_SHOWN);
    let mut shown: Vec<String> = names.into_iter().take(MAX_SHOWN).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

fn places(stores: &[Store]) -> String {
    let places: BTreeSet<String> =
        stores.iter().map(|store| store.folder.display().to_string()).collect();
    places.into_iter().collect::<Vec<_>>().join(", ")
}
