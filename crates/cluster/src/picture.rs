//! What is known of a cluster at the moment, and what changed since somebody last asked.
//!
//! In: events of pods, replica sets, jobs and nodes, in any order. Out: [`Changes`]. Source: Kubernetes, "Efficient detection of
//! changes". Odd: after a list was read anew, what it did not name is gone, because its deletion may have been missed; what it
//! names unchanged is no change.

use std::collections::{BTreeMap, BTreeSet};

use kube::{Resource, core::PartialObjectMeta, runtime::watcher::Event};

use crate::{
    objects::{WatchedNode, WatchedPod, metadata},
    pod::{Controllers, Metadata, Nodes, PodSpec, PodStatus, Surroundings, Workload, read_pod},
};

/// Namespace and name of a pod.
pub type PodName = (String, String);

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// Pods that are new, different or gone; `None`: all that there were before are replaced.
    pub pods: Option<Vec<PodName>>,
    /// What runs in those pods now.
    pub workloads: Vec<Workload>,
    /// Why some of them could not be read.
    pub unreadable: Vec<String>,
}

/// A pod without what nobody looks at.
#[derive(PartialEq, Eq)]
struct Pod {
    metadata: Metadata,
    spec: PodSpec,
    status: PodStatus,
}

/// Everything that is known.
#[derive(Default)]
pub(crate) struct Picture {
    pods: BTreeMap<PodName, Pod>,
    controllers: Controllers,
    nodes: Nodes,
    /// What a list that is being read has named so far.
    listing_pods: BTreeSet<PodName>,
    listing_nodes: BTreeSet<String>,
    listing_controllers: BTreeMap<&'static str, BTreeSet<(String, String)>>,
    changed: BTreeSet<PodName>,
    /// Whether nothing was handed out yet.
    is_new: bool,
}

impl Picture {
    pub(crate) fn new() -> Self {
        Self { is_new: true, ..Self::default() }
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.is_new || !self.changed.is_empty()
    }

    /// What changed since the last time.
    pub(crate) fn take(&mut self) -> Changes {
        let around = Surroundings { controllers: &self.controllers, nodes: &self.nodes };
        let (mut workloads, mut unreadable) = (Vec::new(), Vec::new());
        let mut read = |name: &PodName, pod: &Pod| {
            let place = || format!("pod `{}`", name.1);
            match read_pod(&pod.metadata, &pod.spec, &pod.status, &place, &around) {
                Ok(found) => workloads.extend(found),
                Err(error) => unreadable.push(error.to_string()),
            }
        };
        let changed = std::mem::take(&mut self.changed);
        let pods = if std::mem::take(&mut self.is_new) {
            self.pods.iter().for_each(|(name, pod)| read(name, pod));
            None
        } else {
            for name in &changed {
                if let Some(pod) = self.pods.get(name) {
                    read(name, pod);
                }
            }
            Some(changed.into_iter().collect())
        };
        Changes { pods, workloads, unreadable }
    }

    /// Takes back what could not be used: it is handed out again.
    pub(crate) fn put_back(&mut self, changes: Changes) {
        match changes.pods {
            None => self.is_new = true,
            Some(pods) => self.changed.extend(pods),
        }
    }

