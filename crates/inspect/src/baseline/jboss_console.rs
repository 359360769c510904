//! `JBoss` and `WildFly` with a console that asks for nothing.
//!
//! In: `web.xml` of the old consoles, and the management interfaces of `standalone*.xml`. Fails for a console without a
//! security constraint, and an HTTP management interface without a realm or authentication factory. Source: `WildFly`
//! administration guide, "Management interfaces". Odd: old releases ship the constraint commented out.

use plimsoll_model::Level;

use super::{Looking, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::xml,
    view::View,
    wanted::{Wanted, text},
};

const CONSOLES: &[&str] =
    &["**/jmx-console.war/WEB-INF/web.xml", "**/web-console.war/WEB-INF/web.xml"];
const SERVERS: &str = "**/configuration/standalone*.xml";

#[derive(Debug)]
pub(crate) struct JbossConsole;

impl Check for JbossConsole {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "JBoss console without a login",
            why: "whoever reaches the port puts programs of their own on the server",
            source: "Alibaba Cloud baseline list; WildFly administration guide",
            ..open_to_all("hc.image.checklist.identify.hc_exploit_jboss_linux.item", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("**/jmx-console.war/WEB-INF/web.xml"),
            text("**/web-console.war/WEB-INF/web.xml"),
            text(SERVERS),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("no security constraint").files(&[(
                "opt/jboss/server/default/deploy/jmx-console.war/WEB-INF/web.xml",
                "<web-app><!-- <security-constraint/> --><servlet/></web-app>",
            )]),
            Example::fails("line 2: the HTTP management interface").files(&[(
                "opt/wildfly/standalone/configuration/standalone.xml",
                "<server><management><management-interfaces>\n<http-interface><socket-binding http=\"management-http\"/></http-interface></management-interfaces></management></server>",
            )]),
            Example::passes().files(&[
                (
                    "opt/jboss/server/default/deploy/jmx-console.war/WEB-INF/web.xml",
                    "<web-app><security-constraint><web-resource-collection/></security-constraint></web-app>",
                ),
                (
                    "opt/wildfly/standalone/configuration/standalone-full.xml",
                    "<server><management><management-interfaces><http-interface http-authentication-factory=\"management-http-authentication\"/></management-interfaces></management></server>",
                ),
                (
                    "opt/eap/standalone/configuration/standalone.xml",
                    "<server><management><management-interfaces><http-interface security-realm=\"ManagementRealm\"/></management-interfaces></management></server>",
                ),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in CONSOLES.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let document = xml::read(file.text);
            if let Some(problem) = &document.problem {
                looking.unseen(&file.location.path, problem.clone());
            } else if !document.elements.iter().any(|one| one.name() == "security-constraint") {
                looking.fail_at(&file.location, "has no security constraint".to_owned());
            }
        }
        for file in looking.all(SERVERS) {
            let document = xml::read(file.text);
            if let Some(problem) = &document.problem {
                looking.unseen(&file.location.path, problem.clone());
            }
            for interface in &document.elements {
                if interface.path.ends_with("management-interfaces.http-interface")
                    && interface.attribute("security-realm").is_none()
                    && interface.attribute("http-authentication-factory").is_none()
                {
                    let line = interface.line;
                    let detail =
                        format!("line {line}: the HTTP management interface asks for nothing");
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
