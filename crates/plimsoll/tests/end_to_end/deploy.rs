//! What is in `deploy/`, held against the program: manifests and chart render, their command lines are ones that the program takes, and
//! ports, probes, names and volumes fit together.
//!
//! Odd: `kubectl` and `helm` render; where one is not here the test says so.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

use crate::{
    integrations::yaml,
    support::{plimsoll, plimsoll_ok, root, run, temporary},
};

/// What the webhook looks into, as a rule of the API server says it.
const LOOKED_INTO: &str = "apps/daemonsets apps/deployments apps/replicasets apps/statefulsets batch/cronjobs batch/jobs core/pods \
    core/pods/ephemeralcontainers core/podtemplates core/replicationcontrollers";

/// Whether a program that no set-up installs is here; says so when not.
fn at_hand(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: {program} is not here, and no set-up installs it");
    }
    found
}

fn deploy(path: &str) -> String {
    root().join("deploy").join(path).to_str().unwrap().to_owned()
}

fn documents(text: &str) -> Vec<Value> {
    let has_content = |part: &&str| {
        part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    let text = format!("\n{text}");
    text.split("\n---\n")
        .map(|part| part.trim_start_matches("\n---\n"))
        .filter(has_content)
        .map(|part| yaml::read(part).unwrap_or_else(|error| panic!("{error}: {part}")))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn of_kind<'d>(documents: &'d [Value], kind: &str) -> Vec<&'d Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

/// Whether the program takes a command line: it says help at its end only if nothing before it was wrong.
fn is_taken(words: &[&str]) {
    let output = plimsoll(words.iter().chain(&["--help"]));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("Usage: plimsoll "), "{words:?}: {told}");
}

/// Whether all labels of a selector are among others.
fn chooses(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().unwrap();
    !selector.is_empty() && selector.iter().all(|(name, value)| labels[name] == *value)
}

fn behind<'w>(words: &[&'w str], option: &str) -> &'w str {
    let place = words.iter().position(|word| *word == option);
    place.and_then(|place| words.get(place + 1)).unwrap_or_else(|| panic!("{option}: {words:?}"))
}

/// What every rendering must be.
fn check(documents: &[Value]) {
    let deployments = of_kind(documents, "Deployment");
    let mut commands = BTreeSet::new();
    for deployment in &deployments {
        let pod = &deployment["spec"]["template"];
        assert!(chooses(
            &deployment["spec"]["selector"]["matchLabels"],
            &pod["metadata"]["labels"]
        ));
        commands.insert(check_pod(&pod["spec"], documents));
    }
    assert_eq!(commands, ["admission", "serve", "worker"].map(str::to_owned).into());

    for service in of_kind(documents, "Service") {
        let chosen: Vec<&Value> = deployments
            .iter()
            .map(|deployment| &deployment["spec"]["template"])
            .filter(|pod| chooses(&service["spec"]["selector"], &pod["metadata"]["labels"]))
            .collect();
        assert_eq!(chosen.len(), 1, "{service}");
        let ports = list(&chosen[0]["spec"]["containers"][0]["ports"]);
        for port in list(&service["spec"]["ports"]) {
            assert!(ports.iter().any(|own| own["name"] == port["targetPort"]), "{service}");
        }
    }
    for policy in of_kind(documents, "NetworkPolicy") {
        for port in list(&policy["spec"]["ingress"][0]["ports"]) {
            let is_open = deployments.iter().any(|deployment| {
                let pod = &deployment["spec"]["template"];
                chooses(&policy["spec"]["podSelector"]["matchLabels"], &pod["metadata"]["labels"])
                    && list(&pod["spec"]["containers"][0]["ports"])
                        .iter()
                        .any(|own| own["containerPort"] == port["port"])
            });
            assert!(is_open, "{policy}");
        }
    }
    for budget in of_kind(documents, "PodDisruptionBudget") {
        let selector = &budget["spec"]["selector"]["matchLabels"];
        let chosen = deployments.iter().filter(|deployment| {
            chooses(selector, &deployment["spec"]["template"]["metadata"]["labels"])
        });
        assert_eq!(chosen.count(), 1, "{budget}");
    }
    check_webhook(documents);
    check_policy(documents);
    let role = &of_kind(documents, "ClusterRole")[0]["rules"];
    let watched: BTreeSet<&str> =
        list(role).iter().flat_map(|rule| list(&rule["resources"])).map(text).collect();
    assert_eq!(watched, ["jobs", "namespaces", "nodes", "pods", "replicasets"].into());
    for rule in list(role) {
        let verbs: BTreeSet<&str> = list(&rule["verbs"]).iter().map(text).collect();
        assert_eq!(verbs, ["get", "list", "watch"].into(), "it changes nothing");
    }
}

