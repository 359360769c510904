//! Which .NET assemblies count.
//!
//! In: visible files. Out: the assemblies that are left out. Odd: a `deps.json` with packages in it tells what the
//! assemblies beside it came from, those for other systems and languages in folders below included; then they say nothing new.

use std::{collections::HashSet, ptr};

use plimsoll_image::TreePath;

use super::{locks::Absent, visible::VisibleFile};
use crate::packages::dotnet;

/// How deep below the list assemblies for one system lie: `runtimes/linux-x64/lib/net8.0`.
const DEPTH: usize = 4;

/// Adds the assemblies that a list of dependencies stands for.
pub(super) fn leave_out_listed(files: &[VisibleFile<'_>], absent: &mut Absent) {
    let is_list = |file: &&VisibleFile<'_>| {
        dotnet::LISTS.contains(&&*file.facts.detector) && !file.facts.packages.is_empty()
    };
    let listed: HashSet<TreePath> =
        files.iter().filter(is_list).filter_map(|file| file.path.parent()).collect();
    for file in files.iter().filter(|file| file.facts.detector == dotnet::ASSEMBLIES) {
        let is_for_one_system = file.path.parts().any(|part| part == b"runtimes");
        let folders = std::iter::successors(file.path.parent(), TreePath::parent);
        let reach = if is_for_one_system { DEPTH + 1 } else { 1 };
        if folders.take(reach).any(|folder| listed.contains(&folder)) {
            // A single-file application's packages are no assemblies: they carry no evidence.
            let assemblies = file.facts.packages.iter().filter(|fact| !fact.extra.is_empty());
            absent.extend(assemblies.map(ptr::from_ref));
        }
    }
}
