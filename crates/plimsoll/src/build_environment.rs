//! Which build this is, as the system that runs it says.
//!
//! In: the environment of a step of Jenkins, GitHub Actions, GitLab CI or Tekton. Out: [`BuildOrigin`]. Source: each system's list
//! of predefined variables. Odd: Tekton predefines none; our task for it sets those that are read here. Where several systems left
//! traces (a runner inside another), the first of the table that is complete enough to be named wins.

use plimsoll_store::BuildOrigin;

/// One system, by its variables; of a list the first that is set.
struct System {
    id: &'static str,
    /// Set in each of its steps.
    sign: &'static str,
    job: &'static [&'static str],
    build: &'static [&'static str],
    url: &'static [&'static str],
    commit: &'static [&'static str],
    branch: &'static [&'static str],
}

const SYSTEMS: &[System] = &[
    System {
        id: "github",
        sign: "GITHUB_ACTIONS",
        job: &["GITHUB_REPOSITORY"],
        build: &["GITHUB_RUN_ID"],
        // It is put together of three variables, see below.
        url: &[],
        commit: &["GITHUB_SHA"],
        branch: &["GITHUB_HEAD_REF", "GITHUB_REF_NAME", "GITHUB_REF"],
    },
    System {
        id: "gitlab",
        sign: "GITLAB_CI",
        job: &["CI_PROJECT_PATH"],
        build: &["CI_PIPELINE_ID"],
        url: &["CI_JOB_URL", "CI_PIPELINE_URL"],
        commit: &["CI_COMMIT_SHA"],
        branch: &["CI_COMMIT_REF_NAME"],
    },
    System {
        id: "jenkins",
        sign: "JENKINS_URL",
        job: &["JOB_NAME"],
        build: &["BUILD_NUMBER"],
        url: &["BUILD_URL"],
        commit: &["GIT_COMMIT"],
        branch: &["BRANCH_NAME", "GIT_BRANCH"],
    },
    System {
        id: "tekton",
        sign: "TEKTON_TASK_RUN",
        job: &["TEKTON_PIPELINE", "TEKTON_TASK"],
        build: &["TEKTON_PIPELINE_RUN", "TEKTON_TASK_RUN"],
        url: &["TEKTON_URL"],
        commit: &["TEKTON_COMMIT"],
        branch: &["TEKTON_BRANCH"],
    },
];

/// The longest text that is passed on, in bytes.
const LONGEST: usize = 1_024;

/// The build that this process is a step of.
pub(crate) fn build_origin() -> BuildOrigin {
    of(&|name| std::env::var_os(name)?.into_string().ok())
}

fn of(variable: &dyn Fn(&str) -> Option<String>) -> BuildOrigin {
    let first = |names: &[&str]| {
        let is_usable = |text: &String| {
            !text.trim().is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
        };
        names.iter().find_map(|name| variable(name).filter(is_usable))
    };
    let Some(system) = SYSTEMS.iter().find(|system| first(&[system.sign]).is_some()) else {
        return BuildOrigin { system: "other".to_owned(), ..BuildOrigin::default() };
    };
    let address = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    let url = first(system.url).or_else(|| {
        let server = first(&["GITHUB_SERVER_URL"]).filter(|_| system.id == "github")?;
        let (repository, run) = (first(&["GITHUB_REPOSITORY"])?, first(&["GITHUB_RUN_ID"])?);
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    });
    BuildOrigin {
        system: system.id.to_owned(),
        job: first(system.job),
        build: first(system.build),
        url: url.filter(address),
        commit: first(system.commit),
        branch: first(system.branch),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn origin(variables: &[(&str, &str)]) -> BuildOrigin {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        of(&|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    fn wanted(parts: [&str; 6]) -> BuildOrigin {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let [system, job, build, url, commit, branch] = parts;
        BuildOrigin {
            system: system.to_owned(),
            job: text(job),
            build: text(build),
            url: text(url),
            commit: text(commit),
            branch: text(branch),
        }
    }

    #[test]
    fn each_system_is_known_by_its_own_variables() {
        let jenkins = [
            ("JENKINS_URL", "https://ci.example.com/"),
            ("JOB_NAME", "team/app/main"),
            ("BUILD_NUMBER", "17"),
            ("BUILD_URL", "https://ci.example.com/job/team/17/"),
            ("GIT_COMMIT", "4f1c"),
            ("GIT_BRANCH", "origin/main"),
            ("BRANCH_NAME", "main"),
        ];
        let github = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "team/app"),
            ("GITHUB_RUN_ID", "1658821493"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", "4f1c"),
            ("GITHUB_HEAD_REF", ""),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_REF", "refs/heads/main"),
        ];
        let gitlab = [
            ("GITLAB_CI", "true"),
            ("CI", "true"),
            ("CI_PROJECT_PATH", "group/app"),
            ("CI_PIPELINE_ID", "31"),
            ("CI_JOB_URL", "https://gitlab.example.com/group/app/-/jobs/7"),
            ("CI_COMMIT_SHA", "4f1c"),
            ("CI_COMMIT_REF_NAME", "main"),
        ];
        let tekton = [
            ("TEKTON_TASK_RUN", "build-x7-scan"),
            ("TEKTON_TASK", "plimsoll-scan"),
            ("TEKTON_PIPELINE", ""),
            ("TEKTON_PIPELINE_RUN", "build-x7"),
            ("TEKTON_COMMIT", "4f1c"),
        ];
        for (variables, parts) in [
            (
                jenkins.as_slice(),
                [
                    "jenkins",
                    "team/app/main",
                    "17",
                    "https://ci.example.com/job/team/17/",
                    "4f1c",
                    "main",
                ],
            ),
            (
                github.as_slice(),
                [
                    "github",
                    "team/app",
                    "1658821493",
                    "https://github.com/team/app/actions/runs/1658821493",
                    "4f1c",
                    "main",
                ],
            ),
            (
                gitlab.as_slice(),
                [
                    "gitlab",
                    "group/app",
                    "31",
                    "https://gitlab.example.com/group/app/-/jobs/7",
                    "4f1c",
                    "main",
                ],
            ),
            (tekton.as_slice(), ["tekton", "plimsoll-scan", "build-x7", "", "4f1c", ""]),
            ([("HOME", "/root")].as_slice(), ["other", "", "", "", "", ""]),
        ] {
            assert_eq!(origin(variables), wanted(parts));
        }
    }

    #[test]
    fn what_is_no_text_of_one_line_or_no_address_is_left_out() {
        let long = "x".repeat(2_000);
        let found = origin(&[
            ("JENKINS_URL", "https://ci.example.com/"),
            ("JOB_NAME", "a\nb"),
            ("BUILD_NUMBER", &long),
            ("BUILD_URL", "javascript:alert(1)"),
        ]);
        assert_eq!(found, wanted(["jenkins", "", "", "", "", ""]));
    }
}
