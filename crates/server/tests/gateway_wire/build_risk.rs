//! Risks of build instructions through signed requests: lists, decisions, which are asked for.

use std::{collections::BTreeMap, fs};

use plimsoll_model::{Kind, Level};
use serde_json::{Value, json};

use crate::{
    actions::fits,
    fleet::{failed_check, fill, scan_again},
    server::Server,
    whitelist::{ask, refusal},
};

/// Two images with two risks, one with one.
async fn filled() -> Server {
    let server = Server::start().await;
    fill(&server).await;
    let check = |id, level| failed_check(Kind::Build, id, level);
    let several = vec![check("no_user", Level::Medium), check("secret_in_env", Level::High)];
    scan_again(&server, 1, several).await;
    scan_again(&server, 2, vec![check("no_user", Level::Medium)]).await;
    server
}

async fn ids(server: &Server) -> BTreeMap<String, String> {
    let list = ask(server, "ListImageRisk", &[]).await;
    let images = list["ImageRiskList"].as_array().unwrap().iter();
    let named = images.map(|image| {
        let name = format!("{}:{}", image["RepoName"], image["Tag"]).replace('"', "");
        (name, image["Uuid"].as_str().unwrap().to_owned())
    });
    named.collect()
}

/// Key, images that have it, images in which it is unhandled.
async fn risks(server: &Server, parameters: &[(&str, &str)]) -> Vec<(String, u64, u64)> {
    let found = ask(server, "DescribeImageBuildRiskList", parameters).await;
    let mut risks = Vec::new();
    for risk in found["Data"]["List"].as_array().unwrap() {
        let key = risk["RiskKey"].as_str().unwrap().to_owned();
        let (count, open) =
            (risk["Count"].as_u64().unwrap(), risk["UnprocessedNum"].as_u64().unwrap());
        // The lists beneath are as long.
        for (parameters, wanted) in [
            (vec![("RiskKey", key.as_str())], count),
            (vec![("RiskKey", key.as_str()), ("Status", "0")], open),
        ] {
            let images = ask(server, "DescribeImageListByBuildRisk", &parameters).await;
            assert_eq!(images["Data"]["PageInfo"]["TotalCount"], wanted, "{parameters:?}");
        }
        risks.push((key, count, open));
    }
    risks
}

fn risk(key: &str, count: u64, open: u64) -> (String, u64, u64) {
    (key.to_owned(), count, open)
}

async fn images(server: &Server, parameters: &[(&str, &str)]) -> Vec<(String, i64)> {
    let found = ask(server, "DescribeImageListByBuildRisk", parameters).await;
    let images = found["Data"]["List"].as_array().unwrap().iter();
    let named = images.map(|image| {
        let name = format!("{}:{}", image["RepoName"], image["Tag"]).replace('"', "");
        (name, image["Status"].as_i64().unwrap())
    });
    named.collect()
}

