// Drives a Plimsoll server with the vendor's older Node client, @alicloud/pop-core (HMAC-SHA1), unmodified.
//
// In: the folder that holds its `node_modules`, and from the environment where the server is and a key that may do
// everything, as `plimsoll demo --format env` prints them: PLIMSOLL_ENDPOINT, ALIBABA_CLOUD_ACCESS_KEY_ID,
// ALIBABA_CLOUD_ACCESS_KEY_SECRET.
// Out: a JSON line per case, {"case", "client", "ok", "got", "wanted"}; the exit code is 1 if one is not ok.
// Odd: as GET everything stands in the query, as POST everything in the form, the signature included; an error is thrown
// for any `Code` in an answer, whatever its status.

import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import path from "node:path";

const require = createRequire(path.resolve(process.argv[2], "from-here.js"));
const { RPCClient } = require("@alicloud/pop-core");

const endpoint = process.env.PLIMSOLL_ENDPOINT.replace(/\/$/, "");
const keyId = process.env.ALIBABA_CLOUD_ACCESS_KEY_ID;
const secret = process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET;

function client(id, key, apiVersion = "2018-12-03") {
  return new RPCClient({
    endpoint: endpoint.includes("://") ? endpoint : `http://${endpoint}`,
    accessKeyId: id,
    accessKeySecret: key,
    apiVersion,
  });
}

let allOk = true;

function check(name, answered, wanted) {
  // The client's objects have no prototype, which a strict comparison would count as a difference.
  const got = JSON.parse(JSON.stringify(answered));
  wanted = JSON.parse(JSON.stringify(wanted));
  const ok = isDeepStrictEqual(got, wanted);
  allOk &&= ok;
  console.log(JSON.stringify({ case: name, client: "pop-core", ok, got, wanted }));
}

async function refused(name, code, call) {
  let got = "served";
  try {
    await call();
  } catch (error) {
    got = error.code ?? String(error);
  }
  check(name, got, code);
}

async function cases(method) {
  const served = client(keyId, secret);
  const call = (action, parameters = {}) => served.request(action, parameters, { method });

  const whole = await call("ListImageRisk", { PageSize: 100 });
  const images = whole.ImageRiskList;
  check(`${method}: list`, [images.length >= 2, whole.PageInfo.Count], [true, images.length]);
  const page = await call("ListImageRisk", { CurrentPage: 2, PageSize: 1 });
  check(`${method}: page`, page.ImageRiskList, images.slice(1, 2));
  const first = images[0];
  const named = await call("ListImageRisk", { ImageName: first.Image });
  check(`${method}: filter`, named.ImageRiskList.map((image) => image.Uuid), [first.Uuid]);
  const odd = await call("ListImageRisk", { ImageName: "镜像 +%2A&=~*(1)'!/" });
  check(`${method}: filter with odd characters`, odd.PageInfo.TotalCount, 0);

  const both = (await call("GetDockerhubImageRiskRankInfo")).RiskRankInfo;
  check(`${method}: rank`, Object.keys(both).sort(), ["Baseline", "VulAsap"]);
  const listed = await call("GetDockerhubImageRiskRankInfo", { Types: ["vulAsap", "baseline"] });
  check(`${method}: rank by a list of types`, listed.RiskRankInfo, both);
  const one = await call("GetDockerhubImageRiskRankInfo", { Types: ["baseline"] });
  check(`${method}: rank by one type`, one.RiskRankInfo, { Baseline: both.Baseline });
  const detail = JSON.parse(both.VulAsap[0].RiskLevelDetail);
  check(`${method}: numbers agree`, [detail.vul, Object.keys(detail).length], [both.VulAsap[0].VulCount, 47]);

  const groups = await call("DescribeImageGroupedVulList", { Type: "cve", PageSize: 3 });
  const group = groups.GroupedVulItems[0];
  check(`${method}: groups`, [groups.GroupedVulItems.length > 0, group.Type], [true, "cve"]);
  const records = await call("DescribeImageVulList", { Type: "cve", Name: group.Name, PageSize: 100 });
  const affected = group.AsapCount + group.LaterCount + group.NntfCount;
  check(`${method}: a group's images`, records.TotalCount, affected);
  const record = records.VulRecords[0];
  check(`${method}: the id is a safe number`, Number.isSafeInteger(record.PrimaryId), true);
  const wish = JSON.stringify([{ uuid: record.Uuid, ids: [record.PrimaryId] }]);
  const noted = await call("OperateImageVul", { OperateType: "vul_fix", Type: "cve", Info: wish });
  check(`${method}: operate`, Object.keys(noted), ["RequestId"]);

  const options = { method };
  await refused(`${method}: unknown key`, "InvalidAccessKeyId.NotFound",
    () => client("nobody", secret).request("ListImageRisk", {}, options));
  await refused(`${method}: wrong secret`, "SignatureDoesNotMatch",
    () => client(keyId, `${secret}x`).request("ListImageRisk", {}, options));
  await refused(`${method}: wrong version`, "InvalidVersion",
    () => client(keyId, secret, "2014-05-26").request("ListImageRisk", {}, options));
  await refused(`${method}: unknown action`, "InvalidAction.NotFound", () => call("NoSuchAction"));
  await refused(`${method}: wrong type`, "InvalidParameter",
    () => call("GetDockerhubImageRiskRankInfo", { Types: ["VulAsap"] }));
  await refused(`${method}: page size`, "InvalidParameter", () => call("ListImageRisk", { PageSize: 0 }));
}

await cases("GET");
await cases("POST");
process.exitCode = allOk ? 0 : 1;
