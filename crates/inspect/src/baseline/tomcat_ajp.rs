//! Tomcat's AJP connector, open to the network.
//!
//! In: `conf/server.xml`. Fails for an AJP connector that is not bound to this host and asks for no secret. Source: Tomcat
//! documentation, "The AJP Connector"; CVE-2020-1938. Odd: since 9.0.31, 8.5.51 and 7.0.100 a connector without a secret
//! does not start unless `secretRequired` is false, and without an address it listens on the loopback; before, neither.

use plimsoll_model::Level;

use super::{Looking, address, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::xml,
    view::View,
    wanted::{Wanted, text},
};

const FILES: &[&str] = &["**/conf/server.xml", "etc/tomcat*/server.xml"];

#[derive(Debug)]
pub(crate) struct TomcatAjp;

impl Check for TomcatAjp {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Tomcat's AJP connector open to all",
            why: "whoever reaches the port reads the application's files and can have them run as pages",
            remedy: "remove the connector, or bind it to the loopback and set a secret",
            source: "Alibaba Cloud baseline list; Tomcat documentation, AJP connector; CVE-2020-1938",
            ..open_to_all(
                "hc.image.checklist.identify.hc_exploit_tomcat_ajp_linux.item",
                Level::High,
            )
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const WANTED: &[Wanted] = &[text("**/conf/server.xml"), text("etc/tomcat*/server.xml")];
        WANTED
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: AJP connector on port 8009, secretRequired=false").files(&[(
                "opt/tomcat/conf/server.xml",
                "<Server><Service>\n<Connector protocol=\"AJP/1.3\" address=\"0.0.0.0\" port=\"8009\" secretRequired=\"false\"/></Service></Server>",
            )]),
            Example::passes().files(&[(
                "opt/tomcat/conf/server.xml",
                "<Server><Service><!-- <Connector protocol=\"AJP/1.3\" port=\"8009\" secretRequired=\"false\"/> --><Connector port=\"8080\" protocol=\"HTTP/1.1\"/></Service></Server>",
            )]),
            Example::passes().files(&[(
                "opt/tomcat/conf/server.xml",
                "<Server><Service><Connector protocol=\"AJP/1.3\" address=\"::1\" port=\"8009\" secretRequired=\"false\"/><Connector protocol=\"AJP/1.3\" address=\"0.0.0.0\" port=\"8010\" secret=\"c4nary\"/></Service></Server>",
            )]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let is_old = ["tomcat-coyote", "tomcat-catalina", "catalina", "tomcat"]
            .iter()
            .find_map(|name| view.library_version(name))
            .is_some_and(is_before_secrets);
        for file in FILES.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let document = xml::read(file.text);
            if let Some(problem) = &document.problem {
                looking.unseen(&file.location.path, problem.clone());
            }
            for connector in document.elements.iter().filter(|one| one.name() == "Connector") {
                let protocol = connector.attribute("protocol").unwrap_or_default();
                let is_ajp = protocol.starts_with("AJP") || protocol.contains(".ajp.");
                let is_local = connector.attribute("address").map_or(!is_old, address::is_local);
                let has_secret = ["secret", "requiredSecret"]
                    .iter()
                    .any(|name| connector.attribute(name).is_some_and(|secret| !secret.is_empty()));
                let required = connector.attribute("secretRequired");
                let asks = required.map_or(!is_old, |word| word.eq_ignore_ascii_case("true"));
                if is_ajp && !is_local && !has_secret && !asks {
                    let port = crate::facts::clip(connector.attribute("port").unwrap_or("?"));
                    let why = required.map_or("an old release", |_| "secretRequired=false");
                    let line = connector.line;
                    let detail = format!("line {line}: AJP connector on port {port}, {why}");
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}

/// Whether a release starts an AJP connector without a secret, on all interfaces.
fn is_before_secrets(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    match (next(), next(), next()) {
        (7, 0, patch) => patch < 100,
        (8, 5, patch) => patch < 51,
        (9, 0, patch) => patch < 31,
        (major, ..) => major < 9,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn releases_are_told_apart() {
        for (version, is_old) in [
            ("9.0.30", true),
            ("9.0.31", false),
            ("8.5.50", true),
            ("8.5.51", false),
            ("7.0.99", true),
            ("7.0.100", false),
            ("6.0.1", true),
            ("10.1.0", false),
        ] {
            assert_eq!(super::is_before_secrets(version), is_old, "{version}");
        }
    }
}
