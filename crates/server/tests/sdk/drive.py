"""Drives a Plimsoll server with the vendor's own Python clients.

In: where the server is and a key that may do everything, from the environment, as `plimsoll demo --format env` prints
them: PLIMSOLL_ENDPOINT (`127.0.0.1:8080`, with or without `http://`), ALIBABA_CLOUD_ACCESS_KEY_ID,
ALIBABA_CLOUD_ACCESS_KEY_SECRET. With --cluster and --app also the names of a workload that runs one of the images.
Out: a JSON line per case, `{"case", "client", "ok", "got", "wanted"}`; the exit code is 1 if one is not ok.
Clients: alibabacloud-sas20181203 (ACS3-HMAC-SHA256) and aliyun-python-sdk-core (HMAC-SHA1), unmodified; to send an old
time or a nonce twice, their sources of time and nonces are replaced, and the signing stays theirs.
Odd: the server must hold at least two images, one of them with findings, or there is nothing to page and to rank; what is
added to the white list is taken back.
"""

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import sys
import uuid
from unittest import mock

from alibabacloud_sas20181203 import models
from alibabacloud_sas20181203.client import Client
from alibabacloud_tea_openapi import utils as tea_utils
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest, RpcRequest
from aliyunsdkcore.utils import parameter_helper
from darabonba.runtime import RuntimeOptions

from checks import checks, typed_checks
from files import malicious_files, sensitive_files, typed_files
from fleet import fleet, typed_fleet

VERSION = "2018-12-03"
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Refused(Exception):
    """The server's answer to a call that it does not serve."""

    def __init__(self, status, code, message):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class Acs3:
    """The current client."""

    name = "acs3"

    def __init__(self, host, key_id, secret):
        self.client = Client(Config(
            endpoint=host, protocol="http", access_key_id=key_id, access_key_secret=secret))

    def call(self, action, parameters, version=VERSION):
        """A call without a model, for names and values that a model would not take."""
        params = Params(action=action, version=version, protocol="HTTP", pathname="/", method="POST",
                        auth_type="AK", style="RPC", req_body_type="formData", body_type="json")
        query = {name: str(value) for name, value in parameters.items()}
        with self._refusals():
            return self.client.call_api(params, OpenApiRequest(query=query), RuntimeOptions())["body"]

    def typed(self, method, request):
        """A call by the client's own method and model; the answer as the model decodes it."""
        with self._refusals():
            return getattr(self.client, method)(request).body.to_map()

    @staticmethod
    @contextlib.contextmanager
    def _refusals():
        try:
            yield
        except Exception as error:
            if not hasattr(error, "code") or not hasattr(error, "status_code"):
                raise
            raise Refused(error.status_code, error.code, error.message) from error

    @staticmethod
    def at(seconds):
        """From now, by as much."""
        return mock.patch.object(tea_utils.Utils, "get_timestamp", staticmethod(lambda: moment(seconds)))

    @staticmethod
    def with_nonce(nonce):
        return mock.patch.object(tea_utils.Utils, "get_nonce", staticmethod(lambda: nonce))


class V1:
    """The older client."""

    name = "v1"

    def __init__(self, host, key_id, secret):
        self.host = host
        self.client = AcsClient(key_id, secret, "cn-hangzhou")

    def call(self, action, parameters, version=VERSION, method="POST", place="query"):
        request = CommonRequest(domain=self.host, version=version, action_name=action)
        request.set_method(method)
        request.set_protocol_type("http")
        for name, value in parameters.items():
            if place == "query":
                request.add_query_param(name, value)
            else:
                request.add_body_params(name, value)
        return self._send(request)

    def list_by_product_class(self):
        """As the classes of single products do it, which are derived from this one."""
        request = RpcRequest("Sas", VERSION, "ListImageRisk")
        request.set_endpoint(self.host)
        request.set_protocol_type("http")
        return self._send(request)

    def _send(self, request):
        try:
            return json.loads(self.client.do_action_with_exception(request))
        except ServerException as error:
            raise Refused(error.get_http_status(), error.get_error_code(), error.get_error_msg()) from error

    @staticmethod
    def at(seconds):
        return mock.patch.object(parameter_helper, "get_iso_8061_date", lambda: moment(seconds))

    @staticmethod
    def with_nonce(nonce):
        return mock.patch.object(parameter_helper, "get_uuid", lambda: nonce)


def moment(seconds):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=seconds)).strftime(FORMAT)


