//! Scans that are asked for over the API: placing, following, canceling; the window; cycle tasks.

use plimsoll_store::{Retry, ScanRecord, SyncListing};
use serde_json::{Value, json};

use crate::{
    actions::{filled, numbers},
    fits::fitting,
    fleet::{digest, image, report},
    server::{Server, refused},
    signer::Scheme,
};

const LEAVES: &[(&str, &str)] =
    &[("TaskType", "IMAGE_SCAN"), ("CurrentPage", "1"), ("PageSize", "20"), ("RelateInfo", "true")];
const MAIN: &[(&str, &str)] = &[("TaskType", "IMAGE_SCAN"), ("TaskName", "IMAGE_SCAN")];

async fn error_of(server: &Server, action: &str, parameters: &[(&str, &str)]) -> (String, u16) {
    let mut call = server.call(Scheme::Acs3, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    server.ask(&call).await.error()
}

fn with<'a>(base: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    base.iter().chain(more).copied().collect()
}

/// Scans the next image in the queue; its number.
async fn scan_next(server: &Server) -> Option<u8> {
    let task = server.store.claim("test", server.now()).await.unwrap()?;
    let number = task.digest.as_bytes()[0];
    let report = report(number);
    let scan = ScanRecord { report: &report, detectors_version: "1" };
    server.store.record_scan(&task.lease, scan, server.now()).await.unwrap();
    Some(number)
}

#[tokio::test]
async fn a_selection_is_counted_ordered_and_followed() {
    let server = filled().await;
    for (parameters, wanted) in [
        (vec![], [6, 5]),
        (vec![("RepoNames", "app")], [2, 1]),
        (vec![("RepoNames", "app, solo"), ("Tags", "latest,9.9")], [2, 2]),
        (vec![("RegistryTypes", "docker-hub")], [2, 2]),
        (vec![("RepoNamespaces", "team"), ("RegionIds", "cn-hangzhou")], [3, 2]),
        (vec![("Digests", &*digest(1).hex())], [2, 1]),
        (vec![("InstanceIds", "cri-1")], [0, 0]),
        (vec![("RegionIds", "cn-beijing")], [0, 0]),
    ] {
        let counted = fitting(&server, "PublicPreCheckImageScanTask", &parameters).await;
        let wanted = json!({"Data": {"ScanImageCount": wanted[0], "NeedAuthCount": wanted[1]}});
        assert_eq!(counted, wanted, "{parameters:?}");
    }
    let wish: &[(&str, &str)] = &[("RepoNames", "app")];
    let created = fitting(&server, "PublicCreateImageScanTask", wish).await["Data"].clone();
    assert_eq!(
        created,
        json!({
            "CanCreate": true, "CollectTime": 1_795_568_400_000_i64, "ExecTime": 1_795_568_400_000_i64, "FinishCount": 0,
            "Progress": 0, "Result": "SUCCESS", "Status": "INIT", "TaskId": "1", "TotalCount": 2,
        })
    );
    let again = numbers(&server, "PublicCreateImageScanTask", wish).await;
    assert_eq!(again["Data"]["TaskId"], json!("1"), "the same wish is the same order");
    let waiting = fitting(&server, "ListUnfinishedOnceTask", &[("TaskType", "IMAGE_SCAN")]).await;
    assert_eq!(waiting["OnceTasks"].as_array().unwrap().len(), 2);

    let task = server.store.claim("test", server.now()).await.unwrap().unwrap();
    assert_eq!(task.digest, digest(1));
    let one = with(MAIN, &[("TaskId", "1")]);
    let running = fitting(&server, "GetOnceTaskResultInfo", &one).await;
    assert_eq!(
        (&running["TaskInfo"]["Status"], &running["FinishCount"]),
        (&json!("START"), &json!(0))
    );
    let leaves = fitting(&server, "DescribeOnceTaskLeafRecordPage", LEAVES).await;
    assert_eq!(leaves["OnceTasks"][0]["StatusText"], json!("START"));
    assert_eq!(
        leaves["OnceTasks"][0]["TaskImageInfo"]["Image"],
        json!("registry.example:5000/team/app:1.0")
    );
    let report = report(1);
    let scan = ScanRecord { report: &report, detectors_version: "1" };
    server.store.record_scan(&task.lease, scan, server.now()).await.unwrap();

    let last = fitting(&server, "GetLastOnceTaskInfo", MAIN).await;
    assert_eq!(
        last["TaskInfo"],
        json!({"Progress": 100, "Result": "SUCCESS", "Status": "SUCCESS"})
    );
    assert_eq!((&last["TaskId"], &last["FinishCount"]), (&json!(1), &json!(2)));
    let leaves = numbers(
        &server,
        "DescribeOnceTaskLeafRecordPage",
        &with(LEAVES, &[("StatusList.1", "SUCCESS")]),
    )
    .await;
    assert_eq!(leaves["PageInfo"]["TotalCount"], json!(2));
    assert_eq!(leaves["OnceTasks"][1]["FinishCount"], json!("1"));
    let none = numbers(&server, "ListUnfinishedOnceTask", &[("TaskType", "IMAGE_SCAN")]).await;
    assert_eq!(none["OnceTasks"], json!([]));

    let latest =
        fitting(&server, "DescribeImageLatestScanTask", &[("Digest", &digest(1).hex())]).await;
    let latest = &latest["Task"][0];
    let told =
        ["TaskId", "Source", "Status", "Target", "Finish"].map(|member| latest[member].clone());
    assert_eq!(
        told,
        [json!("1"), json!("openapi"), json!("SUCCESS"), json!(digest(1).hex()), json!(1)]
    );
    let by_sync =
        numbers(&server, "DescribeImageLatestScanTask", &[("Digest", &digest(5).to_string())])
            .await;
    let told =
        ["TaskId", "Source", "Status", "Finish"].map(|member| by_sync["Task"][0][member].clone());
    assert_eq!(told, [json!(""), json!("schedule"), json!("PROCESSING"), json!(0)]);
    let unknown =
        numbers(&server, "DescribeImageLatestScanTask", &[("Digest", &digest(77).hex())]).await;
    assert_eq!(unknown, json!({"Task": []}));
}

