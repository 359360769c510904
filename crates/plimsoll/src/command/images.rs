//! `plimsoll images`: image records with their risk.

use plimsoll_model::RiskCounters;
use plimsoll_server::operation::images::{ImageView, ListImages};

use crate::{
    arguments::{Global, Images, ListFormat},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(images: Images, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let request = ListImages {
        text: images.name,
        registry: images.registry,
        namespace: images.namespace,
        page: Some(images.page),
        page_size: Some(images.page_size),
        ..ListImages::default()
    };
    let list = Backend::open(global).await?.list_images(&request).await?;
    print(&list.images, images.format, terminal)?;
    if let (ListFormat::Table, Some(next)) = (images.format, list.meta.next) {
        terminal.say(&format!("{} images in all; `--page {next}` shows more", list.meta.total));
    }
    Ok(())
}

/// The risk list, also shown by the demo.
pub(crate) fn print(
    images: &[ImageView],
    format: ListFormat,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let head = [
        "IMAGE",
        "RISK",
        "ASAP",
        "LATER",
        "NO NEED NOW",
        "BASELINE H/M/L",
        "MALWARE S/S/R",
        "COVERAGE",
        "SCANNED",
    ];
    terminal.list(format, &head, images, |image| {
        let counters = &image.counters;
        vec![
            image.image.clone(),
            risk_word(image.risk_level).to_owned(),
            counters.asap.to_string(),
            counters.later.to_string(),
            counters.nntf.to_string(),
            baseline(counters),
            malicious(counters),
            image.coverage.map_or_else(String::new, |verdict| verdict.to_string()),
            image.scanned.map_or_else(|| scan_state(image), |scanned| scanned.to_string()),
        ]
    })
}

pub(crate) fn baseline(counters: &RiskCounters) -> String {
    format!("{}/{}/{}", counters.baseline_high, counters.baseline_medium, counters.baseline_low)
}

/// Serious, suspicious, reminders.
fn malicious(counters: &RiskCounters) -> String {
    let RiskCounters { malicious_serious, malicious_suspicious, malicious_remind, .. } = counters;
    format!("{malicious_serious}/{malicious_suspicious}/{malicious_remind}")
}

const fn risk_word(level: Option<u8>) -> &'static str {
    match level {
        Some(3) => "high",
        Some(2) => "medium",
        Some(1) => "low",
        Some(_) => "none",
        None => "not known",
    }
}

fn scan_state(image: &ImageView) -> String {
    match &image.scan {
        Some(scan) => match &scan.error {
            Some(error) => format!("{}: {error}", scan.state),
            None => scan.state.clone(),
        },
        None => "not yet".to_owned(),
    }
}
