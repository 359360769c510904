//! Tomcat's own applications.
//!
//! In: `webapps` of Tomcat. Fails where the examples or the documentation are shipped, and where the manager is and its
//! check of the visitor's address was removed. Source: Tomcat documentation, "Security Considerations". Odd: the folder is
//! Tomcat's where the documentation or the examples have their `WEB-INF`; the manager's own context holds the check.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::xml,
    view::View,
    wanted::{Wanted, made, text},
};

const CONTEXTS: &[&str] =
    &["**/webapps/manager/META-INF/context.xml", "**/webapps/host-manager/META-INF/context.xml"];
const SHIPPED: &[&str] =
    &["**/webapps/examples/WEB-INF/web.xml", "**/webapps/docs/WEB-INF/web.xml"];

const fn there(pattern: &'static str) -> Wanted {
    made(pattern, 1 << 20, |_| String::new())
}

#[derive(Debug)]
pub(crate) struct TomcatDefaultApps;

impl Check for TomcatDefaultApps {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Tomcat's own applications",
            why: "the examples help attackers only, and the manager puts programs on the server",
            remedy: "remove `examples`, `docs`, `manager` and `host-manager` from `webapps`",
            source: "Tomcat documentation, security considerations",
            ..about("tomcat_default_apps", "hc_best_secruity", "tomcat", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("**/webapps/manager/META-INF/context.xml"),
            text("**/webapps/host-manager/META-INF/context.xml"),
            there("**/webapps/examples/WEB-INF/web.xml"),
            there("**/webapps/docs/WEB-INF/web.xml"),
            there("**/conf/server.xml"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("is shipped").files(&[
                ("opt/tomcat/conf/server.xml", "<Server/>"),
                ("opt/tomcat/webapps/examples/WEB-INF/web.xml", "<web-app/>"),
            ]),
            Example::fails("does not ask for the visitor's address").files(&[(
                "opt/tomcat/webapps/manager/META-INF/context.xml",
                "<Context privileged=\"true\"><!-- <Valve className=\"org.apache.catalina.valves.RemoteAddrValve\"/> --></Context>",
            )]),
            Example::passes().files(&[(
                "opt/tomcat/webapps/manager/META-INF/context.xml",
                "<Context><Valve className=\"org.apache.catalina.valves.RemoteAddrValve\" allow=\"127\\.\\d+\\.\\d+\\.\\d+\"/></Context>",
            )]),
            Example::passes().files(&[
                ("opt/tomcat/conf/server.xml", "<Server/>"),
                ("opt/tomcat/webapps/shop/WEB-INF/web.xml", "<web-app/>"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let _servers = looking.all("**/conf/server.xml");
        for file in SHIPPED.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            looking.fail_at(&file.location, "is shipped".to_owned());
        }
        for file in CONTEXTS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let document = xml::read(file.text);
            if let Some(problem) = &document.problem {
                looking.unseen(&file.location.path, problem.clone());
                continue;
            }
            let has_check = document.elements.iter().any(|element| {
                let class = element.attribute("className").unwrap_or_default();
                element.name() == "Valve"
                    && ["RemoteAddrValve", "RemoteCIDRValve"]
                        .iter()
                        .any(|name| class.ends_with(name))
            });
            if !has_check {
                let detail = "does not ask for the visitor's address".to_owned();
                looking.fail_at(&file.location, detail);
            }
        }
        looking.outcome()
    }
}
