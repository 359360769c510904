//! How an image was built, as its history tells.
//!
//! In: an image's history. Out: [`BuildStep`]s, which together are the build file that would make it. Odd: secrets are
//! masked in them, so that reports can be shown to whoever may see findings.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One step of a build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BuildStep {
    /// Position in the history, 0 for the oldest: `history` of a finding's `extra`.
    pub index: u32,
    /// Line of the build file at which it begins; line 1 is `FROM scratch`.
    pub line: u32,
    /// What it says, one or several lines; a remark (`# …`) where the builder has no instructions.
    pub instruction: String,
    /// Blob digest of the layer that it made; `None` where it made none, or where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Digest>,
    /// When, as the builder wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Whether it came with a base image that is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
}

/// The build file, from `FROM scratch` on.
#[must_use]
pub fn build_file(steps: &[BuildStep]) -> String {
    let mut text = String::from("FROM scratch\n");
    for step in steps {
        text.push_str(&step.instruction);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_at_their_lines() {
        let step = |index, line, instruction: &str| BuildStep {
            index,
            line,
            instruction: instruction.to_owned(),
            layer: None,
            created: None,
            inherited: false,
        };
        let steps =
            [step(0, 2, "ADD file:1 in /"), step(1, 3, "RUN <<E\na\nE"), step(2, 6, "USER 1")];
        let file = build_file(&steps);
        let lines: Vec<&str> = file.lines().collect();
        for step in &steps {
            assert!(step.instruction.starts_with(lines[step.line as usize - 1]), "{step:?}");
        }
    }
}
