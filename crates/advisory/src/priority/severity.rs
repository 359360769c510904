//! The severity factor: which CVSS vector counts, and what it scores on the scale of version 3.1.
//!
//! In: vectors of any version. Out: base score, attack vector, and whether an attack is automatable with total impact.
//! Source: `docs/semantics.md`, "C: severity factor"; CVSS 2.0, 3.0, 3.1 and 4.0. Odd: scores of version 4 and 2 are
//! systematically different from version 3's, so their metrics are projected to 3.1 and scored there; published scores are
//! ignored, since some are temporal; a base score of 0 is as good as no vector.

use std::str::FromStr;

use super::CvssVector;

/// Who assigned a vector, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assessor {
    /// The source of the advisory that matched.
    Advisory,
    /// NVD.
    Nvd,
    /// The authority that assigned the CVE.
    Cna,
    /// CISA's enrichment.
    CisaAdp,
    /// Anybody else.
    Other,
}

/// From where an attack comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttackVector {
    Network,
    Adjacent,
    Local,
    Physical,
}

/// What a vector says on the scale of version 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) c10: u16,
    pub(super) vector: AttackVector,
    pub(super) automatable_and_total: bool,
}

/// The vector that counts.
pub(super) struct Chosen<'a> {
    /// As published.
    pub(super) text: &'a str,
    pub(super) base: Base,
}

/// Version 3 of the best assessor before version 4 before version 2; within one assessor 3.1 before 3.0, then the higher
/// score, so that the choice does not depend on the order of the list.
pub(super) fn choose(vectors: &[CvssVector]) -> Option<Chosen<'_>> {
    let mut candidates: Vec<(_, &CvssVector, Version)> = vectors
        .iter()
        .filter_map(|cvss| {
            let version = Version::of(&cvss.vector)?;
            Some(((version.pass(), cvss.by, version.minor()), cvss, version))
        })
        .collect();
    candidates.sort_by_key(|(rank, ..)| *rank);
    // Scoring is what costs, and mostly the first rank has a vector that scores.
    candidates.chunk_by(|a, b| a.0 == b.0).find_map(|equals| {
        equals
            .iter()
            .filter_map(|(_, cvss, version)| Some((*cvss, version.base(&cvss.vector)?)))
            .min_by_key(|(cvss, base)| (std::cmp::Reverse(base.c10), &cvss.vector))
            .map(|(cvss, base)| Chosen { text: &cvss.vector, base })
    })
}

/// The value of the threat metric `E` of a version 4 vector.
pub(super) fn threat(vector: &str) -> Option<u8> {
    if Version::of(vector) != Some(Version::V4) {
        return None;
    }
    metric(vector, "E").and_then(|value| value.bytes().next())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V2,
    V30,
    V31,
    V4,
}

impl Version {
    fn of(vector: &str) -> Option<Self> {
        match vector.split('/').next()? {
            "CVSS:3.0" => Some(Self::V30),
            "CVSS:3.1" => Some(Self::V31),
            "CVSS:4.0" => Some(Self::V4),
            first if first.starts_with("AV:") || first.starts_with("(AV:") => Some(Self::V2),
            "CVSS:2.0" => Some(Self::V2),
            _ => None,
        }
    }

    const fn pass(self) -> u8 {
        match self {
            Self::V30 | Self::V31 => 1,
            Self::V4 => 2,
            Self::V2 => 3,
        }
    }

    const fn minor(self) -> u8 {
        match self {
            Self::V30 => 1,
            _ => 0,
        }
    }

    fn base(self, vector: &str) -> Option<Base> {
        match self {
            Self::V30 | Self::V31 => score(vector),
            Self::V4 => {
                cvss::v4::Vector::from_str(vector).ok()?;
                score(&project_v4(vector)?)
            }
            Self::V2 => {
                let bare = vector.trim_start_matches("CVSS:2.0/").trim_matches(['(', ')']);
                cvss::v2::Vector::from_str(bare).ok()?;
                score(&project_v2(bare)?)
            }
        }
    }
}

