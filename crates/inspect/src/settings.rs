//! Settings of configuration files, whatever their grammar.
//!
//! In: a file's text and its grammar. Out: sections, keys, values and lines, in the file's order; which value counts is the
//! service's rule. Source: each service's own documentation, named at the reader. Odd: keys of nested formats are joined
//! with dots, so `net: {bindIp: x}` and `net.bindIp=x` are one; what is beyond a limit is a problem, not silence.

pub(crate) mod apache;
pub(crate) mod nginx;
pub(crate) mod xml;
mod yaml;

use serde_json::Value;

/// Settings of one file that are looked at.
pub(crate) const MAX_SETTINGS: usize = 100_000;

/// One line of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Setting {
    /// Empty outside of sections.
    pub(crate) section: String,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) line: usize,
}

/// What a file sets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) list: Vec<Setting>,
    /// Why not all of the file could be read.
    pub(crate) problem: Option<String>,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Grammar {
    /// `key value`, as Redis and OpenSSH have it.
    Words,
    /// Options of a command line, one or several in a line: memcached.
    Options,
    /// `key=value`, `key: value`: Java's properties, `ZooKeeper`, Kafka, `RabbitMQ`.
    Properties,
    /// `[section]` and `key = value`: `MySQL`, PHP, `InfluxDB`, Grafana, rsync.
    Ini,
    Yaml,
    Json,
    /// `<property><name>` and `<value>`: Hadoop.
    Hadoop,
    /// Elements by their path: `hudson.useSecurity`, attributes behind an `@`.
    Xml,
    /// Directives of nginx; blocks are told apart by nothing.
    Nginx,
    /// Assignments of a Python file.
    Python,
}

impl Settings {
    pub(crate) fn add(&mut self, section: &str, key: &str, value: &str, line: usize) {
        if self.list.len() < MAX_SETTINGS {
            self.list.push(Setting {
                section: section.to_owned(),
                key: key.to_owned(),
                value: value.to_owned(),
                line,
            });
        } else {
            self.problem = Some(format!("settings: the limit of {MAX_SETTINGS} is reached"));
        }
    }
}

/// Reads a file.
pub(crate) fn read(grammar: Grammar, text: &str) -> Settings {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match grammar {
        Grammar::Words => words(text),
        Grammar::Options => options(text),
        Grammar::Properties => properties(text),
        Grammar::Ini => ini(text),
        Grammar::Yaml => yaml::read(text),
        Grammar::Json => json(text),
        Grammar::Hadoop => hadoop(text),
        Grammar::Xml => elements(text),
        Grammar::Nginx => directives(text),
        Grammar::Python => python(text),
    }
}

/// The lines with their numbers, trimmed, without blank ones and those that begin with one of these characters.
fn lines<'t>(text: &'t str, comments: &'static [char]) -> impl Iterator<Item = (usize, &'t str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(move |(_, line)| !line.is_empty() && !line.starts_with(comments))
}

/// A value without the quotes around it.
pub(crate) fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote)
            && let Some(inner) = inner.strip_suffix(quote)
        {
            return inner;
        }
    }
    value
}

/// A value without what a comment sign behind a blank begins, outside of quotes.
fn without_remark<'v>(value: &'v str, signs: &[char]) -> &'v str {
    let (mut quote, mut before) = (None, ' ');
    for (at, character) in value.char_indices() {
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if signs.contains(&character) && before.is_whitespace() => {
                return value.get(..at).unwrap_or_default().trim_end();
            }
            None => {}
        }
        before = character;
    }
    value.trim_end()
}

/// Source: `redis.conf`'s own head.
fn words(text: &str) -> Settings {
    let mut settings = Settings::default();
    for (number, line) in lines(text, &['#']) {
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        settings.add("", key, unquoted(value), number);
    }
    settings
}

/// Source: `memcached(1)`; Debian's `memcached.conf`; Fedora's `sysconfig/memcached`.
fn options(text: &str) -> Settings {
    let mut settings = Settings::default();
    for (number, line) in lines(text, &['#']) {
        let line = match line.split_once('=') {
            Some((name, value)) if !name.starts_with('-') => unquoted(value),
            _ => line,
        };
        add_options(&mut settings, &crate::history::shell_words(line), number);
    }
    settings
}

/// The options of a command line: `-l value`, `-lvalue` for one letter, `--name value`, `--name=value`.
pub(crate) fn add_options(settings: &mut Settings, words: &[String], line: usize) {
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word.len() < 2 {
            continue;
        }
        if let Some((name, value)) = word.split_once('=') {
            settings.add("", name, unquoted(value), line);
        } else if !word.starts_with("--") && word.len() > 2 && word.is_char_boundary(2) {
            let (name, value) = word.split_at(2);
            settings.add("", name, value, line);
            // Go's flags have one dash before a whole word.
            let next = words.peek().filter(|next| !next.starts_with('-'));
            settings.add("", word, next.map_or("", |next| next), line);
        } else {
            let next = words.peek().filter(|next| !next.starts_with('-'));
            settings.add("", word, next.map_or("", |next| unquoted(next)), line);
        }
    }
}

