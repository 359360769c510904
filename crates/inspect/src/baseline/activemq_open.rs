//! `ActiveMQ`'s console without a login.
//!
//! In: `conf/jetty.xml`. Fails where a constraint's `authenticate` is false. Source: `ActiveMQ` documentation, "Web Console".

use plimsoll_model::Level;

use super::{Looking, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::xml,
    view::View,
    wanted::{Wanted, text},
};

const FILE: &str = "**/conf/jetty.xml";

#[derive(Debug)]
pub(crate) struct ActivemqOpen;

impl Check for ActivemqOpen {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "ActiveMQ's console without a login",
            why: "whoever reaches the port reads and writes all queues, and has used the console to run programs",
            source: "Alibaba Cloud baseline list; ActiveMQ documentation, web console",
            ..open_to_all("hc.image.checklist.identify.hc_exploit_activemq_linux.item", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(FILE)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 3: `securityConstraint` authenticate false").files(&[(
                "opt/activemq/conf/jetty.xml",
                "<beans>\n<bean id=\"securityConstraint\" class=\"org.eclipse.jetty.util.security.Constraint\">\n<property name=\"authenticate\" value=\"false\"/>\n</bean></beans>",
            )]),
            Example::passes().files(&[(
                "opt/activemq/conf/jetty.xml",
                "<beans><bean id=\"securityConstraint\"><!-- set authenticate=false to disable login --><property name=\"authenticate\" value=\"true\"/></bean></beans>",
            )]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in looking.all(FILE) {
            let document = xml::read(file.text);
            if let Some(problem) = &document.problem {
                looking.unseen(&file.location.path, problem.clone());
            }
            for property in &document.elements {
                let bean = property.parent.and_then(|parent| document.elements.get(parent));
                let id = bean.and_then(|bean| bean.attribute("id")).unwrap_or_default();
                if property.attribute("name") == Some("authenticate")
                    && property
                        .attribute("value")
                        .is_some_and(|value| value.eq_ignore_ascii_case("false"))
                    && id.to_ascii_lowercase().ends_with("securityconstraint")
                {
                    let detail =
                        format!("line {}: `{}` authenticate false", property.line, clip(id));
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
