//! Build instructions, from the history of an image's configuration.
//!
//! In: `history[]`. Out: [`Instruction`]s in one form, and the build file that they would make. Source: what the classic
//! builder, `BuildKit`, buildah, Kaniko, Jib, ko, Bazel and buildpacks write there. Odd, and tested below:
//! * the classic builder and buildah write `/bin/sh -c #(nop)  ENV A=b` for everything that is not RUN, and RUN without
//!   its word; Kaniko writes the build file's own line;
//! * build arguments stand in front of a RUN as `|2 A=b C=d /bin/sh -c …`, values unquoted;
//! * Jib, ko, Bazel and buildpacks have no instructions: what they write is [`Word::Other`], a remark in the build file,
//!   never an error;
//! * Kaniko leaves out what makes no layer, and writes nothing at all for `--reproducible`;
//! * buildah says where the base image's steps end, and Kaniko, Jib and ko sign their own; of the others it is guessed, since
//!   base images end in the command that they start, and images that are built upon them in layers or in another one;
//! * steps that made a layer are the image's layers in order, but only where there are as many of the one as of the other.

mod shell;
mod shown;

use plimsoll_image::{HistoryEntry, ImageConfig};

pub(crate) use shell::{command_words, shell_words, split_commands};
pub(crate) use shown::build_steps;

/// What an instruction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    Run,
    Copy,
    Add,
    Env,
    Arg,
    User,
    Expose,
    Volume,
    Workdir,
    Healthcheck,
    /// Any other that build files know.
    Known,
    /// None: what a tool without build files wrote, or nothing.
    Other,
}

/// One step of a build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Instruction {
    /// Position in the history, 0 for the oldest.
    pub(crate) index: usize,
    /// Line of the build file at which it begins.
    pub(crate) line: usize,
    /// Whether a base image brought it.
    pub(crate) inherited: bool,
    /// Whether no step before it made a layer.
    pub(crate) is_first_layer: bool,
    /// The layer that it made, bottom first.
    pub(crate) layer: Option<usize>,
    /// When, as written.
    pub(crate) created: Option<String>,
    /// What it is.
    pub(crate) word: Word,
    /// The word as written, in upper case; empty for [`Word::Other`].
    pub(crate) name: String,
    /// What follows the word: a shell text, sources and target, variables.
    pub(crate) text: String,
    /// Build arguments that the step was run with.
    pub(crate) arguments: Vec<(String, String)>,
    /// Its text in the build file, secrets masked.
    pub(crate) whole: String,
}

/// History lines and bytes of one line that are looked at.
const MAX_STEPS: usize = 10_000;
const MAX_LINE: usize = 256 << 10;

/// All instructions, oldest first, of an image with so many layers.
///
/// `base` is the name of the base image, where it is noted.
pub(crate) fn parse_history(
    config: &ImageConfig,
    layers: usize,
    base: Option<&str>,
) -> Vec<Instruction> {
    let own = first_own(&config.history, base);
    let made = config.history.iter().filter(|step| !step.empty_layer).count();
    let is_told = made == layers;
    let (mut layer, mut line, mut has_layer) = (0, FIRST_LINE, false);
    let mut instructions = Vec::new();
    for (index, entry) in config.history.iter().take(MAX_STEPS).enumerate() {
        let mut step = parse_step(index, entry);
        step.inherited = index < own;
        if is_told && !entry.empty_layer {
            step.layer = Some(layer);
            layer += 1;
        }
        step.is_first_layer = !has_layer && !entry.empty_layer;
        has_layer |= !entry.empty_layer;
        step.line = line;
        step.whole = shown::whole(&step);
        line += step.whole.lines().count().max(1);
        instructions.push(step);
    }
    instructions
}

/// Builders that sign their steps, as `author`.
const SIGNED: [&str; 3] = ["kaniko", "Jib", "ko"];

/// The first step that no base image brought.
///
/// Buildah names the base image behind the first step that is not that image's own (`FROM docker.io/library/debian:12`;
/// behind later ones stand ids of images in between, without `/` or `:`), some builders sign their steps, and else the base
/// image's end with the last command before the last layer: who starts from another image does not set a command before the
/// files that it needs.
fn first_own(history: &[HistoryEntry], base: Option<&str>) -> usize {
    let steps = history.get(..history.len().min(MAX_STEPS)).unwrap_or_default();
    let names_base = |step: &HistoryEntry| {
        let from = step.comment.strip_prefix("FROM ");
        from.is_some_and(|from| Some(from) == base || from.contains([':', '/']))
    };
    if let Some(own) = steps.iter().rposition(names_base) {
        return own;
    }
    let author = steps.last().map(|step| step.author.as_str()).unwrap_or_default();
    if SIGNED.contains(&author) {
        return steps.iter().rposition(|step| step.author != author).map_or(0, |other| other + 1);
    }
    let last_layer = steps.iter().rposition(|step| !step.empty_layer).unwrap_or_default();
    let is_command = |step: &HistoryEntry| {
        step.empty_layer && matches!(parse_step(0, step).name.as_str(), "CMD" | "ENTRYPOINT")
    };
    let before = steps.get(..last_layer).unwrap_or_default();
    before.iter().rposition(is_command).map_or(0, |command| command + 1)
}

/// The first line of the build file is `FROM scratch`.
const FIRST_LINE: usize = 2;