class Report:
    """Prints cases and remembers whether all were ok."""

    def __init__(self):
        self.ok = True

    def case(self, client, name, got, wanted):
        ok = got == wanted
        self.ok &= ok
        line = {"case": name, "client": client.name, "ok": ok, "got": got, "wanted": wanted}
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def refused(self, client, name, status, code, call):
        try:
            answer = call()
        except Refused as refusal:
            self.case(client, name, [refusal.status, refusal.code], [status, code])
            return refusal.message
        self.case(client, name, ["served", str(answer)[:80]], [status, code])
        return ""


def images_of(answer):
    return [image["Image"] for image in answer["ImageRiskList"]]


def list_filter_page(report, client, arguments):
    whole = client.call("ListImageRisk", {"PageSize": 100})
    images, info = whole["ImageRiskList"], whole["PageInfo"]
    report.case(client, "list: counts agree", [info["Count"], info["CurrentPage"], info["PageSize"]],
                [min(info["TotalCount"], 100), 1, 100])
    default = client.call("ListImageRisk", {})["PageInfo"]
    report.case(client, "list: defaults", [default["CurrentPage"], default["PageSize"]], [1, 20])
    report.case(client, "list: at least two images", len(images) >= 2, True)
    first = images[0]
    report.case(client, "list: statistics are JSON text",
                sorted(json.loads(first["Statistics"])), ["baselineNum", "newSuspicious", "vul"])

    pages = []
    for page in range(1, len(images) + 1):
        pages += client.call("ListImageRisk", {"CurrentPage": page, "PageSize": 1})["ImageRiskList"]
    report.case(client, "page: pages of one are the list", pages, images)
    beyond = client.call("ListImageRisk", {"CurrentPage": 2147483647, "PageSize": 100})
    report.case(client, "page: beyond the end", beyond["ImageRiskList"], [])

    name = f'{first["RepoName"]}:{first["Tag"]}'
    found = client.call("ListImageRisk", {"ImageName": name, "PageSize": 100})
    report.case(client, "filter: ImageName", images_of(found),
                [image["Image"] for image in images if name.lower() in image["Image"].lower()])
    namespaced = [image for image in images if image["RepoNamespace"]]
    if namespaced:
        namespace = namespaced[0]["RepoNamespace"]
        found = client.call("ListImageRisk", {"Namespace": namespace, "PageSize": 100})
        wanted = {image["Image"] for image in images if image["RepoNamespace"] == namespace}
        report.case(client, "filter: Namespace", wanted <= set(images_of(found)), True)
    for parameter in ["ClusterId", "AppName", "Namespace", "ImageName"]:
        found = client.call("ListImageRisk", {parameter: "no-such-thing-anywhere"})
        report.case(client, f"filter: {parameter} of nothing", found["PageInfo"]["TotalCount"], 0)
    for parameter, value in [("ClusterId", arguments.cluster), ("AppName", arguments.app)]:
        if value:
            found = client.call("ListImageRisk", {parameter: value})
            report.case(client, f"filter: {parameter}", found["PageInfo"]["TotalCount"] > 0, True)
    odd = {"ImageName": "镜像 +%2A&=~*(1)'!/\n", "RegionId": "cn-hangzhou", "Lang": "en", "SourceIp": "1.2.3.4"}
    report.case(client, "filter: odd characters and unknown parameters",
                client.call("ListImageRisk", odd)["PageInfo"]["TotalCount"], 0)
    return images


