"""Failed checks and build risks through the SDKs: lists agree with counters, decisions and strategies hold and are taken back."""

import json

from alibabacloud_sas20181203 import models


def every(client, action, members, parameters):
    """All entries of a list, page by page."""
    entries, page = [], 1
    while True:
        answer = client.call(action, {**parameters, "CurrentPage": page, "PageSize": 50})
        place = answer.get("Data", answer)
        entries += place[members]
        if len(entries) >= place["PageInfo"]["TotalCount"] or not place[members]:
            return entries
        page += 1


def details(client):
    """Counters of each scanned image, by its id."""
    counters = {}
    for image in client.call("ListImageRisk", {"PageSize": 100})["ImageRiskList"]:
        path = f"{image['RepoNamespace']}/{image['RepoName']}".lstrip("/")
        found = client.call("ListDockerhubImage", {"Query": f"{path}:{image['Tag']}"})["ImageList"]
        counters |= {one["Uuid"]: json.loads(one["RiskLevelDetail"]) for one in found}
    return counters


def baseline_of(detail):
    return [detail["imageBaselineHigh"], detail["imageBaselineMedium"], detail["imageBaselineLow"]]


def baseline_lists(report, client):
    """I3, I4, I5 and I9 over all images; the summary is the sum of what images have."""
    counters, agree, levels = details(client), [], {}
    for uuid, detail in counters.items():
        open_items = every(client, "DescribeImageBaselineItemList", "BaselineItemInfos", {"ImageUuid": uuid, "Status": "0"})
        found = [0, 0, 0]
        for item in open_items:
            about = client.call("DescribeImageBaselineDetail",
                                {"ImageUuid": uuid, "BaselineItemKey": item["BaselineItemKey"]})["BaselineDetail"]
            place = ["high", "medium", "low"].index(about["Level"])
            found[place] += 1
            agree.append(bool(about["Prompt"] and about["Advice"] and about["Description"] and about["ResultId"]))
            levels.setdefault(item["BaselineNameKey"], [set(), set(), set()])[place].add(uuid)
        agree.append(found == baseline_of(detail) and sum(found) == detail["imageBaselineNum"])
    report.case(client, "baseline: items are what the counters say", all(agree), True)
    summary = every(client, "DescribeImageBaselineCheckSummary", "BaselineResultSummary", {})
    names = ["HighRiskImage", "MiddleRiskImage", "LowRiskImage"]
    report.case(client, "baseline: the summary is the sum over the images",
                {one["BaselineNameKey"]: [one[name] for name in names] for one in summary},
                {name: [len(images) for images in sets] for name, sets in levels.items()})
    for one in summary:
        images = every(client, "DescribeImageListWithBaselineName", "ImageInfos",
                       {"BaselineNameKey": one["BaselineNameKey"]})
        report.case(client, f"baseline: images of {one['BaselineNameKey']}", sorted(image["Uuid"] for image in images),
                    sorted(set().union(*levels[one["BaselineNameKey"]])))
    return counters, levels


