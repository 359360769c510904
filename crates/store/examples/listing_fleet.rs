//! Makes a store with very many images for `cargo xtask bench listing`.
//!
//! In: a folder and a number of images. Out: a store in it with eight registries, their images, artifacts, ended tasks and
//! twenty clusters. Odd: syncing and scanning a million images would take hours, so that rows are made by SQL; numbers and
//! names are drawn from the image's number, so that each run makes the same.

use std::{error::Error, path::Path};

use plimsoll_model::Timestamp;
use plimsoll_store::{NetType, RegistrySettings, Store, StoreOptions, UrlScheme};
use sqlx::{Connection, SqliteConnection};

/// A Monday in November 2026.
const NOW: Timestamp = Timestamp(1_795_400_000);

/// `N` stands for the number of images; seven of ten images have a content of their own.
const ROWS: &str = "
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY);
INSERT INTO numbers WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :N) SELECT n FROM c;
-- A number that looks drawn, 0 to 2^31 - 1, for each n.
CREATE TEMP TABLE drawn AS SELECT n,
    ((n * 2654435761 & 4294967295) * 1103515245 + 12345) / 65536 & 2147483647 AS d FROM numbers;
CREATE UNIQUE INDEX temp.drawn_n ON drawn (n);
INSERT INTO artifacts (id, digest, platform, scanned, verdict, report_digest, snapshot, detectors_version, risk_level, cve,
    sca, asap, later, nntf, baseline_high, baseline_medium, baseline_low, top_tenths)
SELECT n, printf('sha256:%08x%08x%016x%016x%016x', d, n * 2246822519 & 4294967295, n, d * 7919, n * 31),
    'linux/amd64', CASE WHEN d % 50 = 0 THEN NULL ELSE 1795300000 + n % 90000 END,
    CASE WHEN d % 50 = 0 THEN NULL ELSE 'complete' END, NULL, NULL, NULL, NULL, 0, 0,
    CASE WHEN d % 50 = 0 OR d % 3 <> 0 THEN 0 ELSE d / 7 % 12 END,
    CASE WHEN d % 50 = 0 OR d % 9 = 0 THEN 0 ELSE d / 11 % 200 END,
    CASE WHEN d % 50 = 0 OR d % 17 = 0 THEN 0 ELSE d / 13 % 400 END,
    CASE WHEN d % 50 <> 0 AND d / 17 % 40 = 0 THEN 1 ELSE 0 END,
    CASE WHEN d % 50 = 0 THEN 0 ELSE d / 19 % 3 END,
    CASE WHEN d % 50 = 0 THEN 0 ELSE d / 23 % 4 END,
    CASE WHEN d % 50 = 0 THEN 0 ELSE d / 29 % 151 END
FROM drawn WHERE n <= :N * 7 / 10;
UPDATE artifacts SET cve = asap + later + nntf, risk_level = CASE WHEN scanned IS NULL THEN NULL
    WHEN asap > 0 OR baseline_high > 0 THEN 3 WHEN later > 0 OR baseline_medium > 0 THEN 2
    WHEN nntf > 0 OR baseline_low > 0 THEN 1 ELSE 0 END;
INSERT INTO tasks (id, artifact_id, registry_id, state, origin, attempts, generation, due, queued, finished, succeeded)
SELECT id, id, 1, CASE WHEN scanned IS NULL THEN 'queued' ELSE 'done' END, 1, 1, 1, 4102444800, 1795200000, scanned, scanned
FROM artifacts;
-- Repositories of 50 tags in 400 namespaces.
INSERT INTO images (id, uuid, repo_id, registry_id, namespace, repository, tag, reference, digest, manifest_digest,
    artifact_id, image_id, size, repo_type, tag_immutable, created, updated)
SELECT m.n, printf('%08x-%04x-5%03x-8%03x-%012x', m.d, m.n & 65535, m.n / 65536 & 4095, m.d & 4095, m.n),
    printf('%016x%016x', m.n / 50, m.n / 50 * 31), m.n / 50 % 8 + 1, m.namespace, m.repository, m.tag,
    m.namespace || '/' || m.repository || ':' || m.tag,
    CASE WHEN m.n % 3 = 0 THEN printf('sha256:%08x%056x', m.d, m.n) ELSE a.digest END, a.digest, a.id,
    printf('sha256:%08x%056x', m.n * 2246822519 & 4294967295, m.n + 1), 10000000 + m.d % 900000000, 'PRIVATE', 0, 1795000000,
    1795000000 + m.n % 300000
FROM (SELECT n, d, printf('team-%03d', n / 50 % 400) AS namespace,
    CASE n / 50 % 7 WHEN 0 THEN 'payments-api' WHEN 1 THEN 'frontend' WHEN 2 THEN 'batch/worker' WHEN 3 THEN 'gateway'
        WHEN 4 THEN 'ml-train' WHEN 5 THEN 'db-migrate' ELSE 'service' END || '-' || (n / 50) AS repository,
    CASE WHEN n % 5 = 0 THEN printf('%07x', d & 268435455) WHEN n % 50 = 1 THEN 'latest'
        ELSE printf('%d.%d.%d', n % 50 / 10, n % 10, n % 50) END AS tag FROM drawn) m
JOIN artifacts a ON a.id = (m.n - 1) % (:N * 7 / 10) + 1;
-- Clusters whose containers run one image in thirty.
INSERT INTO clusters (id, updated) SELECT printf('cluster-%02d', n), 1795300000 FROM numbers WHERE n <= 20;
INSERT INTO workloads (cluster_id, namespace, app, pod, container, image, digest, authority, reference)
SELECT printf('cluster-%02d', i.id / 30 % 20 + 1), printf('prod-%02d', i.id % 40), printf('app-%03d', i.id / 30 % 300),
    'pod-' || i.id, 'main', 'written:1', i.manifest_digest, '', '' FROM images i WHERE i.id % 30 = 0;
DELETE FROM list_changes WHERE number < (SELECT MAX(number) FROM list_changes);
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
ANALYZE;
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(images)) = (arguments.next(), arguments.next()) else {
        return Err("say a folder and a number of images".into());
    };
    let images: u64 = images.parse()?;
    let folder = Path::new(&folder);
    let store = Store::open(folder, StoreOptions::default()).await?;
    for number in 1..=8 {
        store.add_registry(&registry(number), NOW).await?;
    }
    store.close().await;
    let url = format!("sqlite://{}", folder.join("plimsoll.db").display());
    let mut connection = SqliteConnection::connect(&url).await?;
    let rows = ROWS.replace(":N", &images.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

fn registry(number: u32) -> RegistrySettings {
    let is_hub = number == 8;
    let host =
        if is_hub { "docker.io".to_owned() } else { format!("registry-{number}.example.com") };
    RegistrySettings {
        name: if is_hub { "hub".to_owned() } else { format!("registry-{number}") },
        kind: "oci".to_owned(),
        reported_type: "harbor".to_owned(),
        scheme: UrlScheme::Https,
        host,
        port: None,
        username: None,
        password: None,
        region_id: "cn-hangzhou".to_owned(),
        net_type: NetType::Internet,
        ca_pem: None,
        repositories: Vec::new(),
        platform: None,
        adapter: plimsoll_store::AdapterSettings::default(),
    }
}