#[tokio::test]
async fn an_order_that_fails_says_why_and_one_that_is_canceled_is_not_done() {
    let server = filled().await;
    numbers(&server, "PublicCreateImageScanTask", &[("RepoNames", "solo")]).await;
    let task = server.store.claim("test", server.now()).await.unwrap().unwrap();
    server.store.fail(&task.lease, "layer 3 is missing", Retry::Never, server.now()).await.unwrap();
    let leaves = numbers(&server, "DescribeOnceTaskLeafRecordPage", LEAVES).await;
    let leaf = &leaves["OnceTasks"][0];
    assert_eq!(
        (&leaf["StatusText"], &leaf["ResultInfo"]),
        (&json!("FAIL"), &json!("layer 3 is missing"))
    );

    let wish: &[(&str, &str)] = &[("RepoNames", "web/front,python,nginx")];
    numbers(&server, "PublicCreateImageScanTask", wish).await;
    // Another order waits for one of them.
    numbers(&server, "PublicCreateImageScanTask", &[("RepoNames", "python")]).await;
    assert_eq!(numbers(&server, "CancelOnceTask", &[("TaskId", "2")]).await, json!({}));
    let tasks = fitting_tasks(&server).await;
    let told = ["TaskId", "TaskStatusText", "ResultInfo", "SuccessCount"]
        .map(|member| tasks[1][member].clone());
    assert_eq!(told, [json!("2"), json!("FAIL"), json!("canceled"), json!(0)]);
    assert_eq!((scan_next(&server).await, scan_next(&server).await), (Some(4), None));
    assert_eq!(fitting_tasks(&server).await[0]["TaskStatusText"], json!("SUCCESS"));
    let front = json!([{"name": "repoName", "value": "front"}]).to_string();
    let front = numbers(&server, "DescribeImageInstances", &[("Criteria", &front)]).await;
    assert_eq!(front["ImageInstanceList"][0]["ScaStatus"], json!("SUCCESS"), "as it was before");
    for id in ["9", "x"] {
        assert_eq!(
            error_of(&server, "CancelOnceTask", &[("TaskId", id)]).await,
            refused("InvalidParameter", 400)
        );
    }
}

async fn fitting_tasks(server: &Server) -> Value {
    let tasks = fitting(server, "DescribeOnceTask", &[("TaskType", "IMAGE_SCAN")]).await;
    tasks["TaskManageResponseList"].clone()
}