/// The value of one metric.
fn metric<'a>(vector: &'a str, name: &str) -> Option<&'a str> {
    vector
        .split('/')
        .find_map(|part| part.split_once(':').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

/// Scores a version 3 vector that has all base metrics.
fn score(vector: &str) -> Option<Base> {
    for name in ["AV", "AC", "PR", "UI", "S", "C", "I", "A"] {
        metric(vector, name)?;
    }
    let parsed = cvss::v3::Vector::from_str(vector).ok()?;
    let tenths = (parsed.base_score().value() * 10.0).round();
    // The score has one decimal, so exactly one of the hundred integers is meant; zero counts as no vector.
    let c10 = (1..=100_u16).find(|candidate| (f64::from(*candidate) - tenths).abs() < 0.5)?;
    let is = |name: &str, value: &str| metric(vector, name) == Some(value);
    let attack = match metric(vector, "AV")? {
        "N" => AttackVector::Network,
        "A" => AttackVector::Adjacent,
        "L" => AttackVector::Local,
        _ => AttackVector::Physical,
    };
    let automatable = is("AV", "N") && is("AC", "L") && is("PR", "N") && is("UI", "N");
    let total = is("C", "H") && is("I", "H") && is("A", "H");
    Some(Base { c10, vector: attack, automatable_and_total: automatable && total })
}

fn project_v4(vector: &str) -> Option<String> {
    let get = |name| metric(vector, name);
    let complexity = if get("AC")? == "L" && get("AT")? == "N" { "L" } else { "H" };
    let interaction = if get("UI")? == "N" { "N" } else { "R" };
    let changes = ["SC", "SI", "SA"].iter().any(|name| get(name).is_some_and(|value| value != "N"));
    let scope = if changes { "C" } else { "U" };
    Some(format!(
        "CVSS:3.1/AV:{}/AC:{complexity}/PR:{}/UI:{interaction}/S:{scope}/C:{}/I:{}/A:{}",
        get("AV")?,
        get("PR")?,
        get("VC")?,
        get("VI")?,
        get("VA")?,
    ))
}

fn project_v2(vector: &str) -> Option<String> {
    let (complexity, interaction) = match metric(vector, "AC")? {
        "H" => ("H", "N"),
        "M" => ("L", "R"),
        _ => ("L", "N"),
    };
    let privileges = match metric(vector, "Au")? {
        "N" => "N",
        "S" => "L",
        _ => "H",
    };
    let impact = |name| match metric(vector, name)? {
        "C" => Some("H"),
        "P" => Some("L"),
        _ => Some("N"),
    };
    Some(format!(
        "CVSS:3.1/AV:{}/AC:{complexity}/PR:{privileges}/UI:{interaction}/S:U/C:{}/I:{}/A:{}",
        metric(vector, "AV")?,
        impact("C")?,
        impact("I")?,
        impact("A")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c10(vector: &str) -> Option<u16> {
        choose(&[CvssVector { by: Assessor::Other, vector: vector.to_owned() }])
            .map(|chosen| chosen.base.c10)
    }

    #[test]
    fn vectors_of_versions_2_and_4_are_projected() {
        for (vector, wanted) in [
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 98),
            ("AV:N/AC:M/Au:N/C:C/I:C/A:C", 88),
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 73),
            ("AV:L/AC:L/Au:N/C:C/I:C/A:C", 84),
            ("AV:N/AC:L/Au:N/C:P/I:N/A:N", 53),
            ("AV:N/AC:M/Au:N/C:N/I:P/A:N", 43),
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 75),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 98),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N", 75),
            ("CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 78),
            ("CVSS:4.0/AV:N/AC:H/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 75),
            ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 98),
        ] {
            assert_eq!(c10(vector), Some(wanted), "{vector}");
        }
    }

    #[test]
    fn what_does_not_score_is_no_vector() {
        for vector in [
            "",
            "7.5",
            "CVSS:3.1/AV:N",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:5.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:4.0/AV:N/AC:L",
            "AV:N/AC:L",
        ] {
            assert_eq!(c10(vector), None, "{vector}");
        }
    }

    #[test]
    fn temporal_metrics_do_not_change_the_base_score() {
        let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U";
        assert_eq!(c10(vector), Some(98));
    }

    #[test]
    fn version_3_of_the_best_assessor_counts() {
        let v = |by, vector: &str| CvssVector { by, vector: vector.to_owned() };
        let high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let old = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N";
        let low = "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N";
        let four = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
        let two = "AV:N/AC:L/Au:N/C:C/I:C/A:C";
        let text = |list: &[CvssVector]| choose(list).map(|chosen| chosen.text.to_owned()).unwrap();
        assert_eq!(text(&[v(Assessor::CisaAdp, high), v(Assessor::Nvd, low)]), low);
        assert_eq!(text(&[v(Assessor::Nvd, old), v(Assessor::Nvd, low)]), low);
        assert_eq!(text(&[v(Assessor::Advisory, four), v(Assessor::Other, low)]), low);
        assert_eq!(text(&[v(Assessor::Advisory, two), v(Assessor::Other, four)]), four);
        assert_eq!(text(&[v(Assessor::Advisory, "nonsense"), v(Assessor::Other, two)]), two);
    }

    #[test]
    fn the_threat_metric_is_version_4s() {
        let base = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
        assert_eq!(threat(&format!("{base}/E:A")), Some(b'A'));
        assert_eq!(threat(base), None);
        assert_eq!(threat("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:A"), None);
    }
}
