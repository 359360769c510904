//! The way to a repository's `updateinfo`, whose address changes.
//!
//! In: the address of a list of mirrors, or of a repository. Out: the address of the file. Source: `createrepo_c`, `repomd.xml`;
//! Amazon Linux's `mirror.list`. Odd: all of it must lie where the list lies: a list that leads elsewhere is refused.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use reqwest::Url;

use crate::{
    download::{DownloadError, address, name_of, text},
    http::HttpClient,
};

/// Most bytes of the list and of `repomd.xml`. Real ones have some thousand.
const MAX_BYTES: u64 = 1 << 20;

/// Follows the list and the repository's metadata to the file.
pub(super) async fn locate(http: &HttpClient, list: &str) -> Result<String, DownloadError> {
    let repository = listed(http, list).await?;
    of_repository(http, &repository).await
}

/// The file of the repository that the list names, if it has one.
pub(super) async fn look_for(
    http: &HttpClient,
    list: &str,
) -> Result<Option<String>, DownloadError> {
    let repository = listed(http, list).await?;
    Ok(found(http, &repository).await?.1)
}

/// Follows a repository's metadata to the file.
pub(super) async fn of_repository(
    http: &HttpClient,
    repository: &str,
) -> Result<String, DownloadError> {
    let (metadata, found) = found(http, repository).await?;
    found.ok_or_else(|| wrong(&metadata, "the repository has no `updateinfo`".into()))
}

fn wrong(url: &Url, problem: String) -> DownloadError {
    DownloadError::Protocol { name: name_of(url), problem }
}

/// The repository that a list of mirrors names first.
async fn listed(http: &HttpClient, list: &str) -> Result<String, DownloadError> {
    let (list_url, home) = address(list)?;
    let lines = text(http, list, MAX_BYTES).await?;
    let repository = lines
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .ok_or_else(|| wrong(&list_url, "it names no repository".into()))?;
    let (_, elsewhere) = address(repository)?;
    if elsewhere != home {
        return Err(wrong(&list_url, format!("it leads to another server, {elsewhere}")));
    }
    Ok(repository.to_owned())
}

/// A repository's metadata, and where it says that the file lies.
async fn found(
    http: &HttpClient,
    repository: &str,
) -> Result<(Url, Option<String>), DownloadError> {
    let folder = format!("{}/", repository.trim_end_matches('/'));
    let (metadata, _) = address(&format!("{folder}repodata/repomd.xml"))?;
    let document = text(http, metadata.as_str(), MAX_BYTES).await?;
    let place = update_info(&document).map_err(|problem| wrong(&metadata, problem))?;
    let Some(place) = place else { return Ok((metadata, None)) };
    let is_below = !place.starts_with('/')
        && !place.contains([':', '\\', '?', '#', '%'])
        && place.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_below {
        return Err(wrong(&metadata, format!("`{}` is no place below it", place.escape_debug())));
    }
    Ok((metadata, Some(format!("{folder}{place}"))))
}

/// Where `<data type="updateinfo">` says that it lies.
fn update_info(document: &str) -> Result<Option<String>, String> {
    let mut reader = Reader::from_str(document);
    let mut is_in_it = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) if element.local_name().as_ref() == "data" => {
                is_in_it = attribute(&element, "type")?.as_deref() == Some("updateinfo");
            }
            Event::Start(element) | Event::Empty(element)
                if is_in_it && element.local_name().as_ref() == "location" =>
            {
                return attribute(&element, "href");
            }
            Event::End(element) if element.local_name().as_ref() == "data" => is_in_it = false,
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = element.try_get_attribute(name).map_err(|error| error.to_string())?;
    Ok(found.map(|found| found.value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::update_info;

    #[test]
    fn only_the_place_of_updateinfo_counts() {
        let data = |kind: &str, place: &str| {
            format!(
                "<data type=\"{kind}\"><checksum>x</checksum><location href=\"{place}\"/></data>"
            )
        };
        let document = format!(
            "<?xml version=\"1.0\"?><repomd>{}{}</repomd>",
            data("primary", "repodata/a-primary.xml.gz"),
            data("updateinfo", "repodata/b-updateinfo.xml.gz"),
        );
        assert_eq!(
            update_info(&document).unwrap().as_deref(),
            Some("repodata/b-updateinfo.xml.gz")
        );
        let without = format!("<repomd>{}</repomd>", data("primary", "p"));
        assert_eq!(update_info(&without).unwrap(), None);
        for broken in ["<repomd><data type=</repomd>", "<a></b>"] {
            assert!(update_info(broken).is_err(), "{broken}");
        }
    }
}