/// Returns the command.
fn check_pod(pod: &Value, documents: &[Value]) -> String {
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], "true");
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
    let [container] = list(&pod["containers"]) else { panic!("one container: {pod}") };
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], "false");
    assert_eq!(security["readOnlyRootFilesystem"], "true");
    assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert!(container["resources"]["limits"]["memory"].is_string());

    let words: Vec<&str> = list(&container["args"]).iter().map(text).collect();
    is_taken(&words);
    let command = words[0].to_owned();
    let ports: Vec<(&str, &str)> = list(&container["ports"])
        .iter()
        .map(|port| (text(&port["name"]), text(&port["containerPort"])))
        .collect();
    let port_of = |name: &str| {
        let found = ports.iter().find(|(own, _)| *own == name);
        found.unwrap_or_else(|| panic!("no port {name}: {container}")).1
    };
    assert_eq!(behind(&words, "--probes"), format!("0.0.0.0:{}", port_of("probes")));
    for (probe, path) in [("readinessProbe", "/readyz"), ("livenessProbe", "/livez")] {
        let probe = &container[probe]["httpGet"];
        assert_eq!((&probe["path"], &probe["port"]), (&path.into(), &"probes".into()));
    }
    match command.as_str() {
        "serve" => assert_eq!(behind(&words, "--listen"), format!("0.0.0.0:{}", port_of("http"))),
        "admission" => {
            assert_eq!(behind(&words, "--listen"), format!("0.0.0.0:{}", port_of("https")));
        }
        _ => {}
    }
    // Somebody else's word for a drain is a kill.
    let grace: u64 = text(&pod["terminationGracePeriodSeconds"]).parse().unwrap();
    if words.contains(&"--drain") {
        assert!(grace > behind(&words, "--drain").parse().unwrap(), "{command}");
    }

    let volumes: BTreeSet<&str> =
        list(&pod["volumes"]).iter().map(|volume| text(&volume["name"])).collect();
    let mounts = list(&container["volumeMounts"]);
    assert_eq!(mounts.iter().map(|mount| text(&mount["name"])).collect::<BTreeSet<_>>(), volumes);
    let is_mounted = |file: &str| {
        mounts.iter().any(|mount| file.starts_with(&format!("{}/", text(&mount["mountPath"]))))
    };
    for option in ["--policy", "--tls-certificate", "--tls-key"] {
        assert!(!words.contains(&option) || is_mounted(behind(&words, option)), "{option}");
    }
    let environment: Vec<&str> =
        list(&container["env"]).iter().map(|variable| text(&variable["name"])).collect();
    let help = plimsoll_ok(["serve", "--help"]);
    assert!(help.contains("--store-password-file"));
    assert!(environment.contains(&"PLIMSOLL_STORE"));
    for variable in list(&container["env"]) {
        let is_file = ["PLIMSOLL_DATA", "PLIMSOLL_STORE_PASSWORD_FILE"];
        if is_file.contains(&text(&variable["name"])) {
            assert!(is_mounted(text(&variable["value"])), "{variable}");
        }
    }
    for volume in list(&pod["volumes"]) {
        let name = &volume["configMap"]["name"];
        let is_there = |map: &&Value| map["metadata"]["name"] == *name;
        assert!(name.is_null() || of_kind(documents, "ConfigMap").iter().any(is_there), "{volume}");
        let claim = &volume["persistentVolumeClaim"]["claimName"];
        let is_there = |found: &&Value| found["metadata"]["name"] == *claim;
        let claims = of_kind(documents, "PersistentVolumeClaim");
        assert!(claim.is_null() || claims.iter().any(is_there), "{volume}");
    }
    let account = &pod["serviceAccountName"];
    let accounts = of_kind(documents, "ServiceAccount");
    let account = accounts.iter().find(|found| found["metadata"]["name"] == *account).unwrap();
    if command != "serve" {
        assert_eq!(account["automountServiceAccountToken"], "false", "{command}");
    }
    command
}

