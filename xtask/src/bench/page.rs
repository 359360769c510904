//! The page of figures.
//!
//! In: a section's heading and text. Out: the page with that section new and the others as they were.

use std::{fs, path::Path};

use super::measure::{load, machine};

const HEAD: &str = "# Benchmarks\n\nWritten by `cargo xtask bench`; each section by its own run. Ratios are of one run on one machine, so they carry over to \
other machines better than seconds do. Every time is a median of interleaved runs with a warm page cache; \"cold\" means that the \
scanner's own cache is empty. Memory is the most that all processes of a scanner held together (sum of proportional set sizes), taken \
in a run of its own. Nobody has vulnerability data or a network: what is compared is reading an image and listing its packages. Trivy \
runs as `trivy image --list-all-pkgs --offline-scan --scanners license`, without its index of jars, and Plimsoll with `--kinds vulnerability,license`.\n";

/// What is measured now.
pub(super) struct Section {
    heading: &'static str,
    lines: Vec<String>,
}

impl Section {
    /// One that begins with what it was measured on.
    pub(super) fn new(heading: &'static str, scanners: &str) -> Self {
        let machine = machine();
        let before = load();
        let head = format!("On an {machine}; load before the run {before}. {scanners}.");
        Self { heading, lines: vec![head, String::new()] }
    }

    pub(super) fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    /// Puts what is known only at the end in the place of a word.
    pub(super) fn replace(&mut self, word: &str, text: &str) {
        for line in &mut self.lines {
            *line = line.replace(word, text);
        }
    }

    /// Puts the section into the page.
    pub(super) fn write(&self, page: &Path) -> anyhow::Result<()> {
        let old = fs::read_to_string(page).unwrap_or_else(|_| HEAD.to_owned());
        let text = replaced(&old, self.heading, &self.lines.join("\n"));
        fs::write(page, text)?;
        Ok(())
    }
}

/// `page` with this section new, at its place or at the end.
fn replaced(page: &str, heading: &str, text: &str) -> String {
    let new = format!("{heading}\n\n{}\n", text.trim());
    let mut sections: Vec<String> =
        page.split("\n## ").map(|section| section.trim_end().to_owned() + "\n").collect();
    let found = sections
        .iter_mut()
        .skip(1)
        .find(|section| section.strip_prefix(heading).is_some_and(|rest| rest.starts_with('\n')));
    match found {
        Some(section) => *section = new,
        None => sections.push(new),
    }
    sections.join("\n## ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let page = replaced("# Page\n\nHead.\n", "One", "first");
        let page = replaced(&page, "Two", "second");
        assert_eq!(page, "# Page\n\nHead.\n\n## One\n\nfirst\n\n## Two\n\nsecond\n");
        let again = replaced(&page, "One", "other");
        assert_eq!(again, "# Page\n\nHead.\n\n## One\n\nother\n\n## Two\n\nsecond\n");
    }
}