def baseline_decisions(report, client, counters, levels):
    """A white list and a strategy lower what they name, and give it back."""
    uuid, detail = next((uuid, detail) for uuid, detail in counters.items() if detail["imageBaselineNum"] > 0)
    item = client.call("DescribeImageBaselineItemList", {"ImageUuid": uuid, "Status": "0"})["BaselineItemInfos"][0]
    key = item["BaselineItemKey"]
    operation = {"BaselineItemKeyList": key, "ImageUuid": uuid}
    client.call("OperateImageBaselineWhitelist", {**operation, "Operation": "add"})
    after = details(client)
    changed = [other for other in counters if after[other] != counters[other]]
    lost = [before - now for before, now in zip(baseline_of(detail), baseline_of(after[uuid]))]
    report.case(client, "baseline: the white list lowers one level of one image by one",
                [changed, sorted(lost), after[uuid]["vul"] == detail["vul"]], [[uuid], [0, 0, 1], True])
    listed = client.call("DescribeImageBaselineItemList", {"ImageUuid": uuid, "PageSize": 100})["BaselineItemInfos"]
    report.case(client, "baseline: and says so", [one["WhiteList"] for one in listed if one["BaselineItemKey"] == key], [1])
    client.call("OperateImageBaselineWhitelist", {**operation, "Operation": "del"})
    report.case(client, "baseline: off the white list", details(client), counters)
    strategy = client.call("DescribeImageBaselineStrategy", {})["Strategy"]
    left = [one["ItemKey"] for one in strategy["BaselineItemList"] if one["ItemKey"] != key]
    client.call("SaveImageBaselineStrategy", {"BaselineItemList": ",".join(left)})
    failing = [client.call("DescribeImageBaselineItemList", {"ImageUuid": other, "PageSize": 100})["BaselineItemInfos"]
               for other in counters]
    report.case(client, "baseline: what the strategy leaves out is nowhere",
                [one for items in failing for one in items if one["BaselineItemKey"] == key], [])
    client.call("SaveImageBaselineStrategy", {"BaselineItemList": json.dumps(strategy["BaselineItemList"])})
    report.case(client, "baseline: the strategy from before", [details(client), client.call("DescribeImageBaselineStrategy", {})["Strategy"]],
                [counters, strategy])
    report.refused(client, "baseline: an unknown item", 400, "InvalidParameter",
                   lambda: client.call("OperateImageBaselineWhitelist", {"BaselineItemKeyList": "x", "Operation": "add"}))


def build_risks(report, client):
    """Lists agree with each other; a decision moves images from one status to another, and back."""
    known = {item["ItemKey"] for item in client.call("ListImageBuildRiskItem", {})["Data"]}
    risks = every(client, "DescribeImageBuildRiskList", "List", {})
    report.case(client, "build: risks are known ones", [bool(risks), sorted({risk["RiskKey"] for risk in risks} - known)], [True, []])
    for risk in risks:
        images = every(client, "DescribeImageListByBuildRisk", "List", {"RiskKey": risk["RiskKey"]})
        report.case(client, f"build: images of {risk['RiskKey']}",
                    [len(images), sum(image["Status"] == 0 for image in images)], [risk["Count"], risk["UnprocessedNum"]])
    key = risks[0]["RiskKey"]
    image = client.call("DescribeImageListByBuildRisk", {"RiskKey": key})["Data"]["List"][0]["Uuid"]
    steps = every(client, "DescribeImageBuildRiskByKey", "List", {"ImageUuid": image, "RiskKey": key})
    report.case(client, "build: instructions", [bool(steps), all(step["Promt"] and step["Advice"] for step in steps)], [True, True])
    for status in [1, 2, 0]:
        client.call("SetImageBuildRiskStatus", {"ImageUuids": image, "RiskKey": key, "Status": status})
        images = every(client, "DescribeImageListByBuildRisk", "List", {"RiskKey": key, "Status": status})
        report.case(client, f"build: status {status}", image in [one["Uuid"] for one in images], True)
    report.case(client, "build: as before", every(client, "DescribeImageBuildRiskList", "List", {}), risks)
    config = client.call("GetBuildRiskDefineRuleConfig", {})["Data"]
    without = [{"classKey": one["ClassKey"], "ruleList": [rule["RuleKey"] for rule in one["RuleList"] if rule["RuleKey"] != key]}
               for one in config["RuleTree"]]
    whole = [{"classKey": one["ClassKey"], "ruleList": [rule["RuleKey"] for rule in one["RuleList"]]}
             for one in config["RuleTree"]]
    client.call("SetBuildRiskDefineRuleConfig", {"Config": json.dumps(without)})
    left = every(client, "DescribeImageBuildRiskList", "List", {})
    report.case(client, "build: what is not asked for is in no list", left, [risk for risk in risks if risk["RiskKey"] != key])
    client.call("SetBuildRiskDefineRuleConfig", {"Config": json.dumps(whole)})
    report.case(client, "build: asked for again", every(client, "DescribeImageBuildRiskList", "List", {}), risks)


def checks(report, client):
    counters, levels = baseline_lists(report, client)
    baseline_decisions(report, client, counters, levels)
    build_risks(report, client)


