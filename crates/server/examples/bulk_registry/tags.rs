//! A registry with very many tags, and what it was asked.
//!
//! In: how many repositories and tags. Out: tags that move, and [`Asked`], the requests by kind. Odd: every tag names a manifest
//! and a configuration of its own, over one layer that nobody fetches while listing. What a list tells no digest of costs one
//! HEAD request a tag, which belongs to the listing: without it nobody knows whether a tag moved.

use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;

/// How many times as much as what changed may be asked, besides the listings.
const BAR: f64 = 1.2;
/// Requests by which an image is asked for in full: its manifest and its configuration.
const IN_FULL: u64 = 2;

/// The registry.
pub(crate) struct ManyTags {
    pub(crate) registry: LoopbackRegistry,
    repositories: u32,
    tags: u32,
    layer: Layer,
    moves: u32,
}

/// Requests by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Asked {
    /// Pages of the list of repositories.
    pub(crate) catalog: u64,
    /// Pages of lists of tags.
    pub(crate) tags: u64,
    /// HEAD of a tag: what it names.
    pub(crate) heads: u64,
    /// Manifests.
    pub(crate) manifests: u64,
    /// Configurations.
    pub(crate) configurations: u64,
    /// Whatever else.
    pub(crate) others: u64,
}

type Failure = Box<dyn std::error::Error>;

impl ManyTags {
    /// Makes it; `tags` are those of each repository.
    pub(crate) fn new(repositories: u32, tags: u32) -> Result<Self, Failure> {
        let layer = Layer::builder("COPY").file("etc/os-release", b"ID=none\n").build()?;
        let registry = LoopbackRegistry::new();
        let made = Self { registry, repositories, tags, layer, moves: 0 };
        for repository in 0..repositories {
            for tag in 0..tags {
                made.put(repository, tag)?;
            }
        }
        Ok(made)
    }

    /// Moves one tag in a hundred to another image, at least one. Returns how many.
    pub(crate) fn move_some(&mut self) -> Result<u64, Failure> {
        self.moves += 1;
        let all = u64::from(self.repositories) * u64::from(self.tags);
        let mut moved = 0;
        for number in (0..all).step_by(100) {
            let (repository, tag) = (number / u64::from(self.tags), number % u64::from(self.tags));
            self.put(u32::try_from(repository)?, u32::try_from(tag)?)?;
            moved += 1;
        }
        Ok(moved)
    }

    /// What was asked since the last call.
    pub(crate) fn take(&self) -> Asked {
        let mut asked = Asked::default();
        for request in self.registry.take_requests() {
            let (method, address) = request.split_once(' ').unwrap_or_default();
            let path = address.split('?').next().unwrap_or_default();
            let kind = if path == "/v2/_catalog" {
                &mut asked.catalog
            } else if path.ends_with("/tags/list") {
                &mut asked.tags
            } else if path.contains("/manifests/") {
                if method == "HEAD" { &mut asked.heads } else { &mut asked.manifests }
            } else if path.contains("/blobs/") {
                &mut asked.configurations
            } else {
                &mut asked.others
            };
            *kind += 1;
        }
        asked
    }

    fn put(&self, repository: u32, tag: u32) -> Result<(), Failure> {
        let image = ImageBuilder::new("linux/amd64".parse()?)
            .layer(&self.layer)
            .label("place", &format!("{repository}/{tag}/{}", self.moves))
            .build()?;
        let name = format!("team-{:03}/app-{repository}", repository % 100);
        self.registry.put(&name, &format!("1.{tag}"), &image);
        Ok(())
    }
}

impl Asked {
    /// All.
    pub(crate) const fn total(&self) -> u64 {
        self.listings() + self.manifests + self.configurations + self.others
    }

    /// What tells which tags there are, and what each names.
    pub(crate) const fn listings(&self) -> u64 {
        self.catalog + self.tags + self.heads
    }

    /// How much may be asked when so many tags moved, of as many as there are.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of requests are small"
    )]
    pub(crate) fn bar(&self, moved: u64) -> u64 {
        self.listings() + ((moved * IN_FULL) as f64 * BAR) as u64
    }
}
