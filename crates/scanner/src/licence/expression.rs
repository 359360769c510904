//! Licence expressions, from SPDX's own to what people write.
//!
//! In: a text such as `MIT OR GPL-2.0+`, `GPLv2+ and BSD`, `Apache License, Version 2.0`. Out: [`Expression`] of SPDX ids. Source:
//! SPDX 2.3, annex D; the names of `names`. Odd: the longest run of words that is a name is one, so that names may hold
//! `or` and commas; names side by side and behind commas hold together, as is the harsher reading; one name that is not known
//! makes the whole text unknown.

use std::fmt;

use super::{category::Category, names};

/// A licence, with the exception from it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Term {
    /// SPDX id, or `LicenseRef-…`.
    pub licence: String,
    /// SPDX id of the exception; `unnamed` where the text says only that there is one.
    pub exception: Option<String>,
}

impl Term {
    /// What it asks for.
    #[must_use]
    pub fn category(&self) -> Category {
        Category::of(&self.licence, self.exception.as_deref())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.licence)?;
        self.exception.as_ref().map_or(Ok(()), |exception| write!(f, " WITH {exception}"))
    }
}

/// Licences, and how they hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Expression {
    /// One.
    One(Term),
    /// All of them at once; at least two, sorted.
    All(Vec<Self>),
    /// One of them, whichever one chooses; at least two, sorted.
    Any(Vec<Self>),
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::One(term) => return term.fmt(f),
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
        };
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(word)?;
            }
            match part {
                Self::One(term) => term.fmt(f)?,
                inner => write!(f, "({inner})")?,
            }
        }
        Ok(())
    }
}

/// Longest text that is read.
const MAX_TEXT: usize = 4_096;
/// Deepest parentheses.
const MAX_DEPTH: usize = 16;
/// Words of the longest name.
const MAX_WORDS: usize = 24;

impl Expression {
    /// What a text means; `None` where a part of it is not known.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        // A classifier of Python: its last part is the name.
        let text = text.rsplit("::").next().unwrap_or(text).trim();
        if text.is_empty() || text.len() > MAX_TEXT {
            return None;
        }
        let tokens = tokens(text);
        let mut reader = Reader { tokens: &tokens, at: 0 };
        let expression = reader.any(0)?;
        (reader.at == tokens.len()).then_some(expression)
    }

    /// What a Debian package's copyright file means; a name that only the file itself explains stands as one of its own.
    #[must_use]
    pub(super) fn of_debian(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT { None } else { Self::of_debian_part(text, 0) }
    }

    /// `A, and B or C` is `A and (B or C)`; without the comma, `and` holds closer.
    fn of_debian_part(text: &str, depth: usize) -> Option<Self> {
        let text = text.trim();
        if let Some(known) = Self::read(text) {
            return Some(known);
        }
        if depth > MAX_DEPTH {
            return None;
        }
        for (separator, is_choice) in [(", and ", false), (" or ", true), (" and ", false)] {
            let parts = split_outside(text, separator);
            if parts.len() > 1 {
                let parts = parts.into_iter().map(|part| Self::of_debian_part(part, depth + 1));
                return Self::together(parts.collect::<Option<Vec<_>>>()?, is_choice);
            }
        }
        if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return Self::of_debian_part(inner, depth + 1);
        }
        let name = text.replace(['+', '_', '~', '/'], "-");
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let is_own = !name.is_empty() && name.bytes().all(is_name);
        is_own.then(|| Self::read(&format!("LicenseRef-{name}")))?
    }

    /// All of some parts, or one of them, in one form.
    pub(super) fn together(mut parts: Vec<Self>, is_choice: bool) -> Option<Self> {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts.drain(..) {
            match part {
                Self::Any(inner) if is_choice => flat.extend(inner),
                Self::All(inner) if !is_choice => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort();
        flat.dedup();
        match (flat.len(), is_choice) {
            (0 | 1, _) => flat.pop(),
            (_, true) => Some(Self::Any(flat)),
            (_, false) => Some(Self::All(flat)),
        }
    }
}

/// The parts of a text between separators that stand outside of parentheses.
fn split_outside<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_separator =
            depth == 0 && at >= start && text.get(at..).is_some_and(|it| it.starts_with(separator));
        if is_separator {
            parts.extend(text.get(start..at));
            start = at + separator.len();
        }
    }
    parts.extend(text.get(start..));
    parts
}

