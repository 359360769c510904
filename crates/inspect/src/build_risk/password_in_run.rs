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
    let mut details: Vec<String> = found(&commands).into_iter().map(|found| found.detail).collect();
    let words = commands.iter().flatten();
    details.extend(words.filter_map(|word| masked_url(word)));
    details
}

/// The passwords that commands are given.
pub(crate) fn secrets(commands: &[Vec<String>]) -> Vec<String> {
    found(commands).into_iter().map(|found| found.secret).collect()
}

/// A password in a command.
struct Found {
    detail: String,
    secret: String,
}

fn found(commands: &[Vec<String>]) -> Vec<Found> {
    let mut all = Vec::new();
    for (position, command) in commands.iter().enumerate() {
        let next = commands.get(position + 1).and_then(|next| program(next)).map(|(name, _)| name);
        if let Some((name, arguments)) = program(command) {
            all.extend(by_program(name, arguments, next));
        }
    }
    all
}

/// A command's program without its folder, `sudo` and its options, `exec` and assignments, and its arguments.
pub(super) fn program(command: &[String]) -> Option<(&str, &[String])> {
    let mut rest = command;
    let mut is_behind_sudo = false;
    loop {
        let (word, arguments) = rest.split_first()?;
        let name = word.trim_start_matches(['(', '{']).rsplit('/').next().unwrap_or_default();
        let is_prefix = matches!(name, "sudo" | "exec" | "env" | "then" | "do" | "else" | "");
        let is_option = is_behind_sudo && word.starts_with('-');
        if !is_prefix && !is_option && !word.contains('=') {
            return Some((name, arguments));
        }
        is_behind_sudo |= matches!(name, "sudo" | "env");
        rest = arguments;
    }
}

fn by_program(name: &str, arguments: &[String], next: Option<&str>) -> Option<Found> {
    let literal = |secret: &str, detail: String| {
        is_literal(secret).then(|| Found { detail, secret: secret.to_owned() })
    };
    match name {
        "echo" | "printf" => {
            let text = arguments.iter().find(|word| !word.starts_with('-'))?;
            match next? {
                "chpasswd" => {
                    let (account, password) = text.split_once(':')?;
                    let account: String = account.chars().take(64).collect();
                    literal(
                        password.trim_end_matches("\\n"),
                        format!("`{account}:***` for chpasswd"),
                    )
                }
                "passwd" => literal(text, "`***` for passwd".to_owned()),
                _ => None,
            }
        }
        // `chpasswd <<< root:password`
        "chpasswd" => {
            let text = arguments.iter().find(|word| word.contains(':'))?;
            let (_, password) = text.split_once(':')?;
            literal(password, "`***` for chpasswd".to_owned())
        }
        "useradd" | "usermod" | "adduser" => {
            literal(option(arguments, "-p", "--password")?, format!("{name} -p ***"))
        }
        "mysql" | "mysqladmin" | "mysqldump" | "mariadb" | "mariadb-admin" => {
            let value = arguments.iter().find_map(|word| {
                word.strip_prefix("--password=").or_else(|| word.strip_prefix("-p"))
            })?;
            literal(value, format!("{name} -p***"))
        }
        "curl" => {
            let (_, password) = option(arguments, "-u", "--user")?.split_once(':')?;
            literal(password, "curl -u ***".to_owned())
        }
        "wget" => literal(
            option(arguments, "--password", "--http-password")?,
            "wget --password=***".to_owned(),
        ),
        "sshpass" => literal(option(arguments, "-p", "-p")?, "sshpass -p ***".to_owned()),
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
        passwords(&Instruction::run(text))
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
