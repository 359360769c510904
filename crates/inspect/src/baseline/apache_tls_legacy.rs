//! Apache that speaks TLS versions that are broken.
//!
//! In: httpd's configuration ([`httpd`]). Fails where the set that `SSLProtocol` makes holds `SSLv3`, `TLSv1` or `TLSv1.1`.
//! Source: httpd documentation, "`SSLProtocol`"; RFC 8996. Odd: words add to and take from the set from left to right, and a
//! word without a sign replaces it.

use std::collections::BTreeSet;

use plimsoll_model::Level;

use super::{Looking, about, httpd};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::Wanted,
};

/// What `all` stands for.
const ALL: &[&str] = &["sslv3", "tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"];
const BROKEN: &[&str] = &["sslv2", "sslv3", "tlsv1", "tlsv1.1"];

#[derive(Debug)]
pub(crate) struct ApacheTlsLegacy;

impl Check for ApacheTlsLegacy {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Apache speaks TLS versions that are broken",
            why: "what is said over them can be read or changed by somebody in between",
            remedy: "`SSLProtocol -all +TLSv1.2 +TLSv1.3`",
            source: "httpd documentation, SSLProtocol; RFC 8996",
            ..about("apache_tls_legacy", "hc_best_secruity", "apache", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        httpd::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 1: SSLProtocol all -SSLv3: tlsv1, tlsv1.1").files(&[
                ("usr/sbin/apache2 755", ""),
                ("etc/apache2/apache2.conf", "SSLProtocol all -SSLv3\n"),
            ]),
            Example::fails("tlsv1.1").files(&[
                ("usr/sbin/httpd 755", ""),
                (
                    "etc/httpd/conf/httpd.conf",
                    "ServerRoot \"/etc/httpd\"\nIncludeOptional conf.d/*.conf\n",
                ),
                ("etc/httpd/conf.d/ssl.conf", "SSLProtocol TLSv1.1 +TLSv1.2\n"),
            ]),
            Example::passes().files(&[
                ("usr/sbin/apache2 755", ""),
                (
                    "etc/apache2/apache2.conf",
                    "SSLProtocol all -SSLv3 -TLSv1 -TLSv1.1\n#SSLProtocol all\n",
                ),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !httpd::is_present(view) {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        for part in httpd::parts(&mut looking) {
            for directive in part.read.directives.iter().filter(|one| one.name == "sslprotocol") {
                let set = protocols(&directive.arguments);
                let broken: Vec<&str> =
                    BROKEN.iter().copied().filter(|word| set.contains(*word)).collect();
                if !broken.is_empty() && !part.read.is_off(directive) {
                    let words = clip(&directive.arguments.join(" "));
                    let detail = format!(
                        "line {}: SSLProtocol {words}: {}",
                        directive.line,
                        broken.join(", ")
                    );
                    looking.fail_at(&part.location, detail);
                }
            }
        }
        looking.outcome()
    }
}

fn protocols(words: &[String]) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for word in words {
        let lower = word.to_ascii_lowercase();
        let name = lower.trim_start_matches(['+', '-']);
        let named = if name == "all" { ALL.to_vec() } else { vec![name] };
        if lower.starts_with('-') {
            set.retain(|known: &String| !named.contains(&known.as_str()));
            continue;
        }
        if !lower.starts_with('+') {
            set.clear();
        }
        set.extend(named.into_iter().map(str::to_owned));
    }
    set
}
