//! Harbor: numbered pages, names encoded twice, robots with few rights.

use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, RegistryError, Visibility,
    kind::{ApiSettings, RepositoryEntry},
};
use serde_json::{Value, json};

use super::{at, digest, number, page, query, refusal};
use crate::{
    content::PASSWORD,
    origin::{Origin, Reply, Request},
};

/// What robots may not do.
#[derive(Clone, Copy, PartialEq)]
enum Rights {
    Full,
    /// Neither the list of projects nor projects themselves.
    NoProjects,
    /// No list over all projects.
    NoOverall,
}

struct Harbor {
    rights: Rights,
    states_total: bool,
    artifacts: Vec<Value>,
}

fn projects() -> Vec<Value> {
    vec![
        json!({"project_id": 1, "name": "library", "metadata": {"public": "true"}, "repo_count": 1}),
        json!({"project_id": 2, "name": "007", "metadata": {"public": "false"}, "repo_count": 1}),
        json!({"project_id": 3, "name": "team", "metadata": {"public": "false"}, "repo_count": 203}),
    ]
}

fn repositories() -> Vec<Value> {
    let team = (0..203).map(|n| format!("team/deep/app{n:03}"));
    let all = ["library/nginx".to_owned(), "007/bond".to_owned()].into_iter().chain(team);
    all.enumerate().map(|(id, name)| json!({"id": id, "name": name, "artifact_count": 1})).collect()
}

impl Harbor {
    fn reply(&self, request: &Request) -> Reply {
        if request.path() == "/v2/" {
            return Reply::json("{}");
        }
        let basic = "Basic cm9ib3Qkc3luYzpjNG40cnktcGFzc3cwcmQ=";
        if request.header("authorization") != Some(basic) {
            return refusal(401, "UNAUTHORIZED");
        }
        let Some(path) = request.path().strip_prefix("/api/v2.0/") else {
            return Reply::new(404);
        };
        let parts: Vec<&str> = path.split('/').collect();
        let by_name = request.header("x-is-resource-name") == Some("true");
        match parts.as_slice() {
            ["projects", ..] if self.rights == Rights::NoProjects && parts.len() < 3 => {
                refusal(403, "FORBIDDEN")
            }
            ["projects"] => self.list(request, &projects()),
            ["projects", name] => {
                let is_it = |one: &&Value| one["name"] == *name && (by_name || *name != "007");
                match projects().iter().find(is_it) {
                    Some(project) => Reply::json(&project.to_string()),
                    None => refusal(404, "NOT_FOUND"),
                }
            }
            ["repositories"] if self.rights == Rights::NoOverall => refusal(403, "FORBIDDEN"),
            ["repositories"] => self.list(request, &repositories()),
            ["projects", name, "repositories"] => {
                let prefix = format!("{name}/");
                let of_it = |one: &Value| one["name"].as_str().unwrap().starts_with(&prefix);
                let some: Vec<Value> = repositories().into_iter().filter(of_it).collect();
                self.list(request, &some)
            }
            ["projects", "team", "repositories", "deep%252Fapp007", "artifacts"] => {
                assert_eq!(query(request, "with_tag").as_deref(), Some("true"));
                assert_eq!(query(request, "with_immutable_status").as_deref(), Some("true"));
                self.list(request, &self.artifacts)
            }
            _ => refusal(404, "NOT_FOUND"),
        }
    }

    fn list(&self, request: &Request, all: &[Value]) -> Reply {
        let size = number(request, "page_size").unwrap_or(10);
        if size > 100 {
            return refusal(422, "UNPROCESSABLE_ENTITY");
        }
        let some = page(all, number(request, "page").unwrap_or(1), size);
        let reply = Reply::json(&Value::from(some).to_string());
        if self.states_total {
            return reply.header("X-Total-Count", &all.len().to_string());
        }
        reply
    }
}

fn robot() -> Credentials {
    Credentials::new("robot$sync", Secret::new(PASSWORD.to_owned()))
}

async fn harbor(rights: Rights, states_total: bool, artifacts: Vec<Value>) -> Origin {
    let harbor = Harbor { rights, states_total, artifacts };
    Origin::start(move |request| harbor.reply(request)).await
}

#[tokio::test]
async fn repositories_of_all_projects_come_by_pages_with_their_visibility() {
    use Rights::{Full, NoOverall, NoProjects};
    for (rights, states_total) in
        [(Full, true), (Full, false), (NoOverall, true), (NoProjects, true)]
    {
        let origin = harbor(rights, states_total, Vec::new()).await;
        let adapter = at("harbor", &origin, Some(robot()), ApiSettings::default());
        let entries = adapter.list_repositories().await.unwrap();
        assert_eq!(entries.len(), 205);
        let visibility = |name: &str| {
            entries.iter().find(|entry| entry.name == name).map(|entry| entry.visibility).unwrap()
        };
        let wanted = match rights {
            NoProjects => [None, None, None],
            Full | NoOverall => {
                [Some(Visibility::Public), Some(Visibility::Private), Some(Visibility::Private)]
            }
        };
        let found = ["library/nginx", "007/bond", "team/deep/app202"].map(visibility);
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn named_projects_are_asked_for_alone() {
    let origin = harbor(Rights::Full, true, Vec::new()).await;
    let api = ApiSettings { namespaces: vec!["007".into()], ..ApiSettings::default() };
    let entries = at("harbor", &origin, Some(robot()), api).list_repositories().await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].name.as_str(), entries[0].visibility),
        ("007/bond", Some(Visibility::Private))
    );
    assert!(origin.requests().iter().all(|request| request.target.contains("/projects/007")));
}

