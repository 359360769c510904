//! Reporting a scan to a server: what a build does after it made an image.
//!
//! In: a report, and where to. Out: what the server makes of it, on standard error; whether its policy denies. Odd: the token comes
//! from the environment or a file, is taken out of nothing else, and goes to the named server alone; a server that exchanges its
//! advisories is asked again for a minute.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use plimsoll_model::{ImageReference, Kinds, Report, Secret};
use plimsoll_registry::{HttpClient, HttpOptions, ManagementClient, ManagementError};
use plimsoll_scanner::{PolicyVerdict, Rules, detectors_version, format::printable};
use plimsoll_server::operation::builds::{ReportBuild, ReportedBuild};

use crate::{
    arguments::{OnReportError, ReportTo, Scan},
    build_environment::build_origin,
    terminal::Terminal,
};

/// Where the token is looked for.
const TOKEN: &str = "PLIMSOLL_REPORT_TOKEN";
/// Pause before a busy server is asked again, and how often.
const PAUSE: Duration = Duration::from_secs(6);
const TRIES: u32 = 10;

/// A server that can be told, once the scan is done.
pub(super) struct Reporter {
    client: ManagementClient,
    repository: String,
    tag: String,
    on_error: OnReportError,
}

impl Reporter {
    /// Reads all that reporting needs, so that what is missing shows before the scan. `None`: nothing is to be reported.
    pub(super) fn of(arguments: &Scan) -> anyhow::Result<Option<Self>> {
        let reporting = &arguments.reporting;
        let Some(address) = &reporting.report_to else { return Ok(None) };
        if arguments.kinds != Kinds::ALL {
            bail!("`--report-to` wants every kind of risk looked for\nhint: leave `--kinds` away");
        }
        // A file's name says where it lies, not what is in it.
        let of_target = || {
            let name = arguments.target.name.as_str();
            if Path::new(name).exists() { None } else { split(name) }
        };
        let named = reporting.report_name.as_deref();
        let name = named.unwrap_or(&arguments.target.name);
        let (repository, tag) = named.map_or_else(of_target, split).with_context(|| {
            format!(
                "`{}` says no repository and tag for the server's lists\nhint: `--report-name team/app:1.4`",
                printable(name)
            )
        })?;
        let mut options = HttpOptions::default();
        if let Some(path) = &reporting.report_ca {
            let pem = std::fs::read_to_string(path)
                .with_context(|| format!("`{}` cannot be read", path.display()))?;
            options.ca_pem.push(pem);
        }
        let token = token(reporting)?;
        let http = HttpClient::new(options)?;
        let client = ManagementClient::new(address, token, &http, reporting.report_plain_http)?;
        Ok(Some(Self { client, repository, tag, on_error: reporting.on_report_error }))
    }

    /// Tells the server. Returns whether its policy lets the image pass.
    pub(super) async fn report(
        &self,
        report: &Report,
        rules: &Rules,
        terminal: Terminal,
    ) -> anyhow::Result<bool> {
        let scanner =
            format!("plimsoll {} {}", env!("CARGO_PKG_VERSION"), detectors_version(rules));
        let request = ReportBuild {
            repository: self.repository.clone(),
            tag: self.tag.clone(),
            build: build_origin(),
            scanner: scanner.chars().take(500).collect(),
            report: report.clone(),
        };
        let told = match self.send(&request).await {
            Ok(told) => told,
            Err(error) if self.on_error == OnReportError::Warn => {
                terminal.say(&format!("warning: the server was not told: {error:#}"));
                return Ok(true);
            }
            Err(error) => return Err(error.context("the server was not told of the image")),
        };
        say(&told, terminal);
        Ok(told.policy.is_none_or(|decision| decision.verdict != PolicyVerdict::Deny))
    }

    async fn send(&self, request: &ReportBuild) -> anyhow::Result<ReportedBuild> {
        let mut tries = 0;
        loop {
            tries += 1;
            let path = ["builds", "images"];
            match self.client.request("POST", &path, &[], Some(request)).await {
                Err(ManagementError::Status { status: 503, .. }) if tries < TRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    let hint = match &error {
                        ManagementError::Status { hint: Some(hint), .. } => {
                            format!("\nhint: {hint}")
                        }
                        _ => String::new(),
                    };
                    bail!("{error}{hint}");
                }
                Ok(told) => return Ok(told),
            }
        }
    }
}

fn say(told: &ReportedBuild, terminal: Terminal) {
    let counters = &told.counters;
    terminal.say(&format!(
        "reported as {}: {} vulnerabilities as soon as possible, {} later, {} of no urgency; {} baseline risks; {} malicious files",
        printable(&told.image),
        counters.asap,
        counters.later,
        counters.nntf,
        counters.baseline_high + counters.baseline_medium + counters.baseline_low,
        counters.malicious_serious + counters.malicious_suspicious + counters.malicious_remind,
    ));
    if let Some(decision) = &told.policy {
        terminal.say(&format!("the server's policy: {}", decision.verdict));
        for reason in &decision.reasons {
            terminal.say(&format!("  {}: {}", printable(&reason.rule), printable(&reason.text)));
        }
    }
}

fn token(reporting: &ReportTo) -> anyhow::Result<Secret<String>> {
    let text = match &reporting.report_token_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?,
        None => {
            let token = std::env::var_os(TOKEN).with_context(|| {
                format!("`--report-to` without a token\nhint: {TOKEN} in the environment, or `--report-token-file FILE`")
            })?;
            token.into_string().ok().with_context(|| format!("{TOKEN} is not UTF-8"))?
        }
    };
    Ok(Secret::new(text.trim().to_owned()))
}

/// Repository and tag of a name, without kind, host and digest.
fn split(name: &str) -> Option<(String, String)> {
    let name = ["registry:", "docker-daemon:", "containers-storage:"]
        .iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name);
    let name = name.split('@').next().unwrap_or_default();
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (name, "latest"),
    };
    let is_host = |first: &str| match first.rsplit_once(':') {
        Some((_, port)) => !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()),
        None => first == "localhost" || (first.contains('.') && !first.starts_with('.')),
    };
    let path = match path.split_once('/') {
        Some((first, rest)) if is_host(first) => rest,
        _ => path,
    };
    let is_name = ImageReference::is_repository(path) && ImageReference::is_tag(tag);
    is_name.then(|| (path.to_owned(), tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_kind_host_and_digest() {
        for (name, wanted) in [
            ("team/app:1.4", Some(("team/app", "1.4"))),
            ("app", Some(("app", "latest"))),
            ("registry.example.com:5000/team/app:1.4", Some(("team/app", "1.4"))),
            ("localhost/app", Some(("app", "latest"))),
            ("docker-daemon:app:ci", Some(("app", "ci"))),
            ("ghcr.io/acme/app@sha256:0000", Some(("acme/app", "latest"))),
            ("registry.example.com:5000/app", Some(("app", "latest"))),
            ("Team/App:1", None),
            ("dir:/srv/rootfs", None),
            ("/tmp/app.tar", None),
            ("./app.tar", None),
            ("app:a b", None),
            ("", None),
        ] {
            let found = split(name);
            let found = found.as_ref().map(|(path, tag)| (path.as_str(), tag.as_str()));
            assert_eq!(found, wanted, "{name}");
        }
    }
}