fn check_webhook(documents: &[Value]) {
    let configurations = of_kind(documents, "ValidatingWebhookConfiguration");
    let [configuration] = configurations.as_slice() else { panic!("one configuration") };
    let [webhook] = list(&configuration["webhooks"]) else { panic!("one webhook") };
    let asked = &webhook["clientConfig"]["service"];
    let services = of_kind(documents, "Service");
    let service = services
        .iter()
        .find(|service| service["metadata"]["name"] == asked["name"])
        .expect("the webhook's service");
    assert_eq!(asked["port"], service["spec"]["ports"][0]["port"]);
    assert_eq!(asked["path"], "/validate");
    assert_eq!(webhook["sideEffects"], "None");
    assert_eq!(webhook["matchPolicy"], "Equivalent");
    assert_eq!(webhook["admissionReviewVersions"], serde_json::json!(["v1"]));
    let mut resources = BTreeSet::new();
    for rule in list(&webhook["rules"]) {
        let group = text(&rule["apiGroups"][0]);
        let group = if group.is_empty() { "core" } else { group };
        resources
            .extend(list(&rule["resources"]).iter().map(|name| format!("{group}/{}", text(name))));
        assert_eq!(rule["operations"], serde_json::json!(["CREATE", "UPDATE"]));
    }
    assert_eq!(resources.into_iter().collect::<Vec<_>>().join(" "), LOOKED_INTO);

    // Its own pods must come up without it, and those of the cluster.
    let expression = &webhook["namespaceSelector"]["matchExpressions"][0];
    assert_eq!(expression["operator"], "NotIn");
    for exempt in [text(&asked["namespace"]), "kube-system"] {
        assert!(list(&expression["values"]).contains(&exempt.into()), "{exempt}");
    }
    let deployments = of_kind(documents, "Deployment");
    let words: Vec<&str> = deployments
        .iter()
        .map(|deployment| list(&deployment["spec"]["template"]["spec"]["containers"][0]["args"]))
        .find(|words| words[0] == "admission")
        .unwrap()
        .iter()
        .map(text)
        .collect();
    let own: u64 = behind(&words, "--timeout").parse().unwrap();
    let cluster: u64 = text(&webhook["timeoutSeconds"]).parse().unwrap();
    assert!(own < cluster * 1_000, "{own} ms, {cluster} s");
}

