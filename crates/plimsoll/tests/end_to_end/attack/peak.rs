//! The most memory that a program and those that it starts took.
//!
//! In: a command. Out: its output, and MiB. Source: `proc(5)`: `VmHWM`, the most that one process ever had resident. Odd: it is
//! looked at again and again until the program ends, and summed over processes that may have had their most at different
//! times; so it is rather too much than too little.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

pub(super) fn of(command: &mut Command) -> (Output, u64) {
    let program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (root, has_ended) = (program.id(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = BTreeMap::new();
            while !has_ended.load(Ordering::Relaxed) {
                for process in tree(root) {
                    let peak: &mut u64 = most.entry(process).or_default();
                    *peak = resident_peak(process).max(*peak);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            most.values().sum::<u64>()
        });
        let output = program.wait_with_output().unwrap();
        has_ended.store(true, Ordering::Relaxed);
        let kibibytes = watch.join().unwrap();
        assert!(kibibytes > 0, "nothing was seen of the program");
        (output, kibibytes.div_ceil(1_024))
    })
}

/// A process and all that come from it.
fn tree(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name in parentheses may have blanks; behind it stand the state and the parent.
        let parent = text.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
        if let Some(parent) = parent.and_then(|text| text.parse().ok()) {
            children.entry(parent).or_default().push(process);
        }
    }
    let (mut found, mut left) = (Vec::new(), vec![root]);
    while let Some(process) = left.pop() {
        found.push(process);
        left.extend(children.remove(&process).into_iter().flatten());
    }
    found
}

/// KiB.
fn resident_peak(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
