"""Malicious and sensitive files, for drive.py.

In: a report and a client, as drive.py makes them. Out: cases in the report. Odd: what is set is taken back; without such files in any
image, only that lists and counters agree on that is seen.
"""

import json

from alibabacloud_sas20181203 import models


def suspicious(client):
    images = client.call("ListImageRisk", {"PageSize": 100})["ImageRiskList"]
    return {image["Uuid"]: [json.loads(image["Statistics"])["newSuspicious"]] for image in images}


def malicious_files(report, client):
    """Totals of the lists are the counters of the images; what is whitelisted leaves all of them, and comes back."""
    affected, page = [], 1
    while True:
        answer = client.call("DescribeAffectedMaliciousFileImages", {"CurrentPage": page, "PageSize": 100, "Status": "0"})
        affected += answer["AffectedMaliciousFileImagesResponse"]
        if len(affected) >= answer["PageInfo"]["TotalCount"] or not answer["AffectedMaliciousFileImagesResponse"]:
            break
        page += 1
    before = suspicious(client)
    counts = {uuid: sum(one["Uuid"] == uuid for one in affected) for uuid in before}
    report.case(client, "malicious: the lists count what the images count", before, {
        uuid: [count] for uuid, count in counts.items()})
    groups = client.call("DescribeGroupedMaliciousFiles", {"CurrentPage": 1, "PageSize": 100})
    by_md5 = {group["MaliciousMd5"]: group["ImageCount"] for group in groups["GroupedMaliciousFileResponse"]}
    wanted = {}
    for one in affected:
        wanted.setdefault(one["MaliciousMd5"], set()).add(one["Uuid"])
    report.case(client, "malicious: groups are what the images have", by_md5,
                {md5: len(uuids) for md5, uuids in wanted.items()})
    names = client.call("DescribeMatchedMaliciousNames", {})
    report.case(client, "malicious: names are those of groups", sorted(one["DisplayName"] for one in names["Data"]),
                sorted({group["MaliciousName"] for group in groups["GroupedMaliciousFileResponse"]}))
    if not affected:
        return
    one = affected[0]
    handle = {"FileIdList.1": one["Id"], "Operation": "addWhitelist"}
    done = client.call("HandleMaliciousFiles", handle)
    report.case(client, "malicious: whitelist", [done["Code"], done["Success"], done["HttpStatusCode"]], ["200", True, 200])
    lowered = {uuid: before[uuid][0] - numbers[0] for uuid, numbers in suspicious(client).items()}
    report.case(client, "malicious: one image has one less", lowered,
                {uuid: int(uuid == one["Uuid"]) for uuid in before})
    listed = client.call("DescribeAffectedMaliciousFileImages", {"CurrentPage": 1, "PageSize": 20, "Status": "3"})
    listed = [[file["Id"], file["Status"]] for file in listed["AffectedMaliciousFileImagesResponse"]]
    report.case(client, "malicious: it is listed as whitelisted", [one["Id"], 3] in listed, True)
    client.call("HandleMaliciousFiles", {**handle, "Operation": "offWhitelist"})
    report.case(client, "malicious: taken off, all is as before", suspicious(client), before)
    report.refused(client, "malicious: unknown id", 400, "InvalidParameter",
                   lambda: client.call("HandleMaliciousFiles", {**handle, "FileIdList.1": 1}))
    report.refused(client, "malicious: no page size", 400, "MissingParameter",
                   lambda: client.call("DescribeGroupedMaliciousFiles", {"CurrentPage": 1}))


def kinds(client):
    answer = client.call("DescribeImageSensitiveFileList", {"PageSize": 100})
    return {one["SensitiveFileKey"]: [one["Count"], one["UnprocessedNum"]] for one in answer["SensitiveFileList"]}


