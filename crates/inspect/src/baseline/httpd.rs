//! What Apache's httpd reads.
//!
//! In: the merged image. Out: the directives of its configuration with what it includes, in order. Source: httpd
//! documentation, "Include", "`ServerRoot`"; folders of Debian, Fedora and the official image. Odd: the folder that relative
//! names start from is that of `ServerRoot`, else of the first file.

use plimsoll_model::Location;

use super::{Looking, MAX_DEPTH, MAX_FILES, TOO_MANY, service::expand, weight};
use crate::{
    settings::apache::{self, Directives},
    view::View,
    wanted::{Wanted, text},
};

pub(crate) const FILES: &[Wanted] = &[
    text("etc/apache2/**"),
    text("etc/httpd/**"),
    text("usr/local/apache2/conf/**"),
    text("opt/bitnami/apache/conf/**"),
    text("opt/bitnami/apache2/conf/**"),
];

const ROOTS: &[&str] = &[
    "etc/apache2/apache2.conf",
    "etc/apache2/httpd.conf",
    "etc/httpd/conf/httpd.conf",
    "usr/local/apache2/conf/httpd.conf",
    "opt/bitnami/apache/conf/httpd.conf",
    "opt/bitnami/apache2/conf/httpd.conf",
];

const PROGRAMS: &[&str] = &[
    "usr/sbin/apache2",
    "usr/sbin/httpd",
    "usr/local/apache2/bin/httpd",
    "opt/bitnami/apache/bin/httpd",
    "opt/bitnami/apache2/bin/httpd",
];

/// One file's directives.
pub(crate) struct Part {
    pub(crate) location: Location,
    pub(crate) read: Directives,
}

/// Whether there is an httpd to read the configuration.
pub(crate) fn is_present(view: &View<'_>) -> bool {
    PROGRAMS.iter().any(|path| view.node(path).is_some())
        || view.runs(&[
            "apache2",
            "httpd",
            "httpd-foreground",
            "apache2ctl",
            "apachectl",
            "apache2-foreground",
        ])
}

/// All files that count, in the order in which they are read.
pub(crate) fn parts(looking: &mut Looking<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for root in ROOTS {
        let mut folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        // `conf/httpd.conf` lies in a folder of its own below the server's.
        if let Some(server) = folder.strip_suffix("/conf") {
            folder = server.to_owned();
        }
        let mut weight = 0;
        load(looking, root, &mut folder, &mut parts, (0, &mut weight));
    }
    parts
}

fn load(
    looking: &mut Looking<'_>,
    path: &str,
    folder: &mut String,
    parts: &mut Vec<Part>,
    (depth, read_so_far): (usize, &mut usize),
) {
    if *read_so_far >= MAX_FILES || depth > MAX_DEPTH {
        looking.unseen(path, TOO_MANY);
        return;
    }
    let Some(file) = looking.text(path) else { return };
    *read_so_far += weight(file.text);
    let read = apache::read(file.text);
    if let Some(problem) = &read.problem {
        looking.unseen(path, problem.clone());
    }
    let mut includes = Vec::new();
    for directive in &read.directives {
        let argument = directive.arguments.first().map(String::as_str).unwrap_or_default();
        match directive.name.as_str() {
            "serverroot" if argument.starts_with('/') => {
                *folder = argument.trim_matches('/').to_owned();
            }
            "include" | "includeoptional" if !read.is_off(directive) => {
                includes.push(match argument.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None => format!("{folder}/{argument}"),
                });
            }
            _ => {}
        }
    }
    parts.push(Part { location: file.location, read });
    for target in includes {
        *read_so_far += 1;
        if *read_so_far > MAX_FILES {
            return looking.unseen(path, TOO_MANY);
        }
        for included in expand(looking.view(), &target, "*") {
            if *read_so_far >= MAX_FILES {
                return looking.unseen(&included, TOO_MANY);
            }
            load(looking, &included, folder, parts, (depth + 1, read_so_far));
        }
    }
}
