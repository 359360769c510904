"""Registries, the inventory, scans, builds and containers, for drive.py.

In: a report and a client, as drive.py makes them. Out: cases in the report. Odd: what is added is removed again; hosts end in
`.invalid`, so that nothing is asked of anybody.
"""

import json

from alibabacloud_sas20181203 import models

HARBOR = {
    "RegistryType": "harbor", "RegistryVersion": "V2", "ProtocolType": 2, "NetType": 1, "RegistryHostIp": "192.0.2.1",
    "RegistryRegionId": "cn-hangzhou", "UserName": "robot", "Password": "never shown", "ExtraParam": "[]",
}


def registries(report, client):
    """A registry is added, listed without its password, changed, removed."""
    before = client.call("PageImageRegistry", {})["PageInfo"]["TotalCount"]
    host = f"{client.name}.sdk.invalid"
    added = client.call("AddPrivateRegistry", {"DomainName": host, **HARBOR})["Data"]
    report.case(client, "registries: added", [added["DomainName"], added["Password"], added["RegistryType"]],
                [host, "******", "harbor"])
    page = client.call("PageImageRegistry", {"RegistryNameLike": host.upper()})
    report.case(client, "registries: found", [one["Id"] for one in page["List"]], [added["Id"]])
    report.case(client, "registries: one more", client.call("PageImageRegistry", {})["PageInfo"]["TotalCount"], before + 1)
    report.refused(client, "registries: twice", 400, "InvalidParameter",
                   lambda: client.call("AddPrivateRegistry", {"DomainName": host, **HARBOR}))
    changed = client.call("ModifyImageRegistry", {"Id": added["Id"], "UserName": "other", "TransPerHour": 7})
    listed = client.call("ListPrivateRegistryList", {"RegistryType": "harbor"})["ImageRegistryInfos"]
    one = next(info for info in listed if info["Id"] == added["Id"])
    report.case(client, "registries: changed", [changed["Success"], one["UserName"], one["TransPerHour"]], [True, "other", 7])
    types = {info["RegistryType"]: info["Count"] for info in client.call("ListPrivateRegistryType", {})["RegistryTypeInfos"]}
    report.case(client, "registries: types", types["harbor"], len(listed))
    shown = json.dumps([added, page, listed])
    report.case(client, "registries: no password", "never shown" in shown, False)
    gone = client.call("DeletePrivateRegistry", {"RegistryId": added["Id"]})
    report.case(client, "registries: removed", [gone["Data"], client.call("PageImageRegistry", {})["PageInfo"]["TotalCount"]],
                [True, before])
    report.refused(client, "registries: removed already", 400, "InvalidParameter",
                   lambda: client.call("DeletePrivateRegistry", {"RegistryId": added["Id"]}))


def inventory(report, client, images):
    """The inventory lists what ListImageRisk lists, with the same numbers."""
    listed = client.call("DescribeImageInstances", {"PageSize": 100})["ImageInstanceList"]
    numbers = {image["Uuid"]: [image["VulCount"], image["HcCount"], image["AlarmCount"]] for image in listed}
    wanted = {}
    for image in images:
        counts = json.loads(image["Statistics"])
        wanted[image["Uuid"]] = [counts["vul"], counts["baselineNum"], counts["newSuspicious"]]
    report.case(client, "inventory: numbers are those of the risk list", numbers, wanted)
    first = images[0]
    criteria = json.dumps([{"name": "repoId", "value": first["RepoId"]}, {"name": "tag", "value": first["Tag"], "logicalExp": "AND"}])
    found = client.call("DescribeImageInstances", {"Criteria": criteria})["ImageInstanceList"]
    report.case(client, "inventory: by repository and tag", first["Uuid"] in [one["Uuid"] for one in found], True)
    repositories = client.call("DescribeImageRepoDetailList", {"PageSize": 100})["ImageRepoResponses"]
    sums = {one["RepoId"]: one["VulCount"] for one in repositories}
    by_repository = {}
    for image in listed:
        by_repository[image["RepoId"]] = by_repository.get(image["RepoId"], 0) + image["VulCount"]
    report.case(client, "inventory: repositories are sums", sums, by_repository)
    infos = client.call("DescribeImageInfoList", {"Uuids": first["Uuid"]})["ImageInfos"]
    report.case(client, "inventory: by id", [[one["Digest"], one["Tag"]] for one in infos], [[first["Digest"], first["Tag"]]])
    resolved = client.call("DescribeImage", {
        "ImageInstanceId": "none", "ImageRegionId": first["RegionId"] or "none", "ImageRepoId": first["RepoId"],
        "ImageTag": first["Tag"]}) if first["RegionId"] else {"Data": {"Digest": first["Digest"]}}
    report.case(client, "inventory: digest of a tag", resolved["Data"]["Digest"], first["Digest"])
    names = [one["Name"] for one in client.call("DescribeImageRepoCriteria", {})["CriteriaList"]]
    report.case(client, "inventory: criteria", "riskStatus" in names and "repoName" in names, True)
    report.refused(client, "inventory: unknown criterion", 400, "InvalidParameter", lambda: client.call(
        "DescribeImageInstances", {"Criteria": json.dumps([{"name": "colour", "value": "red"}])}))