def rank(report, client, images):
    both = client.call("GetDockerhubImageRiskRankInfo", {"Types.1": "vulAsap", "Types.2": "baseline"})
    ranks = both["RiskRankInfo"]
    report.case(client, "rank: both", sorted(ranks), ["Baseline", "VulAsap"])
    for name, wanted in [("vulAsap", "VulAsap"), ("baseline", "Baseline")]:
        one = client.call("GetDockerhubImageRiskRankInfo", {"Types.1": name})["RiskRankInfo"]
        report.case(client, f"rank: {name}", one, {wanted: ranks[wanted]})
    report.case(client, "rank: no Types means both",
                client.call("GetDockerhubImageRiskRankInfo", {})["RiskRankInfo"], ranks)
    for list_name, key in [("VulAsap", ["imageVulAsap", "imageVulLater", "imageVulNntf"]),
                           ("Baseline", ["imageBaselineHigh", "imageBaselineMedium", "imageBaselineLow"])]:
        details = [json.loads(entry["RiskLevelDetail"]) for entry in ranks[list_name]]
        numbers = [[detail[name] for name in key] for detail in details]
        report.case(client, f"rank: {list_name} is in order", numbers, sorted(numbers, reverse=True))
        report.case(client, f"rank: {list_name} has 47 numbers each",
                    all(len(detail) == 47 for detail in details), True)
    known = {image["Uuid"] for image in images}
    ranked = {entry["Uuid"] for entries in ranks.values() for entry in entries}
    report.case(client, "rank: ranked images are listed", ranked <= known or len(images) == 100, True)
    sums = client.call("GetDockerhubImageRiskStatistic", {})["RiskRankInfo"]
    report.case(client, "statistic: numbers", all(
        isinstance(sums[name], int) for name in ["TotalScanned", "VulAsap", "Baseline"]), True)
    if ranks["VulAsap"]:
        entry = ranks["VulAsap"][0]
        query = f'{entry["RepoName"]}:{entry["Tag"]}'
        query = f'{entry["RepoNamespace"]}/{query}' if entry["RepoNamespace"] else query
        found = client.call("ListDockerhubImage", {"Query": query})["ImageList"]
        report.case(client, "search: finds what is ranked", entry["Uuid"] in [one["Uuid"] for one in found], True)


def vulnerabilities(client):
    images = client.call("ListImageRisk", {"PageSize": 100})["ImageRiskList"]
    return {image["Uuid"]: json.loads(image["Statistics"])["vul"] for image in images}


def white_list(report, client, arguments):
    """An entry lowers numbers where it holds, and gives them back."""
    before = vulnerabilities(client)
    entry = {"Type": "sca", "Name": arguments.cve, "AliasName": f"{arguments.cve} here"}
    added = client.call("AddImageVulWhiteList", {"Whitelist": json.dumps([entry]), "Reason": "a driver's"})
    report.case(client, "white list: add", [added["Data"], added["Code"], added["Success"]], [True, "200", True])
    after = vulnerabilities(client)
    lowered = [before[uuid] - after[uuid] for uuid in before]
    report.case(client, "white list: some images have fewer, none has more",
                [any(lowered), all(number >= 0 for number in lowered)], [True, True])
    found = client.call("DescribeImageVulWhiteList", {"AliasName": entry["AliasName"]})
    one = found["ImageVulWhitelist"][0]
    report.case(client, "white list: describe", [found["PageInfo"]["TotalCount"], one["Name"], one["Type"], one["Reason"]],
                [1, arguments.cve, "sca", "a driver's"])
    target = json.dumps({"type": "repo", "target": ["no-such/repository"]})
    client.call("UpdateImageVulWhitelistTarget", {"Id": one["Id"], "Target": target})
    report.case(client, "white list: another scope", vulnerabilities(client), before)
    removed = client.call("DeleteImageVulWhitelist", {"Ids": str(one["Id"])})
    report.case(client, "white list: delete", [removed["Data"], vulnerabilities(client)], [True, before])
    report.refused(client, "white list: without a reason", 400, "MissingParameter",
                   lambda: client.call("AddImageVulWhiteList", {"Whitelist": json.dumps([entry])}))


def event_rules(report, client):
    possible = client.call("DescribeImageEventOperationCondition", {"EventType": "sensitiveFile"})["Data"]
    keys = [condition["ConditionKey"] for condition in possible["Operations"][0]["Conditions"]]
    report.case(client, "event rules: conditions", keys, ["MD5", "PATH"])
    conditions = json.dumps([{"condition": "PATH", "type": "equals", "value": "/etc/a.pem"}], separators=(",", ":"))
    scenarios = json.dumps({"type": "repo", "value": "team/app"}, separators=(",", ":"))
    rule = {"EventKey": "PEM", "EventName": "Private key", "EventType": "sensitiveFile", "OperationCode": "whitelist",
            "Conditions": conditions, "Scenarios": scenarios, "Note": "a test key", "Source": "image"}
    number = client.call("AddImageEventOperation", rule)["Data"]["Id"]
    client.call("UpdateImageEventOperation", {"Id": number, "Note": "another note"})
    read = client.call("GetImageEventOperation", {"Id": number})["Data"]
    report.case(client, "event rules: read", [read[name] for name in ["Conditions", "Scenarios", "Note", "Source"]],
                [conditions, scenarios, "another note", "default"])
    page = client.call("DescribeImageEventOperationPage", {"Id": number})["Data"]
    report.case(client, "event rules: list", [page["PageInfo"]["TotalCount"], page["List"]], [1, [read]])
    gone = client.call("DeleteImageEventOperation", {"Id": number})["Data"]
    report.case(client, "event rules: delete", gone, {"Id": number})


