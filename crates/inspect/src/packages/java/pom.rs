//! `pom.xml`: how a Maven project describes itself.
//!
//! In: XML. Out: [`Pom`], with `${…}` replaced as far as the file itself says by what. Source: Maven's "POM Reference". Odd:
//! group and version may be the parent's; what only the parent's own file says stays unknown. Not a reader for projects:
//! dependencies, profiles and plug-ins are passed over.

use std::collections::BTreeMap;

use quick_xml::{Reader, escape::resolve_xml_entity, events::Event};

/// How deep elements are nested.
const MAX_DEPTH: usize = 64;
/// Longest text of an element that is kept.
const MAX_TEXT: usize = 1_024;
/// Elements that are kept.
const MAX_ELEMENTS: usize = 2_000;
/// Replacements in one value.
const MAX_REPLACED: usize = 16;

/// What a project says of itself. Values may be empty or hold `${…}` that nothing in the file stands for.
#[derive(Debug, Default)]
pub(super) struct Pom {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
}

/// Reads what the file says up to where it is damaged.
pub(super) fn parse(bytes: &[u8]) -> Pom {
    let elements = elements(&String::from_utf8_lossy(bytes));
    let get = |path: &str| elements.get(path).map(String::as_str).filter(|text| !text.is_empty());
    let own_or_parent = |name: &str| {
        let inherited = || get(&format!("project/parent/{name}"));
        get(&format!("project/{name}")).or_else(inherited).unwrap_or_default()
    };
    let value = |text: &str| resolve(text, &elements);
    Pom {
        group: value(own_or_parent("groupId")),
        name: value(get("project/artifactId").unwrap_or_default()),
        version: value(own_or_parent("version")),
        license: get("project/licenses/license/name").map(str::to_owned),
    }
}

/// The texts of the elements of interest by their path; the first of several wins.
fn elements(text: &str) -> BTreeMap<String, String> {
    let mut reader = Reader::from_str(text);
    let mut elements = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) if path.len() < MAX_DEPTH => {
                path.push(clip(start.local_name().as_ref()));
                text.clear();
            }
            Event::Text(more) => add(&mut text, &more.xml10_content()),
            Event::CData(more) => add(&mut text, &more.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => add(&mut text, character.encode_utf8(&mut [0; 4])),
                _ => add(&mut text, resolve_xml_entity(&reference).unwrap_or_default()),
            },
            Event::End(_) => {
                if is_of_interest(&path) && elements.len() < MAX_ELEMENTS {
                    elements.entry(path.join("/")).or_insert_with(|| text.trim().to_owned());
                }
                path.pop();
                text.clear();
            }
            // Entities of its own are what bombs are made of.
            Event::Start(_) | Event::DocType(_) | Event::Eof => break,
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    elements
}

fn clip(name: &str) -> String {
    name.chars().take(100).collect()
}

fn add(text: &mut String, more: &str) {
    if text.len() + more.len() <= MAX_TEXT {
        text.push_str(more);
    }
}

fn is_of_interest(path: &[String]) -> bool {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["project", name] | ["project", "parent", name] => {
            matches!(*name, "groupId" | "artifactId" | "version")
        }
        ["project", "properties", _] | ["project", "licenses", "license", "name"] => true,
        _ => false,
    }
}

/// Replaces `${…}` by what the file says; what it does not say stays.
fn resolve(text: &str, elements: &BTreeMap<String, String>) -> String {
    let mut resolved = text.to_owned();
    for _ in 0..MAX_REPLACED {
        let Some((before, (name, after))) = resolved
            .split_once("${")
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        else {
            break;
        };
        let Some(value) = property(name, elements) else { break };
        let replaced = format!("{before}{value}{after}");
        if replaced.len() > MAX_TEXT {
            break;
        }
        resolved = replaced;
    }
    resolved
}

fn property<'e>(name: &str, elements: &'e BTreeMap<String, String>) -> Option<&'e String> {
    let own = elements.get(&format!("project/properties/{name}"));
    let field = || {
        let path = name.strip_prefix("project.").or_else(|| name.strip_prefix("pom."));
        let path = path.unwrap_or(name).replace('.', "/");
        let inherited = || elements.get(&format!("project/parent/{path}"));
        elements.get(&format!("project/{path}")).or_else(inherited)
    };
    own.or_else(field).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String, String) {
        let pom = parse(text.as_bytes());
        (pom.group, pom.name, pom.version)
    }

    fn all(group: &str, name: &str, version: &str) -> (String, String, String) {
        (group.to_owned(), name.to_owned(), version.to_owned())
    }

    #[test]
    fn group_and_version_may_be_the_parent_s() {
        let text = "<?xml version='1.0'?><project xmlns='x'><!-- c --><parent><groupId>org.a</groupId><artifactId>p</artifactId>\
            <version> 1.2 </version></parent><artifactId>b</artifactId><dependencies><dependency><groupId>x</groupId>\
            <version>9</version></dependency></dependencies></project>";
        assert_eq!(read(text), all("org.a", "b", "1.2"));
    }

    #[test]
    fn properties_stand_for_what_the_file_says() {
        let text = "<project><groupId>${g}.x</groupId><artifactId>b</artifactId><version>${revision}${changelist}</version>\
            <properties><g>org</g><revision>1.${minor}</revision><minor>4</minor><changelist/></properties></project>";
        assert_eq!(read(text), all("org.x", "b", "1.4${changelist}"));
        let text = "<project><parent><groupId>org.a</groupId><version>3</version></parent><artifactId>b</artifactId>\
            <groupId>${project.parent.groupId}</groupId><version>${parent.version}</version></project>";
        assert_eq!(read(text), all("org.a", "b", "3"));
        let text = "<project><artifactId>${a}</artifactId><properties><a>${b}</a><b>${a}x</b></properties></project>";
        assert!(read(text).1.contains("${"));
    }

    #[test]
    fn what_is_damaged_is_read_so_far() {
        assert_eq!(read("<project><artifactId>a</artifactId><version>1</wrong>"), all("", "a", ""));
        assert_eq!(read("no xml"), all("", "", ""));
        assert_eq!(
            read("<!DOCTYPE x [<!ENTITY a 'b'>]><project><artifactId>a</artifactId></project>"),
            all("", "", "")
        );
        let deep = "<a>".repeat(100_000);
        assert_eq!(read(&deep), all("", "", ""));
    }
}