def scans(report, client, images):
    """An image is ordered to be scanned; the order is found, and canceled if it is still open."""
    first = images[0]
    wish = {"RepoIds": first["RepoId"], "Tags": first["Tag"]}
    counted = client.call("PublicPreCheckImageScanTask", wish)["Data"]
    report.case(client, "scans: counted", counted, {"ScanImageCount": 1, "NeedAuthCount": 1})
    created = client.call("PublicCreateImageScanTask", wish)["Data"]
    report.case(client, "scans: ordered", [created["CanCreate"], created["TotalCount"]], [True, 1])
    task = {"TaskType": "IMAGE_SCAN", "TaskName": "IMAGE_SCAN", "TaskId": created["TaskId"]}
    info = client.call("GetOnceTaskResultInfo", task)
    report.case(client, "scans: task", [str(info["TaskId"]), info["TaskInfo"]["Status"] in ["INIT", "START", "SUCCESS"]],
                [created["TaskId"], True])
    leaves = client.call("DescribeOnceTaskLeafRecordPage", {
        "TaskType": "IMAGE_SCAN", "TaskId": created["TaskId"], "CurrentPage": 1, "PageSize": 20, "RelateInfo": "true"})
    report.case(client, "scans: of the image", [leaf["TaskImageInfo"]["Image"] for leaf in leaves["OnceTasks"]], [first["Image"]])
    client.call("CancelOnceTask", {"TaskId": created["TaskId"]})
    ended = client.call("GetOnceTaskResultInfo", task)
    report.case(client, "scans: ended or canceled", ended["FinishCount"], 1)
    quota = client.call("DescribeImageScanAuthCount", {})["ImageScan"]
    report.case(client, "scans: quota", quota["ImageScanCapacity"] > quota["ScanCount"] > 0, True)
    latest = client.call("DescribeImageLatestScanTask", {"Digest": first["Digest"]})["Task"]
    report.case(client, "scans: latest", [one["Target"] for one in latest], [first["Digest"]])
    cycle = {"TaskType": "IMAGE_SCAN", "TaskName": "IMAGE_SCAN", "Enable": 0, "FirstDateStr": 1795564800000, "IntervalPeriod": 7,
             "PeriodUnit": "day", "TargetStartTime": 0, "TargetEndTime": 6, "ClientToken": f"sdk {client.name}"}
    ids = [client.call("CreateCycleTask", cycle)["ConfigId"] for _ in range(2)]
    report.case(client, "cycle: once for a client token", ids[0], ids[1])
    listed = client.call("DescribeCycleTaskList", {"ConfigId": ids[0]})["CycleScheduleResponseList"]
    report.case(client, "cycle: listed", [[one["IntervalPeriod"], one["NextStartTimeStr"]] for one in listed], [[7, 0]])
    client.call("DeleteCycleTask", {"ConfigId": ids[0]})
    window = client.call("GetRegistryScanDayNum", {})["ScanDayNumConfig"]["ScanDayNum"]
    client.call("SetRegistryScanDayNum", {"ScanDayNum": 365})
    report.case(client, "scans: window", client.call("GetRegistryScanDayNum", {})["ScanDayNumConfig"]["ScanDayNum"], 365)
    client.call("SetRegistryScanDayNum", {"ScanDayNum": window})


def builds(report, client):
    """A registry of builds is made, an image announced, the token made anew."""
    name = f"builds of {client.name}"
    made = client.call("CreateJenkinsImageRegistry", {"RegistryName": name, "RegistryType": "CI/CD", "PersistenceDay": 3})["Data"]
    report.case(client, "builds: made", [made["RegistryName"], made["PersistenceDay"], len(made["Token"]) > 30], [name, 3, True])
    build = {"Namespace": "sdk", "RepoName": "app", "Tag": client.name, "Digest": "ab" * 32, "ImageSize": 10}
    announced = client.call("CreateJenkinsImageScanTask", {"Token": made["Token"], **build})["Data"]
    found = client.call("DescribeImageInfoList", {"Uuids": announced["Uuid"]})["ImageInfos"]
    report.case(client, "builds: announced", [[one["RegistryType"], one["Tag"]] for one in found], [["CI/CD", client.name]])
    token = client.call("RefreshRegistryToken", {"RegistryId": made["Id"]})["Data"]
    report.refused(client, "builds: the old token", 400, "InvalidParameter",
                   lambda: client.call("CreateJenkinsImageScanTask", {"Token": made["Token"], **build}))
    again = client.call("CreateJenkinsImageScanTask", {"Token": token, **build})["Data"]
    report.case(client, "builds: the new token", again["Uuid"], announced["Uuid"])
    report.case(client, "builds: removed", client.call("DeletePrivateRegistry", {"RegistryId": made["Id"]})["Data"], True)