#[tokio::test]
async fn no_more_than_ten_orders_are_open() {
    let server = filled().await;
    for tags in [
        "1.0",
        "latest",
        "2.0",
        "9.9",
        "3.9",
        "1.27",
        "1.0,latest",
        "1.0,2.0",
        "1.0,9.9",
        "1.0,3.9",
    ] {
        let created = numbers(&server, "PublicCreateImageScanTask", &[("Tags", tags)]).await;
        assert_eq!(created["Data"]["CanCreate"], json!(true), "{tags}");
    }
    let more = numbers(&server, "PublicCreateImageScanTask", &[("Tags", "1.0,1.27")]).await;
    assert_eq!(
        (&more["Data"]["CanCreate"], &more["Data"]["Status"]),
        (&json!(false), &json!("FAIL"))
    );
    assert!(more["Data"].get("TaskId").is_none());
    let generated = numbers(&server, "GenerateOnceTask", &with(MAIN, &[("Param", "{}")])).await;
    assert_eq!(generated["CanCreate"], json!(false));
    // What a worker has not given back stays open: its image is in one of them.
    while scan_next(&server).await.is_some() {}
    let generated = fitting(&server, "GenerateOnceTask", &with(MAIN, &[("Param", "{}")])).await;
    assert_eq!((&generated["CanCreate"], &generated["TotalCount"]), (&json!(true), &json!(6)));
}

#[tokio::test]
async fn images_are_named_one_by_one() {
    let server = filled().await;
    let images = json!([
        {"registryType": "harbor", "repoNamespace": "team", "repoName": "app", "tag": "latest", "createTime": 1},
        {"registryType": "harbor", "repoName": "new", "digest": digest(50).hex()},
    ]);
    let created =
        fitting(&server, "PublicSyncAndCreateImageScanTask", &[("Images", &images.to_string())])
            .await;
    assert_eq!(created["Data"]["TotalCount"], json!(1));
    let ordered = server.store.ordered_syncs().await.unwrap();
    assert_eq!(
        ordered.into_keys().collect::<Vec<_>>(),
        [1],
        "the registries that may have the other"
    );
    for wrong in [
        "app",
        "[{}]",
        r#"[{"repoName":"app"}]"#,
        r#"[{"repoName":"app","digest":"12"}]"#,
        r#"[{"repoName":"app","tag":"1","instanceId":"i"}]"#,
    ] {
        let error =
            error_of(&server, "PublicSyncAndCreateImageScanTask", &[("Images", wrong)]).await;
        assert_eq!(error, refused("InvalidParameter", 400), "{wrong}");
    }
}

#[tokio::test]
async fn the_window_keeps_old_images_from_being_scanned() {
    let server = filled().await;
    let window = async || {
        fitting(&server, "GetRegistryScanDayNum", &[]).await["ScanDayNumConfig"]["ScanDayNum"]
            .clone()
    };
    assert_eq!(window().await, json!(0));
    numbers(&server, "SetRegistryScanDayNum", &[("ScanDayNum", "7")]).await;
    assert_eq!(window().await, json!(7));
    let images = vec![image("team/old", "1", 9)];
    let listing = SyncListing { images, ..SyncListing::default() };
    server.store.apply_sync(1, &listing, server.now()).await.unwrap();
    assert_eq!(scan_next(&server).await, None);
    // Whoever names it has it scanned.
    numbers(&server, "PublicCreateImageScanTask", &[("RepoNames", "old")]).await;
    assert_eq!(scan_next(&server).await, Some(9));
    let images = vec![image("team/old", "2", 10)];
    let listing = SyncListing { images, ..SyncListing::default() };
    server.store.apply_sync(1, &listing, server.now()).await.unwrap();
    numbers(&server, "SetRegistryScanDayNum", &[("ScanDayNum", "30")]).await;
    assert_eq!(scan_next(&server).await, Some(10), "a wider window takes it in");
    for days in ["-1", "3651"] {
        let error = error_of(&server, "SetRegistryScanDayNum", &[("ScanDayNum", days)]).await;
        assert_eq!(error, refused("InvalidParameter", 400));
    }
}

#[tokio::test]
async fn scans_are_counted_each_time() {
    let server = filled().await;
    let count = async |days: &str| {
        fitting(&server, "GetImageScanNumInPeriod", &[("PastDay", days)]).await["ImageScanData"]["ImageScanCount"].clone()
    };
    assert_eq!(count("1").await, json!(4));
    numbers(&server, "PublicCreateImageScanTask", &[("RepoNames", "solo")]).await;
    scan_next(&server).await.unwrap();
    assert_eq!(count("1").await, json!(5));
    let quota = fitting(&server, "DescribeImageScanAuthCount", &[]).await;
    assert_eq!(quota["ImageScan"], json!({"ImageScanCapacity": i32::MAX, "ScanCount": 5}));
    for days in ["0", "x"] {
        assert_eq!(
            error_of(&server, "GetImageScanNumInPeriod", &[("PastDay", days)]).await,
            refused("InvalidParameter", 400)
        );
    }
}