/// Source: `java.util.Properties.load`.
fn properties(text: &str) -> Settings {
    let mut settings = Settings::default();
    let mut joined: Option<(usize, String)> = None;
    // A line that goes on at the file's end ends there.
    for (index, line) in text.lines().chain([""]).enumerate() {
        let line = line.trim_start();
        let (number, whole) = match joined.take() {
            Some((number, start)) => (number, format!("{start}{line}")),
            None if line.is_empty() || line.starts_with(['#', '!']) => continue,
            None => (index + 1, line.to_owned()),
        };
        let slashes = whole.bytes().rev().take_while(|byte| *byte == b'\\').count();
        // A line of any length may be put together of very many.
        if slashes % 2 == 1 && whole.len() < MAX_JOINED {
            joined = Some((number, whole.trim_end_matches('\\').to_owned()));
            continue;
        }
        let at = whole.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
        let (key, rest) = at.and_then(|at| whole.split_at_checked(at)).unwrap_or((&whole, ""));
        let rest = rest.trim_start();
        let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
        settings.add("", key, value, number);
    }
    settings
}

/// Bytes that continued lines are joined to.
const MAX_JOINED: usize = 4 << 10;

/// Source: `my.cnf` in `MySQL`'s manual, `php.ini`, `rsyncd.conf(5)`, Python's configparser.
fn ini(text: &str) -> Settings {
    let mut settings = Settings::default();
    let mut section = "";
    for (number, line) in lines(text, &['#', ';']) {
        if let Some(rest) = line.strip_prefix('[') {
            if let Some((name, _)) = rest.split_once(']') {
                section = name.trim_matches(['[', ' ']);
            }
            continue;
        }
        // `!includedir folder` of MySQL.
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim(), value),
            None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
        };
        settings.add(section, key, unquoted(without_remark(value.trim(), &['#', ';'])), number);
    }
    settings
}

/// Source: RFC 8259. The line is the first one on which the key stands.
fn json(text: &str) -> Settings {
    let mut settings = Settings::default();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            let mut lines = KeyLines::of(text);
            add_json(&mut settings, &mut lines, String::new(), 1, &value);
        }
        Err(error) => settings.problem = Some(format!("is not JSON: {error}")),
    }
    settings
}

/// Longest path of keys.
const MAX_PATH: usize = 1_000;

fn add_json(
    settings: &mut Settings,
    lines: &mut KeyLines<'_>,
    path: String,
    line: usize,
    value: &Value,
) {
    if path.len() > MAX_PATH || settings.problem.is_some() {
        settings.problem.get_or_insert_with(|| "its keys are nested too deeply".to_owned());
        return;
    }
    match value {
        Value::Object(fields) if fields.is_empty() => settings.add("", &path, "{}", line),
        Value::Array(values) if values.is_empty() => settings.add("", &path, "[]", line),
        Value::Object(fields) => {
            for (key, value) in fields {
                let line = lines.line(key);
                let dot = if path.is_empty() { "" } else { "." };
                add_json(settings, lines, format!("{path}{dot}{key}"), line, value);
            }
        }
        Value::Array(values) => {
            for value in values {
                add_json(settings, lines, path.clone(), line, value);
            }
        }
        Value::String(text) => settings.add("", &path, text, line),
        Value::Null => settings.add("", &path, "", line),
        other => settings.add("", &path, &other.to_string(), line),
    }
}

/// On which line a key stands first.
struct KeyLines<'t>(std::collections::HashMap<&'t str, usize>);

impl<'t> KeyLines<'t> {
    fn of(text: &'t str) -> Self {
        let mut lines = std::collections::HashMap::new();
        for (index, line) in text.lines().enumerate() {
            for word in line.split('"').skip(1).step_by(2) {
                lines.entry(word).or_insert(index + 1);
            }
        }
        Self(lines)
    }

    fn line(&mut self, key: &str) -> usize {
        self.0.get(key).copied().unwrap_or(1)
    }
}

/// Source: Hadoop's `Configuration`.
fn hadoop(text: &str) -> Settings {
    let read = xml::read(text);
    let mut settings = Settings { list: Vec::new(), problem: read.problem };
    let mut name: Option<(usize, &str)> = None;
    for element in &read.elements {
        if element.path.ends_with("property.name") {
            name = Some((element.line, &element.text));
        } else if element.path.ends_with("property.value")
            && let Some((line, name)) = name.take()
        {
            settings.add("", name, &element.text, line);
        }
    }
    settings
}

fn elements(text: &str) -> Settings {
    let read = xml::read(text);
    let mut settings = Settings { list: Vec::new(), problem: read.problem };
    for element in &read.elements {
        for (name, value) in &element.attributes {
            settings.add("", &format!("{}@{name}", element.path), value, element.line);
        }
        settings.add("", &element.path, &element.text, element.line);
    }
    settings
}

fn directives(text: &str) -> Settings {
    let read = nginx::read(text);
    let mut settings = Settings { list: Vec::new(), problem: read.problem };
    for directive in &read.directives {
        settings.add("", &directive.name, &directive.arguments.join(" "), directive.line);
    }
    settings
}

/// `c.ServerApp.token = ''`, as configuration files in Python have them. Source: traitlets' documentation.
fn python(text: &str) -> Settings {
    let mut settings = Settings::default();
    for (number, line) in lines(text, &['#']) {
        if let Some((key, value)) = line.split_once('=')
            && !value.starts_with('=')
        {
            let value = without_remark(value.trim(), &['#']);
            let value = value
                .strip_prefix(['u', 'b', 'r'])
                .filter(|rest| rest.starts_with(['"', '\'']))
                .unwrap_or(value);
            settings.add("", key.trim(), unquoted(value), number);
        }
    }
    settings
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
