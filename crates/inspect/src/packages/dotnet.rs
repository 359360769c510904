//! .NET: what an application was published with, what a project resolved, and the shared runtime.
//!
//! In: JSON and XML files of the SDK and of NuGet. Out: packages by their NuGet names. Source: Microsoft's documentation of
//! `runtimeconfig.json` and `deps.json`; NuGet's of lock files. Odd: NuGet's names do not care about case; they are kept as
//! written. Assemblies themselves (PE files) are read elsewhere.

mod assembly;
mod assets;
mod bundle;
mod deps;
mod packages_config;
mod packages_lock;
mod runtime;
mod version_resource;

pub(crate) use self::{
    assembly::{Assembly, ID as ASSEMBLIES},
    assets::ProjectAssets,
    deps::DependencyManifest,
    packages_config::PackagesConfig,
    packages_lock::NugetLock,
    runtime::DotnetRuntime,
};

/// Ids of the parsers whose lists say what assemblies beside them came from.
pub(crate) const LISTS: &[&str] = &["dotnet-deps", "dotnet-runtime"];

/// The OSV name of the ecosystem.
const NUGET: &str = "NuGet";

/// Longest file that is read: the largest known have a quarter.
const LIMIT: u64 = 8 << 20;

/// `Newtonsoft.Json/13.0.1` is a name and a version.
fn split_library(key: &str) -> Option<(&str, &str)> {
    let (name, version) = key.rsplit_once('/')?;
    (!name.is_empty() && !version.is_empty()).then_some((name, version))
}
