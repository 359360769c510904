//! Java's management by the network without a login.
//!
//! In: options of Java ([`java_options`]). Fails where `com.sun.management.jmxremote.port` is set and `…authenticate` is
//! false. Source: JDK documentation, "Monitoring and Management Using JMX Technology".

use plimsoll_model::Level;

use super::{Looking, java_options, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct JavaManagement;

impl Check for JavaManagement {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Remote JMX without authentication",
            why: "whoever reaches the port loads programs of their own into the process",
            source: "JDK documentation, JMX",
            ..open_to_all("hc.image.checklist.identify.hc_exploit_jmx_linux.item", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        java_options::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("JAVA_OPTS: -Dcom.sun.management.jmxremote.authenticate=false").environment(&[
                "JAVA_OPTS=-Dcom.sun.management.jmxremote.port=9010 -Dcom.sun.management.jmxremote.authenticate=false",
            ]),
            Example::fails("line 1").files(&[(
                "app/run.sh",
                "java -Dcom.sun.management.jmxremote.port=$PORT -Dcom.sun.management.jmxremote.authenticate=false -jar a.jar\n",
            )]),
            Example::passes().environment(&[
                "JAVA_OPTS=-Dcom.sun.management.jmxremote.port=9010 -Dcom.sun.management.jmxremote.authenticate=true",
            ]),
            Example::passes().environment(&[
                "JAVA_OPTS=-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.authenticate=false",
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let options = java_options::options(&mut looking);
        let has_port = options
            .iter()
            .any(|option| option.option.starts_with("-Dcom.sun.management.jmxremote.port="));
        for option in &options {
            let text = "-Dcom.sun.management.jmxremote.authenticate=false";
            if has_port && option.option.eq_ignore_ascii_case(text) {
                java_options::fail(&mut looking, option, text);
            }
        }
        looking.outcome()
    }
}