#[derive(PartialEq, Eq, Debug, Clone)]
enum Token {
    Word(String),
    And,
    Or,
    With,
    Open,
    Close,
    /// A comma or the like: an operator where no name spans it.
    Comma,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace() {
        if chunk.contains("://") {
            tokens.push(Token::Word(chunk.trim_end_matches([',', ';', ')']).to_owned()));
            continue;
        }
        let mut word = String::new();
        for character in chunk.chars() {
            let token = match character {
                '(' => Token::Open,
                ')' => Token::Close,
                ',' | ';' => Token::Comma,
                '/' | '|' => Token::Or,
                '&' => Token::And,
                other => {
                    word.push(other);
                    continue;
                }
            };
            push_word(&mut tokens, &mut word);
            tokens.push(token);
        }
        push_word(&mut tokens, &mut word);
    }
    tokens
}

fn push_word(tokens: &mut Vec<Token>, word: &mut String) {
    if word.is_empty() {
        return;
    }
    tokens.push(match word.to_ascii_lowercase().as_str() {
        "and" | "+" => Token::And,
        "or" => Token::Or,
        "with" => Token::With,
        _ => Token::Word(std::mem::take(word)),
    });
    word.clear();
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn any(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.all(depth)?];
        while self.eat_or() {
            parts.push(self.all(depth)?);
        }
        Expression::together(parts, true)
    }

    /// `or`, also behind a comma.
    fn eat_or(&mut self) -> bool {
        let mut at = self.at;
        while self.tokens.get(at) == Some(&Token::Comma) {
            at += 1;
        }
        let is_or = self.tokens.get(at) == Some(&Token::Or);
        while is_or && matches!(self.tokens.get(at), Some(Token::Or | Token::Comma)) {
            at += 1;
        }
        if is_or {
            self.at = at;
        }
        is_or
    }

    fn all(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.one(depth)?];
        loop {
            let before = self.at;
            let mut is_demanded = false;
            while let Some(Token::And | Token::Comma) = self.peek() {
                is_demanded |= self.peek() == Some(&Token::And);
                self.at += 1;
            }
            match self.peek() {
                Some(Token::Word(_) | Token::Open) => parts.push(self.one(depth)?),
                _ if is_demanded => return None,
                _ => {
                    // A comma at the end says nothing; one before `or` is the caller's.
                    if self.peek() == Some(&Token::Or) {
                        self.at = before;
                    }
                    return Expression::together(parts, false);
                }
            }
        }
    }

    fn one(&mut self, depth: usize) -> Option<Expression> {
        match self.peek()? {
            Token::Open if depth < MAX_DEPTH => {
                self.at += 1;
                let inner = self.any(depth + 1)?;
                (self.peek()? == &Token::Close).then(|| self.at += 1)?;
                Some(inner)
            }
            Token::Word(_) => {
                let mut named = self.name()?;
                if self.peek() == Some(&Token::With) {
                    self.at += 1;
                    let exception = self.exception();
                    if let Expression::One(term) = &mut named {
                        term.exception = Some(exception);
                    }
                }
                Some(named)
            }
            _ => None,
        }
    }

    /// The longest run of words from here that is a name.
    fn name(&mut self) -> Option<Expression> {
        let longest = self.tokens.len().min(self.at + MAX_WORDS);
        for end in (self.at + 1..=longest).rev() {
            let Some(phrase) = self.tokens.get(self.at..end).and_then(phrase) else { continue };
            if let Some(found) = names::licence(&phrase) {
                self.at = end;
                return match found {
                    names::Found::Term(term) => Some(Expression::One(term)),
                    names::Found::Text(text) => Expression::read(text),
                };
            }
        }
        None
    }

    /// What stands behind `with`, up to the next operator.
    fn exception(&mut self) -> String {
        let longest = self.tokens.len().min(self.at + MAX_WORDS);
        for end in (self.at + 1..=longest).rev() {
            let Some(phrase) = self.tokens.get(self.at..end).and_then(phrase) else { continue };
            if let Some(exception) = names::exception(&phrase) {
                self.at = end;
                return exception.to_owned();
            }
        }
        while matches!(self.peek(), Some(Token::Word(_))) {
            self.at += 1;
        }
        names::UNNAMED.to_owned()
    }
}

/// Tokens as words with blanks between them; `None` where they cannot be one name.
fn phrase(tokens: &[Token]) -> Option<String> {
    let mut depth = 0_usize;
    let mut words: Vec<&str> = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Word(word) => words.push(word),
            Token::And => words.push("and"),
            Token::Or => words.push("or"),
            Token::With => words.push("with"),
            Token::Open => depth += 1,
            Token::Close => depth = depth.checked_sub(1)?,
            Token::Comma => {}
        }
    }
    let is_name = depth == 0
        && matches!(tokens.last(), Some(Token::Word(_) | Token::Close))
        && matches!(tokens.first(), Some(Token::Word(_)));
    is_name.then(|| words.join(" "))
}
