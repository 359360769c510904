//! Checks: every folder of `tests/cases/checks/<id>/` is an image. Its name begins with what the check must say: `fail`,
//! `pass`, `na` (nothing to look at) or `undecided`. What a failing or undecided check says stands in `expect.json`.

use std::path::Path;

use plimsoll_inspect::checks;
use plimsoll_model::Kind;
use serde_json::json;

use crate::case;

#[test]
fn every_check_says_what_its_cases_expect() {
    let mut wrong = Vec::new();
    for check in checks() {
        let id = check.id();
        let mut kinds: Vec<String> = Vec::new();
        for case in case::cases(&format!("checks/{id}")) {
            let name = case.file_name().unwrap().to_str().unwrap();
            let kind = name.split('-').next().unwrap().to_owned();
            wrong.extend(judge(id, &case, &kind).err());
            kinds.push(kind);
        }
        for kind in ["fail", "pass"] {
            assert!(kinds.iter().any(|known| known == kind), "`{id}` has no case that must {kind}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(id: &str, case: &Path, kind: &str) -> Result<(), String> {
    let inspection = case::inspect(case);
    let findings: Vec<_> = inspection.findings.iter().filter(|finding| finding.id == id).collect();
    let gaps: Vec<_> = inspection.gaps.iter().filter(|gap| gap.by == id).collect();
    assert!(inspection.ran.iter().any(|ran| ran == id));
    let is_right = match kind {
        "fail" => findings.len() == 1 && gaps.is_empty(),
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
        for case in case::cases(&format!("checks/{}", check.id())) {
            let inspection = case::inspect(&case);
            let text = serde_json::to_string(&(&inspection.findings, &inspection.gaps)).unwrap();
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
fn build_risks_are_no_baseline_risks() {
    for check in checks() {
        let is_build =
            ["no_user", "secret_in_env", "secret_in_arg", "secret_file_copied", "password_in_run"]
                .contains(&check.id());
        assert_eq!(check.kind() == Kind::Build, is_build, "{}", check.id());
    }
}