/// The policy in the rendering is one.
fn check_policy(documents: &[Value]) {
    let maps = of_kind(documents, "ConfigMap");
    let policy = maps.iter().find_map(|map| map["data"]["admission.toml"].as_str()).unwrap();
    let folder = temporary();
    let file = folder.path().join("admission.toml");
    std::fs::write(&file, policy).unwrap();
    let output = plimsoll(["admission", "check", file.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !told.contains("warning"), "{told}");
}

#[test]
fn the_manifests_render_and_are_what_the_program_takes() {
    if !at_hand("kubectl") {
        return;
    }
    let rendered = documents(&run("kubectl", ["kustomize", &deploy("kubernetes")]));
    assert!(rendered.iter().all(|document| {
        let namespace = &document["metadata"]["namespace"];
        namespace.is_null() || namespace == "plimsoll"
    }));
    check(&rendered);
}

fn helm(arguments: &[&str]) -> std::process::Output {
    Command::new("helm").args(arguments).output().unwrap()
}

fn rendered(more: &[&str]) -> Vec<Value> {
    let chart = deploy("helm/plimsoll");
    let fixed = ["template", "site", &chart, "--namespace", "risk", "--kube-version", "1.30.0"];
    let output = helm(&[&fixed[..], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_chart_renders_in_all_its_shapes_and_is_what_the_program_takes() {
    if !at_hand("helm") {
        return;
    }
    let output = helm(&["lint", "--strict", &deploy("helm/plimsoll")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let plain = rendered(&[]);
    check(&plain);
    assert!(of_kind(&plain, "Ingress").is_empty() && of_kind(&plain, "PodMonitor").is_empty());
    let webhook = of_kind(&plain, "ValidatingWebhookConfiguration")[0];
    let secret = of_kind(&plain, "Secret")[0];
    assert_eq!(webhook["webhooks"][0]["clientConfig"]["caBundle"], secret["data"]["ca.crt"]);

    let all = rendered(&[
        "--set",
        "serve.ingress.enabled=true,podMonitor.enabled=true,admission.failurePolicy=Fail,networkPolicy.apiServer={10.0.0.0/8}",
        "--set-string",
        "serve.extraArgs={--policy,/data/plimsoll.toml},worker.extraArgs={--lease,30}",
        "--set",
        "admission.certificate.mode=cert-manager,admission.certificate.issuerRef.name=site",
    ]);
    check(&all);
    let webhook = of_kind(&all, "ValidatingWebhookConfiguration")[0];
    assert_eq!(webhook["webhooks"][0]["failurePolicy"], "Fail");
    assert_eq!(of_kind(&all, "Certificate").len(), 1);
    assert!(webhook["webhooks"][0]["clientConfig"]["caBundle"].is_null());
    assert_eq!((of_kind(&all, "Ingress").len(), of_kind(&all, "PodMonitor").len()), (1, 1));

    let existing = rendered(&[
        "--set",
        "admission.certificate.mode=existing,admission.certificate.existingSecret=own,admission.certificate.caBundle=PEM",
    ]);
    check(&existing);
    assert!(of_kind(&existing, "Secret").is_empty());
    let without = rendered(&["--set", "admission.enabled=false,watch.enabled=false"]);
    assert!(of_kind(&without, "ValidatingWebhookConfiguration").is_empty());
    assert!(of_kind(&without, "ClusterRole").is_empty());
    assert_eq!(of_kind(&without, "Deployment").len(), 2);

    for (wrong, told) in [
        ("admission.failurePolicy=Maybe", "failurePolicy"),
        ("admission.timeoutSeconds=1", "timeoutMilliseconds"),
        ("admission.certificate.mode=existing", "admission.certificate."),
        ("admision.enabled=false", "admision"),
    ] {
        let chart = deploy("helm/plimsoll");
        let output =
            helm(&["template", "site", &chart, "--kube-version", "1.30.0", "--set", wrong]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(told), "{wrong}: {error}");
    }
}

#[test]
fn the_compose_file_and_the_image_say_what_the_program_takes() {
    let compose = yaml::read(&std::fs::read_to_string(deploy("compose.yaml")).unwrap()).unwrap();
    let services = compose["services"].as_object().unwrap();
    let mut commands = Vec::new();
    for (name, service) in services {
        let Some(words) = service["command"].as_array() else { continue };
        let words: Vec<&str> = words.iter().map(text).collect();
        is_taken(&words);
        commands.push(words[0].to_owned());
        let shared = &service["<<"];
        assert_eq!(shared["read_only"], "true", "{name}");
        let secret = text(&shared["environment"]["PLIMSOLL_STORE_PASSWORD_FILE"]);
        let secret = Path::new(secret).file_name().unwrap().to_str().unwrap();
        assert!(compose["secrets"][secret].is_object());
        for volume in list(&shared["volumes"]) {
            let (volume, at) = text(volume).split_once(':').unwrap();
            assert!(compose["volumes"].get(volume).is_some(), "{volume}");
            assert_eq!(shared["environment"]["PLIMSOLL_DATA"], at);
        }
    }
    commands.sort();
    assert_eq!(commands, ["serve", "worker"]);

    let containerfile = std::fs::read_to_string(deploy("Containerfile")).unwrap();
    let said = |word: &str| -> Vec<&str> {
        containerfile.lines().filter_map(|line| line.strip_prefix(word)).collect()
    };
    let command: Vec<String> = serde_json::from_str(said("CMD ")[0]).unwrap();
    is_taken(&command.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said("USER "), ["10001:10001"]);
    let [version] = said("FROM docker.io/library/rust:")[..] else { panic!("one Rust") };
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let wanted = version.split('-').next().unwrap();
    assert!(manifest.contains(&format!("rust-version = \"{wanted}\"")), "{version}");
}
