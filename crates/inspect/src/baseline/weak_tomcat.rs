//! Tomcat's consoles with a password that everybody tries first.
//!
//! In: `conf/tomcat-users.xml`. Fails for each user with a role of the manager or the administrator, and a well-known
//! password. Source: Tomcat documentation, "Manager App How-To".

use plimsoll_model::Level;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::xml,
    view::View,
    wanted::{Wanted, text},
};

const FILE: &str = "**/conf/tomcat-users.xml";

#[derive(Debug)]
pub(crate) struct WeakTomcat;

impl Check for WeakTomcat {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak password of a Tomcat console",
            why: "whoever logs in to the manager puts programs of their own on the server",
            remedy: "take the user out of the image; supply a long random password when the container starts",
            source: "Alibaba Cloud baseline list; Tomcat documentation, manager",
            ..about("weak_tomcat", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(FILE), text("etc/tomcat*/tomcat-users.xml")];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 3: `tomcat` (manager-gui)").files(&[(
                "opt/tomcat/conf/tomcat-users.xml",
                "<?xml version='1.0'?>\n<tomcat-users>\n<user username=\"tomcat\" password=\"s3cret\" roles=\"manager-gui\"/>\n</tomcat-users>\n",
            )]),
            Example::fails("`both`").files(&[(
                "etc/tomcat10/tomcat-users.xml",
                "<tomcat-users><user name='both' password='tomcat' roles='tomcat,admin-script'/></tomcat-users>",
            )]),
            Example::passes().files(&[(
                "opt/tomcat/conf/tomcat-users.xml",
                "<tomcat-users><!-- <user username=\"tomcat\" password=\"tomcat\" roles=\"manager-gui\"/> --><user username=\"tomcat\" password=\"c4nary-of-length\" roles=\"manager-gui\"/><user username=\"x\" password=\"x\" roles=\"guest\"/></tomcat-users>",
            )]),
            Example::is_undecided("is not XML")
                .files(&[("opt/tomcat/conf/tomcat-users.xml", "<tomcat-users><!-- ")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut files = looking.all(FILE);
        files.extend(looking.all("etc/tomcat*/tomcat-users.xml"));
        for file in files {
            let document = xml::read(file.text);
            if let Some(problem) = document.problem {
                looking.unseen(&file.location.path, problem);
            }
            for user in document.elements.iter().filter(|element| element.name() == "user") {
                let name = user.attribute("username").or_else(|| user.attribute("name"));
                let (Some(name), Some(password)) = (name, user.attribute("password")) else {
                    continue;
                };
                let roles = user.attribute("roles").unwrap_or_default();
                let may_manage = roles.split(',').map(str::trim).any(|role| {
                    role == "manager"
                        || role == "admin"
                        || role.starts_with("manager-")
                        || role.starts_with("admin-")
                });
                if may_manage && dictionary::is_weak(name, password) {
                    let detail = format!("line {}: `{}` ({})", user.line, clip(name), clip(roles));
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