def typed_rules(report, client):
    """White list and event rules by the current client's own models."""
    entry = json.dumps([{"Type": "cve", "Name": "debian:12:CVE-2099-0001"}])
    request = models.AddImageVulWhiteListRequest(
        whitelist=entry, reason="typed", source="image", type="cve",
        target=json.dumps({"type": "repo", "target": ["team/*"]}))
    report.case(client, "typed: white list", client.typed("add_image_vul_white_list", request)["Data"], True)
    found = client.typed("describe_image_vul_white_list", models.DescribeImageVulWhiteListRequest(
        alias_name="CVE-2099-0001", current_page=1, page_size=20))
    one = found["ImageVulWhitelist"][0]
    report.case(client, "typed: white list entry", [one["Reason"], json.loads(one["Target"])],
                ["typed", {"type": "repo", "target": ["team/*"]}])
    changed = client.typed("update_image_vul_whitelist_target", models.UpdateImageVulWhitelistTargetRequest(
        id=one["Id"], reason="typed again"))
    removed = client.typed("delete_image_vul_whitelist", models.DeleteImageVulWhitelistRequest(ids=str(one["Id"])))
    report.case(client, "typed: white list changed and gone", [changed["Data"], removed["Data"]], [True, True])
    added = client.typed("add_image_event_operation", models.AddImageEventOperationRequest(
        event_key="PEM", conditions=json.dumps([{"condition": "PATH", "type": "equals", "value": "/a"}])))["Data"]
    page = client.typed("describe_image_event_operation_page", models.DescribeImageEventOperationPageRequest(
        current_page=1, page_size=10, id=added["Id"]))["Data"]
    read = client.typed("get_image_event_operation", models.GetImageEventOperationRequest(id=added["Id"]))["Data"]
    gone = client.typed("delete_image_event_operation", models.DeleteImageEventOperationRequest(id=added["Id"]))["Data"]
    report.case(client, "typed: event rules", [page["List"], gone], [[read], {"Id": added["Id"]}])


def timeless(records):
    """Without the times of scans, which may end between two calls."""
    times = {"LastScanTime", "LastTs", "ScanTime"}
    return [{name: value for name, value in record.items() if name not in times} for record in records]