def containers(report, client):
    """Groups by cluster are the containers; ListImageRisk takes their ids."""
    instances = client.call("DescribeContainerInstances", {"PageSize": 100})
    groups = client.call("DescribeGroupedContainerInstances", {"GroupField": "clusterId", "PageSize": 100})
    groups = groups["GroupedContainerInstanceList"]
    report.case(client, "containers: groups are all of them", sum(group["InstanceCount"] for group in groups),
                instances["PageInfo"]["TotalCount"])
    fields = client.call("DescribeContainerFieldStatistics", {})["ContainerGroupedFields"]
    report.case(client, "containers: counted", [fields["ClusterCount"], fields["ContainerCount"]],
                [len(groups), instances["PageInfo"]["TotalCount"]])
    for group in groups:
        found = client.call("ListImageRisk", {"ClusterId": group["ClusterId"], "PageSize": 100})["ImageRiskList"]
        own = {one["ImageUuid"] for one in instances["ContainerInstanceList"]
               if one["ClusterId"] == group["ClusterId"] and one["ImageUuid"]}
        report.case(client, "containers: their images run there", own <= {image["Uuid"] for image in found}, True)
        apps = client.call("DescribeContainerApps", {"ClusterId": group["ClusterId"], "CurrentPage": 1, "PageSize": 100})
        report.case(client, "containers: applications", group["AppName"] in apps["TagValues"], True)


def fleet(report, client, images):
    """All of it."""
    registries(report, client)
    inventory(report, client, images)
    scans(report, client, images)
    builds(report, client)
    containers(report, client)


def typed_fleet(report, client, images):
    """The current client's own methods and models, which decide what is sent as a form."""
    request = models.PageImageRegistryRequest(current_page=1, page_size=5, registry_type_not_in_list=["quay", "CI/CD"])
    page = client.typed("page_image_registry", request)
    report.case(client, "typed: registries", page["PageInfo"]["Count"], len(page["List"]))
    request = models.DescribeImageInstancesRequest(current_page=1, page_size=100, scanned=True)
    listed = client.typed("describe_image_instances", request)["ImageInstanceList"]
    report.case(client, "typed: inventory", {one["Uuid"] for one in listed} <= {image["Uuid"] for image in images}, True)
    made = client.typed("create_jenkins_image_registry", models.CreateJenkinsImageRegistryRequest(
        registry_name="typed builds", registry_type="CI/CD", net_type=1, protocol_type=2, persistence_day=1))["Data"]
    announced = client.typed("create_jenkins_image_scan_task", models.CreateJenkinsImageScanTaskRequest(
        token=made["Token"], repo_name="app", tag="typed", image_id="cd" * 32, image_size=1))["Data"]
    report.case(client, "typed: build", [made["RegistryName"], bool(announced["Uuid"])], ["typed builds", True])
    renamed = client.typed("update_jenkins_image_registry_name", models.UpdateJenkinsImageRegistryNameRequest(
        registry_id=made["Id"], registry_name="typed builds again"))
    gone = client.typed("delete_private_registry", models.DeletePrivateRegistryRequest(registry_id=made["Id"]))
    report.case(client, "typed: renamed and gone", [renamed["Data"], gone["Data"]], [True, True])
    page = client.typed("describe_once_task_leaf_record_page", models.DescribeOnceTaskLeafRecordPageRequest(
        current_page=1, page_size=20, relate_info=True, task_type="IMAGE_SCAN", status_list=["SUCCESS", "FAIL"]))
    report.case(client, "typed: sub-tasks", all(one["Finish"] == 1 for one in page["OnceTasks"]), True)
    groups = client.typed("describe_grouped_container_instances", models.DescribeGroupedContainerInstancesRequest(
        group_field="namespace", current_page=1, page_size=20))
    report.case(client, "typed: containers", groups["PageInfo"]["Count"], len(groups["GroupedContainerInstanceList"]))
