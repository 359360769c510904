//! Package sources whose packages nobody signs.
//!
//! In: configuration of apt, yum and dnf, zypper, pip and npm. Fails for each line that turns the check of signatures or
//! of the server's certificate off. Source: `sources.list(5)`, `apt.conf(5)`, `dnf.conf(5)`, `zypp.conf`, pip's and npm's
//! configuration. Odd: a yum repository that says nothing takes the main section's word, and a disabled one does not
//! count.

use plimsoll_model::{Level, Location};

use super::{Looking, about, lines};
use crate::{
    check::{About, Check, Outcome},
    view::{FileText, View},
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct UnsignedRepo;

const YUM_MAIN: &[&str] = &["etc/yum.conf", "etc/dnf/dnf.conf"];
const YUM_FOLDERS: &[&str] = &["etc/yum.repos.d", "etc/zypp/repos.d", "etc/distro.repos.d"];
const ZYPP: &str = "etc/zypp/zypp.conf";
const PIP: &[&str] = &["etc/pip.conf", "root/.pip/pip.conf", "root/.config/pip/pip.conf"];
const NPM: &[&str] = &["etc/npmrc", "usr/etc/npmrc", "usr/local/etc/npmrc", "root/.npmrc"];
const HOME_FILES: &[&str] = &[".pip/pip.conf", ".config/pip/pip.conf", ".npmrc"];

impl Check for UnsignedRepo {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Package source without signature check",
            why: "whoever sits between the build and the source can put any package into the image",
            remedy: "remove the exception and import the source's key",
            source: "CIS Docker 4.11",
            ..about("unsigned_repo", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("etc/apt/sources.list"),
            text("etc/apt/sources.list.d/*"),
            text("etc/apt/apt.conf"),
            text("etc/apt/apt.conf.d/*"),
            text("etc/yum.conf"),
            text("etc/dnf/dnf.conf"),
            text("etc/yum.repos.d/*.repo"),
            text("etc/zypp/repos.d/*.repo"),
            text("etc/distro.repos.d/*.repo"),
            text(ZYPP),
            text("etc/pip.conf"),
            text("**/.pip/pip.conf"),
            text("**/.config/pip/pip.conf"),
            text("**/etc/npmrc"),
            text("**/.npmrc"),
        ];
        FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        apt(&mut looking);
        yum(&mut looking);
        let homes = view.children("home");
        let in_homes = |file: &str| -> Vec<String> {
            homes.iter().map(|home| format!("{}/{file}", home.path.display())).collect()
        };
        for path in PIP
            .iter()
            .map(|path| (*path).to_owned())
            .chain(HOME_FILES.iter().flat_map(|file| in_homes(file)))
        {
            if path.ends_with("pip.conf") {
                each_line(&mut looking, &path, |line| key(line, "trusted-host").is_some());
            }
        }
        for path in NPM.iter().map(|path| (*path).to_owned()).chain(in_homes(".npmrc")) {
            each_line(&mut looking, &path, |line| {
                key(line, "strict-ssl").is_some_and(|value| value == "false")
            });
        }
        looking.outcome()
    }
}

fn is_apt_source(name: &[u8]) -> bool {
    name.ends_with(b".list") || name.ends_with(b".sources")
}

fn is_yum_repo(name: &[u8]) -> bool {
    name.ends_with(b".repo")
}

fn each_line(looking: &mut Looking<'_>, path: &str, fails: impl Fn(&str) -> bool) {
    if let Some(file) = looking.text(path) {
        each_line_of(looking, &file, fails);
    }
}

fn each_line_of(looking: &mut Looking<'_>, file: &FileText<'_>, fails: impl Fn(&str) -> bool) {
    for (number, line) in lines(file.text).filter(|(_, line)| fails(line)) {
        fail(looking, &file.location, number, line);
    }
}

/// URLs of package sources may hold credentials: what stands in front of an `@` is masked.
fn fail(looking: &mut Looking<'_>, location: &Location, number: usize, line: &str) {
    let masked: Vec<String> = line
        .split_whitespace()
        .map(|word| match (word.split_once("://"), word.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
            _ => word.to_owned(),
        })
        .collect();
    let shown: String = masked.join(" ").chars().take(200).collect();
    looking.fail_at(location, format!("line {number}: {shown}"));
}

fn apt(looking: &mut Looking<'_>) {
    let mut sources: Vec<FileText<'_>> = looking.text("etc/apt/sources.list").into_iter().collect();
    sources.extend(looking.texts("etc/apt/sources.list.d", is_apt_source));
    for file in sources {
        each_line_of(looking, &file, |line| {
            let line = line.to_ascii_lowercase();
            let options = line
                .strip_prefix("deb")
                .and_then(|rest| rest.split_once('['))
                .and_then(|(_, rest)| rest.split_once(']'))
                .map(|(options, _)| options);
            let in_options = options.is_some_and(|options| {
                options
                    .split_whitespace()
                    .any(|option| matches!(option, "trusted=yes" | "allow-insecure=yes"))
            });
            let field = line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
            in_options || matches!(field, Some(("trusted" | "allow-insecure", "yes")))
        });
    }
    let mut settings: Vec<FileText<'_>> = looking.text("etc/apt/apt.conf").into_iter().collect();
    settings.extend(looking.texts("etc/apt/apt.conf.d", |_| true));
    for file in settings {
        each_line_of(looking, &file, |line| {
            let line = line.to_ascii_lowercase();
            let unauthenticated =
                line.contains("allowunauthenticated") || line.contains("allowinsecurerepositories");
            !line.starts_with("//")
                && unauthenticated
                && ["\"true\"", "\"1\"", "\"yes\"", " true;", " 1;"]
                    .iter()
                    .any(|word| line.contains(word))
        });
    }
}

fn yum(looking: &mut Looking<'_>) {
    let is_off =
        |value: &str| matches!(value.to_ascii_lowercase().as_str(), "0" | "no" | "off" | "false");
    let mut main_off = false;
    for path in YUM_MAIN {
        if let Some(file) = looking.text(path) {
            for (_, line) in lines(file.text) {
                if let Some(value) = key(line, "gpgcheck") {
                    main_off = is_off(value);
                }
            }
        }
    }
    each_line(looking, ZYPP, |line| key(line, "gpgcheck").is_some_and(is_off));
    for folder in YUM_FOLDERS {
        for file in looking.texts(folder, is_yum_repo) {
            for section in sections(file.text) {
                let value = |name: &str| {
                    section
                        .lines
                        .iter()
                        .rev()
                        .find_map(|(number, line)| Some((*number, *line, key(line, name)?)))
                };
                if value("enabled").is_some_and(|(_, _, value)| is_off(value)) {
                    continue;
                }
                match value("gpgcheck") {
                    Some((number, line, value)) if is_off(value) => {
                        let line = format!("[{}] {line}", section.name);
                        fail(looking, &file.location, number, &line);
                    }
                    None if main_off && value("baseurl").is_some() => {
                        let line =
                            format!("[{}] takes gpgcheck=0 from the main section", section.name);
                        fail(looking, &file.location, section.number, &line);
                    }
                    _ => {}
                }
            }
        }
    }
}

struct Section<'t> {
    name: &'t str,
    number: usize,
    lines: Vec<(usize, &'t str)>,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (number, line) in lines(text).filter(|(_, line)| !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            sections.push(Section { name: name.0, number, lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push((number, line));
        }
    }
    sections
}

/// The value of `name = value`.
fn key<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (key, value) = line.split_once('=')?;
    (key.trim().eq_ignore_ascii_case(name)).then(|| value.trim())
}
