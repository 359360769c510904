//! OVAL definitions of rpm distributions.
//!
//! In: an `oval_definitions` document of Oracle, SUSE and openSUSE, Alibaba Cloud Linux, Anolis OS, Red Hat (version 2), Azure
//! Linux. Out: per definition which package of which release is fixed where. Source: OVAL 5.11, "oval-definitions-schema"
//! and "linux-definitions-schema". Odd, and each covered by a case:
//! * A definition of class `patch` is an advisory, one of class `vulnerability` what the publisher says of a CVE.
//! * Definitions come first and name tests, which come later and name objects and states.
//! * Most versions of Alibaba Cloud Linux and Anolis OS have the rest of the package's name in front of them
//!   (`32:chroot-9.18.34-1.an23`). No version or release of an rpm holds a dash, so the last two parts are it.
//! * SUSE says that a package is not affected by a test that never holds (`version` equals 0).

mod criteria;
mod definition;

use std::collections::HashMap;

use plimsoll_model::Timestamp;

use super::{Document, Feed, Sink, claims, parse_time, xml};
use criteria::{Test, rows};
use definition::Definition;

#[derive(Debug)]
pub(super) struct Oval;

/// Definitions, tests, objects or states of one document.
const MAX_ITEMS: usize = 10_000_000;

impl Feed for Oval {
    fn id(&self) -> &'static str {
        "oval"
    }

    fn about(&self) -> &'static str {
        "OVAL definitions of Oracle Linux, SUSE, openSUSE, Alibaba Cloud Linux, Anolis OS and Red Hat, one XML document each"
    }

    fn home(&self) -> &'static str {
        "https://linux.oracle.com/security/oval/"
    }

    fn page(&self, _: &str, id: &str) -> Option<String> {
        claims::page(id)
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        xml::root_name(document.bytes).as_deref() == Some("oval_definitions")
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let parts = Parts::read(document.bytes)?;
        let date = parts.date()?;
        let tests = parts.tests();
        let mut records = 0;
        for definition in &parts.definitions {
            if let Some(bulletin) = definition
                .bulletin(date, rows(&definition.criteria, &tests, definition.is_unaffected()))?
            {
                into.add_bulletin(self.id(), bulletin)?;
            }
            records += 1;
        }
        Ok(records)
    }
}

/// A document, taken apart.
#[derive(Default)]
struct Parts {
    timestamp: Option<Timestamp>,
    definitions: Vec<Definition>,
    /// Test to object and state.
    tests: HashMap<String, (String, String)>,
    /// Object to package name.
    objects: HashMap<String, String>,
    states: HashMap<String, State>,
}

/// What a state asks of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// An epoch, version and release below this.
    Below(String),
    /// Any version: above `0:0-0`.
    Any,
    /// A version that no package has.
    Never,
    /// Something else: signed by a key, of an architecture, a release of the distribution.
    Other,
}

impl Parts {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut parts = Self::default();
        let wanted = |name: &str| {
            ["generator", "definition"].contains(&name)
                || ["_test", "_object", "_state"].iter().any(|end| name.ends_with(end))
        };
        xml::read(bytes, &wanted, &mut |element| parts.add(&element))?;
        if parts.definitions.is_empty() {
            return Err("it has no definition".to_owned());
        }
        Ok(parts)
    }

    fn add(&mut self, element: &xml::Element) -> Result<(), String> {
        let id = || element.attribute("id").to_owned();
        let items =
            self.definitions.len() + self.tests.len() + self.objects.len() + self.states.len();
        if items >= MAX_ITEMS {
            return Err(format!(
                "it has more than {MAX_ITEMS} definitions, tests, objects and states"
            ));
        }
        match element.name.as_str() {
            "generator" => self.timestamp = parse_time(element.text_of("timestamp")),
            "definition" => self.definitions.push(Definition::of(element)?),
            name if name.ends_with("_test") => {
                let reference = |child: &str, key: &str| {
                    element
                        .child(child)
                        .map(|child| child.attribute(key).to_owned())
                        .unwrap_or_default()
                };
                let refers = (reference("object", "object_ref"), reference("state", "state_ref"));
                self.tests.insert(id(), refers);
            }
            "rpminfo_object" => {
                self.objects.insert(id(), element.text_of("name").to_owned());
            }
            "rpminfo_state" => {
                self.states.insert(id(), state(element));
            }
            _ => {}
        }
        Ok(())
    }

    /// The day of the document: its own, else the newest of its definitions'.
    fn date(&self) -> Result<Timestamp, String> {
        let newest = self.definitions.iter().filter_map(Definition::modified).max();
        self.timestamp.or(newest).ok_or_else(|| {
            "neither its generator nor a definition says of which day it is".to_owned()
        })
    }

    /// Each test with the package that it is about and what it asks of it.
    fn tests(&self) -> HashMap<&str, Test<'_>> {
        let test = |(object, state): &(String, String)| {
            let name = self.objects.get(object).map(String::as_str);
            match (name, self.states.get(state)) {
                (None, _) => Test::Other,
                // Red Hat asks whether a package is there without asking for a version.
                (Some(name), None) if state.is_empty() => Test::Any(name),
                (Some(_), None | Some(State::Other)) => Test::Other,
                (Some(name), Some(State::Any)) => Test::Any(name),
                (Some(name), Some(State::Never)) => Test::Never(name),
                (Some(name), Some(State::Below(version))) => Test::Below(name, version),
            }
        };
        self.tests.iter().map(|(id, refers)| (id.as_str(), test(refers))).collect()
    }
}

fn state(element: &xml::Element) -> State {
    if let Some(evr) = element.child("evr") {
        return match evr.attribute("operation") {
            // `6` stands for it in some of SUSE's.
            "less than" | "6" => State::Below(repaired(evr.text())),
            "greater than" if ["0:0-0", "0"].contains(&evr.text()) => State::Any,
            _ => State::Other,
        };
    }
    match element.child("version") {
        Some(version) if version.attribute("operation") == "equals" && version.text() == "0" => {
            State::Never
        }
        _ => State::Other,
    }
}

/// A version without what stands in front of it by mistake, and without an epoch of 0.
fn repaired(evr: &str) -> String {
    let (epoch, rest) = match evr.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", evr),
    };
    let mut parts = rest.rsplitn(3, '-');
    let rest = match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(_)) => format!("{version}-{release}"),
        _ => rest.to_owned(),
    };
    claims::with_epoch(epoch, &rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lose_what_is_not_theirs() {
        for (evr, wanted) in [
            ("0:4.19.91-28.7.al7", "4.19.91-28.7.al7"),
            ("0:debug-devel-4.19.91-28.7.al7", "4.19.91-28.7.al7"),
            ("32:chroot-9.18.34-1.an23", "32:9.18.34-1.an23"),
            ("1.2-3", "1.2-3"),
            ("7:4.15", "7:4.15"),
        ] {
            assert_eq!(repaired(evr), wanted);
        }
    }
}
