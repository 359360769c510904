//! The platform of an image.
//!
//! In: `os/architecture[/variant]`. Out: [`Platform`]. Source: OCI image-spec, image index, `platform`; the names are
//! those of Go's `GOOS` and `GOARCH`. Odd: `arm64` and `arm64/v8` are the same machine.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What an image runs on, in Go's names: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// A text that is not `os/architecture[/variant]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform `{0}` is not of the form os/architecture[/variant], such as linux/amd64")]
pub struct PlatformError(pub String);

impl Platform {
    /// The platform of this program's own machine, with `linux` as system: images for another system are asked for.
    #[must_use]
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Self { os: "linux".into(), architecture: architecture.into(), variant: None }
    }

    /// Whether an image for `self` is what somebody who asks for `wanted` means.
    #[must_use]
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let implied =
            |platform: &Self| match (platform.architecture.as_str(), platform.variant.as_deref()) {
                ("arm64", None) => Some("v8".to_owned()),
                (_, variant) => variant.map(str::to_owned),
            };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || implied(self) == implied(wanted))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (*os, *architecture, None),
            [os, architecture, variant] if !variant.is_empty() => {
                (*os, *architecture, Some((*variant).to_owned()))
            }
            _ => return Err(PlatformError(text.to_owned())),
        };
        if os.is_empty() || architecture.is_empty() {
            return Err(PlatformError(text.to_owned()));
        }
        Ok(Self { os: os.to_owned(), architecture: architecture.to_owned(), variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_parse_print_and_match() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
        for text in ["linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/"] {
            assert_eq!(text.parse::<Platform>(), Err(PlatformError(text.into())));
        }
        let satisfies = |have: &str, want: &str| {
            have.parse::<Platform>().unwrap().satisfies(&want.parse::<Platform>().unwrap())
        };
        assert!(satisfies("linux/arm64/v8", "linux/arm64"));
        assert!(satisfies("linux/arm64", "linux/arm64/v8"));
        assert!(!satisfies("linux/arm/v6", "linux/arm/v7"));
        assert!(!satisfies("linux/amd64", "linux/arm64"));
    }
}
