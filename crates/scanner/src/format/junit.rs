//! JUnit XML: findings as failed test cases, for build servers that show those.
//!
//! In: a report. Out: one suite per kind that has findings, one for vulnerabilities always, and one for coverage. Source:
//! the schema of Jenkins' xUnit plug-in, `junit-10.xsd`. Odd: what is ignored or does not apply is skipped, with the reason;
//! what could not be looked at is skipped, too, and an error where nothing could be, so that no report passes by accident.

use std::io;

use plimsoll_model::{Finding, GapReason, Kind, Report, Verdict};

use super::{
    Format, Style,
    finding_text::{self, KINDS},
    xml::Xml,
};

pub(super) struct Junit;

impl Format for Junit {
    fn id(&self) -> &'static str {
        "junit"
    }

    fn about(&self) -> &'static str {
        "JUnit XML, for build servers: each finding is a failed test, each gap a skipped one."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        let mut suites: Vec<Suite> =
            KINDS.iter().filter_map(|(kind, ..)| of_kind(report, *kind)).collect();
        suites.push(coverage(report));
        let sum = |outcome: fn(&Outcome) -> bool| {
            suites.iter().map(|suite| suite.count(outcome)).sum::<usize>().to_string()
        };
        let attributes = [
            ("name", format!("plimsoll {}", report.image.name)),
            ("tests", sum(|_| true)),
            ("failures", sum(|outcome| matches!(outcome, Outcome::Failed { .. }))),
            ("errors", sum(|outcome| matches!(outcome, Outcome::Error(_)))),
        ];
        let mut xml = Xml::default();
        xml.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        xml.element("testsuites", &borrowed(&attributes), |xml| {
            for suite in &suites {
                write_suite(xml, report, suite);
            }
        });
        output.write_all(xml.text.as_bytes())
    }
}

struct Suite {
    name: &'static str,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    class: String,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    Failed { kind: String, message: String, text: String },
    Skipped(String),
    Error(String),
}

impl Suite {
    fn count(&self, outcome: fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| outcome(&case.outcome)).count()
    }
}

fn of_kind(report: &Report, kind: Kind) -> Option<Suite> {
    let packages = finding_text::packages(report);
    let case = |finding: &Finding| Case {
        name: format!("{} in {}", finding.id, finding_text::shown_subject(finding, &packages)),
        class: format!("{kind}.{}", finding.level),
        outcome: match &finding.suppressed {
            Some(suppressed) => {
                Outcome::Skipped(format!("{}: {}", suppressed.by, suppressed.reason))
            }
            None => Outcome::Failed {
                kind: finding
                    .priority
                    .map_or_else(|| finding.level.to_string(), |priority| priority.to_string()),
                message: finding.title.clone(),
                text: text(finding),
            },
        },
    };
    let of_kind = report.findings.iter().filter(|finding| finding.kind == kind);
    let mut cases: Vec<Case> = of_kind.map(case).collect();
    if cases.is_empty() {
        if kind != Kind::Vulnerability {
            return None;
        }
        cases.push(no_vulnerabilities(report));
    }
    let name = KINDS.iter().find(|(one, ..)| *one == kind).map_or("", |(.., name)| name);
    Some(Suite { name, cases })
}

/// Only a report that could look for them passes.
fn no_vulnerabilities(report: &Report) -> Case {
    let outcome = match report.coverage.verdict {
        Verdict::Unreadable => Outcome::Error("the image could not be read".to_owned()),
        _ if report.feed.is_none() => {
            Outcome::Error("there is no advisory data: nothing was looked for".to_owned())
        }
        _ => Outcome::Passed,
    };
    Case {
        name: "no vulnerability is known".to_owned(),
        class: "vulnerability".to_owned(),
        outcome,
    }
}

fn coverage(report: &Report) -> Suite {
    let case = |name: String, outcome| Case { name, class: "coverage".to_owned(), outcome };
    let mut cases = Vec::new();
    for gap in &report.coverage.gaps {
        let place = if gap.at.is_empty() { "the image" } else { gap.at.as_str() };
        let outcome = match gap.reason {
            GapReason::UnreadableImage => Outcome::Error(gap.detail.clone()),
            _ => Outcome::Skipped(gap.detail.clone()),
        };
        cases.push(case(format!("{} looks at {place}", gap.by), outcome));
    }
    if cases.is_empty() {
        cases.push(case("everything was looked at".to_owned(), Outcome::Passed));
    }
    Suite { name: "Coverage", cases }
}

fn text(finding: &Finding) -> String {
    let mut lines = vec![format!("level: {}", finding.level)];
    lines.extend(finding.score.map(|score| format!("score: {score:.1}")));
    lines.push(format!("what to do: {}", finding_text::advice(finding)));
    lines.extend(finding.evidence.iter().map(|seen| match &seen.location {
        Some(location) => match &location.layer {
            Some(layer) => format!("/{} (layer {layer}): {}", location.path, seen.detail),
            None => format!("/{}: {}", location.path, seen.detail),
        },
        None => seen.detail.clone(),
    }));
    lines.join("\n")
}

fn write_suite(xml: &mut Xml, report: &Report, suite: &Suite) {
    let attributes = [
        ("name", suite.name.to_owned()),
        ("tests", suite.cases.len().to_string()),
        ("failures", suite.count(|outcome| matches!(outcome, Outcome::Failed { .. })).to_string()),
        ("errors", suite.count(|outcome| matches!(outcome, Outcome::Error(_))).to_string()),
        ("skipped", suite.count(|outcome| matches!(outcome, Outcome::Skipped(_))).to_string()),
        ("package", report.image.name.clone()),
    ];
    xml.element("testsuite", &borrowed(&attributes), |xml| {
        for case in &suite.cases {
            let attributes = [("name", case.name.as_str()), ("classname", case.class.as_str())];
            xml.element("testcase", &attributes, |xml| match &case.outcome {
                Outcome::Passed => {}
                Outcome::Failed { kind, message, text } => {
                    xml.leaf_with("failure", &[("type", kind), ("message", message)], text);
                }
                Outcome::Skipped(message) => {
                    xml.element("skipped", &[("message", message)], |_| {});
                }
                Outcome::Error(message) => {
                    xml.element("error", &[("message", message)], |_| {});
                }
            });
        }
    });
}

fn borrowed<'a>(attributes: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
