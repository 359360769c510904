//! What tools say beyond a format's own fields: of the package that a package was built from, and our own properties.
//!
//! In: Trivy's properties and texts, annotations. Out: a source package; pairs of name and value. Source: Trivy's CycloneDX properties `SrcName`, `SrcEpoch`,
//! `SrcVersion`, `SrcRelease`; the text `built package from: NAME VERSION` of its SPDX. Odd: they hold version, epoch and
//! release apart, as rpm does, for every distribution.

use std::collections::BTreeMap;

use plimsoll_model::{SourcePackage, properties::PREFIX};

#[derive(Debug, Default)]
pub(super) struct Origins {
    name: String,
    epoch: String,
    version: String,
    release: String,
}

impl Origins {
    pub(super) fn property(&mut self, name: &str, value: &str) {
        let Some(name) = name.strip_prefix("aquasecurity:trivy:Src") else { return };
        let field = match name {
            "Name" => &mut self.name,
            "Epoch" => &mut self.epoch,
            "Version" => &mut self.version,
            "Release" => &mut self.release,
            _ => return,
        };
        value.clone_into(field);
    }

    /// SPDX's `sourceInfo`.
    pub(super) fn text(&mut self, text: &str) {
        let built = text.strip_prefix("built package from: ");
        if let Some((name, version)) = built.and_then(|rest| rest.trim().rsplit_once(' ')) {
            name.clone_into(&mut self.name);
            version.clone_into(&mut self.version);
        }
    }

    pub(super) fn source(&self) -> Option<SourcePackage> {
        if self.name.is_empty() || self.version.is_empty() {
            return None;
        }
        let mut version = self.version.clone();
        if !self.epoch.is_empty() && self.epoch != "0" {
            version = format!("{}:{version}", self.epoch);
        }
        if !self.release.is_empty() {
            version = format!("{version}-{}", self.release);
        }
        Some(SourcePackage { name: self.name.clone(), version })
    }
}

/// Our own properties in the comment of an annotation of SPDX.
pub(super) fn annotated(comment: &str, mut take: impl FnMut(&str, &str)) {
    let comment = comment.trim();
    if !comment.starts_with('{') || !comment.contains(PREFIX) {
        return;
    }
    // Somebody else's comment may hold anything.
    let Ok(properties) = serde_json::from_str::<BTreeMap<String, String>>(comment) else { return };
    for (name, value) in &properties {
        take(name, value);
    }
}
