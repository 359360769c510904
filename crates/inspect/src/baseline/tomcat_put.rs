//! Tomcat that lets visitors write files.
//!
//! In: `web.xml`, the server's and those of applications. Fails where the default servlet's `readonly` is false. Source:
//! Tomcat documentation, "Default Servlet Reference"; CVE-2017-12615.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::xml,
    view::View,
    wanted::{Wanted, text},
};

const FILES: &[&str] = &["**/conf/web.xml", "**/WEB-INF/web.xml", "etc/tomcat*/web.xml"];

#[derive(Debug)]
pub(crate) struct TomcatPut;

impl Check for TomcatPut {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Tomcat lets visitors write files",
            why: "a visitor puts a page there that runs on the server",
            remedy: "remove `readonly` from the default servlet",
            source: "Tomcat documentation, default servlet; CVE-2017-12615",
            ..about("tomcat_put", "hc_best_secruity", "tomcat", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const WANTED: &[Wanted] =
            &[text("**/conf/web.xml"), text("**/WEB-INF/web.xml"), text("etc/tomcat*/web.xml")];
        WANTED
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 4: readonly false").files(&[(
                "opt/tomcat/conf/web.xml",
                "<web-app><servlet>\n<servlet-name>default</servlet-name>\n<servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>\n<init-param><param-name>readonly</param-name><param-value>false</param-value></init-param></servlet></web-app>",
            )]),
            Example::passes().files(&[(
                "opt/tomcat/conf/web.xml",
                "<web-app><servlet><servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class><init-param><param-name>debug</param-name><param-value>0</param-value></init-param></servlet><servlet><servlet-class>a.B</servlet-class><init-param><param-name>readonly</param-name><param-value>false</param-value></init-param></servlet></web-app>",
            )]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in FILES.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let document = xml::read(file.text);
            if let Some(problem) = &document.problem {
                looking.unseen(&file.location.path, problem.clone());
            }
            let elements = &document.elements;
            let mut servlets = std::collections::BTreeSet::new();
            for class in elements {
                if class.name() == "servlet-class"
                    && class.text.ends_with("servlets.DefaultServlet")
                {
                    servlets.extend(class.parent);
                }
            }
            // A parameter's name stands right before its value.
            for (name, value) in elements.iter().zip(elements.iter().skip(1)) {
                let parameter = name.parent.and_then(|parent| elements.get(parent));
                let servlet = parameter.and_then(|parameter| parameter.parent);
                if name.name() == "param-name"
                    && name.text == "readonly"
                    && value.name() == "param-value"
                    && value.text.eq_ignore_ascii_case("false")
                    && servlet.is_some_and(|servlet| servlets.contains(&servlet))
                {
                    let detail = format!("line {}: readonly false", name.line);
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