def vulnerability_lists(report, client, images):
    """Totals of the lists are the counters of the images; groups are what the images have."""
    groups, page = [], 1
    while True:
        answer = client.call("DescribeImageGroupedVulList", {"CurrentPage": page, "PageSize": 100})
        groups += answer["GroupedVulItems"]
        if len(groups) >= answer["TotalCount"] or not answer["GroupedVulItems"]:
            break
        page += 1
    report.case(client, "groups: there are some", len(groups) > 0, True)
    report.case(client, "groups: names are unique", len({group["Name"] for group in groups}), len(groups))
    numbers = [[-group["AsapCount"], -group["LaterCount"], -group["NntfCount"]] for group in groups]
    report.case(client, "groups: in order", numbers, sorted(numbers))
    by_name, by_tier, first = {}, {"asap": 0, "later": 0, "nntf": 0}, None
    is_whole = len(images) < 100
    for image in images:
        if json.loads(image["Statistics"])["vul"] > 1000:
            is_whole = False
            continue
        found = {}
        sums = client.call("DescribeImageSecurityScanCount", {"ImageUuid": image["Uuid"]})["Data"]
        for kind, counter in [("cve", "ImageCveVulCount"), ("sca", "ImageScaVulCount")]:
            records, page = [], 1
            while True:
                answer = client.call("DescribeImageVulList", {
                    "Type": kind, "Dealed": "n", "Uuids": image["Uuid"], "CurrentPage": page, "PageSize": 100})
                records += answer["VulRecords"]
                if len(records) >= answer["TotalCount"] or not answer["VulRecords"]:
                    break
                page += 1
            report.case(client, f'list: {image["Image"]} {kind} is the counter',
                        [answer["TotalCount"], len(records)], [sums[counter]] * 2)
            found[kind] = records
        tiers = {tier: sum(record["Necessity"] == tier for records in found.values() for record in records)
                 for tier in by_tier}
        for tier in by_tier:
            totals = [client.call("DescribeImageVulList", {
                "Type": kind, "Dealed": "n", "Necessity": tier, "Uuids": image["Uuid"]})["TotalCount"]
                for kind in ["cve", "sca"]]
            report.case(client, f'list: {image["Image"]} {tier}', sum(totals), tiers[tier])
        everything = found["cve"] + found["sca"]
        report.case(client, f'list: {image["Image"]} has ids of its own',
                    len({record["PrimaryId"] for record in everything}), len(everything))
        report.case(client, f'list: {image["Image"]} names packages and layers', all(
            record["ExtendContentJson"]["RpmEntityList"] and all(
                entity["Name"] and entity["FullVersion"] and entity["Layer"] in record["Layers"]
                for entity in record["ExtendContentJson"]["RpmEntityList"])
            for record in everything), True)
        for record in everything:
            by_name.setdefault(record["Name"], {"asap": 0, "later": 0, "nntf": 0})[record["Necessity"]] += 1
            first = first or record
    if is_whole:
        counts = {group["Name"]: {"asap": group["AsapCount"], "later": group["LaterCount"], "nntf": group["NntfCount"]}
                  for group in groups}
        report.case(client, "groups: are what the images have", counts == by_name, True)
    one = client.call("DescribeImageGroupedVulList", {"Name": first["Name"]})["GroupedVulItems"]
    # Packages that have it may have it by different advisories; the CVE comes first.
    report.case(client, "groups: by name", [[item["Name"], item["Related"].split(",")[0]] for item in one],
                [[first["Name"], first["Related"].split(",")[0]]])
    again = client.call("DescribeImageVulList", {
        "Type": first["Type"], "Name": first["Name"], "Uuids": first["Uuid"]})["VulRecords"]
    report.case(client, "list: by name", timeless(again), timeless([first]))
    wish = json.dumps([{"uuid": first["Uuid"], "ids": [first["PrimaryId"]], "newTag": "fixed"}])
    answer = client.call("OperateImageVul", {"OperateType": "vul_fix", "Type": first["Type"], "Info": wish})
    report.case(client, "operate: only a request id", list(answer), ["RequestId"])
    message = report.refused(client, "operate: unknown id", 400, "InvalidParameter", lambda: client.call(
        "OperateImageVul", {"Info": json.dumps([{"uuid": first["Uuid"], "ids": [1]}]), "Type": first["Type"]}))
    report.case(client, "operate: the message names the id", '"Info"' in message and "1 in `ids`" in message, True)


def typed_vulnerabilities(report, client):
    """The lists by the current client's own methods and models."""
    request = models.DescribeImageGroupedVulListRequest(
        necessity="asap", scan_range=["image", "container"], agentless_can_fix=False, is_latest=0, current_page=1,
        page_size=5)
    answer = client.typed("describe_image_grouped_vul_list", request)
    plain = client.call("DescribeImageGroupedVulList", {"Necessity": "asap", "PageSize": 5})
    report.case(client, "typed: groups", timeless(answer["GroupedVulItems"]), timeless(plain["GroupedVulItems"]))
    request = models.DescribeImageVulListRequest(type="cve", dealed="n", group_by_asset=True, page_size=3)
    answer = client.typed("describe_image_vul_list", request)
    plain = client.call("DescribeImageVulList", {"Type": "cve", "Dealed": "n", "GroupByAsset": "true", "PageSize": 3})
    report.case(client, "typed: list", timeless(answer["VulRecords"]), timeless(plain["VulRecords"]))
    record = answer["VulRecords"][0]
    wish = json.dumps([{"uuid": record["Uuid"], "ids": [record["PrimaryId"]]}])
    answer = client.typed("operate_image_vul", models.OperateImageVulRequest(
        type="cve", operate_type="vul_fix", info=wish))
    report.case(client, "typed: operate", list(answer), ["RequestId"])


def typed(report, client, images):
    """The current client's own methods and models."""
    answer = client.typed("list_image_risk", models.ListImageRiskRequest(current_page=1, page_size=100))
    report.case(client, "typed: list", images_of(answer), [image["Image"] for image in images])
    asynchronous = client.client.list_image_risk_async(models.ListImageRiskRequest(image_name="a b+c*(1)"))
    report.case(client, "typed: asynchronous, which spells the query differently",
                asyncio.run(asynchronous).body.page_info.total_count, 0)
    request = models.GetDockerhubImageRiskRankInfoRequest(types=["vulAsap", "baseline"])
    answer = client.typed("get_dockerhub_image_risk_rank_info", request)
    plain = client.call("GetDockerhubImageRiskRankInfo", {})
    report.case(client, "typed: rank", answer["RiskRankInfo"], plain["RiskRankInfo"])


