//! The white list of vulnerabilities and the rules on sensitive files, through signed requests.

use std::fs;

use serde_json::{Value, json};

use crate::{
    actions::fits,
    fleet::fill,
    server::{Server, refused},
    signer::Scheme,
};

async fn filled() -> Server {
    let server = Server::start().await;
    fill(&server).await;
    server
}

pub(crate) async fn ask(server: &Server, action: &str, parameters: &[(&str, &str)]) -> Value {
    let mut call = server.call(Scheme::Acs3, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    let reply = server.ask(&call).await;
    assert_eq!(reply.status, 200, "{action}: {}", reply.body);
    reply.json()
}

pub(crate) async fn refusal(server: &Server, action: &str, parameters: &[(&str, &str)]) -> String {
    let mut call = server.call(Scheme::V1, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    let reply = server.ask(&call).await;
    let (code, status) = reply.error();
    assert_eq!(status, 400, "{action}: {}", reply.body);
    format!("{code}: {}", reply.json()["Message"].as_str().unwrap())
}

/// Vulnerabilities of each image by `repository:tag`.
async fn vulnerabilities(server: &Server) -> Vec<(String, u64)> {
    let list = ask(server, "ListImageRisk", &[]).await;
    let mut numbers: Vec<(String, u64)> = list["ImageRiskList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            let statistics: Value =
                serde_json::from_str(image["Statistics"].as_str().unwrap()).unwrap();
            let name = format!("{}:{}", image["RepoName"], image["Tag"]).replace('"', "");
            (name, statistics["vul"].as_u64().unwrap())
        })
        .collect();
    numbers.sort();
    numbers
}

fn of(numbers: &[(String, u64)], name: &str) -> u64 {
    numbers.iter().find(|(other, _)| other == name).unwrap().1
}

const ENTRY: &str =
    r#"[{"Type":"cve","Name":"debian:12:CVE-2021-0001","AliasName":"CVE-2021-0001 of openssl"}]"#;
const REPO: &str = r#"{"type":"repo","target":["team/app"]}"#;

#[tokio::test]
async fn an_entry_lowers_the_numbers_where_it_holds_and_gives_them_back() {
    let server = filled().await;
    let before = vulnerabilities(&server).await;
    let rank = ask(&server, "GetDockerhubImageRiskRankInfo", &[]).await;
    let sums = ask(&server, "DescribeImageSecurityScanCount", &[]).await;
    let parameters = [("Whitelist", ENTRY), ("Reason", "not reachable"), ("Target", REPO)];
    let added = ask(&server, "AddImageVulWhiteList", &parameters).await;
    assert_eq!(
        (&added["Data"], &added["Code"], &added["Success"]),
        (&json!(true), &json!("200"), &json!(true))
    );
    let after = vulnerabilities(&server).await;
    assert_eq!((of(&before, "app:1.0"), of(&after, "app:1.0")), (3, 2));
    assert_eq!((of(&before, "app:latest"), of(&after, "app:latest")), (3, 2));
    assert_eq!(of(&before, "python:3.9"), of(&after, "python:3.9"), "another repository");
    let lower = ask(&server, "GetDockerhubImageRiskRankInfo", &[]).await;
    let entry = &lower["RiskRankInfo"]["VulAsap"][0];
    let detail: Value = serde_json::from_str(entry["RiskLevelDetail"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&detail["imageVulAsap"], &detail["vul"], &entry["VulCount"]),
        (&json!(1), &json!(2), &json!(2))
    );
    let fewer = ask(&server, "DescribeImageSecurityScanCount", &[]).await;
    assert_eq!(sums["Data"]["ImageCveVulCount"], json!(8));
    assert_eq!(fewer["Data"]["ImageCveVulCount"], json!(6));
    for (dealed, wanted) in [("Y", 2), ("A", 8), ("N", 6)] {
        let counted = ask(&server, "DescribeImageSecurityScanCount", &[("Dealed", dealed)]).await;
        assert_eq!(counted["Data"]["ImageCveVulCount"], json!(wanted), "{dealed}");
    }

    let list = ask(&server, "DescribeImageVulWhiteList", &[("AliasName", "OPENSSL")]).await;
    let id = list["ImageVulWhitelist"][0]["Id"].as_i64().unwrap();
    assert_eq!(
        list["ImageVulWhitelist"],
        json!([{
            "AliasName": "CVE-2021-0001 of openssl", "Id": id, "Name": "debian:12:CVE-2021-0001",
            "Reason": "not reachable", "Target": REPO, "Type": "cve",
        }])
    );
    assert_eq!(
        list["PageInfo"],
        json!({"Count": 1, "CurrentPage": 1, "PageSize": 20, "TotalCount": 1})
    );
    let rule = server.store.ignore_rule(id).await.unwrap().unwrap();
    assert_eq!(rule.rule.rule.author, server.key.id);
    assert_eq!(rule.images, 2);
    let none = ask(&server, "DescribeImageVulWhiteList", &[("AliasName", "curl")]).await;
    assert_eq!(none["PageInfo"]["TotalCount"], json!(0));

    // The same again has the new reason, and is no second entry.
    let again = [("Whitelist", ENTRY), ("Reason", "patched"), ("Target", REPO)];
    ask(&server, "AddImageVulWhiteList", &again).await;
    let list = ask(&server, "DescribeImageVulWhiteList", &[]).await;
    assert_eq!(list["PageInfo"]["TotalCount"], json!(1));
    assert_eq!(list["ImageVulWhitelist"][0]["Reason"], json!("patched"));

    // To another scope, then back to nothing.
    let id = id.to_string();
    let everywhere = r#"{"type":"repo","target":["*"]}"#;
    let change = [("Id", id.as_str()), ("Target", everywhere), ("Reason", "ignore")];
    ask(&server, "UpdateImageVulWhitelistTarget", &change).await;
    let after = vulnerabilities(&server).await;
    assert_eq!((of(&after, "app:1.0"), of(&after, "python:3.9")), (2, 0));
    let list = ask(&server, "DescribeImageVulWhiteList", &[]).await;
    assert_eq!(list["ImageVulWhitelist"][0]["Target"], json!(everywhere));
    let hub = r#"{"type":"repo","target":["library/*"]}"#;
    ask(&server, "UpdateImageVulWhitelistTarget", &[("Id", &id), ("Target", hub)]).await;
    let after = vulnerabilities(&server).await;
    assert_eq!((of(&after, "app:1.0"), of(&after, "python:3.9")), (3, 0));
    ask(&server, "DeleteImageVulWhitelist", &[("Ids", &format!(" {id} ,{id}"))]).await;
    assert_eq!(vulnerabilities(&server).await, before);
    let same = ask(&server, "GetDockerhubImageRiskRankInfo", &[]).await;
    assert_eq!(same["RiskRankInfo"], rank["RiskRankInfo"]);
}

#[tokio::test]
async fn entries_of_other_scopes_and_sources_are_kept() {
    let server = filled().await;
    let before = vulnerabilities(&server).await;
    let agentless = [("Whitelist", ENTRY), ("Reason", "a host"), ("Source", "agentless")];
    ask(&server, "AddImageVulWhiteList", &agentless).await;
    assert_eq!(vulnerabilities(&server).await, before);
    let list = ask(&server, "DescribeImageVulWhiteList", &[("Source", "agentless")]).await;
    assert_eq!(list["PageInfo"]["TotalCount"], json!(1));
    let images = ask(&server, "ListImageRisk", &[("ImageName", "app:latest")]).await;
    let uuid = images["ImageRiskList"][0]["Uuid"].as_str().unwrap();
    let one = format!(r#"{{"type":"image","target":["{uuid}"]}}"#);
    let two = r#"[{"Name":"CVE-2021-0002"},{"Name":"CVE-2021-0003","Type":"sca"}]"#;
    let parameters =
        [("Whitelist", two), ("Reason", "r"), ("Target", one.as_str()), ("Type", "cve")];
    ask(&server, "AddImageVulWhiteList", &parameters).await;
    let after = vulnerabilities(&server).await;
    assert_eq!((of(&after, "app:1.0"), of(&after, "app:latest")), (3, 2), "sca is another type");
    let list = ask(&server, "DescribeImageVulWhiteList", &[("PageSize", "1")]).await;
    assert_eq!(
        list["PageInfo"],
        json!({"Count": 1, "CurrentPage": 1, "PageSize": 1, "TotalCount": 2})
    );
    assert_eq!(list["ImageVulWhitelist"][0]["Target"], json!(one));
    assert_eq!(list["ImageVulWhitelist"][0]["AliasName"], json!("CVE-2021-0003"));
}

#[tokio::test]
async fn entries_that_cannot_be_are_named() {
    let server = filled().await;
    let add = async |parameters: &[(&str, &str)]| {
        refusal(&server, "AddImageVulWhiteList", parameters).await
    };
    assert!(add(&[("Whitelist", ENTRY)]).await.starts_with("MissingParameter: "));
    assert!(add(&[("Reason", "r")]).await.contains("\"Whitelist\""));
    for (name, value, wanted) in [
        ("Whitelist", "CVE-1", "\"Whitelist\""),
        ("Whitelist", "[]", "\"Whitelist\""),
        ("Whitelist", r#"[{"Type":"cve"}]"#, "\"Whitelist\""),
        ("Whitelist", r#"[{"Name":"CVE-1","Type":"os"}]"#, "\"os\" is not one of cve, sca"),
        ("Whitelist", r#"[{"Name":"MAL-2024-1"}]"#, "malicious package"),
        ("Type", "os", "\"Type\""),
        ("Source", "host", "\"Source\""),
        ("Target", "team/app", "\"Target\""),
        ("Target", r#"{"type":"repo","target":[]}"#, "name at least one repository"),
        ("Target", r#"{"type":"cluster","target":["a"]}"#, "\"Target\""),
        ("Target", r#"{"type":"image","target":["latest"]}"#, "\"Target\""),
        ("Target", r#"{"type":"repo","target":["a b"]}"#, "\"Target\""),
    ] {
        let mut parameters = vec![("Reason", "r"), (name, value)];
        if name != "Whitelist" {
            parameters.push(("Whitelist", ENTRY));
        }
        let message = add(&parameters).await;
        assert!(message.starts_with("InvalidParameter: "), "{message}");
        assert!(message.contains(wanted), "{name}={value}: {message}");
    }
    for (action, parameters) in [
        ("UpdateImageVulWhitelistTarget", [("Id", "7")]),
        ("UpdateImageVulWhitelistTarget", [("Id", "x")]),
        ("DeleteImageVulWhitelist", [("Ids", "7")]),
        ("DeleteImageVulWhitelist", [("Ids", "1,,2")]),
        ("DescribeImageVulWhiteList", [("PageSize", "101")]),
        ("GetImageEventOperation", [("Id", "7")]),
        ("UpdateImageEventOperation", [("Id", "7")]),
        ("DeleteImageEventOperation", [("Id", "9223372036854775808")]),
        ("DescribeImageEventOperationCondition", [("EventType", "maliciousFile")]),
    ] {
        let message = refusal(&server, action, &parameters).await;
        assert!(message.starts_with("InvalidParameter: "), "{action} {parameters:?}: {message}");
    }
    let missing = server.ask(&server.call(Scheme::V1, "DeleteImageVulWhitelist")).await;
    assert_eq!(missing.error(), refused("MissingParameter", 400));
    let list = ask(&server, "DescribeImageVulWhiteList", &[]).await;
    assert_eq!(list["PageInfo"]["TotalCount"], json!(0), "nothing was kept of what was refused");
}

const CONDITIONS: &str = r#"[{"condition":"MD5","type":"equals","value":"d41d8cd98f00b204e9800998ecf8427e"},{"condition":"PATH","type":"equals","value":"/etc/a.pem"}]"#;
const SCENARIO: &str = r#"{"type":"repo","value":"team/app"}"#;

#[tokio::test]
async fn rules_on_sensitive_files_are_kept_whole() {
    let server = filled().await;
    let parameters = [
        ("EventKey", "PEM"),
        ("EventName", "Private key"),
        ("EventType", "sensitiveFile"),
        ("OperationCode", "whitelist"),
        ("Conditions", CONDITIONS),
        ("Scenarios", SCENARIO),
        ("Note", "a test key"),
        ("Source", "image"),
    ];
    let added = ask(&server, "AddImageEventOperation", &parameters).await;
    let id = added["Data"]["Id"].as_i64().unwrap();
    assert_eq!(
        added["Data"],
        json!({
            "Conditions": CONDITIONS, "EventKey": "PEM", "EventName": "Private key",
            "EventType": "sensitiveFile", "Id": id, "OperationCode": "whitelist", "Scenarios": SCENARIO,
        })
    );
    let whole = json!({
        "Conditions": CONDITIONS, "EventKey": "PEM", "EventName": "Private key", "EventType": "sensitiveFile",
        "Id": id, "Note": "a test key", "OperationCode": "whitelist", "Scenarios": SCENARIO, "Source": "default",
    });
    let text = id.to_string();
    assert_eq!(ask(&server, "GetImageEventOperation", &[("Id", &text)]).await["Data"], whole);
    let path = r#"[{"condition":"PATH","type":"equals","value":"/a"}]"#;
    let other = [("EventKey", "AWS"), ("Conditions", path), ("Source", "agentless")];
    ask(&server, "AddImageEventOperation", &other).await;
    let page = async |parameters: &[(&str, &str)]| {
        ask(&server, "DescribeImageEventOperationPage", parameters).await["Data"].clone()
    };
    let all = page(&[("PageSize", "1"), ("CurrentPage", "2")]).await;
    assert_eq!(
        all,
        json!({"List": [whole], "PageInfo": {"CurrentPage": 2, "PageSize": 1, "TotalCount": 2}})
    );
    for (name, value, total) in [
        ("EventKey", "PEM", 1),
        ("EventName", "none", 0),
        ("Source", "default", 1),
        ("Source", "agentless", 1),
        ("Id", text.as_str(), 1),
        ("EventType", "sensitiveFile", 2),
    ] {
        let found = page(&[(name, value)]).await;
        assert_eq!(found["PageInfo"]["TotalCount"], json!(total), "{name}={value}");
    }
    let change =
        [("Id", text.as_str()), ("Note", "another"), ("Scenarios", r#"{"type":"default"}"#)];
    let changed = ask(&server, "UpdateImageEventOperation", &change).await;
    assert_eq!(changed["Data"], json!({"Id": id}));
    let read = ask(&server, "GetImageEventOperation", &[("Id", &text)]).await;
    assert_eq!(
        (&read["Data"]["Note"], &read["Data"]["Conditions"]),
        (&json!("another"), &json!(CONDITIONS))
    );
    assert_eq!(read["Data"]["Scenarios"], json!(r#"{"type":"default","value":""}"#));
    ask(&server, "DeleteImageEventOperation", &[("Id", &text)]).await;
    assert_eq!(page(&[]).await["PageInfo"]["TotalCount"], json!(1));
    for (name, value) in [
        ("Conditions", "MD5"),
        ("Conditions", "[]"),
        ("Conditions", r#"[{"condition":"NAME","type":"equals","value":"a"}]"#),
        ("Conditions", r#"[{"condition":"MD5","type":"equals","value":"12"}]"#),
        ("Scenarios", r#"{"type":"repo","value":""}"#),
        ("Scenarios", "{}"),
        ("Source", "host"),
        ("EventType", "webshell"),
        ("OperationCode", "delete"),
    ] {
        let mut parameters = vec![("EventKey", "PEM"), (name, value)];
        if name != "Conditions" {
            parameters.push(("Conditions", CONDITIONS));
        }
        let message = refusal(&server, "AddImageEventOperation", &parameters).await;
        assert!(message.contains(&format!("\"{name}\"")), "{name}={value}: {message}");
    }
}

/// Every member of every answer has the name and type that official clients are generated from.
#[tokio::test]
async fn answers_fit_the_clients_types() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/contract/vectors/action-schema.json");
    let Ok(text) = fs::read_to_string(path) else {
        println!("skipped: ../shared is not here");
        return;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let server = filled().await;
    for (action, parameters) in [
        ("AddImageVulWhiteList", vec![("Whitelist", ENTRY), ("Reason", "r")]),
        ("DescribeImageVulWhiteList", vec![]),
        ("UpdateImageVulWhitelistTarget", vec![("Id", "1"), ("Reason", "s")]),
        ("DeleteImageVulWhitelist", vec![("Ids", "1")]),
        (
            "AddImageEventOperation",
            vec![("EventKey", "PEM"), ("Conditions", CONDITIONS), ("Scenarios", SCENARIO)],
        ),
        ("GetImageEventOperation", vec![("Id", "1")]),
        ("DescribeImageEventOperationPage", vec![]),
        ("DescribeImageEventOperationCondition", vec![]),
        ("UpdateImageEventOperation", vec![("Id", "1"), ("Note", "n")]),
        ("DeleteImageEventOperation", vec![("Id", "1")]),
    ] {
        let reply = ask(&server, action, &parameters).await;
        fits(action, &reply, &schema["actions"][action]["response"]);
    }
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    let server = filled().await;
    let policy = plimsoll_store::Policy::allowing(["yundun-sas:Describe*"]);
    let key = server.store.create_key("reader", &policy, server.now()).await.unwrap();
    let mut call = server.call(Scheme::Acs3, "AddImageVulWhiteList");
    call.key_id = key.id;
    call.secret = key.secret.reveal().clone();
    let reply = server.ask(&call.with("Whitelist", ENTRY).with("Reason", "r")).await;
    assert_eq!(reply.error(), refused("NoPermission", 403));
    assert_eq!(server.store.ignore_rules().await.unwrap(), []);
}
