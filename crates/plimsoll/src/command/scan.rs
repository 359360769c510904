//! `plimsoll scan`: one image, from any source.

mod attached;
mod ignore;
mod report_to;
pub(super) mod vex;

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use plimsoll_advisory::{MatchContext, Snapshot};
use plimsoll_image::{Budget, LayerSource};
use plimsoll_model::{ImageReference, Kind, Kinds, Verdict};
use plimsoll_scanner::{
    LayerCache, Policy, PolicyVerdict, Rules, ScanOptions, Scanned, Threshold,
    child::{ChildError, ChildScan, ChildScanned, Isolation, scan_in_child},
    decide, format, licence,
};
use plimsoll_server::operation::{feed::feed_path, rules::open_rules};

use super::{
    policy_file,
    target::{self, Located},
};
use crate::{
    Exit,
    arguments::{self, Global, SbomSources, Scan},
    data,
    terminal::{ScanProgress, Terminal},
};

pub(crate) async fn run(
    arguments: Scan,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    let feed = feed(&arguments, global)?;
    let policy = policy(&arguments)?;
    decidable(&arguments, &policy, feed.is_some())?;
    let reporter = report_to::Reporter::of(&arguments)?;
    let (scanned, place) = scan(&arguments, &policy, feed, global, terminal).await?;
    let exit = finish(&arguments, &policy, &scanned, place.as_deref(), terminal)?;
    // Told even when the build fails: what was refused here is worth knowing there.
    if let Some(reporter) = reporter {
        let rules = rules(&arguments, global)?;
        let passes = reporter.report(&scanned.report, &rules, terminal).await?;
        if !passes && exit == Exit::Done {
            return Ok(Exit::LineReached);
        }
    }
    Ok(exit)
}

/// What was given of policies, as one.
fn policy(arguments: &Scan) -> anyhow::Result<Policy> {
    let mut policy =
        arguments.policy.as_deref().map(policy_file::read).transpose()?.unwrap_or_default();
    if let Some(path) = &arguments.license_policy {
        policy.licences = Some(policy_file::read_licences(path)?);
    }
    policy.ignore.extend(ignore::read_all(&arguments.ignore_file)?);
    Ok(policy)
}

/// A line that nobody could see reached is an error, and not a pass.
fn decidable(arguments: &Scan, policy: &Policy, has_feed: bool) -> anyhow::Result<()> {
    let line = arguments.fail_on.as_ref();
    for kind in arguments.kinds.left_out() {
        let what = match line {
            Some(line) if line.is_about(kind) => format!("`--fail-on {kind}`"),
            _ if policy.is_about(kind) => format!("`--policy` on {kind}"),
            _ if kind == Kind::License && arguments.license_policy.is_some() => {
                "`--license-policy`".to_owned()
            }
            _ => continue,
        };
        bail!(
            "{what} cannot be decided: `--kinds {}` leaves {kind} out\nhint: add {kind} to `--kinds`, or leave `--kinds` away",
            arguments.kinds
        );
    }
    let is_asked = line.is_some_and(Threshold::is_about_vulnerabilities);
    if (is_asked || policy.is_about_vulnerabilities()) && !has_feed {
        let what =
            if is_asked { "`--fail-on vulnerability`" } else { "`--policy` on vulnerabilities" };
        bail!(
            "{what} cannot be decided: there is no feed\nhint: `plimsoll feed update`, or `plimsoll feed import PATH`"
        );
    }
    if line.is_some_and(|line| line.is_about(Kind::License)) && policy.licences.is_none() {
        bail!(
            "`--fail-on license` cannot be decided: there is no policy on licences\nhint: `--license-policy FILE`, or a table `[licenses]` in the file of `--policy`"
        );
    }
    Ok(())
}

