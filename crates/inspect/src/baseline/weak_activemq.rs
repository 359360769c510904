//! `ActiveMQ` with a password that everybody tries first.
//!
//! In: `conf/jetty-realm.properties` (`user: password, role`), `conf/users.properties`, `conf/credentials.properties` and
//! the users in `conf/activemq.xml`. Source: `ActiveMQ` documentation, "Security", "Web Console". Odd: `OBF:` and `CRYPT:`
//! hide a password from eyes alone; only plain ones are tried.

use plimsoll_model::Level;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::{Grammar, read, xml},
    view::View,
    wanted::{Wanted, text},
};

const REALM: &str = "**/conf/jetty-realm.properties";
const USERS: &str = "**/conf/users.properties";
const BROKER: &str = "**/conf/activemq.xml";

#[derive(Debug)]
pub(crate) struct WeakActivemq;

impl Check for WeakActivemq {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak ActiveMQ password",
            why: "whoever logs in reads and writes all queues, and has used the console to run programs",
            remedy: "take the password out of the image; supply a long random one when the container starts",
            source: "Alibaba Cloud baseline list; ActiveMQ documentation, security",
            ..about("weak_activemq", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(REALM), text(USERS), text(BROKER)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: `admin`").files(&[(
                "opt/activemq/conf/jetty-realm.properties",
                "# username: password [,rolename ...]\nadmin: admin, admin\nuser: c4nary-of-length, user\n",
            )]),
            Example::fails("line 1: `system`")
                .files(&[("opt/activemq/conf/users.properties", "system=manager\n")]),
            Example::fails("`user`").files(&[(
                "opt/activemq/conf/activemq.xml",
                "<beans><broker><plugins><simpleAuthenticationPlugin><users><authenticationUser username=\"user\" password=\"password\" groups=\"users\"/></users></simpleAuthenticationPlugin></plugins></broker></beans>",
            )]),
            Example::passes().files(&[
                ("opt/activemq/conf/jetty-realm.properties", "admin: c4nary-of-length, admin\n"),
                ("opt/activemq/conf/users.properties", "#admin=admin\nadmin=ENC(c4nary)\n"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut files = looking.all(REALM);
        files.extend(looking.all(USERS));
        for file in files {
            let settings = read(Grammar::Properties, file.text);
            if let Some(problem) = settings.problem {
                looking.unseen(&file.location.path, problem);
            }
            for setting in settings.list {
                let password = setting.value.split(',').next().unwrap_or_default().trim();
                if dictionary::is_weak(&setting.key, password) {
                    let detail = format!("line {}: `{}`", setting.line, clip(&setting.key));
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        for file in looking.all(BROKER) {
            let document = xml::read(file.text);
            if let Some(problem) = document.problem {
                looking.unseen(&file.location.path, problem);
            }
            for user in &document.elements {
                let attributes = (user.attribute("username"), user.attribute("password"));
                if let (Some(name), Some(password)) = attributes
                    && user.name() == "authenticationUser"
                    && dictionary::is_weak(name, password)
                {
                    looking
                        .fail_at(&file.location, format!("line {}: `{}`", user.line, clip(name)));
                }
            }
        }
        looking.outcome()
    }
}
