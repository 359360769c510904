//! SPDX as lines of tag and value.
//!
//! In: an [`Spdx`]. Out: text. Source: SPDX 2.3, "Tag:value format". Odd: the format has no escapes. A value of one line
//! loses its line breaks and other characters that do not show, and nothing may look like the end of a longer text;
//! annotations are JSON, where both can be escaped.

use super::{
    DOCUMENT,
    document::{Annotation, Element, Spdx},
};
use crate::format::grid::is_unprintable;

pub(super) fn text(spdx: &Spdx) -> String {
    let mut lines = Lines::default();
    lines.tag("SPDXVersion", spdx.spdx_version);
    lines.tag("DataLicense", spdx.data_license);
    lines.tag("SPDXID", spdx.id);
    lines.tag("DocumentName", &spdx.name);
    lines.tag("DocumentNamespace", &spdx.document_namespace);
    for creator in &spdx.creation_info.creators {
        lines.tag("Creator", creator);
    }
    lines.tag("Created", &spdx.creation_info.created);
    lines.annotations(&spdx.annotations, DOCUMENT);
    for package in &spdx.packages {
        element(&mut lines, package);
    }
    lines.0.push('\n');
    for relationship in &spdx.relationships {
        let (from, kind, to) = (&relationship.from, relationship.kind, &relationship.to);
        lines.tag("Relationship", &format!("{from} {kind} {to}"));
    }
    for license in &spdx.extracted_licenses {
        lines.0.push('\n');
        lines.tag("LicenseID", &license.id);
        lines.text("ExtractedText", &license.text);
        lines.tag("LicenseName", license.name);
    }
    lines.0
}

fn element(lines: &mut Lines, package: &Element) {
    lines.0.push('\n');
    lines.tag("PackageName", &package.name);
    lines.tag("SPDXID", &package.id);
    lines.tag("PackageVersion", &package.version);
    lines.tag("PrimaryPackagePurpose", package.primary_purpose);
    lines.tag("PackageSupplier", &package.supplier);
    lines.tag("PackageDownloadLocation", package.download_location);
    lines.tag("FilesAnalyzed", if package.files_analyzed { "true" } else { "false" });
    for checksum in &package.checksums {
        lines.tag("PackageChecksum", &format!("{}: {}", checksum.algorithm, checksum.value));
    }
    lines.text("PackageSourceInfo", &package.source_info);
    lines.tag("PackageLicenseConcluded", package.license_concluded);
    lines.tag("PackageLicenseDeclared", &package.license_declared);
    lines.tag("PackageCopyrightText", package.copyright_text);
    for reference in &package.external_refs {
        let (category, kind) = (reference.category, reference.kind);
        lines.tag("ExternalRef", &format!("{category} {kind} {}", reference.locator));
    }
    lines.annotations(&package.annotations, &package.id);
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A value of one line; nothing for an empty one.
    fn tag(&mut self, tag: &str, value: &str) {
        let value = shown(value, false);
        let value = value.trim();
        if !value.is_empty() {
            self.0.push_str(tag);
            self.0.push_str(": ");
            self.0.push_str(value);
            self.0.push('\n');
        }
    }

    /// A value that may have several lines; nothing for an empty one.
    fn text(&mut self, tag: &str, value: &str) {
        if !value.is_empty() {
            self.0.push_str(tag);
            self.0.push_str(": <text>");
            self.0.push_str(&shown(value, true));
            self.0.push_str("</text>\n");
        }
    }

    fn annotations(&mut self, annotations: &[Annotation], of: &str) {
        for annotation in annotations {
            self.tag("Annotator", &annotation.annotator);
            self.tag("AnnotationDate", &annotation.date);
            self.tag("AnnotationType", annotation.kind);
            self.tag("SPDXREF", of);
            // In JSON a slash may be escaped.
            self.text("AnnotationComment", &annotation.comment.replace("</", "<\\/"));
        }
    }
}

fn shown(value: &str, has_lines: bool) -> String {
    let visible = value.chars().map(|character| match character {
        '\n' if has_lines => '\n',
        '\t' => ' ',
        hidden if is_unprintable(hidden) => char::REPLACEMENT_CHARACTER,
        other => other,
    });
    let visible: String = visible.collect();
    visible.replace("<text>", "(text)").replace("</text>", "(/text)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_becomes_a_tag() {
        let mut lines = Lines::default();
        lines.tag("PackageName", "a\nPackageName: b\u{1b}[31m");
        lines.tag("PackageName", "<text>a");
        lines.tag("PackageVersion", "");
        lines.text("ExtractedText", "a</text>\nPackageName: b");
        assert_eq!(
            lines.0,
            "PackageName: a\u{fffd}PackageName: b\u{fffd}[31m\nPackageName: (text)a\nExtractedText: <text>a(/text)\nPackageName: b</text>\n"
        );
    }
}
