//! Shell texts, as far as their words tell what is run.
//!
//! In: the text of a RUN, or a command line. Out: commands and their words. Source: POSIX, "Shell Command Language". Odd:
//! quotes and backslashes are honoured and nothing is expanded, so a variable stays one.

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

/// The words of a command line, in which a word may itself be a shell text: `["sh", "-c", "exec redis-server --port 1"]`.
pub(crate) fn command_words(words: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for word in words {
        if word.contains(char::is_whitespace) {
            all.extend(split_commands(word).iter().flat_map(|command| shell_words(command)));
        } else {
            all.push((*word).to_owned());
        }
    }
    all
}
