//! Which image, and how to reach it.
//!
//! In: what is said with every command that takes a target. Out: [`Target`]. Odd: the comments are help texts.

#![expect(clippy::doc_markdown, reason = "these comments are help texts, shown as they are")]

use std::path::PathBuf;

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use plimsoll_image::InputKind;
use plimsoll_model::Platform;

/// Which image, and how to reach it.
#[derive(Args, Debug, Clone)]
pub(crate) struct Target {
    /// Registry reference, docker-archive or OCI layout (folder or tar), layer tar, root file system folder, or an SBOM;
    /// `KIND:TARGET` says which: registry, containers-storage, docker-daemon, docker-archive, oci, oci-archive, dir, layer-tar, sbom
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub(crate) name: String,
    /// What the target is, instead of looking; a kind in front of it is then a part of its name
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS).try_map(|text| text.parse::<Input>()))]
    pub(crate) input: Option<Input>,
    /// Which platform of a multi-platform image [default: linux on this machine's architecture]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Host in another domain that issues the registry's tokens and may see the account; may be repeated
    #[arg(long = "token-realm", value_name = "HOST")]
    pub(crate) token_realms: Vec<String>,
    /// Fetch of a registry's layers only what is looked at, where they have a table of contents (eStargz, zstd:chunked) and the
    /// registry sends parts; coverage is PARTIAL then, since a runtime that ignores the table may unpack other files
    #[arg(long)]
    pub(crate) partial_pull: bool,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// How to reach a registry.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Access {
    /// Account at the registry [default: what `docker login` or `podman login` kept for it]
    #[arg(long, value_name = "NAME", env = "PLIMSOLL_REGISTRY_USERNAME", hide_env_values = true)]
    pub(crate) username: Option<String>,
    /// File with the account's password; `-` reads it from standard input [default: PLIMSOLL_REGISTRY_PASSWORD in the environment]
    #[arg(long, value_name = "FILE", requires = "username")]
    pub(crate) password_file: Option<PathBuf>,
    /// Own certificate authority (PEM) for the registry
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Speak http to a registry that is not on this machine
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Proxy that the registry is reached through, such as `http://proxy.example.com:3128` [default: none, whatever the environment says]
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// Account at the proxy
    #[arg(long, value_name = "NAME", requires_all = ["proxy", "proxy_password_file"])]
    pub(crate) proxy_username: Option<String>,
    /// File with that account's password
    #[arg(long, value_name = "FILE", requires = "proxy_username")]
    pub(crate) proxy_password_file: Option<PathBuf>,
}

/// What a scan's target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A registry reference.
    Registry,
    /// A file or folder.
    Local(InputKind),
    /// An image in the store of podman, buildah or CRI-O.
    Storage,
    /// An image that a Docker daemon keeps.
    Daemon,
}

/// All kinds, as `--input` takes them.
const KINDS: [&str; 8] = [
    "containers-storage",
    "docker-archive",
    "docker-daemon",
    "layer-tar",
    "oci-layout",
    "registry",
    "rootfs",
    "sbom",
];

impl std::str::FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "registry" => Ok(Self::Registry),
            "containers-storage" => Ok(Self::Storage),
            "docker-daemon" => Ok(Self::Daemon),
            _ => text.parse().map(Self::Local).map_err(|error| {
                format!("{error}, or containers-storage, docker-daemon, registry")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_offered_and_read() {
        for kind in KINDS {
            assert!(kind.parse::<Input>().is_ok(), "{kind}");
        }
        assert!(InputKind::ALL.iter().all(|kind| KINDS.contains(&kind.name())));
    }
}
