//! Java's debugger, open to the network.
//!
//! In: options of Java ([`java_options`]). Fails for `jdwp` as a server on all interfaces. Source: JDK documentation, "JPDA
//! connection and invocation". Odd: a bare port meant all interfaces up to Java 8, and means this host since.

use plimsoll_model::Level;

use super::{Looking, address, java_options, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct JavaDebug;

impl Check for JavaDebug {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Java's debugger open to the network",
            why: "whoever reaches the port runs programs in the process; the protocol asks for nothing",
            remedy: "leave the debugger out of images, or bind it to the loopback",
            source: "JDK documentation, JPDA",
            ..open_to_all("hc.image.checklist.identify.hc_exploit_jdwp_linux.item", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        java_options::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("JAVA_TOOL_OPTIONS: -agentlib:jdwp").environment(&[
                "JAVA_TOOL_OPTIONS=-Xmx1g -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005",
            ]),
            Example::fails("command: -agentlib:jdwp").command(&[
                "sh",
                "-c",
                "java -agentlib:jdwp=transport=dt_socket,server=y,address=0.0.0.0:8000 -jar /app.jar",
            ]),
            Example::fails("line 2: -Xrunjdwp").files(&[(
                "opt/tomcat/bin/setenv.sh",
                "#!/bin/sh\nCATALINA_OPTS=\"$CATALINA_OPTS -Xrunjdwp:transport=dt_socket,server=y,address=*:8000\"\n",
            )]),
            Example::fails("JPDA_ADDRESS=*:8000")
                .environment(&["JPDA_ADDRESS=*:8000"])
                .command(&["catalina.sh", "jpda", "run"]),
            Example::passes().environment(&[
                "JAVA_OPTS=-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:5005",
            ]),
            Example::passes().files(&[(
                "app/start.sh",
                "exec java -agentlib:jdwp=transport=dt_socket,server=y,address=$DEBUG_ADDRESS -jar a.jar\n",
            )]),
            Example::passes().environment(&["JAVA_OPTS=-Xmx1g"]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let starts_debugger = view.command_words().iter().any(|word| word == "jpda");
        let is_old = [
            "usr/lib/jvm/java-8-openjdk-amd64",
            "usr/lib/jvm/java-1.8-openjdk",
            "opt/java/openjdk/jre/lib/rt.jar",
        ]
        .iter()
        .any(|path| view.node(path).is_some());
        for option in java_options::options(&mut looking) {
            let text = option.option.as_str();
            let address = if let Some(address) = text.strip_prefix("JPDA_ADDRESS=") {
                if !starts_debugger {
                    continue;
                }
                address
            } else {
                let Some((_, settings)) = text.split_once("jdwp").filter(|_| text.starts_with('-'))
                else {
                    continue;
                };
                let settings = settings.trim_start_matches([':', '=']);
                let value = |name: &str| {
                    let mut pairs = settings.split(',').filter_map(|pair| pair.split_once('='));
                    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
                };
                match (value("server"), value("address")) {
                    (Some("y"), Some(address)) => address,
                    _ => continue,
                }
            };
            let is_bare = address.bytes().all(|byte| byte.is_ascii_digit());
            if (is_bare && is_old) || (!is_bare && address::is_open(address)) {
                java_options::fail(&mut looking, &option, &clip(text));
            }
        }
        looking.outcome()
    }
}
