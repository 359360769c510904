//! Release files besides `os-release`: `debian_version`, `alpine-release`, `redhat-release`, `lsb-release`.
//!
//! In: the first line of each, or its assignments. Out: a vote for what all of them say. Source: the files of each
//! distribution. Odd: they are as easily written as `os-release`; Oracle Linux says it were Red Hat's in one of them.

use super::{Answer, Kind, Vote};
use crate::distribution::{ReleaseFiles, release_file::LINES};

/// How lines begin, in lower case.
const NAMES: &[(&str, &str)] = &[
    ("red hat enterprise linux", "rhel"),
    ("rocky linux", "rocky"),
    ("almalinux", "almalinux"),
    ("centos", "centos"),
    ("oracle linux", "ol"),
    ("fedora", "fedora"),
    ("amazon linux", "amzn"),
    ("opensuse", "opensuse-leap"),
    ("suse linux enterprise", "sles"),
    ("vmware photon", "photon"),
    ("cbl-mariner", "mariner"),
    ("microsoft azure linux", "azurelinux"),
    ("openeuler", "openeuler"),
    ("alibaba cloud linux", "alinux"),
    ("aliyun linux", "alinux"),
    ("anolis os", "anolis"),
    ("kylin linux", "kylin"),
    ("tencentos", "tencentos"),
    ("opencloudos", "opencloudos"),
    ("mageia", "mageia"),
];

pub(super) fn vote(files: &ReleaseFiles) -> Option<Vote> {
    let mut answers = Vec::new();
    let mut said = Vec::new();
    for path in LINES {
        let Some(fields) = files.get(*path) else { continue };
        let text = fields.get("TEXT").map(String::as_str).unwrap_or_default();
        let of_name = fields.get("DISTRIB_ID").filter(|id| id.eq_ignore_ascii_case("ubuntu"));
        let found = match of_name {
            Some(_) => {
                let release = fields.get("DISTRIB_RELEASE").cloned().unwrap_or_default();
                Some(Answer::new("ubuntu", release))
            }
            None => answer(path, text),
        };
        if let Some(answer) = found {
            said.push(format!("`{path}` says `{} {}`", answer.id, answer.version.trim()));
            answers.push(answer);
        }
    }
    let says = said.join(", ");
    (!answers.is_empty()).then_some(Vote { kind: Kind::Lines, answers, says })
}

fn answer(path: &str, text: &str) -> Option<Answer> {
    let number = |text: &str, count: usize| {
        let of = text.split(|c: char| !c.is_ascii_digit() && c != '.');
        let number = of.into_iter().find(|part| part.starts_with(|c: char| c.is_ascii_digit()))?;
        Some(number.split('.').take(count).collect::<Vec<_>>().join("."))
    };
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    match path {
        "etc/debian_version" => {
            is_number.then(|| Answer::new("debian", number(text, 1).unwrap_or_default()))
        }
        "etc/alpine-release" => {
            is_number.then(|| Answer::new("alpine", number(text, 2).unwrap_or_default()))
        }
        _ => {
            let text = text.to_lowercase();
            let (_, id) = NAMES.iter().find(|(start, _)| text.starts_with(start))?;
            let count = if matches!(*id, "openeuler" | "opensuse-leap") { 2 } else { 1 };
            Some(Answer::new(id, number(&text, count).unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_release() {
        for (path, text, wanted) in [
            ("etc/debian_version", "12.5", Some(("debian", "12"))),
            ("etc/debian_version", "trixie/sid", None),
            ("etc/alpine-release", "3.20.3", Some(("alpine", "3.20"))),
            ("etc/redhat-release", "Rocky Linux release 9.3 (Blue Onyx)", Some(("rocky", "9"))),
            ("etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)", Some(("centos", "7"))),
            ("etc/redhat-release", "CentOS Stream release 9", Some(("centos", "9"))),
            (
                "etc/redhat-release",
                "Red Hat Enterprise Linux release 9.4 (Plow)",
                Some(("rhel", "9")),
            ),
            (
                "etc/system-release",
                "Amazon Linux release 2023.6 (Amazon Linux)",
                Some(("amzn", "2023")),
            ),
            (
                "etc/openEuler-release",
                "openEuler release 22.03 (LTS-SP3)",
                Some(("openeuler", "22.03")),
            ),
            ("etc/redhat-release", "Somebody's Linux 3", None),
        ] {
            let found = answer(path, text);
            let found = found.as_ref().map(|it| (it.id, it.version.as_str()));
            assert_eq!(found, wanted, "{text}");
        }
    }
}