def placement(report, client, images):
    """The older client's ways of sending parameters."""
    for method in ["GET", "POST"]:
        for place in ["query", "body"] if method == "POST" else ["query"]:
            answer = client.call("ListImageRisk", {"PageSize": 1}, method=method, place=place)
            report.case(client, f"placement: {method} {place}", images_of(answer), [images[0]["Image"]])


def errors(report, host, key_id, secret, kind):
    client = kind(host, key_id, secret)

    def listing(**parameters):
        return client.call("ListImageRisk", parameters)

    nobody = kind(host, "nobody", secret)
    report.refused(client, "wrong key", 404, "InvalidAccessKeyId.NotFound",
                   lambda: nobody.call("ListImageRisk", {}))
    other = kind(host, key_id, secret + "x")
    report.refused(client, "wrong signature", 400, "SignatureDoesNotMatch",
                   lambda: other.call("ListImageRisk", {}))
    if kind is V1:
        # Its classes for single products compare the string to sign in the message with their own; where they are
        # equal, the secret must be wrong, which they say with a code of their own.
        report.refused(client, "wrong signature: the client knows why", 400, "InvalidAccessKeySecret",
                       other.list_by_product_class)
        report.case(client, "by product class", "ImageRiskList" in client.list_by_product_class(), True)
    with kind.with_nonce(uuid.uuid4().hex):
        report.case(client, "replay: the first is served", "ImageRiskList" in listing(), True)
        report.refused(client, "replay", 400, "SignatureNonceUsed", listing)
    for seconds in [-1000, 1000]:
        with kind.at(seconds):
            report.refused(client, f"time off by {seconds} s", 400, "InvalidTimeStamp.Expired", listing)
    for seconds in [-800, 800]:
        with kind.at(seconds):
            report.case(client, f"time off by {seconds} s", "ImageRiskList" in listing(), True)
    report.refused(client, "unknown action", 404, "InvalidAction.NotFound",
                   lambda: client.call("NoSuchAction", {}))
    report.refused(client, "wrong version", 400, "InvalidVersion",
                   lambda: client.call("ListImageRisk", {}, version="2014-05-26"))
    message = report.refused(client, "wrong type", 400, "InvalidParameter",
                             lambda: client.call("GetDockerhubImageRiskRankInfo", {"Types.1": "wrong"}))
    report.case(client, "wrong type: the message names it", '"Types"' in message and '"wrong"' in message, True)
    for name, values in [("PageSize", [0, -1, 1000000000, 101, "ten"]), ("CurrentPage", [0, -1, "one"])]:
        for value in values:
            message = report.refused(client, f"{name} {value}", 400, "InvalidParameter",
                                     lambda name=name, value=value: listing(**{name: value}))
            report.case(client, f"{name} {value}: the message names it", f'"{name}"' in message, True)
    report.refused(client, "search without Query", 400, "MissingParameter",
                   lambda: client.call("ListDockerhubImage", {}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cluster", help="id of a cluster that runs one of the images")
    parser.add_argument("--app", help="name of an application that runs one of the images")
    parser.add_argument("--cve", help="a vulnerability of a library that one of the images has",
                        default="CVE-2021-44228")
    arguments = parser.parse_args()
    host = os.environ["PLIMSOLL_ENDPOINT"].removeprefix("http://").rstrip("/")
    key_id = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    secret = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]

    report = Report()
    for kind in [Acs3, V1]:
        client = kind(host, key_id, secret)
        images = list_filter_page(report, client, arguments)
        rank(report, client, images)
        vulnerability_lists(report, client, images)
        (typed if kind is Acs3 else placement)(report, client, images)
        white_list(report, client, arguments)
        event_rules(report, client)
        checks(report, client)
        malicious_files(report, client)
        sensitive_files(report, client)
        fleet(report, client, images)
        if kind is Acs3:
            typed_rules(report, client)
            typed_vulnerabilities(report, client)
            typed_checks(report, client)
            typed_files(report, client)
            typed_fleet(report, client, images)
        errors(report, host, key_id, secret, kind)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