def sensitive_files(report, client):
    """Kinds, their images and their files agree; statuses and the choice of kinds have effect, and are taken back."""
    before = kinds(client)
    for key, numbers in before.items():
        images = client.call("DescribeImageListBySensitiveFile", {"SensitiveFileKey": key, "PageSize": 100})["ImageInfos"]
        files = [client.call("DescribeImageSensitiveFileByKey", {
            "SensitiveFileKey": key, "ImageUuid": image["Uuid"], "PageSize": 100})["SensitiveFileList"] for image in images]
        unhandled = sum(image["Status"] == "0" for image in images)
        report.case(client, f"sensitive: {key} adds up", [sum(map(len, files)), unhandled], numbers)
        report.case(client, f"sensitive: {key} is masked", all(
            len(file["Promt"]) < 64 and file["LayerDigest"] for of_image in files for file in of_image), True)
    if not before:
        return
    key = next(iter(before))
    image = client.call("DescribeImageListBySensitiveFile", {"SensitiveFileKey": key})["ImageInfos"][0]
    set_status = {"SensitiveFileKey": key, "ImageUuids": image["Uuid"], "ScanRange": json.dumps(["image"])}
    for status in ["1", "2"]:
        done = client.call("SetImageSensitiveFileStatus", {**set_status, "Status": status})
        report.case(client, f"sensitive: status {status}", [done["Code"], done["Data"]["Id"] > 0], ["200", True])
        listed = client.call("DescribeImageListBySensitiveFile", {"SensitiveFileKey": key, "Status": status})["ImageInfos"]
        report.case(client, f"sensitive: listed with {status}", image["Uuid"] in [one["Uuid"] for one in listed], True)
        now = kinds(client)[key]
        report.case(client, f"sensitive: one image less with {status}", now, [before[key][0], before[key][1] - 1])
    client.call("SetImageSensitiveFileStatus", {**set_status, "Status": "0"})
    report.case(client, "sensitive: unhandled again", kinds(client), before)
    files = client.call("DescribeImageSensitiveFileByKey", {
        "SensitiveFileKey": key, "ImageUuid": image["Uuid"], "PageSize": 100})["SensitiveFileList"]
    ids = {f"IdList.{number}": file["Id"] for number, file in enumerate(files, 1)}
    client.call("SetImageSensitiveFileStatus", {**ids, "Status": "1"})
    report.case(client, "sensitive: by ids", kinds(client)[key], [before[key][0], before[key][1] - 1])
    client.call("SetImageSensitiveFileStatus", {**ids, "Status": "0"})
    report.case(client, "sensitive: by ids, unhandled again", kinds(client), before)
    config = client.call("GetSensitiveDefineRuleConfig", {})["Data"]
    report.case(client, "sensitive: all kinds are chosen", [config["RuleCount"], config["SelectedCount"]], [112, 112])
    whole = [{"classKey": of_class["ClassKey"], "ruleList": [rule["RuleKey"] for rule in of_class["RuleList"]]}
             for of_class in config["RuleTree"]]
    less = [{**one, "ruleList": [rule for rule in one["ruleList"] if rule != key]} for one in whole]
    client.call("SetSensitiveDefineRuleConfig", {"Config": json.dumps(less), "EnableNewRule": 1})
    report.case(client, "sensitive: a kind is not chosen", kinds(client),
                {other: numbers for other, numbers in before.items() if other != key})
    client.call("SetSensitiveDefineRuleConfig", {"Config": json.dumps(whole), "EnableNewRule": 1})
    off = client.call("OpenSensitiveFileScan", {"SwitchOn": "off"})["Data"]
    report.case(client, "sensitive: switched off", [off, kinds(client)], [{"SwitchOn": "off"}, {}])
    client.call("OpenSensitiveFileScan", {"SwitchOn": "on"})
    report.case(client, "sensitive: all is as before", kinds(client), before)
    report.refused(client, "sensitive: unknown key", 400, "InvalidParameter", lambda: client.call(
        "DescribeImageListBySensitiveFile", {"SensitiveFileKey": "no_such_key"}))


def typed_files(report, client):
    """Malicious and sensitive files by the current client's own models."""
    groups = client.typed("describe_grouped_malicious_files", models.DescribeGroupedMaliciousFilesRequest(
        current_page=1, page_size="20", levels="serious,suspicious,remind", scan_range=["image"]))
    plain = client.call("DescribeGroupedMaliciousFiles", {"CurrentPage": 1, "PageSize": 20})
    names = [[one["MaliciousMd5"], one["ImageCount"], one["FirstScanTimestamp"]] for one in groups["GroupedMaliciousFileResponse"]]
    report.case(client, "typed: malicious groups", names, [
        [one["MaliciousMd5"], one["ImageCount"], one["FirstScanTimestamp"]] for one in plain["GroupedMaliciousFileResponse"]])
    files = client.typed("describe_affected_malicious_file_images", models.DescribeAffectedMaliciousFileImagesRequest(
        current_page=1, page_size="20", status="0"))["AffectedMaliciousFileImagesResponse"]
    matched = client.typed("describe_matched_malicious_names", models.DescribeMatchedMaliciousNamesRequest(lang="en"))
    report.case(client, "typed: malicious names", matched["Count"], len(matched["Data"]))
    ids = [one["Id"] for one in files[:2]]
    for operation in ["addWhitelist", "offWhitelist"] if ids else []:
        done = client.typed("handle_malicious_files", models.HandleMaliciousFilesRequest(
            file_id_list=ids, operation=operation))
        report.case(client, f"typed: {operation}", done["Success"], True)
    listed = client.typed("describe_image_sensitive_file_list", models.DescribeImageSensitiveFileListRequest(
        current_page=1, page_size=20, scan_range=["image"]))["SensitiveFileList"]
    typed_choice(report, client)
    if not listed:
        return
    key = listed[0]["SensitiveFileKey"]
    images = client.typed("describe_image_list_by_sensitive_file", models.DescribeImageListBySensitiveFileRequest(
        sensitive_file_key=key, status="0", current_page=1, page_size=20))["ImageInfos"]
    found = client.typed("describe_image_sensitive_file_by_key", models.DescribeImageSensitiveFileByKeyRequest(
        sensitive_file_key=key, image_uuid=images[0]["Uuid"], current_page=1, page_size=20))["SensitiveFileList"]
    report.case(client, "typed: sensitive files", all(one["SensitiveFileKey"] == key for one in found) and len(found) > 0, True)
    for status in [1, 0]:
        done = client.typed("set_image_sensitive_file_status", models.SetImageSensitiveFileStatusRequest(
            sensitive_file_key=key, image_uuids=images[0]["Uuid"], status=status, scan_range=["image"]))
        report.case(client, f"typed: status {status}", done["Success"], True)


def typed_choice(report, client):
    config = client.typed("get_sensitive_define_rule_config", models.GetSensitiveDefineRuleConfigRequest(source="image"))
    report.case(client, "typed: kinds", config["Data"]["RuleCount"], 112)
    done = client.typed("set_sensitive_define_rule_config", models.SetSensitiveDefineRuleConfigRequest(enable_new_rule=1))
    report.case(client, "typed: choice", done["Success"], True)
    switch = client.typed("open_sensitive_file_scan", models.OpenSensitiveFileScanRequest(switch_on="on"))
    report.case(client, "typed: switch", switch["Data"], {"SwitchOn": "on"})
