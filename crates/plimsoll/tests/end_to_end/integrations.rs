//! The steps for build systems in `integrations/`: each parses, and each runs with that system's variables set, against a server.

pub(crate) mod yaml;

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    fleet::build_layout,
    support::{Server, has, plimsoll, plimsoll_ok, root, run, serve, temporary, wait_until},
};

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join("integrations").join(path)).unwrap()
}

fn document(path: &str) -> Value {
    yaml::read(&file(path)).unwrap()
}

/// A server that builds report to, and an image of a build.
struct Site {
    folder: tempfile::TempDir,
    data: PathBuf,
    server: Server,
    token: String,
    layout: PathBuf,
}

impl Site {
    fn new(policy: Option<&str>) -> Self {
        let folder = temporary();
        let data = folder.path().join("data");
        let data_text = data.to_str().unwrap();
        plimsoll_ok(["feed", "import", "--starter", "--data", data_text]);
        plimsoll_ok([
            "registry",
            "add",
            "builds",
            "https://ci.example.com",
            "--reported-type",
            "CI/CD",
            "--data",
            data_text,
        ]);
        let token =
            plimsoll_ok(["registry", "token", "create", "builds", "report", "--data", data_text]);
        let mut arguments = Vec::new();
        let path = folder.path().join("policy.toml");
        if let Some(policy) = policy {
            std::fs::write(&path, policy).unwrap();
            arguments = vec!["--policy", path.to_str().unwrap()];
        }
        let server = serve(&data, &arguments);
        let layout = build_layout(folder.path(), 7, 1_000);
        Self { data, server, token: token.trim().to_owned(), layout, folder }
    }

    /// What the management API answers.
    fn get(&self, path: &str) -> Value {
        let host = self.server.endpoint.strip_prefix("http://").unwrap();
        let token = std::fs::read_to_string(self.data.join("admin-token")).unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "GET /api/v1{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            token.trim()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    fn image(&self, repository: &str, tag: &str) -> Option<Value> {
        let list = self.get("/images?page_size=100");
        let images = list["images"].as_array().unwrap();
        images
            .iter()
            .find(|image| image["repository"] == repository && image["tag"] == tag)
            .cloned()
    }

    /// Runs a script as a step does: with these variables alone, and the program on its path.
    fn step(&self, shell: &[&str], script: &str, variables: &[(&str, &str)]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_plimsoll")).parent().unwrap();
        let path = format!("{}:/usr/bin:/bin", program.display());
        let step = self.folder.path().join("step.sh");
        std::fs::write(&step, script).unwrap();
        Command::new(shell[0])
            .args(&shell[1..])
            .arg(&step)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(variables.iter().copied())
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("PLIMSOLL_DATA", &self.data)
            .env("PLIMSOLL_REPORT_TOKEN", &self.token)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The image is listed, judged by the server, and knows its build.
    fn expect(&self, output: &Output, repository: &str, tag: &str, build: &Value) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{said}", output.status);
        assert!(said.contains("reported as ci.example.com/team/"), "{said}");
        assert!(
            !said.contains(&self.token)
                && !output.stdout.windows(48).any(|window| window == self.token.as_bytes())
        );
        let image = self.image(repository, tag).expect("the image is listed");
        assert!(image["scanned"].is_string(), "{image}");
        assert_eq!(image["namespace"], "team");
        assert_eq!(image["repo_type"], "PRIVATE");
        let uuid = image["uuid"].as_str().unwrap();
        assert_eq!(&self.get(&format!("/images/{uuid}/build")), build);
        let report = self.get(&format!("/images/{uuid}/report"));
        let packages = report["packages"].as_array().unwrap();
        assert!(packages.iter().any(|package| package["name"] == "openssl"), "{packages:?}");
    }
}