def typed_checks(report, client):
    """By the current client's own methods and models; each answer as the model decodes it is the plain one."""
    uuid = next(uuid for uuid, detail in details(client).items() if detail["imageBaselineNum"] > 0)
    item = client.call("DescribeImageBaselineItemList", {"ImageUuid": uuid, "Status": "0"})["BaselineItemInfos"][0]
    name, key = item["BaselineNameKey"], item["BaselineItemKey"]
    risk = client.call("DescribeImageBuildRiskList", {})["Data"]["List"][0]["RiskKey"]
    for method, action, request in [
        ("describe_all_image_baseline", "DescribeAllImageBaseline", models.DescribeAllImageBaselineRequest(lang="en")),
        ("describe_image_baseline_strategy", "DescribeImageBaselineStrategy",
         models.DescribeImageBaselineStrategyRequest(strategy_id=1)),
        ("describe_image_baseline_check_summary", "DescribeImageBaselineCheckSummary",
         models.DescribeImageBaselineCheckSummaryRequest(current_page=1, page_size=2, scan_range=["image"])),
        ("describe_image_list_with_baseline_name", "DescribeImageListWithBaselineName",
         models.DescribeImageListWithBaselineNameRequest(baseline_name_key=name, page_size=2)),
        ("describe_image_baseline_check_result", "DescribeImageBaselineCheckResult",
         models.DescribeImageBaselineCheckResultRequest(image_uuid=uuid, risk_level="high,medium,low")),
        ("describe_image_baseline_item_list", "DescribeImageBaselineItemList",
         models.DescribeImageBaselineItemListRequest(image_uuid=uuid, status="0")),
        ("describe_image_baseline_detail", "DescribeImageBaselineDetail",
         models.DescribeImageBaselineDetailRequest(image_uuid=uuid, baseline_item_key=key)),
        ("list_image_build_risk_item", "ListImageBuildRiskItem", models.ListImageBuildRiskItemRequest()),
        ("describe_image_build_risk_list", "DescribeImageBuildRiskList",
         models.DescribeImageBuildRiskListRequest(current_page=1, page_size=3)),
        ("describe_image_list_by_build_risk", "DescribeImageListByBuildRisk",
         models.DescribeImageListByBuildRiskRequest(risk_key=risk, status=0)),
        ("describe_image_build_risk_by_key", "DescribeImageBuildRiskByKey",
         models.DescribeImageBuildRiskByKeyRequest(image_uuid=uuid, risk_key=risk)),
        ("get_build_risk_define_rule_config", "GetBuildRiskDefineRuleConfig",
         models.GetBuildRiskDefineRuleConfigRequest()),
    ]:
        decoded = client.typed(method, request)
        plain = client.call(action, {name: ",".join(value) if isinstance(value, list) else value
                                     for name, value in request.to_map().items() if name != "ScanRange"})
        for answer in [decoded, plain]:
            answer.pop("RequestId")
        report.case(client, f"typed: {action}", decoded, plain)
    done = client.typed("operate_image_baseline_whitelist", models.OperateImageBaselineWhitelistRequest(
        image_uuid=uuid, baseline_item_key_list=key, operation="del", scan_range=["image"]))
    report.case(client, "typed: OperateImageBaselineWhitelist", list(done), ["RequestId"])
    all_keys = ",".join(one["ItemKey"] for one in client.call("DescribeImageBaselineStrategy", {})["Strategy"]["BaselineItemList"])
    done = client.typed("save_image_baseline_strategy", models.SaveImageBaselineStrategyRequest(
        baseline_item_list=all_keys, image_vul_clean=30, strategy_name="ours", source="image"))
    report.case(client, "typed: SaveImageBaselineStrategy", list(done), ["RequestId"])
    done = client.typed("set_image_build_risk_status", models.SetImageBuildRiskStatusRequest(
        image_uuids=uuid, risk_key=risk, status=0))
    report.case(client, "typed: SetImageBuildRiskStatus", done["Data"], {"Id": 0})
    config = client.call("GetBuildRiskDefineRuleConfig", {})["Data"]
    whole = [{"classKey": one["ClassKey"], "ruleList": [rule["RuleKey"] for rule in one["RuleList"]]}
             for one in config["RuleTree"]]
    done = client.typed("set_build_risk_define_rule_config", models.SetBuildRiskDefineRuleConfigRequest(
        config=json.dumps(whole)))
    report.case(client, "typed: SetBuildRiskDefineRuleConfig", done["Data"], {"Id": config["Id"]})