fn bounded(line: &str) -> &str {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

fn parse_step(index: usize, entry: &HistoryEntry) -> Instruction {
    let line = bounded(&entry.created_by).trim().trim_end_matches("# buildkit").trim_end();
    // BuildKit writes `RUN |1 A=b /bin/sh -c …`, the classic builder `|1 A=b /bin/sh -c …`.
    let (line, is_run) = match line.strip_prefix("RUN ") {
        Some(rest) => (rest.trim_start(), true),
        None => (line, false),
    };
    let (arguments, line) = build_arguments(line);
    let has_arguments = !arguments.is_empty();
    let (name, text) = if let Some(text) = shell_text(line) {
        match text.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => split_word(instruction.trim_start()),
            None => ("RUN", text),
        }
    } else if is_run || has_arguments {
        ("RUN", line)
    } else {
        split_word(line)
    };
    Instruction {
        index,
        line: 0,
        inherited: false,
        is_first_layer: false,
        layer: None,
        created: entry.created.clone(),
        word: word(name),
        name: name.to_owned(),
        text: text.trim().to_owned(),
        arguments,
        whole: String::new(),
    }
}

/// What follows `/bin/sh -c`, or another shell's like.
fn shell_text(line: &str) -> Option<&str> {
    let (shell, rest) = line.split_once(' ')?;
    let is_shell =
        shell.starts_with('/') && ["/sh", "/bash", "/ash"].iter().any(|name| shell.ends_with(name));
    if !is_shell {
        return None;
    }
    // `/bin/bash -o pipefail -c text`
    let mut rest = rest.trim_start();
    while let Some((word, after)) = rest.split_once(' ') {
        rest = after.trim_start();
        if word.starts_with('-') && word.ends_with('c') {
            return Some(rest);
        }
        if !word.starts_with(['-', '+']) && word != "pipefail" {
            break;
        }
    }
    None
}

/// The words that build files know.
const WORDS: &[&str] = &[
    "RUN",
    "COPY",
    "ADD",
    "ENV",
    "ARG",
    "USER",
    "EXPOSE",
    "VOLUME",
    "WORKDIR",
    "HEALTHCHECK",
    "CMD",
    "ENTRYPOINT",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "SHELL",
    "STOPSIGNAL",
];

fn word(name: &str) -> Word {
    match name {
        "RUN" => Word::Run,
        "COPY" => Word::Copy,
        "ADD" => Word::Add,
        "ENV" => Word::Env,
        "ARG" => Word::Arg,
        "USER" => Word::User,
        "EXPOSE" => Word::Expose,
        "VOLUME" => Word::Volume,
        "WORKDIR" => Word::Workdir,
        "HEALTHCHECK" => Word::Healthcheck,
        "" => Word::Other,
        _ => Word::Known,
    }
}

fn split_word(text: &str) -> (&'static str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match WORDS.iter().find(|word| first.eq_ignore_ascii_case(word)) {
        Some(word) => (word, rest.trim_start()),
        None => ("", text),
    }
}

/// `|2 A=b C=d rest`. Values hold spaces unquoted, so an argument ends where the next `NAME=` or the shell begins.
fn build_arguments(line: &str) -> (Vec<(String, String)>, &str) {
    let none = (Vec::new(), line);
    let Some((count, mut rest)) = line.strip_prefix('|').and_then(|rest| rest.split_once(' '))
    else {
        return none;
    };
    let Ok(count) = count.parse::<usize>() else { return none };
    let mut arguments: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        match word.split_once('=') {
            Some((name, value)) if arguments.len() < count && is_name(name) => {
                arguments.push((name.to_owned(), value.to_owned()));
            }
            _ if word.starts_with('/') && arguments.len() == count => break,
            _ => match arguments.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(word);
                }
                None => break,
            },
        }
        rest = after;
    }
    (arguments, rest)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

impl Instruction {
    /// A RUN, for tests.
    #[cfg(test)]
    pub(crate) fn run(text: &str) -> Self {
        let entry = HistoryEntry { created_by: format!("RUN {text}"), ..HistoryEntry::default() };
        parse_step(0, &entry)
    }

    /// Whether it brings the root file system, which is how every base image begins.
    pub(crate) fn is_root_import(&self) -> bool {
        let target = self.text.trim_end().rsplit([' ', ',']).next().unwrap_or_default();
        self.is_first_layer
            && self.word == Word::Add
            && matches!(target.trim_matches(['"', ']', '[']), "/" | "./")
    }

    /// The variables that an ENV or ARG sets, as far as they are written out.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let words = shell_words(&self.text);
        let is_pair = |word: &String| word.split_once('=').is_some_and(|(name, _)| is_name(name));
        if words.first().is_some_and(is_pair) {
            // Inside a value that is written without quotes, later words belong to the last name, as the classic builder
            // writes values unquoted.
            let mut variables: Vec<(String, String)> = Vec::new();
            for word in words {
                match (word.split_once('='), variables.last_mut()) {
                    (Some((name, value)), _) if is_name(name) => {
                        variables.push((name.to_owned(), value.to_owned()));
                    }
                    (_, Some((_, value))) => {
                        value.push(' ');
                        value.push_str(&word);
                    }
                    _ => {}
                }
            }
            return variables;
        }
        match self.text.split_once(char::is_whitespace) {
            Some((name, value)) if is_name(name) => {
                vec![(name.to_owned(), value.trim().trim_matches('"').to_owned())]
            }
            _ => Vec::new(),
        }
    }

    /// The simple commands of a RUN, split at `&&`, `||`, `;`, `|`, `&` and line ends outside quotes; each with what
    /// stands between it and the next.
    pub(crate) fn commands(&self) -> Vec<Vec<String>> {
        split_commands(&self.text).iter().map(|command| shell_words(command)).collect()
    }
}

#[cfg(test)]
#[path = "history/tests.rs"]
mod tests;