#[test]
fn the_github_action_runs_in_a_workflow() {
    let action = document("github/action.yml");
    assert_eq!(action["runs"]["using"], "composite");
    let step = &action["runs"]["steps"][0];
    assert_eq!(step["shell"], "bash");
    let site = Site::new(None);
    // The runner puts the inputs where the action's `env` names them.
    let inputs = BTreeMap::from([
        ("image", site.layout.to_str().unwrap()),
        ("name", "team/github:1"),
        ("server", site.server.endpoint.as_str()),
        ("fail-on", ""),
        ("format", "sarif"),
        ("output", "plimsoll.sarif"),
    ]);
    let mut variables = Vec::new();
    for (name, value) in step["env"].as_object().unwrap() {
        let input = value.as_str().unwrap().strip_prefix("${{ inputs.").unwrap();
        let input = input.strip_suffix(" }}").unwrap();
        assert!(action["inputs"].get(input).is_some(), "{name}: `{input}` is no input");
        if name != "PLIMSOLL_REPORT_TOKEN" {
            variables.push((name.as_str(), inputs[input]));
        }
    }
    let (outputs, summary) =
        (site.folder.path().join("outputs"), site.folder.path().join("summary"));
    variables.extend([
        ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "team/github"),
        ("GITHUB_RUN_ID", "1658821493"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_SHA", "4f1c"),
        ("GITHUB_REF_NAME", "main"),
    ]);
    let shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"];
    let script = step["run"].as_str().unwrap();
    let output = site.step(&shell, script, &variables);
    let build = json!({
        "system": "github", "job": "team/github", "build": "1658821493", "commit": "4f1c", "branch": "main",
        "url": "https://github.com/team/github/actions/runs/1658821493"
    });
    site.expect(&output, "github", "1", &build);
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&outputs), "report=plimsoll.sarif\nexit-code=0\n");
    assert!(read(&summary).contains("reported as ci.example.com/team/github:1"));
    let sarif: Value =
        serde_json::from_str(&read(&site.folder.path().join("plimsoll.sarif"))).unwrap();
    assert_eq!(sarif["version"], "2.1.0");

    // A line that is reached fails the step, and the outputs say so.
    for variable in &mut variables {
        if variable.0 == "INPUT_FAIL_ON" {
            variable.1 = "vulnerability";
        }
    }
    let output = site.step(&shell, script, &variables);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(read(&outputs).ends_with("exit-code=3\n"));
}

#[test]
fn the_gitlab_template_runs_in_a_pipeline() {
    let template = document("gitlab/plimsoll.gitlab-ci.yml");
    let job = &template[".plimsoll"];
    let report = "gl-container-scanning-report.json";
    assert_eq!(job["artifacts"]["reports"]["container_scanning"], report);
    assert_eq!(job["variables"]["PLIMSOLL_OUTPUT"], report);
    let site = Site::new(None);
    let variables = [
        ("PLIMSOLL_IMAGE", site.layout.to_str().unwrap()),
        ("PLIMSOLL_SERVER", site.server.endpoint.as_str()),
        ("PLIMSOLL_NAME", "team/gitlab:1"),
        ("PLIMSOLL_FAIL_ON", ""),
        ("PLIMSOLL_OUTPUT", report),
        // Not set by GitLab where the project has no registry.
        ("PLIMSOLL_REGISTRY_USERNAME", ""),
        ("PLIMSOLL_REGISTRY_PASSWORD", ""),
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_PATH", "team/gitlab"),
        ("CI_PIPELINE_ID", "31"),
        ("CI_JOB_URL", "https://gitlab.example.com/team/gitlab/-/jobs/7"),
        ("CI_COMMIT_SHA", "4f1c"),
        ("CI_COMMIT_REF_NAME", "main"),
    ];
    let output = site.step(&["sh"], job["script"][0].as_str().unwrap(), &variables);
    let build = json!({
        "system": "gitlab", "job": "team/gitlab", "build": "31", "commit": "4f1c", "branch": "main",
        "url": "https://gitlab.example.com/team/gitlab/-/jobs/7"
    });
    site.expect(&output, "gitlab", "1", &build);
    let text = std::fs::read_to_string(site.folder.path().join(report)).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["scan"]["type"], "container_scanning");
}

