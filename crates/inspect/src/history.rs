//! Build instructions, from the history of an image's configuration.
//!
//! In: `history[].created_by`. Out: [`Instruction`]s in one form. Source: what the classic builder, `BuildKit` and buildah
//! write there. Odd, and tested below:
//! * the classic builder writes `/bin/sh -c #(nop)  ENV A=b` for everything that is not RUN, and RUN without its word;
//! * build arguments stand in front of a RUN as `|2 A=b C=d /bin/sh -c …`, values unquoted;
//! * unknown forms give [`Word::Other`], never an error.

use plimsoll_image::ImageConfig;

/// What an instruction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    Run,
    Copy,
    Add,
    Env,
    Arg,
    Other,
}

/// One step of a build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Instruction {
    /// Position in the history, 0 for the oldest.
    pub(crate) index: usize,
    /// What it is.
    pub(crate) word: Word,
    /// What follows the word: a shell text, sources and target, variables.
    pub(crate) text: String,
    /// Build arguments that the step was run with.
    pub(crate) arguments: Vec<(String, String)>,
}

/// History lines and bytes of one line that are looked at.
const MAX_STEPS: usize = 10_000;
const MAX_LINE: usize = 256 << 10;

/// All instructions, oldest first.
pub(crate) fn parse_history(config: &ImageConfig) -> Vec<Instruction> {
    config
        .history
        .iter()
        .take(MAX_STEPS)
        .enumerate()
        .map(|(index, step)| parse_step(index, bounded(&step.created_by)))
        .collect()
}

fn bounded(line: &str) -> &str {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

fn parse_step(index: usize, line: &str) -> Instruction {
    let line = line.trim().trim_end_matches("# buildkit").trim_end();
    // BuildKit writes `RUN |1 A=b /bin/sh -c …`, the classic builder `|1 A=b /bin/sh -c …`.
    let (line, is_run) = match line.strip_prefix("RUN ") {
        Some(rest) => (rest.trim_start(), true),
        None => (line, false),
    };
    let (arguments, line) = build_arguments(line);
    let has_arguments = !arguments.is_empty();
    let (word, text) = if let Some(text) = shell_text(line) {
        match text.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => split_word(instruction.trim_start()),
            None => (Word::Run, text),
        }
    } else if is_run || has_arguments {
        (Word::Run, line)
    } else {
        split_word(line)
    };
    Instruction { index, word, text: text.trim().to_owned(), arguments }
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

fn split_word(text: &str) -> (Word, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let word = match word.to_ascii_uppercase().as_str() {
        "RUN" => Word::Run,
        "COPY" => Word::Copy,
        "ADD" => Word::Add,
        "ENV" => Word::Env,
        "ARG" => Word::Arg,
        _ => return (Word::Other, text),
    };
    (word, rest.trim_start())
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

/// Splits a shell text into commands; quotes and backslashes are honoured, nothing is expanded.
pub(crate) fn split_commands(text: &str) -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let command = commands.last_mut();
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None | Some('"'), '\\') => {
                if let Some(command) = command {
                    command.push(character);
                    command.extend(characters.next());
                }
                continue;
            }
            (None, '&' | '|' | ';' | '\n') => {
                // `2>&1` and `&>` redirect; they end nothing.
                let redirects = character == '&'
                    && (command.as_ref().is_some_and(|command| command.ends_with('>'))
                        || characters.peek() == Some(&'>'));
                if !redirects {
                    commands.push(String::new());
                    continue;
                }
            }
            _ => {}
        }
        if let Some(command) = commands.last_mut() {
            command.push(character);
        }
    }
    commands
        .into_iter()
        .map(|command| command.trim().to_owned())
        .filter(|c| !c.is_empty())
        .collect()
}

/// Splits a command into words, quotes removed, nothing expanded.
pub(crate) fn shell_words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        if quote.is_none() && character.is_whitespace() {
            open = false;
            continue;
        }
        if !open {
            words.push(String::new());
            open = true;
        }
        let Some(word) = words.last_mut() else { break };
        match (quote, character) {
            (Some(opened), _) if opened == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None | Some('"'), '\\') => word.extend(characters.next()),
            _ => word.push(character),
        }
    }
    words
}

#[cfg(test)]
#[path = "history/tests.rs"]
mod tests;