#[tokio::test]
async fn artifacts_give_tags_with_digest_immutability_and_kind() {
    let artifact = |n: u32, kind: &str, tags: Value| json!({"id": n, "type": kind, "digest": digest(n), "push_time": "2026-11-01T10:00:00.123Z", "tags": tags});
    let mut artifacts = vec![
        artifact(
            1,
            "IMAGE",
            json!([
                {"id": 1, "name": "1.0", "push_time": "2026-11-02T10:00:00.5Z", "immutable": true},
                {"id": 2, "name": "latest", "push_time": "0001-01-01T00:00:00.000Z", "immutable": false},
            ]),
        ),
        artifact(2, "CHART", json!([{"id": 3, "name": "chart-1"}])),
        artifact(3, "IMAGE", Value::Null),
        json!({"id": 4, "type": "IMAGE", "digest": "sha512:00", "tags": [{"name": "odd"}]}),
    ];
    artifacts.extend((10..130).map(|n| artifact(n, "IMAGE", json!([{"name": format!("v{n}")}]))));
    let origin = harbor(Rights::Full, true, artifacts).await;
    let adapter = at("harbor", &origin, Some(robot()), ApiSettings::default());
    let tags = adapter.list_tags(&RepositoryEntry::named("team/deep/app007")).await.unwrap();
    assert_eq!(tags.len(), 124);
    let tag = |name: &str| tags.iter().find(|tag| tag.name == name).unwrap();
    let first = tag("1.0");
    assert_eq!(first.digest.unwrap().to_string(), digest(1));
    assert_eq!((first.is_immutable, &first.other), (true, &None));
    assert_eq!(first.pushed.unwrap().to_string(), "2026-11-02T10:00:00Z");
    assert_eq!((tag("latest").is_immutable, tag("latest").pushed), (false, None));
    assert!(tag("chart-1").other.as_ref().unwrap().contains("CHART"));
    assert_eq!(tag("odd").digest, None);
    assert_eq!(tag("v129").digest.unwrap().to_string(), digest(129));

    let missing = adapter.list_tags(&RepositoryEntry::named("team/gone")).await.unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");
    assert!(missing.to_string().contains("the artifacts of `team/gone`"), "{missing}");
}

#[tokio::test]
async fn a_wrong_password_names_the_account_and_not_the_password() {
    let origin = harbor(Rights::Full, true, Vec::new()).await;
    let wrong = Credentials::new("robot$sync", Secret::new("wr0ng".into()));
    let adapter = at("harbor", &origin, Some(wrong), ApiSettings::default());
    let error = adapter.list_repositories().await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 401, .. }), "{error}");
    assert!(error.to_string().contains("the account `robot$sync`"), "{error}");
    assert!(!format!("{error} {error:?} {adapter:?}").contains("wr0ng"));
}

/// What a sync does without, an account that is tried may lack.
#[tokio::test]
async fn an_account_that_may_not_list_projects_is_let_in_and_a_wrong_one_is_not() {
    for rights in [Rights::Full, Rights::NoProjects] {
        let origin = harbor(rights, true, Vec::new()).await;
        at("harbor", &origin, Some(robot()), ApiSettings::default()).probe().await.unwrap();
        let wrong = Credentials::new("robot$sync", Secret::new("wr0ng".into()));
        let adapter = at("harbor", &origin, Some(wrong), ApiSettings::default());
        let error = adapter.probe().await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { status: 401, .. }), "{error}");
    }
}

/// A list that never ends is given up, and one that hides all it has is not believed.
#[tokio::test]
async fn a_total_that_is_too_high_ends_with_the_first_empty_page_that_is_not_the_first() {
    let origin = Origin::start(|request| {
        let entries = match (request.path(), number(request, "page")) {
            (path, None) => return Reply::json(&json!({ "name": path }).to_string()),
            ("/api/v2.0/projects/a/repositories", Some(1)) => r#"[{"id":1,"name":"a/b"}]"#,
            _ => "[]",
        };
        Reply::json(entries).header("X-Total-Count", "1000000")
    })
    .await;
    let of = |project: &str| {
        let api = ApiSettings { namespaces: vec![project.into()], ..ApiSettings::default() };
        at("harbor", &origin, None, api)
    };
    let entries = of("a").list_repositories().await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["a/b"]);
    let error = of("hidden").list_repositories().await.unwrap_err();
    assert!(error.to_string().contains("1000000 entries, and shows none"), "{error}");
    let adapter = at("harbor", &origin, None, ApiSettings::default());
    let error = adapter.repository("../x").await.unwrap_err();
    assert!(matches!(error, RegistryError::Name(_)), "{error}");
}
