//! What one run of a program costs.
//!
//! In: a command. Out: its wall time and the processor time of all that it started, or, in a run of its own, the most memory that
//! it and its children had together. Odd: memory is sampled (proportional set size of every process of the tree), and sampling
//! costs time; so times and memory never come from the same run. Linux alone has what is read here.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// Units of processor time in `/proc` per second, the same on every Linux that runs on servers.
const TICKS: f64 = 100.0;

/// Between two samples of memory, while the program is young, and later.
const OFTEN: Duration = Duration::from_millis(1);
const LATER: Duration = Duration::from_millis(10);

/// One run's cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// From start to end, in seconds.
    pub(crate) wall: f64,
    /// Processor time of the program and all its children, in seconds.
    pub(crate) processor: f64,
}

/// Runs a program, its standard output into a file.
pub(crate) fn time(command: &mut Command, output: &Path) -> anyhow::Result<Cost> {
    prepare(command, output)?;
    let before = processor_of_children()?;
    let started = Instant::now();
    let status = command.status().with_context(|| format!("{command:?}"))?;
    let wall = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{command:?} failed: {status}; see {}", errors(output).display());
    }
    Ok(Cost { wall, processor: processor_of_children()? - before })
}

/// Runs a program and samples the memory of its process tree; bytes.
pub(crate) fn peak(command: &mut Command, output: &Path) -> anyhow::Result<u64> {
    prepare(command, output)?;
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let mut most = 0;
    let status = loop {
        most = most.max(memory_of_tree(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(if started.elapsed().as_secs() < 1 { OFTEN } else { LATER });
    };
    if !status.success() {
        bail!("{command:?} failed: {status}; see {}", errors(output).display());
    }
    Ok(most)
}

fn prepare(command: &mut Command, output: &Path) -> anyhow::Result<()> {
    command
        .stdin(Stdio::null())
        .stdout(File::create(output)?)
        .stderr(File::create(errors(output))?);
    Ok(())
}

fn errors(output: &Path) -> std::path::PathBuf {
    output.with_extension("errors")
}

/// Seconds that ended children of this process used, theirs included (`proc(5)`: `cutime`, `cstime`).
fn processor_of_children() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may have blanks; behind it stands field 3.
    let fields: Vec<&str> =
        text.rsplit(") ").next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
    let (Some(user), Some(system)) = (ticks(13), ticks(14)) else {
        bail!("/proc/self/stat has no times of children");
    };
    Ok((user + system) / TICKS)
}

/// Memory of a process and all below it.
pub(super) fn memory_of_tree(root: u32) -> u64 {
    let mut parents: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = text.rsplit(") ").next().and_then(|rest| rest.split_whitespace().nth(1));
        if let Some(parent) = parent.and_then(|text| text.parse().ok()) {
            parents.entry(parent).or_default().push(process);
        }
    }
    let (mut left, mut sum) = (vec![root], 0);
    while let Some(process) = left.pop() {
        sum += proportional_set_size(process);
        left.extend(parents.get(&process).into_iter().flatten());
    }
    sum
}

fn proportional_set_size(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kibibytes| kibibytes.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes * 1_024)
}

/// The middle value; of an even number the lower of the two middle ones.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The machine's class, as far as it bears on the figures: no names.
pub(crate) fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    let flags: Vec<&str> = text
        .lines()
        .find(|line| line.starts_with("flags"))
        .map(|line| line.split_whitespace().collect())
        .unwrap_or_default();
    let has = |flag: &str| flags.contains(&flag);
    let vectors = match (has("avx512f"), has("avx2")) {
        (true, _) => "AVX-512",
        (false, true) => "AVX2",
        (false, false) => "no AVX2",
    };
    let hashing = if has("sha_ni") { "SHA instructions" } else { "no SHA instructions" };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kibibytes| kibibytes.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes.div_ceil(1 << 20));
    format!(
        "{} machine, {cores} cores, {vectors}, {hashing}, {memory} GiB of memory",
        std::env::consts::ARCH
    )
}

/// How many processes wanted to run in the last minute, besides these.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_some_values() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
