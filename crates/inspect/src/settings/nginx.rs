//! nginx's configuration.
//!
//! In: any text. Out: directives in the file's order, each with its arguments, line and the block around it. Source:
//! nginx's documentation, "Configuration File's Structure"; `ngx_conf_file.c`. Odd: blocks of Lua hold braces of their own,
//! which are in pairs almost always.

/// How deep blocks may be nested.
const MAX_DEPTH: usize = 64;
/// Directives of a file.
const MAX_DIRECTIVES: usize = 100_000;
/// Arguments of a directive.
const MAX_ARGUMENTS: usize = 200;

/// A directive.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Directive {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) line: usize,
    /// Position of the directive whose block it stands in.
    pub(crate) parent: Option<usize>,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Directives {
    pub(crate) directives: Vec<Directive>,
    /// Why not all of it could be read.
    pub(crate) problem: Option<String>,
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
}

/// Reads a file; what stands before a reached limit is kept.
pub(crate) fn read(text: &str) -> Directives {
    let mut read = Directives::default();
    let mut open: Vec<usize> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut first_line = 1;
    let mut tokens = Tokens { characters: text.chars().peekable(), line: 1 };
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    first_line = tokens.line;
                }
                if words.len() < MAX_ARGUMENTS {
                    words.push(word);
                }
            }
            Token::End | Token::Open => {
                let is_block = matches!(token, Token::Open);
                if words.is_empty() && !is_block {
                    continue;
                }
                if read.directives.len() >= MAX_DIRECTIVES || open.len() >= MAX_DEPTH {
                    read.problem = Some(format!(
                        "directives: the limit of {MAX_DIRECTIVES}, or of {MAX_DEPTH} in one another, is reached"
                    ));
                    return read;
                }
                let mut words = words.drain(..);
                read.directives.push(Directive {
                    name: words.next().unwrap_or_default(),
                    arguments: words.collect(),
                    line: first_line,
                    parent: open.last().copied(),
                });
                if is_block {
                    open.push(read.directives.len() - 1);
                }
            }
            Token::Close => {
                words.clear();
                if open.pop().is_none() {
                    read.problem = Some(format!("line {}: `}}` closes nothing", tokens.line));
                    return read;
                }
            }
        }
    }
    if !open.is_empty() {
        read.problem = Some("ends within a block".to_owned());
    }
    read
}

struct Tokens<'t> {
    characters: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let character = self.characters.next()?;
            match character {
                '\n' => self.line += 1,
                '#' => while self.characters.next_if(|c| *c != '\n').is_some() {},
                ';' => return Some(Token::End),
                '{' => return Some(Token::Open),
                '}' => return Some(Token::Close),
                '"' | '\'' => return Some(Token::Word(self.quoted(character))),
                _ if character.is_whitespace() => {}
                _ => return Some(Token::Word(self.word(character))),
            }
        }
    }
}

impl Tokens<'_> {
    fn quoted(&mut self, quote: char) -> String {
        let mut word = String::new();
        while let Some(character) = self.characters.next() {
            match character {
                _ if character == quote => break,
                '\\' => word.extend(self.characters.next()),
                '\n' => {
                    self.line += 1;
                    word.push(character);
                }
                _ => word.push(character),
            }
        }
        word
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::new();
        let mut character = Some(first);
        while let Some(now) = character {
            word.push(now);
            if now == '\\' {
                word.extend(self.characters.next());
            }
            // `${name}` has braces of its own.
            if now == '$' && self.characters.peek() == Some(&'{') {
                while let Some(inner) = self.characters.next_if(|c| !c.is_whitespace() && *c != ';')
                {
                    word.push(inner);
                    if inner == '}' {
                        break;
                    }
                }
            }
            character =
                self.characters.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '{' | '}'));
        }
        word
    }
}
