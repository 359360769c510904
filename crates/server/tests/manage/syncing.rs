//! What a sync of many tags asks of a registry: what `cargo xtask bench sync` measures, with fewer.

use plimsoll_server::{
    Clock,
    operation::{
        registries::{AddRegistry, add_registry},
        sync::sync_registry,
    },
};
use plimsoll_store::{Store, StoreOptions};

use crate::many_tags::{Asked, ManyTags};

#[tokio::test]
async fn a_second_sync_asks_in_full_only_for_what_moved() {
    const REPOSITORIES: u32 = 120;
    const TAGS: u32 = 5;
    let all = u64::from(REPOSITORIES * TAGS);
    let mut many = ManyTags::new(REPOSITORIES, TAGS).unwrap();
    let served = many.registry.serve().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    let clock = Clock::machine();
    let request = AddRegistry { name: "many".into(), url: served.url(), ..AddRegistry::default() };
    add_registry(&store, &request, clock.now()).await.unwrap();
    many.take();

    let first = sync_registry(&store, "many", &clock).await.unwrap();
    assert_eq!((first.added, first.problem_count), (all, 0));
    let asked = many.take();
    // Pages of a hundred; what says at the end that there is no more is not asked for.
    let lists = Asked { catalog: 2, tags: u64::from(REPOSITORIES), heads: all, ..Asked::default() };
    let wanted = Asked { manifests: all, configurations: all, ..lists };
    assert!(asked.total() - asked.others <= wanted.total(), "{asked:?}");
    assert_eq!((asked.catalog, asked.tags), (wanted.catalog, wanted.tags));

    let moved = many.move_some().unwrap();
    let second = sync_registry(&store, "many", &clock).await.unwrap();
    assert_eq!((second.updated, second.unchanged), (moved, all - moved));
    let asked = many.take();
    assert_eq!((asked.catalog, asked.tags, asked.heads), (2, u64::from(REPOSITORIES), all));
    assert_eq!((asked.manifests, asked.configurations), (moved, moved));
    assert!(asked.total() <= asked.bar(moved), "{asked:?}");

    sync_registry(&store, "many", &clock).await.unwrap();
    let asked = many.take();
    assert_eq!((asked.total(), asked.bar(0)), (asked.listings(), asked.listings()));
}