    pub(crate) fn pod(&mut self, event: Event<WatchedPod>) {
        match event {
            Event::Init => self.listing_pods.clear(),
            Event::InitApply(pod) => {
                if let Some(name) = self.keep_pod(pod) {
                    self.listing_pods.insert(name);
                }
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listing_pods);
                let gone: Vec<PodName> =
                    self.pods.keys().filter(|name| !listed.contains(*name)).cloned().collect();
                for name in gone {
                    self.drop_pod(name);
                }
            }
            Event::Apply(pod) => {
                self.keep_pod(pod);
            }
            Event::Delete(pod) => {
                if let (Some(namespace), Some(name)) =
                    (pod.meta().namespace.clone(), pod.meta().name.clone())
                {
                    self.drop_pod((namespace, name));
                }
            }
        }
    }

    fn keep_pod(&mut self, pod: WatchedPod) -> Option<PodName> {
        let metadata = metadata(pod.meta());
        let name = (metadata.namespace.clone()?, metadata.name.clone()?);
        let pod = Pod { metadata, spec: pod.spec, status: pod.status };
        if self.pods.get(&name) != Some(&pod) {
            self.pods.insert(name.clone(), pod);
            self.changed.insert(name.clone());
        }
        Some(name)
    }

    fn drop_pod(&mut self, name: PodName) {
        if self.pods.remove(&name).is_some() {
            self.changed.insert(name);
        }
    }

    pub(crate) fn controller<K: Resource>(
        &mut self,
        kind: &'static str,
        event: Event<PartialObjectMeta<K>>,
    ) {
        match event {
            Event::Init => {
                self.listing_controllers.remove(kind);
            }
            Event::InitApply(object) => {
                let metadata = metadata(&object.metadata);
                if let (Some(namespace), Some(name)) =
                    (metadata.namespace.clone(), metadata.name.clone())
                {
                    self.listing_controllers.entry(kind).or_default().insert((namespace, name));
                }
                self.keep_controller(kind, &metadata);
            }
            Event::InitDone => {
                let listed = self.listing_controllers.remove(kind).unwrap_or_default();
                let gone = self.controllers.keys().filter(|(of, namespace, name)| {
                    of == kind && !listed.contains(&(namespace.clone(), name.clone()))
                });
                for (_, namespace, name) in gone.cloned().collect::<Vec<_>>() {
                    self.set_controller(kind, namespace, name, None);
                }
            }
            Event::Apply(object) => self.keep_controller(kind, &metadata(&object.metadata)),
            Event::Delete(object) => {
                if let (Some(namespace), Some(name)) =
                    (object.metadata.namespace, object.metadata.name)
                {
                    self.set_controller(kind, namespace, name, None);
                }
            }
        }
    }

    fn keep_controller(&mut self, kind: &'static str, metadata: &Metadata) {
        let (Some(namespace), Some(name)) = (metadata.namespace.clone(), metadata.name.clone())
        else {
            return;
        };
        let owner = metadata.controlled(kind).map(|(_, owner)| owner);
        self.set_controller(kind, namespace, name, owner);
    }

    fn set_controller(
        &mut self,
        kind: &'static str,
        namespace: String,
        name: String,
        owner: Option<String>,
    ) {
        let place = (kind.to_owned(), namespace, name);
        if self.controllers.get(&place) == owner.as_ref() {
            return;
        }
        match owner {
            Some(owner) => self.controllers.insert(place.clone(), owner),
            None => self.controllers.remove(&place),
        };
        if self.is_new {
            return;
        }
        let (_, namespace, name) = place;
        let of_it: Vec<PodName> = self
            .pods
            .range((namespace.clone(), String::new())..)
            .take_while(|((of, _), _)| *of == namespace)
            .filter(|(_, pod)| pod.metadata.controller() == Some((kind, name.as_str())))
            .map(|(pod, _)| pod.clone())
            .collect();
        self.changed.extend(of_it);
    }

    pub(crate) fn node(&mut self, event: Event<WatchedNode>) {
        match event {
            Event::Init => self.listing_nodes.clear(),
            Event::InitApply(node) => {
                self.listing_nodes.extend(node.meta().name.clone());
                self.keep_node(&node);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listing_nodes);
                self.nodes.retain(|name, _| listed.contains(name));
            }
            Event::Apply(node) => self.keep_node(&node),
            // Its pods go by themselves, and until then they ran there.
            Event::Delete(_) => {}
        }
    }

    fn keep_node(&mut self, node: &WatchedNode) {
        let (Some(name), Some(platform)) = (&node.meta().name, node.status.node_platform()) else {
            return;
        };
        if self.nodes.get(name) == Some(&platform) {
            return;
        }
        self.nodes.insert(name.clone(), platform);
        if self.is_new {
            return;
        }
        let there: Vec<PodName> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.spec.node() == Some(name.as_str()))
            .map(|(pod, _)| pod.clone())
            .collect();
        self.changed.extend(there);
    }
}
