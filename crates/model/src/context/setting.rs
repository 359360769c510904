//! Who said how images are used, and what follows for one of them.
//!
//! In: settings of images, repositories, clusters and registries. Out: the [`MatchContext`] of an image. Source:
//! `docs/semantics.md`, "Priority", E and A. Odd:
//! * Exposure and importance are decided each by itself: by what is said of the image, else of its repository (the longest
//!   pattern), else of the clusters in which it runs, else of its registry.
//! * Of several clusters the one counts in which most is at stake; one of which nothing is said is unknown and common.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{ContextError, Exposure, Importance, MatchContext};
use crate::ignore::is_like;

/// Of what something is said, the most special first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextScope {
    /// One image, by its id.
    Image,
    /// Repositories: `team/*`, in which `*` stands for any text.
    Repository,
    /// What runs in a cluster, by the cluster's id.
    Cluster,
    /// All images of a registry, by its name.
    Registry,
}

/// What is said of some images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContextSetting {
    /// Of what.
    pub scope: ContextScope,
    /// Which.
    pub name: String,
    /// From where they can be reached; `None`: nothing is said of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// How much depends on them; `None`: nothing is said of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Importance>,
}

/// An image by what settings name.
#[derive(Debug, Clone, Copy)]
pub struct ImageInUse<'a> {
    /// Its id with dashes.
    pub uuid: &'a str,
    /// Its registry's name.
    pub registry: &'a str,
    /// `namespace/repository`.
    pub path: &'a str,
    /// Where it runs.
    pub clusters: &'a [&'a str],
}

impl ContextScope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Image, Self::Repository, Self::Cluster, Self::Registry];

    /// `image`, `repository`, `cluster`, `registry`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Repository => "repository",
            Self::Cluster => "cluster",
            Self::Registry => "registry",
        }
    }
}

impl fmt::Display for ContextScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ContextScope {
    type Err = ContextError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or_else(|| ContextError {
            word: word.to_owned(),
            expected: "image, repository, cluster, registry",
        })
    }
}

impl MatchContext {
    /// What settings say of an image.
    #[must_use]
    pub fn of(settings: &[ContextSetting], image: ImageInUse<'_>) -> Self {
        Self {
            exposure: decided(settings, image, |setting| setting.exposure),
            importance: decided(settings, image, |setting| setting.importance),
        }
    }
}

fn decided<T: Copy + Ord + Default>(
    settings: &[ContextSetting],
    image: ImageInUse<'_>,
    said: impl Fn(&ContextSetting) -> Option<T>,
) -> T {
    let of = |scope: ContextScope| settings.iter().filter(move |setting| setting.scope == scope);
    let of_image = of(ContextScope::Image).filter(|setting| setting.name == image.uuid);
    let mut of_repository: Vec<&ContextSetting> = of(ContextScope::Repository)
        .filter(|setting| is_like(image.path, &setting.name) && said(setting).is_some())
        .collect();
    of_repository
        .sort_by(|one, other| (other.name.len(), &one.name).cmp(&(one.name.len(), &other.name)));
    let in_cluster = |cluster: &&str| {
        of(ContextScope::Cluster).filter(|setting| setting.name == *cluster).find_map(&said)
    };
    let in_clusters: Vec<Option<T>> = image.clusters.iter().map(in_cluster).collect();
    let in_clusters = in_clusters
        .iter()
        .any(Option::is_some)
        .then(|| in_clusters.iter().map(|said| said.unwrap_or_default()).max())
        .flatten();
    let of_registry = of(ContextScope::Registry).filter(|setting| setting.name == image.registry);
    of_image
        .into_iter()
        .find_map(&said)
        .or_else(|| of_repository.into_iter().find_map(&said))
        .or(in_clusters)
        .or_else(|| of_registry.into_iter().find_map(&said))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(
        scope: ContextScope,
        name: &str,
        exposure: Option<Exposure>,
        importance: Option<Importance>,
    ) -> ContextSetting {
        ContextSetting { scope, name: name.to_owned(), exposure, importance }
    }

    #[test]
    fn the_most_special_word_decides_each_by_itself() {
        use ContextScope::{Cluster, Image, Registry, Repository};
        let settings = [
            setting(Registry, "build", Some(Exposure::Internal), Some(Importance::Test)),
            setting(Cluster, "edge", Some(Exposure::Internet), None),
            setting(Cluster, "lab", Some(Exposure::Internal), Some(Importance::Test)),
            setting(Repository, "team/*", None, Some(Importance::Important)),
            setting(Repository, "team/back*", Some(Exposure::Internal), None),
            setting(Image, "u-1", Some(Exposure::Unknown), None),
        ];
        let of = |uuid, registry, path, clusters| {
            MatchContext::of(&settings, ImageInUse { uuid, registry, path, clusters }).to_string()
        };
        assert_eq!(of("u-9", "hub", "other/app", &[]), "unknown/common");
        assert_eq!(of("u-9", "build", "other/app", &[]), "internal/test");
        // What is said of a cluster goes before what is said of a registry, and the worst of several counts.
        assert_eq!(of("u-9", "build", "other/app", &["edge"]), "internet/test");
        assert_eq!(of("u-9", "hub", "other/app", &["lab", "edge"]), "internet/common");
        assert_eq!(of("u-9", "hub", "other/app", &["lab", "unheard-of"]), "unknown/common");
        assert_eq!(of("u-9", "hub", "other/app", &["lab"]), "internal/test");
        // The longest pattern that says something of it.
        assert_eq!(of("u-9", "hub", "team/backend", &["edge"]), "internal/important");
        assert_eq!(of("u-9", "hub", "team/frontend", &["edge"]), "internet/important");
        // Nobody knows, says somebody.
        assert_eq!(of("u-1", "build", "team/backend", &["edge"]), "unknown/important");
    }
}
