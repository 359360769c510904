"""Asks a server for what ACR's API tells, with the vendor's own Python clients, and prints what they read.

In: host and port, the access key's secret, the client: `cr` (alibabacloud-cr20181201, ACS3-HMAC-SHA256) or `core`
(aliyun-python-sdk-core, HMAC-SHA1). Out: one JSON document on standard output.
"""

import json
import sys

ENDPOINT, SECRET, CLIENT = sys.argv[1:4]
KEY, REGION, INSTANCE, REPOSITORY = "LTAI-test", "cn-hangzhou", "cri-build", "crr-000"


def typed(value):
    return [type(value).__name__, value]


def with_cr():
    from alibabacloud_cr20181201 import models
    from alibabacloud_cr20181201.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(access_key_id=KEY, access_key_secret=SECRET, endpoint=ENDPOINT, protocol="HTTP", region_id=REGION)
    client = Client(config)
    instances = client.list_instance(models.ListInstanceRequest(page_no=1, page_size=30)).body
    repositories = client.list_repository(
        models.ListRepositoryRequest(instance_id=INSTANCE, repo_status="NORMAL", page_no=1, page_size=100)
    ).body
    tags = client.list_repo_tag(
        models.ListRepoTagRequest(instance_id=INSTANCE, repo_id=REPOSITORY, page_no=1, page_size=100)
    ).body
    token = client.get_authorization_token(models.GetAuthorizationTokenRequest(instance_id=INSTANCE)).body
    endpoints = client.list_instance_endpoint(
        models.ListInstanceEndpointRequest(instance_id=INSTANCE, module_name="Registry")
    ).body
    vpc = client.get_instance_vpc_endpoint(
        models.GetInstanceVpcEndpointRequest(instance_id=INSTANCE, module_name="Registry")
    ).body
    return {
        "instances": [typed(instances.total_count), [one.instance_id for one in instances.instances]],
        "repositories": [
            typed(repositories.total_count),
            len(repositories.repositories),
            [typed(repositories.repositories[0].tag_immutability), repositories.repositories[0].repo_type],
        ],
        "tags": [typed(tags.total_count), tags.images[0].tag, typed(tags.images[0].image_update), tags.images[0].digest],
        "token": [token.temp_username, typed(token.expire_time)],
        "endpoints": [[domain.domain for domain in one.domains] for one in endpoints.endpoints],
        "vpc": vpc.domains,
    }


def with_core():
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest

    request = CommonRequest(domain=ENDPOINT, version="2018-12-01", action_name="ListRepository")
    request.set_protocol_type("http")
    request.set_method("GET")
    for name, value in [("InstanceId", INSTANCE), ("RepoStatus", "NORMAL"), ("PageNo", 2), ("PageSize", 100)]:
        request.add_query_param(name, value)
    answer = json.loads(AcsClient(KEY, SECRET, REGION).do_action_with_exception(request))
    return {"repositories": [answer["TotalCount"], answer["Repositories"][0]["RepoId"]]}


print(json.dumps({"cr": with_cr, "core": with_core}[CLIENT]()))
