//! Which images a question is about, as several actions of the API let clients say it.
//!
//! In: ids, names, digests, places where images run. Out: [`ImageSelection`], and the conditions that it adds to a statement
//! whose `i` is `images` and whose `r` is `registries`. Odd: what is asked of a workload (cluster, namespace, pod) one and the same workload
//! must fulfil.

use plimsoll_model::Digest;

use crate::{
    images::dashed,
    listing::{MEETINGS, push_in},
    statement::QueryBuilder,
};

/// Which images; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageSelection {
    /// This one, by its id with or without dashes.
    pub uuid: Option<String>,
    /// These, likewise; at most some thousand.
    pub uuids: Vec<String>,
    /// What their tag or, for an index, their platform's manifest names.
    pub digest: Option<Digest>,
    /// A layer that they have.
    pub layer: Option<Digest>,
    /// Their tag.
    pub tag: Option<String>,
    /// Id of their repository.
    pub repo_id: Option<String>,
    /// Namespace of their repository.
    pub repo_namespace: Option<String>,
    /// Name of their repository behind its namespace.
    pub repo_name: Option<String>,
    /// `namespace/repository:tag`, with or without `host[:port]/` before it.
    pub reference: Option<String>,
    /// Region of their registry.
    pub region_id: Option<String>,
    /// Only the image of each repository whose tag moved last.
    pub latest: bool,
    /// A cluster in which they run.
    pub cluster_id: Option<String>,
    /// A namespace of a cluster in which they run.
    pub namespace: Option<String>,
    /// A pod in which they run.
    pub pod: Option<String>,
}

/// Adds the conditions, each behind `AND`; but for the layer, which no column holds.
pub(crate) fn push_selection(sql: &mut QueryBuilder, selection: &ImageSelection) {
    let texts = [
        ("i.uuid", selection.uuid.as_deref().map(dashed)),
        ("i.tag", selection.tag.clone()),
        ("i.repo_id", selection.repo_id.clone()),
        ("i.namespace", selection.repo_namespace.clone()),
        ("i.repository", selection.repo_name.clone()),
        ("r.region_id", selection.region_id.clone()),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            sql.push(" AND ").push(name).push(" = ").push_bind(value);
        }
    }
    if !selection.uuids.is_empty() {
        let uuids: Vec<String> = selection.uuids.iter().map(|uuid| dashed(uuid)).collect();
        sql.push(" AND ");
        push_in(sql, "i.uuid", &uuids);
    }
    if let Some(digest) = selection.digest {
        let digest = digest.to_string();
        sql.push(" AND (i.digest = ").push_bind(digest.clone());
        sql.push(" OR i.manifest_digest = ").push_bind(digest).push(")");
    }
    if let Some(reference) = &selection.reference {
        sql.push(" AND (i.reference = ").push_bind(reference.clone());
        sql.push(" OR r.authority || '/' || i.reference = ").push_bind(reference.clone()).push(")");
    }
    if selection.latest {
        sql.push(
            " AND i.id = (SELECT x.id FROM images x WHERE x.registry_id = i.registry_id AND x.namespace = i.namespace \
             AND x.repository = i.repository ORDER BY x.updated DESC, x.id DESC LIMIT 1)",
        );
    }
    let workload = [
        ("w.cluster_id", &selection.cluster_id),
        ("w.namespace", &selection.namespace),
        ("w.pod", &selection.pod),
    ];
    if workload.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    sql.push(" AND i.id IN (");
    for (number, meeting) in MEETINGS.into_iter().enumerate() {
        sql.push(if number == 0 { "" } else { " UNION " });
        sql.push("SELECT i.id FROM workloads w JOIN images i ON ").push(meeting);
        for (name, value) in &workload {
            if let Some(value) = value {
                sql.push(" AND ").push(*name).push(" = ").push_bind((*value).clone());
            }
        }
    }
    sql.push(")");
}