const CYCLE: &[(&str, &str)] = &[
    ("TaskType", "IMAGE_SCAN"),
    ("TaskName", "IMAGE_SCAN"),
    ("Enable", "1"),
    ("FirstDateStr", "1795564800000"),
    ("IntervalPeriod", "1"),
    ("PeriodUnit", "day"),
    ("TargetStartTime", "2"),
    ("TargetEndTime", "6"),
    ("Param", r#"{"targetInfo":[]}"#),
];

#[tokio::test]
async fn scans_begin_again_and_again() {
    let server = filled().await;
    let dry = fitting(&server, "CreateCycleTask", &with(CYCLE, &[("DryRun", "true")])).await;
    assert_eq!(dry["ConfigId"], json!(""));
    let with_token = with(CYCLE, &[("ClientToken", "one")]);
    let created = fitting(&server, "CreateCycleTask", &with_token).await;
    let id = created["ConfigId"].as_str().unwrap();
    assert_eq!(numbers(&server, "CreateCycleTask", &with_token).await, created);
    let list = fitting(&server, "DescribeCycleTaskList", &[]).await;
    assert_eq!(list["PageInfo"]["TotalCount"], json!(1));
    // Today at two: it is one o'clock.
    let due = plimsoll_model::Timestamp(1_795_572_000);
    assert_eq!(
        list["CycleScheduleResponseList"][0],
        json!({
            "ConfigId": id, "Enable": 1, "FirstDateStr": 1_795_564_800_000_i64, "IntervalPeriod": 1, "LastTaskId": "",
            "NextStartTimeStr": due.milliseconds(), "Param": r#"{"targetInfo":[]}"#, "PeriodUnit": "day",
            "TargetEndTime": 6, "TargetStartTime": 2, "TaskName": "IMAGE_SCAN", "TaskType": "IMAGE_SCAN",
        })
    );
    let begin = async |at| server.store.begin_cycle_tasks(None, at).await.unwrap();
    assert_eq!((begin(server.now()).await, begin(due).await, begin(due).await), (0, 1, 0));
    let list = numbers(&server, "DescribeCycleTaskList", &[("ConfigId", id)]).await;
    let task = &list["CycleScheduleResponseList"][0];
    assert_eq!(task["LastTaskId"], json!("1"));
    assert_eq!(task["NextStartTimeStr"], json!(due.milliseconds() + 86_400_000));
    assert_eq!(server.store.order(1).await.unwrap().unwrap().total, 6);

    numbers(
        &server,
        "ModifyCycleTask",
        &[("ConfigId", id), ("Enable", "0"), ("IntervalPeriod", "3")],
    )
    .await;
    let task =
        &numbers(&server, "DescribeCycleTaskList", &[]).await["CycleScheduleResponseList"][0];
    let told = ["Enable", "IntervalPeriod", "NextStartTimeStr"].map(|member| task[member].clone());
    assert_eq!(told, [json!(0), json!(3), json!(0)]);
    numbers(&server, "DeleteCycleTask", &[("ConfigId", id)]).await;
    let list = numbers(&server, "DescribeCycleTaskList", &[]).await;
    assert_eq!(list["CycleScheduleResponseList"], json!([]));
    for action in ["DeleteCycleTask", "ModifyCycleTask"] {
        assert_eq!(
            error_of(&server, action, &[("ConfigId", id)]).await,
            refused("InvalidParameter", 400)
        );
    }
    for (name, value) in [
        ("TaskType", "VIRUS_VUL_SCHEDULE_SCAN"),
        ("PeriodUnit", "week"),
        ("IntervalPeriod", "0"),
        ("TargetStartTime", "24"),
        ("TargetEndTime", "25"),
        ("Enable", "2"),
        ("Param", "{"),
    ] {
        let mut call = server.call(Scheme::Acs3, "CreateCycleTask");
        for (known, usual) in CYCLE {
            call = call.with(known, if *known == name { value } else { usual });
        }
        assert_eq!(
            server.ask(&call).await.error(),
            refused("InvalidParameter", 400),
            "{name}={value}"
        );
    }
}
