//! Apache that lists folders, or answers TRACE.
//!
//! In: httpd's configuration ([`httpd`]). Fails for `Options` with `Indexes` of a folder of pages, and for `TraceEnable on`.
//! Source: httpd documentation, "Options", "`TraceEnable`".

use plimsoll_model::Level;

use super::{Looking, about, httpd};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct ApacheListing;

impl Check for ApacheListing {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Apache lists folders, or answers TRACE",
            why: "visitors see files that no page leads to, such as backups; TRACE sends back headers with their secrets",
            remedy: "`Options -Indexes`, `TraceEnable off`",
            source: "httpd documentation, Options, TraceEnable",
            ..about("apache_listing", "hc_best_secruity", "apache", Level::Low)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        httpd::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: Options Indexes FollowSymLinks of /var/www/").files(&[
                ("usr/sbin/apache2 755", ""),
                (
                    "etc/apache2/apache2.conf",
                    "<Directory /var/www/>\nOptions Indexes FollowSymLinks\n</Directory>\n",
                ),
            ]),
            Example::fails("TraceEnable on").files(&[
                ("usr/local/apache2/bin/httpd 755", ""),
                ("usr/local/apache2/conf/httpd.conf", "Include conf/extra/*.conf\n"),
                ("usr/local/apache2/conf/extra/a.conf", "TraceEnable on\n"),
            ]),
            Example::passes().files(&[
                ("usr/sbin/apache2 755", ""),
                (
                    "etc/apache2/apache2.conf",
                    "<Directory /var/www/>\nOptions -Indexes\n</Directory>\n<Directory /usr/share/icons>\nOptions Indexes\n</Directory>\nTraceEnable Off\n",
                ),
                ("etc/apache2/conf-available/x.conf", "TraceEnable on\n"),
            ]),
            Example::is_silent().files(&[("etc/apache2/apache2.conf", "TraceEnable on\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !httpd::is_present(view) {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        let parts = httpd::parts(&mut looking);
        let mut roots =
            vec!["/var/www".to_owned(), "/usr/local/apache2/htdocs".to_owned(), "/".to_owned()];
        let directives = parts.iter().flat_map(|part| &part.read.directives);
        roots.extend(
            directives
                .filter(|one| one.name == "documentroot")
                .filter_map(|one| one.arguments.first())
                .map(|root| root.trim_end_matches('/').to_owned()),
        );
        let is_root = |folder: &str| {
            let folder = if folder.len() > 1 { folder.trim_end_matches('/') } else { folder };
            roots.iter().any(|root| root == folder)
        };
        for part in &parts {
            for directive in &part.read.directives {
                let line = directive.line;
                let first = directive.arguments.first().map(String::as_str).unwrap_or_default();
                if part.read.is_off(directive) {
                    continue;
                }
                if directive.name == "traceenable"
                    && matches!(first.to_ascii_lowercase().as_str(), "on" | "extended")
                {
                    looking.fail_at(&part.location, format!("line {line}: TraceEnable {first}"));
                }
                let lists = directive.arguments.iter().any(|word| {
                    matches!(word.to_ascii_lowercase().as_str(), "indexes" | "+indexes" | "all")
                });
                if directive.name == "options" && lists {
                    let section = part.read.section(directive, &["<directory"]);
                    let folder = section.and_then(|section| section.arguments.first());
                    if let Some(folder) = folder.filter(|folder| is_root(folder)) {
                        let options = clip(&directive.arguments.join(" "));
                        let detail = format!("line {line}: Options {options} of {}", clip(folder));
                        looking.fail_at(&part.location, detail);
                    }
                }
            }
        }
        looking.outcome()
    }
}
