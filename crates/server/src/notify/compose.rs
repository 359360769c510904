//! Making an event of what the store says, and a sample.
//!
//! In: a message that was claimed. Out: its [`Event`], or `None` where there is nothing to say.

use plimsoll_model::{Priority, RiskCounters};
use plimsoll_store::{
    AboutFinding, AboutImage, Composition, MessageKind, MessageTask, Most, Named, Store, StoreError,
};

use super::{
    CONSOLE_SETTING,
    event::{Event, EventKind, ImageName, ImageNews, News, VulnerabilityNews},
};

/// How much an event lists.
const MOST: Most = Most { findings: 200, images: 20, scanned: 100 };

/// What a message says; `None`: nothing, because of its subscriber's filters.
pub(crate) async fn compose(
    store: &Store,
    task: &MessageTask,
) -> Result<Option<Event>, StoreError> {
    let console = store.setting(CONSOLE_SETTING).await?;
    let console = console.map(|url| url.trim_end_matches('/').to_owned());
    let console = console.filter(|url| !url.is_empty());
    let news = if task.kind == MessageKind::Test {
        sample(console.as_deref())
    } else {
        let composition = store.compose(task, MOST).await?;
        if composition.is_empty() {
            return Ok(None);
        }
        news(composition, console.as_deref())
    };
    Ok(Some(Event {
        id: task.event_id.clone(),
        kind: match task.kind {
            MessageKind::Changed => EventKind::Changed,
            MessageKind::Digest => EventKind::Digest,
            MessageKind::Scanned => EventKind::Scanned,
            MessageKind::Test => EventKind::Test,
        },
        time: task.created,
        subscription: task.subscription.name.clone(),
        console,
        news,
    }))
}

fn news(composition: Composition, console: Option<&str>) -> News {
    let refreshes = &composition.refreshes;
    let before = refreshes.first().and_then(|refresh| refresh.snapshot_before);
    let since = refreshes.last().and_then(|refresh| refresh.snapshot);
    News {
        snapshot_before: before.map(|digest| digest.to_string()),
        snapshot: since.map(|digest| digest.to_string()),
        vulnerabilities: composition
            .findings
            .into_iter()
            .map(|about| VulnerabilityNews::of(about, console))
            .collect(),
        more_vulnerabilities: composition.more_findings,
        new_images: composition
            .scanned
            .into_iter()
            .map(|about| ImageNews::of(about, console))
            .collect(),
        more_new_images: composition.more_scanned,
    }
}

/// An event as people try with it whether their receiver works.
pub(super) fn sample(console: Option<&str>) -> News {
    let named = |number: u32| Named {
        registry: "build".to_owned(),
        image: format!("shop/web-{number}:1.4"),
        uuid: format!("00000000-0000-5000-8000-{number:012}"),
        digest: format!("sha256:{number:064}"),
    };
    let composition = Composition {
        findings: vec![
            AboutFinding {
                id: "CVE-2021-44228".to_owned(),
                title: Some("Remote code execution in Log4j 2".to_owned()),
                fix_version: Some("2.15.0".to_owned()),
                priority_before: None,
                priority: Some(Priority::Asap),
                images: 212,
                newly: 17,
                cleared: 3,
                named: (1..=3).map(named).collect(),
            },
            AboutFinding {
                id: "CVE-2023-0464".to_owned(),
                title: None,
                fix_version: None,
                priority_before: Some(Priority::Later),
                priority: None,
                images: 0,
                newly: 0,
                cleared: 40,
                named: Vec::new(),
            },
        ],
        scanned: vec![AboutImage {
            named: named(4),
            counters: RiskCounters {
                sca: 9,
                asap: 2,
                later: 3,
                nntf: 4,
                ..RiskCounters::default()
            },
        }],
        ..Composition::default()
    };
    news(composition, console)
}

impl VulnerabilityNews {
    fn of(about: AboutFinding, console: Option<&str>) -> Self {
        Self {
            link: console.map(|console| format!("{console}/console/findings/{}", about.id)),
            id: about.id,
            title: about.title.filter(|title| !title.is_empty()),
            fix_version: about.fix_version,
            priority_before: about.priority_before,
            priority: about.priority,
            images: about.images,
            newly: about.newly,
            cleared: about.cleared,
            named: about.named.into_iter().map(ImageName::of).collect(),
        }
    }
}

impl ImageNews {
    fn of(about: AboutImage, console: Option<&str>) -> Self {
        let name = ImageName::of(about.named);
        let link = console.map(|console| format!("{console}/console/images/{}", name.uuid));
        Self { name, counters: about.counters, link }
    }
}

impl ImageName {
    fn of(named: Named) -> Self {
        Self {
            registry: named.registry,
            image: named.image,
            uuid: named.uuid,
            digest: named.digest,
        }
    }
}