/// Scans the image and says nothing of it.
pub(crate) async fn image(
    arguments: &Scan,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Scanned> {
    let policy = policy(arguments)?;
    let (scanned, _) = scan(arguments, &policy, feed(arguments, global)?, global, terminal).await?;
    Ok(scanned)
}

/// The scan, and where the image is from, if that is a registry.
async fn scan(
    arguments: &Scan,
    policy: &Policy,
    feed: Option<PathBuf>,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<(Scanned, Option<String>)> {
    let budget = arguments.limits.budget()?;
    let cache = if arguments.no_cache { None } else { open_cache(global, &budget, terminal) };
    let rules = rules(arguments, global)?;
    let given = vex::read_all(&arguments.vex)?;
    let scanning = Scanning {
        feed,
        cache,
        rules,
        kinds: arguments.kinds,
        budget,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        context: MatchContext {
            exposure: arguments.uses.exposure.unwrap_or_default(),
            importance: arguments.uses.importance.unwrap_or_default(),
        },
        progress: terminal.scan_progress(&arguments.target.name),
    };
    let scanning = Arc::new(scanning);
    let isolation = arguments.confinement.isolation();
    let located = target::locate(&arguments.target, &scanning.budget).await?;
    let place = match &located {
        Located::Remote(_) => {
            arguments.target.name.parse().ok().map(|name: ImageReference| name.place())
        }
        _ => None,
    };
    let remote = match (&located, arguments.sbom_sources) {
        (_, SbomSources::None) => None,
        (Located::Remote(image), SbomSources::Referrers) => Some(image.clone()),
        (_, SbomSources::Referrers) => bail!(
            "`--sbom-sources referrers`: `{}` is no image of a registry, so that nothing can be attached to it",
            arguments.target.name
        ),
    };
    let beside = vex::Beside::of(&located, arguments.vex_sources, &arguments.target.name)?;
    let mut scanned = {
        let (scanning, isolation) = (Arc::clone(&scanning), isolation.clone());
        let target = arguments.target.clone();
        let scan = move || scanning.image(isolation.as_ref(), located, &target, terminal);
        tokio::task::spawn_blocking(scan).await??
    };
    if let Some(image) = remote {
        let (target, report) = (&arguments.target, &mut scanned.report);
        attached::look(&scanning, isolation.as_ref(), &image, target, terminal, report).await?;
    }
    vex::look(given, beside, isolation.as_ref(), terminal, &mut scanned.report).await;
    let now = plimsoll_server::Clock::machine().now();
    if let Some(licences) = &policy.licences
        && arguments.kinds.contains(Kind::License)
    {
        licence::look(licences, now, &mut scanned.report);
    }
    // Last: what is denied need not be ignored.
    ignore::look(policy.ignore.clone(), now, terminal, &mut scanned.report);
    Ok((scanned, place))
}

/// A scan that is about to begin.
struct Scanning {
    /// The snapshot's path, if there is one.
    feed: Option<PathBuf>,
    cache: Option<LayerCache>,
    rules: Rules,
    kinds: Kinds,
    budget: Budget,
    threads: usize,
    context: MatchContext,
    progress: ScanProgress,
}

impl Scanning {
    /// Scans what was located, in a process of its own unless that was refused.
    fn image(
        &self,
        isolation: Option<&Isolation>,
        located: Located,
        target: &arguments::Target,
        terminal: Terminal,
    ) -> anyhow::Result<Scanned> {
        let other_name = located.other_name().map(ToOwned::to_owned);
        let mut scanned = match isolation {
            Some(isolation) => self.in_child(isolation, &located, target, terminal),
            None => self.here(&*target::open_located(located, target, &self.budget)?),
        }?;
        target::identify(other_name.as_deref(), &mut scanned.report);
        Ok(scanned)
    }

    /// In a process of its own.
    fn in_child(
        &self,
        isolation: &Isolation,
        located: &Located,
        target: &arguments::Target,
        terminal: Terminal,
    ) -> anyhow::Result<Scanned> {
        let platform = target::platform(target);
        let request = ChildScan {
            target: located.for_child(target, &platform),
            snapshot: self.feed.as_deref(),
            cache: self.cache.as_ref(),
            budget: &self.budget,
            today: plimsoll_server::Clock::machine().now(),
            threads: self.threads,
            context: self.context,
            kinds: self.kinds,
            rules: Some(&self.rules),
        };
        let scanned = scan_in_child(isolation, &request, &self.progress, &|| false);
        self.end();
        let ChildScanned { scanned, level } = scanned.map_err(|error| match error {
            ChildError::Snapshot(problem) => self.bad_feed(anyhow::anyhow!("{problem}")),
            error => located.explain(error),
        })?;
        if let Some(missing) = level.and_then(|level| level.missing()) {
            terminal.say(&format!("warning: {missing}"));
        }
        Ok(scanned)
    }

    /// In this very process.
    fn here(&self, source: &dyn LayerSource) -> anyhow::Result<Scanned> {
        let snapshot = self.feed.as_deref().map(Snapshot::open).transpose();
        let snapshot = snapshot.map_err(|error| self.bad_feed(error.into()))?;
        let malware = self.rules.open()?;
        let options = ScanOptions {
            snapshot: snapshot.as_ref(),
            cache: self.cache.as_ref(),
            budget: &self.budget,
            today: plimsoll_server::Clock::machine().now(),
            threads: self.threads,
            context: self.context,
            kinds: self.kinds,
            malware: Some(&malware),
            watch: None,
        };
        let scanned = plimsoll_scanner::scan(source, &options, &self.progress);
        self.end();
        Ok(scanned)
    }

    fn end(&self) {
        // Where no server runs, nobody else keeps the folder within its bound; a scan does not fail for that.
        let _pruned = self.cache.as_ref().map(LayerCache::prune);
        self.progress.finish();
    }

    fn bad_feed(&self, error: anyhow::Error) -> anyhow::Error {
        let path = self.feed.as_deref().unwrap_or(Path::new(""));
        error.context(format!(
            "feed `{}`\nhint: `plimsoll feed import` or `plimsoll feed update` make a new one",
            path.display()
        ))
    }
}

/// Writes the report and decides the exit code: coverage first, then the line and the policy.
fn finish(
    arguments: &Scan,
    policy: &Policy,
    scanned: &Scanned,
    place: Option<&str>,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    let report = &scanned.report;
    let format = format::format(arguments.format).context("no such format")?;
    let mut text = Vec::new();
    format.write(report, terminal.style(arguments.all, arguments.output.is_some()), &mut text)?;
    match &arguments.output {
        Some(path) => {
            let mut file = File::create(path)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
            file.write_all(&text)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
            if file.metadata()?.is_file() {
                file.sync_all()
                    .with_context(|| format!("`{}` cannot be written", path.display()))?;
            }
        }
        None => terminal.print(String::from_utf8(text)?.trim_end())?,
    }
    if let Some(interrupted) = &scanned.interrupted {
        bail!(
            "`{}` was not read to its end: {interrupted}\nhint: the report says UNREADABLE; try again",
            arguments.target.name
        );
    }
    let verdict = report.coverage.verdict;
    for (option, required) in [
        ("--require-coverage", arguments.require_coverage),
        ("the coverage of --policy", policy.coverage),
    ] {
        if required.is_some_and(|required| verdict < required) {
            terminal.say(&format!("coverage is {verdict}: {option} is not reached"));
            return Ok(Exit::CoverageMissed);
        }
    }
    if report.coverage.verdict == Verdict::Unreadable {
        bail!(
            "`{}` could not be read: the report says why, and says nothing about what is in it",
            arguments.target.name
        );
    }
    if arguments.fail_on.as_ref().is_some_and(|line| line.is_reached(report)) {
        terminal.say("findings reach the line of --fail-on");
        return Ok(Exit::LineReached);
    }
    if arguments.policy.is_some() {
        let decision = decide(policy, report, place);
        terminal.say(&format!("policy: {}", decision.verdict));
        for reason in &decision.reasons {
            terminal.say(&format!("  {}: {}", reason.rule, format::printable(&reason.text)));
        }
        if decision.verdict == PolicyVerdict::Deny {
            return Ok(Exit::LineReached);
        }
    }
    Ok(Exit::Done)
}

/// Where the snapshot lies. One that was named must be there; that of the data folder may be missing.
fn feed(arguments: &Scan, global: &Global) -> anyhow::Result<Option<PathBuf>> {
    if arguments.feed.is_some() {
        return Ok(arguments.feed.clone());
    }
    let path = feed_path(&data::directory(global)?);
    Ok(path.exists().then_some(path))
}

fn rules(arguments: &Scan, global: &Global) -> anyhow::Result<Rules> {
    open_rules(&data::directory(global)?, &arguments.rules)
        .context("rules for malicious files\nhint: `--rules DIR` names a folder of rule packs; see `plimsoll rules list`")
}

/// Without the folder a scan works too, only slower.
fn open_cache(global: &Global, budget: &Budget, terminal: Terminal) -> Option<LayerCache> {
    let folder = data::layers(global).ok()?;
    let made = folder.parent().map_or(Ok(()), data::make);
    match made.and_then(|()| Ok(LayerCache::open(&folder, budget)?)) {
        Ok(cache) => Some(cache),
        Err(error) => {
            terminal.say(&format!(
                "`{}` cannot be used, so layers are read again each time: {error:#}",
                folder.display()
            ));
            None
        }
    }
}
