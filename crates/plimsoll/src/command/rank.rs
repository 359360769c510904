//! `plimsoll rank`: the riskiest images.

use plimsoll_server::operation::rank::{RankView, Ranking};

use super::images::baseline;
use crate::{
    arguments::{Global, ListFormat, Rank},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(rank: &Rank, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let ranking = Backend::open(global).await?.rank().await?;
    match rank.format {
        ListFormat::Json => Ok(terminal.print(&serde_json::to_string_pretty(&ranking)?)?),
        format => print(&ranking, format, terminal),
    }
}

/// Both rankings, also shown by the demo.
pub(crate) fn print(
    ranking: &Ranking,
    format: ListFormat,
    terminal: Terminal,
) -> anyhow::Result<()> {
    terminal.print("Riskiest by vulnerabilities")?;
    let head = ["#", "REGISTRY", "IMAGE", "ASAP", "LATER", "NO NEED NOW", "TOP SCORE"];
    table(&ranking.vul_asap, format, terminal, &head, |counters| {
        let top = counters.top_tenths;
        let score = format!("{}.{}", top / 10, top % 10);
        vec![
            counters.asap.to_string(),
            counters.later.to_string(),
            counters.nntf.to_string(),
            score,
        ]
    })?;
    terminal.print("\nRiskiest by baseline")?;
    let head = ["#", "REGISTRY", "IMAGE", "HIGH/MEDIUM/LOW", "TOTAL"];
    table(&ranking.baseline, format, terminal, &head, |counters| {
        vec![baseline(counters), counters.baseline().to_string()]
    })
}

fn table(
    rows: &[RankView],
    format: ListFormat,
    terminal: Terminal,
    head: &[&str],
    numbers: impl Fn(&plimsoll_model::RiskCounters) -> Vec<String>,
) -> anyhow::Result<()> {
    let rows: Vec<(usize, &RankView)> = rows.iter().enumerate().collect();
    terminal.list(format, head, &rows, |(place, row)| {
        let path: Vec<&str> = [row.namespace.as_str(), row.repository.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let mut cells = vec![
            (place + 1).to_string(),
            row.registry.clone(),
            format!("{}:{}", path.join("/"), row.tag),
        ];
        cells.extend(numbers(&row.counters));
        cells
    })
}
