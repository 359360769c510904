//! Checks: every folder of `tests/cases/checks/<id>/` is an image. Its name begins with what the check must say: `fail`,
//! `pass`, `na` (nothing to look at) or `undecided`. What a failing or undecided check says stands in `expect.json`. Smaller
//! images stand beside the check itself ([`Check::examples`](plimsoll_inspect::Check::examples)).

use std::path::{Path, PathBuf};

use plimsoll_image::Layer;
use plimsoll_inspect::{Example, checks};
use plimsoll_model::Kind;
use serde_json::json;

use crate::case;

#[test]
fn every_check_says_what_its_cases_expect() {
    let mut wrong = Vec::new();
    for check in checks() {
        let id = check.id();
        let mut kinds: Vec<String> = Vec::new();
        for case in folders(id) {
            let name = case.file_name().unwrap().to_str().unwrap();
            let kind = name.split('-').next().unwrap().to_owned();
            wrong.extend(judge(id, &case, &kind).err());
            kinds.push(kind);
        }
        for (number, example) in check.examples().iter().enumerate() {
            wrong.extend(judge_example(id, number + 1, example).err());
            kinds.push(example.says.to_owned());
        }
        for kind in ["fail", "pass"] {
            if !kinds.iter().any(|known| known == kind) {
                wrong.push(format!("`{id}` has no case that must {kind}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn folders(id: &str) -> Vec<PathBuf> {
    let group = format!("checks/{id}");
    if case::has_cases(&group) { case::cases(&group) } else { Vec::new() }
}

/// What a check's own example must give.
fn judge_example(id: &str, number: usize, example: &Example) -> Result<(), String> {
    let inspection = case::inspect_example(example);
    let findings: Vec<_> = inspection.findings.iter().filter(|finding| finding.id == id).collect();
    let gaps: Vec<_> = inspection.gaps.iter().filter(|gap| gap.by == id).collect();
    let evidence = findings.iter().flat_map(|finding| &finding.evidence);
    let seen: Vec<String> = match example.says {
        "undecided" => gaps.iter().map(|gap| gap.detail.clone()).collect(),
        _ => evidence.map(|evidence| evidence.detail.clone()).collect(),
    };
    let is_told = seen.iter().any(|detail| detail.contains(example.evidence));
    let is_right = match example.says {
        "fail" => {
            !findings.is_empty() && gaps.is_empty() && is_told && !example.evidence.is_empty()
        }
        "pass" | "na" => findings.is_empty() && gaps.is_empty(),
        "undecided" => is_told && !example.evidence.is_empty(),
        other => panic!("`{other}` is no outcome"),
    };
    let text = serde_json::to_string(&(&inspection.findings, &inspection.build)).unwrap();
    assert!(!text.contains("c4nary"), "`{id}`, example {number}: {text}");
    if is_right {
        return Ok(());
    }
    let says = example.says;
    Err(format!("`{id}`, example {number} must {says} ({}): {seen:#?} {gaps:#?}", example.evidence))
}

fn judge(id: &str, case: &Path, kind: &str) -> Result<(), String> {
    let inspection = case::inspect(case);
    let findings: Vec<_> = inspection.findings.iter().filter(|finding| finding.id == id).collect();
    let gaps: Vec<_> = inspection.gaps.iter().filter(|gap| gap.by == id).collect();
    assert!(inspection.ran.iter().any(|ran| ran == id));
    let is_right = match kind {
        "fail" => !findings.is_empty() && gaps.is_empty(),
        "pass" | "na" => findings.is_empty() && gaps.is_empty(),
        "undecided" => !gaps.is_empty(),
        other => panic!("{}: `{other}` is no outcome", case.display()),
    };
    if !is_right {
        return Err(format!("{} must {kind}: {findings:#?} {gaps:#?}", case.display()));
    }
    if matches!(kind, "pass" | "na") {
        return Ok(());
    }
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| json!({"subject": finding.subject, "level": finding.level, "evidence": finding.evidence}))
        .collect();
    case::expect(case, &json!({"findings": findings, "gaps": gaps}))
}

#[test]
fn no_secret_of_any_case_stands_in_a_finding() {
    let mut looked = 0;
    for check in checks() {
        for case in folders(check.id()) {
            let inspection = case::inspect(&case);
            let text =
                serde_json::to_string(&(&inspection.findings, &inspection.gaps, &inspection.build))
                    .unwrap();
            // Every secret of the cases is spelled with this word in it.
            assert!(
                !text.contains("c4nary") && !text.contains("C4NARY"),
                "{}: {text}",
                case.display()
            );
            let config = std::fs::read_to_string(case.join("config.json")).unwrap_or_default();
            looked += usize::from(config.contains("c4nary"));
        }
    }
    assert!(looked >= 5, "only {looked} cases hold a secret");
}

#[test]
fn the_catalogue_is_whole() {
    let baseline = checks().iter().filter(|check| check.kind() == Kind::Baseline).count();
    let build = checks().iter().filter(|check| check.kind() == Kind::Build).count();
    assert_eq!((baseline, build), (83, 23));
}

/// The value of `security.capability` with these bits, effective.
fn capabilities(bits: u32) -> Vec<u8> {
    [[1, 0, 0, 2], bits.to_le_bytes(), [0; 4], [0; 4], [0; 4]].concat()
}

#[test]
fn capabilities_like_root_s_fail_whoever_owns_the_file() {
    let owns = "/usr/bin/python3.11\n/usr/bin/ping\n";
    let status = "Package: p\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";
    let layer = Layer::builder("")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("var/lib/dpkg/info/p.list", owns.as_bytes())
        .file_with_capabilities("usr/bin/python3.11", &capabilities(1 << 7), b"x")
        .file_with_capabilities("usr/bin/ping", &capabilities(1 << 13), b"x")
        .file_with_capabilities("usr/bin/newuidmap", &capabilities(1 << 7), b"x")
        .file_with_capabilities("srv/newuidmap", &capabilities(1 << 7), b"x")
        .file_with_capabilities("usr/bin/caddy", &capabilities(1 << 10), b"x")
        .file_with_capabilities("opt/was", &capabilities(1 << 21), b"x");
    let above = Layer::builder("").file_with("opt/was", 0o755, 0, 0, b"x");
    let layers = [layer.build().unwrap(), above.build().unwrap()];
    let inspection = case::inspect_layers(&layers, b"{}");
    let finding = inspection.findings.iter().find(|finding| finding.id == "suid_unexpected");
    let seen: Vec<_> = finding.unwrap().evidence.iter().collect();
    let seen: Vec<(&str, &str)> = seen
        .iter()
        .map(|seen| (seen.location.as_ref().unwrap().path.as_str(), seen.detail.as_str()))
        .collect();
    let detail = "capabilities cap_setuid=ep";
    assert_eq!(seen, [("srv/newuidmap", detail), ("usr/bin/python3.11", detail)]);
}