#[tokio::test]
async fn lists_are_what_images_have() {
    let server = filled().await;
    let known = ask(&server, "ListImageBuildRiskItem", &[]).await;
    let known = known["Data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["ItemKey"].as_str().unwrap().to_owned());
    let checks = plimsoll_scanner::checks().iter().filter(|check| check.kind() == Kind::Build);
    assert!(known.eq(checks.map(|check| check.id().to_owned())));
    let all = [risk("secret_in_env", 2, 2), risk("no_user", 3, 3)];
    assert_eq!(risks(&server, &[]).await, all);
    for (parameters, wanted) in [
        (vec![("RiskLevel", "high")], &all[..1]),
        (vec![("RiskLevel", "low")], &[][..]),
        (vec![("Criteria", "NO_USER")], &all[1..]),
        (vec![("Criteria", "secret"), ("CriteriaType", "RiskClassName")], &all[..1]),
        (vec![("PageSize", "1"), ("CurrentPage", "2")], &all[1..]),
    ] {
        assert_eq!(risks(&server, &parameters).await, wanted, "{parameters:?}");
    }
    let named = ["app:1.0", "app:latest", "web/front:2.0"].map(|name| (name.to_owned(), 0));
    for (parameters, wanted) in [
        (vec![], &named[..]),
        (vec![("RiskKey", "secret_in_env")], &named[..2]),
        (vec![("RiskKey", "no_such")], &[][..]),
        (vec![("Criteria", "FRONT")], &named[2..]),
        (vec![("Criteria", "ea"), ("CriteriaType", "RepoNamespace")], &named[..]),
        (vec![("Criteria", "%")], &[][..]),
        (vec![("RiskLevel", "high")], &named[..2]),
        (vec![("Status", "1")], &[][..]),
    ] {
        assert_eq!(images(&server, &parameters).await, wanted, "{parameters:?}");
    }
    let app = ids(&server).await["app:1.0"].clone();
    let found =
        ask(&server, "DescribeImageBuildRiskByKey", &[("ImageUuid", &app), ("RiskKey", "no_user")])
            .await;
    let one = &found["Data"]["List"][0];
    assert_eq!(
        found["Data"]["PageInfo"],
        json!({"CurrentPage": 1, "PageSize": 20, "TotalCount": 1})
    );
    assert_eq!(
        (&one["LayerCmd"], &one["Promt"]),
        (&json!("RUN no_user"), &json!("what no_user saw"))
    );
    assert_eq!(
        (&one["Advice"], &one["Description"]),
        (&json!("mend no_user"), &json!("why no_user matters"))
    );
}

#[tokio::test]
async fn a_decision_holds_where_it_was_taken() {
    let server = filled().await;
    let ids = ids(&server).await;
    let counters = ask(&server, "ListImageRisk", &[]).await["ImageRiskList"].clone();
    let both = format!("{},{}", ids["app:1.0"], ids["web/front:2.0"]);
    let set =
        |status| vec![("ImageUuids", both.as_str()), ("RiskKey", "no_user"), ("Status", status)];
    let made =
        ask(&server, "SetImageBuildRiskStatus", &set("1")).await["Data"]["Id"].as_i64().unwrap();
    assert!(made > 0);
    // Again changes nothing.
    assert!(
        ask(&server, "SetImageBuildRiskStatus", &set("1")).await["Data"]["Id"].as_i64().unwrap()
            > 0
    );
    assert_eq!(server.store.ignore_rules().await.unwrap().len(), 2);
    assert_eq!(risks(&server, &[]).await, [risk("secret_in_env", 2, 2), risk("no_user", 3, 1)]);
    let of_key = |status| vec![("RiskKey", "no_user"), ("Status", status)];
    assert_eq!(
        images(&server, &of_key("1")).await,
        [("app:1.0".to_owned(), 1), ("web/front:2.0".to_owned(), 1)]
    );
    assert_eq!(images(&server, &of_key("0")).await, [("app:latest".to_owned(), 0)]);
    ask(&server, "SetImageBuildRiskStatus", &set("2")).await;
    assert!(images(&server, &of_key("1")).await.is_empty());
    assert_eq!(images(&server, &of_key("2")).await.len(), 2);
    let app = ids["app:1.0"].as_str();
    for (status, wanted) in [("0", 1), ("2", 1), ("1", 0)] {
        let found =
            ask(&server, "DescribeImageBuildRiskByKey", &[("ImageUuid", app), ("Status", status)])
                .await;
        assert_eq!(found["Data"]["PageInfo"]["TotalCount"], wanted, "{status}");
    }
    // Build risks are in no counter.
    assert_eq!(ask(&server, "ListImageRisk", &[]).await["ImageRiskList"], counters);
    assert_eq!(ask(&server, "SetImageBuildRiskStatus", &set("0")).await["Data"]["Id"], 0);
    assert_eq!(risks(&server, &[]).await, [risk("secret_in_env", 2, 2), risk("no_user", 3, 3)]);
    assert!(server.store.ignore_rules().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_asked_for_is_in_no_list() {
    let server = filled().await;
    let config = ask(&server, "GetBuildRiskDefineRuleConfig", &[]).await["Data"].clone();
    assert_eq!(config["RuleCount"], config["SelectedCount"]);
    let tree = |without: &str| -> String {
        let classes = config["RuleTree"].as_array().unwrap().iter().map(|class| {
            let rules =
                class["RuleList"].as_array().unwrap().iter().map(|rule| rule["RuleKey"].clone());
            let rules: Vec<Value> = rules.filter(|key| key != without).collect();
            json!({"classKey": class["ClassKey"], "ruleList": rules})
        });
        json!(classes.collect::<Vec<Value>>()).to_string()
    };
    let changed =
        ask(&server, "SetBuildRiskDefineRuleConfig", &[("Config", &tree("no_user"))]).await;
    assert_eq!(changed["Data"]["Id"], config["Id"]);
    assert_eq!(risks(&server, &[]).await, [risk("secret_in_env", 2, 2)]);
    let now = ask(&server, "GetBuildRiskDefineRuleConfig", &[]).await["Data"].clone();
    assert_eq!(now["SelectedCount"].as_u64().unwrap() + 1, now["RuleCount"].as_u64().unwrap());
    ask(&server, "SetBuildRiskDefineRuleConfig", &[("Config", &tree(""))]).await;
    assert_eq!(risks(&server, &[]).await, [risk("secret_in_env", 2, 2), risk("no_user", 3, 3)]);
}

#[tokio::test]
async fn bad_input_is_refused_by_its_name() {
    let server = filled().await;
    let app = ids(&server).await["app:1.0"].clone();
    let app = app.as_str();
    let set = |uuids: &'static str, key: &'static str, status: &'static str| {
        vec![("ImageUuids", uuids), ("RiskKey", key), ("Status", status)]
    };
    for (action, parameters, wanted) in [
        ("DescribeImageBuildRiskList", vec![("CriteriaType", "x")], "CriteriaType"),
        ("DescribeImageBuildRiskList", vec![("RiskLevel", "x")], "RiskLevel"),
        ("DescribeImageListByBuildRisk", vec![("Status", "3")], "Status"),
        ("DescribeImageListByBuildRisk", vec![("CurrentPage", "0")], "CurrentPage"),
        ("DescribeImageBuildRiskByKey", vec![], "ImageUuid"),
        ("DescribeImageBuildRiskByKey", vec![("ImageUuid", "none")], "ImageUuid"),
        (
            "SetImageBuildRiskStatus",
            vec![("ImageUuids", app), ("RiskKey", "no_user"), ("Status", "3")],
            "Status",
        ),
        ("SetImageBuildRiskStatus", set("none", "no_user", "1"), "ImageUuids"),
        ("SetImageBuildRiskStatus", set(",", "no_user", "1"), "ImageUuids"),
        ("SetImageBuildRiskStatus", vec![("ImageUuids", app), ("Status", "1")], "RiskKey"),
        ("SetBuildRiskDefineRuleConfig", vec![], "Config"),
        ("SetBuildRiskDefineRuleConfig", vec![("Config", "{}")], "Config"),
        (
            "SetBuildRiskDefineRuleConfig",
            vec![("Config", r#"[{"classKey":"secret","ruleList":["no_user"]}]"#)],
            "Config",
        ),
    ] {
        let message = refusal(&server, action, &parameters).await;
        assert!(message.contains(&format!("\"{wanted}\"")), "{action} {parameters:?}: {message}");
    }
    assert!(server.store.ignore_rules().await.unwrap().is_empty());
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
    let app = ids(&server).await["app:1.0"].clone();
    for (action, parameters) in [
        ("ListImageBuildRiskItem", vec![]),
        ("DescribeImageBuildRiskList", vec![]),
        ("DescribeImageListByBuildRisk", vec![]),
        ("DescribeImageBuildRiskByKey", vec![("ImageUuid", app.as_str())]),
        (
            "SetImageBuildRiskStatus",
            vec![("ImageUuids", app.as_str()), ("RiskKey", "no_user"), ("Status", "1")],
        ),
        ("GetBuildRiskDefineRuleConfig", vec![]),
        (
            "SetBuildRiskDefineRuleConfig",
            vec![("Config", r#"[{"classKey":"other","ruleList":["no_user"]}]"#)],
        ),
    ] {
        let reply = ask(&server, action, &parameters).await;
        fits(action, &reply, &schema["actions"][action]["response"]);
    }
}
