//! Passwords in the commands of a build.
//!
//! In: RUN instructions of the history. Fails for `echo user:password | chpasswd`, `usermod -p`, `useradd -p`,
//! `passwd --stdin`, `mysql -pPASSWORD`, `curl -u user:password` and URLs with credentials. Odd: a value that is a variable
//! is no literal; evidence names the command and the account at most.

use plimsoll_model::Level;

use super::{about, judge_steps};
use crate::{
    baseline::secret_words::{is_literal, masked_url},
    check::{About, Check, Outcome},
    history::{Instruction, Word},
    view::View,
};

#[derive(Debug)]
pub(crate) struct PasswordInRun;

impl Check for PasswordInRun {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Password in a RUN instruction",
            why: "the history of the image shows the command to everybody who may pull it",
            remedy: "use the builder's secret mounts or set the password when the container starts, and change it",
            source: "veinmind-tools",
            ..about("password_in_run", "secret", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        judge_steps(self.about(), view, |step| match step.word {
            Word::Run => passwords(step),
            _ => Vec::new(),
        })
    }
}

fn passwords(step: &Instruction) -> Vec<String> {
    let commands = step.commands();
    let mut details = Vec::new();
    for (position, command) in commands.iter().enumerate() {
        let next = commands.get(position + 1).and_then(|next| program(next)).map(|(name, _)| name);
        if let Some((name, arguments)) = program(command) {
            details.extend(by_program(name, arguments, next));
        }
        details.extend(command.iter().filter_map(|word| masked_url(word)));
    }
    details
}

/// A command's program without its folder, `sudo`, `exec` and assignments, and its arguments.
fn program(command: &[String]) -> Option<(&str, &[String])> {
    let mut rest = command;
    loop {
        let (word, arguments) = rest.split_first()?;
        let name = word.trim_start_matches(['(', '{']).rsplit('/').next().unwrap_or_default();
        if !matches!(name, "sudo" | "exec" | "env" | "then" | "do" | "else" | "")
            && !word.contains('=')
        {
            return Some((name, arguments));
        }
        rest = arguments;
    }
}

fn by_program(name: &str, arguments: &[String], next: Option<&str>) -> Option<String> {
    match name {
        "echo" | "printf" => {
            let text = arguments.iter().find(|word| !word.starts_with('-'))?;
            match next? {
                "chpasswd" => {
                    let (account, password) = text.split_once(':')?;
                    let account: String = account.chars().take(64).collect();
                    is_literal(password.trim_end_matches("\\n"))
                        .then(|| format!("`{account}:***` for chpasswd"))
                }
                "passwd" => is_literal(text).then(|| "`***` for passwd".to_owned()),
                _ => None,
            }
        }
        // `chpasswd <<< root:password`
        "chpasswd" => {
            let text = arguments.iter().find(|word| word.contains(':'))?;
            let (_, password) = text.split_once(':')?;
            is_literal(password).then(|| "`***` for chpasswd".to_owned())
        }
        "useradd" | "usermod" | "adduser" => {
            let value = option(arguments, "-p", "--password")?;
            is_literal(value).then(|| format!("{name} -p ***"))
        }
        "mysql" | "mysqladmin" | "mysqldump" | "mariadb" | "mariadb-admin" => {
            let value = arguments.iter().find_map(|word| {
                word.strip_prefix("--password=").or_else(|| word.strip_prefix("-p"))
            })?;
            is_literal(value).then(|| format!("{name} -p***"))
        }
        "curl" => {
            let value = option(arguments, "-u", "--user")?;
            let (_, password) = value.split_once(':')?;
            is_literal(password).then(|| "curl -u ***".to_owned())
        }
        "wget" => {
            let value = option(arguments, "--password", "--http-password")?;
            is_literal(value).then(|| "wget --password=***".to_owned())
        }
        "sshpass" => {
            let value = option(arguments, "-p", "-p")?;
            is_literal(value).then(|| "sshpass -p ***".to_owned())
        }
        _ => None,
    }
}

/// The value of an option, written apart, with `=`, or right behind a short one.
fn option<'a>(arguments: &'a [String], short: &str, long: &str) -> Option<&'a str> {
    for (position, word) in arguments.iter().enumerate() {
        if word == short || word == long {
            return arguments.get(position + 1).map(String::as_str);
        }
        if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value);
        }
        if !short.starts_with("--")
            && let Some(value) = word.strip_prefix(short)
        {
            return Some(value.strip_prefix('=').unwrap_or(value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Vec<String> {
        passwords(&Instruction {
            index: 0,
            word: Word::Run,
            text: text.to_owned(),
            arguments: Vec::new(),
        })
    }

    #[test]
    fn commands_that_hold_passwords() {
        for (text, wanted) in [
            ("apt-get update && echo 'root:toor99' | chpasswd", "`root:***` for chpasswd"),
            ("echo s3cr3t9 | passwd --stdin app", "`***` for passwd"),
            ("useradd -m -p s3cr3t9 app", "useradd -p ***"),
            ("usermod --password=s3cr3t9 app", "usermod -p ***"),
            ("mysql -uroot -ps3cr3t9 -e 'x'", "mysql -p***"),
            ("curl -u me:s3cr3t9 https://h/", "curl -u ***"),
            ("cd x; wget https://me:s3cr3t9@h/f", "https://***@h"),
            ("sudo sshpass -p s3cr3t9 ssh h", "sshpass -p ***"),
        ] {
            assert_eq!(run(text), [wanted], "{text}");
        }
    }

    #[test]
    fn commands_that_hold_none() {
        for text in [
            "echo \"root:$PASSWORD\" | chpasswd",
            "useradd -m app",
            "mysql -u root -p",
            "curl -u \"$USER:$PASS\" https://h/",
            "pip install https://h/a@b",
            "echo a:b > /etc/x",
            "tar -pxf a.tar",
            "",
        ] {
            assert_eq!(run(text), [""; 0], "{text}");
        }
    }
}