#[test]
fn the_tekton_task_runs_in_a_pipeline() {
    let task = document("tekton/task.yaml");
    assert_eq!((&task["apiVersion"], &task["kind"]), (&json!("tekton.dev/v1"), &json!("Task")));
    let parameters: Vec<&str> = task["spec"]["params"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    let step = &task["spec"]["steps"][0];
    let script = step["script"].as_str().unwrap();
    assert!(
        !script.contains("$(params."),
        "what parameters hold is never read as the script's text"
    );
    let site = Site::new(None);
    let result = site.folder.path().join("exit-code");
    let values = BTreeMap::from([
        ("$(params.image)", site.layout.to_str().unwrap()),
        ("$(params.name)", "team/tekton:1"),
        ("$(params.server)", site.server.endpoint.as_str()),
        ("$(params.fail-on)", ""),
        ("$(params.commit)", "4f1c"),
        ("$(params.branch)", "main"),
        ("$(results.exit-code.path)", result.to_str().unwrap()),
        ("$(context.task.name)", "plimsoll-scan"),
        ("$(context.taskRun.name)", "build-x7-scan"),
    ]);
    let mut variables = Vec::new();
    for one in step["env"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        match one.get("value").and_then(Value::as_str) {
            Some(value) => {
                let parameter =
                    value.strip_prefix("$(params.").and_then(|rest| rest.strip_suffix(')'));
                assert!(
                    parameter.is_none_or(|parameter| parameters.contains(&parameter)),
                    "{value}"
                );
                variables.push((name, values[value]));
            }
            None if name == "TEKTON_PIPELINE" => variables.push((name, "build")),
            None if name == "TEKTON_PIPELINE_RUN" => variables.push((name, "build-x7")),
            None => assert_eq!(name, "PLIMSOLL_REPORT_TOKEN"),
        }
    }
    let output = site.step(&["sh"], script, &variables);
    let build = json!({
        "system": "tekton", "job": "build", "build": "build-x7", "commit": "4f1c", "branch": "main"
    });
    site.expect(&output, "tekton", "1", &build);
    assert_eq!(std::fs::read_to_string(result).unwrap(), "0");
}

#[test]
fn the_jenkins_step_runs_in_a_build() {
    let site = Site::new(None);
    let variables = [
        ("SCAN_IMAGE", site.layout.to_str().unwrap()),
        ("SCAN_NAME", "team/jenkins:1"),
        ("SCAN_SERVER", site.server.endpoint.as_str()),
        ("SCAN_FAIL_ON", ""),
        ("SCAN_FORMAT", "sarif"),
        ("SCAN_OUTPUT", "plimsoll.sarif"),
        ("JENKINS_URL", "https://ci.example.com/"),
        ("JOB_NAME", "team/app/main"),
        ("BUILD_NUMBER", "17"),
        ("BUILD_URL", "https://ci.example.com/job/team/17/"),
        ("GIT_COMMIT", "4f1c"),
        ("BRANCH_NAME", "main"),
    ];
    let output = site.step(&["sh"], &file("jenkins/resources/plimsoll/scan.sh"), &variables);
    let build = json!({
        "system": "jenkins", "job": "team/app/main", "build": "17", "commit": "4f1c", "branch": "main",
        "url": "https://ci.example.com/job/team/17/"
    });
    site.expect(&output, "jenkins", "1", &build);
    // Each variable of the script is one that the step sets.
    let (step, script) =
        (file("jenkins/vars/plimsollScan.groovy"), file("jenkins/resources/plimsoll/scan.sh"));
    for name in script.split("$SCAN_").skip(1) {
        let name: String =
            name.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        assert!(step.contains(&format!("\"SCAN_{name}=")), "{name}");
    }
    let jar = root().join("target/test-tools/maven/groovy-4.0.24.jar");
    if !has("java") || !jar.exists() {
        println!("skipped: Groovy is not here (`cargo xtask test` fetches it)");
        return;
    }
    let compiled = site.folder.path().join("compiled");
    run(
        "java",
        [
            "-cp",
            jar.to_str().unwrap(),
            "org.codehaus.groovy.tools.FileSystemCompiler",
            "-d",
            compiled.to_str().unwrap(),
            root().join("integrations/jenkins/vars/plimsollScan.groovy").to_str().unwrap(),
        ],
    );
    assert!(compiled.join("plimsollScan.class").exists());
}

#[test]
fn a_build_is_judged_by_the_servers_policy_and_not_by_its_own() {
    let site = Site::new(Some("[deny]\nvulnerability = \"nntf\"\n"));
    let layout = site.layout.to_str().unwrap();
    let ignore = site.folder.path().join("ignore.toml");
    std::fs::write(
        &ignore,
        "[[ignore]]\nvulnerability = \"CVE-2024-5535\"\nreason = \"none of mine\"\n",
    )
    .unwrap();
    let script = format!(
        "plimsoll scan {layout} --report-to {} --report-name team/own:1 --ignore-file {} -o out.txt",
        site.server.endpoint,
        ignore.display()
    );
    let output = site.step(&["sh"], &script, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the server's policy: deny"), "{said}");
    let image = site.image("own", "1").unwrap();
    assert_eq!(image["registry"], "builds");
    let uuid = image["uuid"].as_str().unwrap();
    let report = site.get(&format!("/images/{uuid}/report"));
    let findings = report["findings"].as_array().unwrap();
    assert!(
        findings.iter().all(|finding| finding["suppressed"]["ignored"].is_null()),
        "the build ignores nothing here"
    );

    // Without the feed of the build nothing changes for the server.
    let bare = site.folder.path().join("bare");
    let script = format!(
        "PLIMSOLL_DATA={} plimsoll scan {layout} --report-to {} --report-name team/bare:1 -o out.txt",
        bare.display(),
        site.server.endpoint
    );
    let output = site.step(&["sh"], &script, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.image("bare", "1").unwrap()["counters"], image["counters"]);

    // A build's images are nobody's to fetch: nothing waits, and a sync takes none of them away.
    let token = site.data.join("admin-token");
    plimsoll_ok([
        "registry",
        "sync",
        "builds",
        "--server",
        &site.server.endpoint,
        "--token-file",
        token.to_str().unwrap(),
    ]);
    wait_until("no scan", || site.get("/status")["scans"]["queued"] == 0);
    assert!(site.image("own", "1").is_some());
}

#[test]
fn what_a_build_cannot_report_is_said_before_the_scan_or_by_name() {
    let site = Site::new(None);
    let layout = site.layout.to_str().unwrap();
    let server = &site.server.endpoint;
    for (arguments, variables, wanted) in [
        (format!("{layout} --report-to {server}"), vec![], "--report-name team/app:1.4"),
        (
            format!("{layout} --report-to {server} --report-name team/app:1 --kinds vulnerability"),
            vec![],
            "--kinds",
        ),
        (
            format!("{layout} --report-to http://plimsoll.example.com --report-name team/app:1"),
            vec![],
            "not encrypted",
        ),
        (
            format!("{layout} --report-to {server} --report-name team/app:1"),
            vec![("PLIMSOLL_REPORT_TOKEN", "wrong")],
            "registry token create",
        ),
    ] {
        let script = format!(
            "{}plimsoll scan {arguments} -o out.txt",
            variables.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>()
        );
        let output = site.step(&["sh"], &script, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        assert!(said.contains(wanted), "{arguments}: {said}");
        assert!(!said.contains(&site.token), "{said}");
    }
    // A build may go on without its server.
    let script = format!(
        "plimsoll scan {layout} --report-to http://127.0.0.1:1 --report-name team/app:1 --on-report-error warn -o out.txt"
    );
    let output = site.step(&["sh"], &script, &[]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("warning: the server was not told"));
    assert!(site.image("app", "1").is_none());
    // The token is no argument.
    let output = plimsoll(["scan", "x", "--report-to", "http://127.0.0.1:1", "--token", "x"]);
    assert_eq!(output.status.code(), Some(2));
}
