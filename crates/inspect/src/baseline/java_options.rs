//! Options that Java is started with.
//!
//! In: the image's command and environment, and scripts that start Java. Out: each option with where it stands. Odd: what a
//! script makes of a variable is not known, so an option with a `$` in it is none.

use plimsoll_model::Location;

use super::Looking;
use crate::{
    history::{shell_words, split_commands},
    wanted::{Wanted, text},
};

/// Variables that Java or its servers read.
const VARIABLES: &[&str] = &[
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "CATALINA_OPTS",
    "JPDA_OPTS",
    "JPDA_ADDRESS",
    "JVM_OPTS",
    "KAFKA_OPTS",
    "KAFKA_JMX_OPTS",
    "ES_JAVA_OPTS",
    "JAVA_OPTIONS",
    "JAVA_ARGS",
];

const SCRIPTS: &[&str] = &[
    "**/bin/setenv.sh",
    "**/bin/standalone.conf",
    "**/start.sh",
    "**/run.sh",
    "**/entrypoint.sh",
    "**/docker-entrypoint.sh",
    "**/startup.sh",
    "etc/default/tomcat*",
    "etc/default/jetty*",
];

/// What is read.
pub(crate) const FILES: &[Wanted] = &[
    text("**/bin/setenv.sh"),
    text("**/bin/standalone.conf"),
    text("**/start.sh"),
    text("**/run.sh"),
    text("**/entrypoint.sh"),
    text("**/docker-entrypoint.sh"),
    text("**/startup.sh"),
    text("etc/default/tomcat*"),
    text("etc/default/jetty*"),
];

/// An option and where it stands.
pub(crate) struct JavaOption {
    pub(crate) option: String,
    /// The file and line, the environment's variable or the command.
    pub(crate) place: Place,
}

pub(crate) enum Place {
    File(Location, usize),
    Image(String),
}

/// All options.
pub(crate) fn options(looking: &mut Looking<'_>) -> Vec<JavaOption> {
    let view = looking.view();
    let mut all = Vec::new();
    let command = view.command_words().iter();
    all.extend(command.map(|word| JavaOption {
        option: word.clone(),
        place: Place::Image("command".to_owned()),
    }));
    for (name, value) in view.environment().filter(|(name, _)| VARIABLES.contains(name)) {
        looking.applies();
        for option in value.split_whitespace() {
            let option = if name == "JPDA_ADDRESS" {
                format!("JPDA_ADDRESS={option}")
            } else {
                option.to_owned()
            };
            all.push(JavaOption { option, place: Place::Image(name.to_owned()) });
        }
    }
    for file in SCRIPTS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
        for (number, line) in super::lines(file.text) {
            if !line.contains("jdwp")
                && !line.contains("jmxremote")
                && !line.contains("JPDA_ADDRESS")
            {
                continue;
            }
            // An assignment holds its options in quotes.
            let words = split_commands(line);
            let words = words.iter().flat_map(|command| shell_words(command));
            for option in words
                .flat_map(|word| word.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            {
                let place = Place::File(file.location.clone(), number);
                all.push(JavaOption { option, place });
            }
        }
    }
    all.retain(|option| !option.option.contains('$') || option.option.contains("jmxremote"));
    all
}

/// Fails with an option where it stands.
pub(crate) fn fail(looking: &mut Looking<'_>, option: &JavaOption, shown: &str) {
    match &option.place {
        Place::File(location, line) => {
            looking.fail_at(location, format!("line {line}: {shown}"));
        }
        Place::Image(place) => looking.fail(format!("{place}: {shown}")),
    }
}
