//! Each case in `cases/` is a document as kubectl prints it and what is read from it; `UPDATE_EXPECT=1` rewrites.

use std::{fs, path::Path};

use plimsoll_cluster::{Workload, parse_pod_list};
use proptest::prelude::*;

fn line(workload: &Workload) -> String {
    format!(
        "{} {} {}/{} {} {}",
        workload.namespace,
        workload.app,
        workload.pod,
        workload.container,
        workload.image,
        workload.digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string())
    )
}

fn outcome(json: &[u8]) -> String {
    match parse_pod_list(json) {
        Ok(workloads) => workloads.iter().map(|workload| line(workload) + "\n").collect(),
        Err(error) => format!("error: {error}\n"),
    }
}

#[test]
fn each_case_gives_what_it_expects() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    #[expect(clippy::disallowed_methods, reason = "UPDATE_EXPECT is how people run this test")]
    let update = std::env::var("UPDATE_EXPECT").is_ok();
    let mut folders: Vec<_> =
        fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() > 10);
    for folder in folders {
        let found = outcome(&fs::read(folder.join("pods.json")).unwrap());
        let expect = folder.join("expect.txt");
        if update {
            fs::write(&expect, &found).unwrap();
        }
        let wanted = fs::read_to_string(&expect).unwrap_or_default();
        assert_eq!(found, wanted, "{}", folder.display());
    }
}

#[test]
fn containers_are_told_with_where_and_how_they_run() {
    let pods = r#"{"kind": "List", "items": [
        {"kind": "Node", "metadata": {"name": "n1"},
         "status": {"nodeInfo": {"operatingSystem": "linux", "architecture": "arm64"}}},
        {"kind": "Pod",
         "metadata": {"name": "p", "namespace": "shop", "creationTimestamp": "2026-12-01T03:00:00Z"},
         "spec": {"nodeName": "n1", "containers": [{"name": "a", "image": "a"}, {"name": "b", "image": "b"}],
                  "initContainers": [{"name": "i", "image": "i"}]},
         "status": {"phase": "Running", "podIP": "fd00::1", "hostIP": "192.0.2.1",
           "containerStatuses": [
             {"name": "a", "containerID": "containerd://abc", "state": {"running": {"startedAt": "2026-12-01T03:01:00Z"}}},
             {"name": "b", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
           "initContainerStatuses": [
             {"name": "i", "containerID": "docker://def", "state": {"terminated": {"exitCode": 0, "startedAt": null}}}]}}
    ]}"#;
    let found = parse_pod_list(pods.as_bytes()).unwrap();
    let lines: Vec<String> = found
        .iter()
        .map(|one| {
            let detail = &one.detail;
            format!(
                "{} {} {} [{}] {} {} {} {} {}",
                one.container,
                detail.role.as_str(),
                detail.state.as_str(),
                detail.container_id,
                detail.node,
                detail.platform.as_ref().unwrap(),
                detail.pod_ip,
                detail.host_ip,
                detail.created.unwrap()
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "a main running [abc] n1 linux/arm64 fd00::1 192.0.2.1 2026-12-01T03:01:00Z",
            "b main waiting [] n1 linux/arm64 fd00::1 192.0.2.1 2026-12-01T03:00:00Z",
            "i init terminated [def] n1 linux/arm64 fd00::1 192.0.2.1 2026-12-01T03:00:00Z",
        ]
    );
}

#[test]
fn a_document_beyond_the_limit_is_not_parsed() {
    // Zero pages cost no memory unless they are read.
    let zeros = vec![0; plimsoll_cluster::LARGEST_DOCUMENT + 1];
    assert!(outcome(&zeros).contains("at most 536870912 are read"));
}

/// JSON of the right shape with wrong parts in it.
fn documents() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1".to_owned()),
        "\"[a-z@:/-]{0,12}\"",
        Just("{}".to_owned()),
        Just("[]".to_owned()),
    ];
    let keys = prop::sample::select(vec![
        "kind",
        "items",
        "metadata",
        "spec",
        "status",
        "name",
        "namespace",
        "labels",
        "containers",
        "image",
        "imageID",
        "ownerReferences",
        "controller",
        "containerStatuses",
        "phase",
    ]);
    scalar.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec((keys.clone(), inner.clone()), 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!(
                    "{{\"kind\":\"Pod\",{}\"x\":1}}",
                    fields.join(",") + if fields.is_empty() { "" } else { "," }
                )
            }),
            prop::collection::vec(inner, 0..4)
                .prop_map(|items| format!("{{\"kind\":\"List\",\"items\":[{}]}}", items.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_give_workloads_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(parse_pod_list(&bytes));
    }

    #[test]
    fn any_document_gives_sorted_workloads_with_names(json in documents()) {
        if let Ok(workloads) = parse_pod_list(json.as_bytes()) {
            prop_assert!(workloads.is_sorted());
            for workload in &workloads {
                for text in [&workload.namespace, &workload.app, &workload.pod, &workload.container, &workload.image] {
                    prop_assert!(!text.is_empty(), "{workload:?}");
                }
            }
        }
    }
}
