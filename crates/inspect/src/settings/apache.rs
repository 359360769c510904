//! The configuration of Apache's httpd, and of `ProFTPD`, which writes like it.
//!
//! In: any text. Out: directives in the file's order, each with its arguments, line and the sections around it. Source:
//! httpd's documentation, "Configuration Files" and "Configuration Sections"; `ProFTPD`'s, "Configuration directives". Odd:
//! `<IfModule x>` and `<IfDefine x>` are taken as holding and their `!` forms as not, since a module that is not loaded
//! does nothing anyway.

/// How deep sections may be nested.
const MAX_DEPTH: usize = 64;
/// Directives of a file.
const MAX_DIRECTIVES: usize = 100_000;
/// Bytes that continued lines are joined to.
const MAX_JOINED: usize = 16 << 10;

/// A directive, or the beginning of a section, whose name then begins with `<`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Directive {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) line: usize,
    /// Position of the section that it stands in.
    pub(crate) parent: Option<usize>,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Directives {
    pub(crate) directives: Vec<Directive>,
    /// Why not all of it could be read.
    pub(crate) problem: Option<String>,
}

impl Directives {
    /// The section of one of these names, in lower case and with `<`, that a directive stands in, however deep.
    pub(crate) fn section(&self, directive: &Directive, names: &[&str]) -> Option<&Directive> {
        let mut parent = directive.parent;
        // Sections stand before what is in them.
        while let Some(section) = parent.and_then(|parent| self.directives.get(parent)) {
            if names.contains(&section.name.as_str()) {
                return Some(section);
            }
            parent = section.parent;
        }
        None
    }

    /// Whether it stands in a section that holds only where something is absent.
    pub(crate) fn is_off(&self, directive: &Directive) -> bool {
        let conditions = &["<ifmodule", "<ifdefine", "<ifversion"];
        let mut parent = directive.parent;
        while let Some(section) = parent.and_then(|parent| self.directives.get(parent)) {
            let is_negated = section.arguments.first().is_some_and(|word| word.starts_with('!'));
            if conditions.contains(&section.name.as_str()) && is_negated {
                return true;
            }
            parent = section.parent;
        }
        false
    }
}

/// Reads a file; what stands before a reached limit is kept.
pub(crate) fn read(text: &str) -> Directives {
    let mut read = Directives::default();
    let mut open: Vec<usize> = Vec::new();
    let mut joined: Option<(usize, String)> = None;
    // A line that goes on at the file's end ends there.
    for (index, line) in text.lines().chain([""]).enumerate() {
        let (number, line) = match joined.take() {
            Some((number, start)) => (number, format!("{start}{}", line.trim())),
            None => (index + 1, line.trim().to_owned()),
        };
        if let Some(start) = line.strip_suffix('\\')
            && line.len() < MAX_JOINED
        {
            joined = Some((number, start.to_owned()));
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("</") {
            open.pop();
            continue;
        }
        if read.directives.len() >= MAX_DIRECTIVES || open.len() >= MAX_DEPTH {
            read.problem = Some(format!(
                "directives: the limit of {MAX_DIRECTIVES}, or of {MAX_DEPTH} in one another, is reached"
            ));
            return read;
        }
        let is_section = line.starts_with('<');
        let line = if is_section { line.trim_end_matches('>') } else { &line };
        let mut words = crate::history::shell_words(line).into_iter();
        let Some(name) = words.next() else { continue };
        read.directives.push(Directive {
            name: name.to_ascii_lowercase(),
            arguments: words.collect(),
            line: number,
            parent: open.last().copied(),
        });
        if is_section {
            open.push(read.directives.len() - 1);
        }
    }
    read
}
