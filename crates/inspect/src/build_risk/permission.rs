//! Rights that the build gives away: a row each.
//!
//! In: RUN and VOLUME instructions. Source: CIS Docker 4.8; Dockle DKL-DI-0002; capabilities(7).

use plimsoll_model::Level;

use super::{StepRisk, about, commands::tools};
use crate::{
    check::{About, Example},
    facts::clip,
    history::{Instruction, Word, shell_words},
};

/// The mode of a chmod, and what it is set on.
fn modes(step: &Instruction) -> Vec<(String, Vec<String>)> {
    let tools = tools(step);
    let mut modes = Vec::new();
    for tool in tools.iter().filter(|tool| tool.is("chmod")) {
        // `-w` is a mode and no option.
        let mut words = tool.words.iter().filter(|word| {
            !word.starts_with("--")
                && !matches!(
                    word.as_str(),
                    "-R" | "-v" | "-c" | "-f" | "-Rf" | "-fR" | "-vR" | "-Rv"
                )
        });
        if let Some(mode) = words.next() {
            modes.push((mode.clone(), words.cloned().collect()));
        }
    }
    modes
}

fn is_number(mode: &str) -> bool {
    matches!(mode.len(), 3..=5) && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
}

fn opens(mode: &str) -> bool {
    if is_number(mode) {
        return mode.ends_with(['2', '3', '6', '7'])
            && !mode.starts_with('1')
            && !mode.starts_with("01");
    }
    mode.split(',').any(|part| {
        let Some(at) = part.find(['+', '=']) else { return false };
        let (who, rights) = part.split_at(at);
        // Without a letter in front the process's mask decides, which leaves others out.
        (who.contains('o') || who.contains('a')) && rights.contains('w') && !rights.contains('t')
    })
}

pub(crate) static CHMOD_777: StepRisk = StepRisk {
    about: &About {
        title: "Files are made writable by everybody",
        why: "any process in the container can replace what others run or read",
        remedy: "give the file to the account that needs it (`COPY --chown`), and no more rights than that",
        source: "CIS Debian/RHEL benchmarks",
        ..about("chmod_777", "permission", Level::Medium)
    },
    finds: |step| {
        let is_meant = |path: &&String| {
            let path = path.trim_end_matches('/');
            !["/tmp", "/var/tmp", "/dev/shm"].iter().any(|folder| {
                path == *folder
                    || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let mut found = Vec::new();
        for (mode, paths) in modes(step) {
            if opens(&mode)
                && let Some(path) = paths.iter().find(is_meant)
            {
                found.push(clip(&format!("chmod {mode} {path}")));
            }
        }
        found
    },
    examples: &[
        Example::fails("chmod 777 /app").history(&["RUN mkdir /app && chmod -R 777 /app"]),
        Example::fails("chmod a+rwx /srv").history(&["/bin/sh -c chmod a+rwx /srv"]),
        Example::fails("chmod o+w /etc/x").history(&["RUN chmod o+w /etc/x"]),
        Example::passes().history(&[
            "RUN chmod 755 /app && chmod +x /app/run && chmod 1777 /tmp /srv/t && chmod 777 /tmp",
            "RUN chmod u+w,go-w /x && echo chmod 777 /x",
        ]),
    ],
};

/// Capabilities that lead to all others.
const CAPABILITIES: &[&str] = &[
    "cap_sys_admin",
    "cap_sys_ptrace",
    "cap_sys_module",
    "cap_dac_override",
    "cap_setuid",
    "=ep",
    "all=",
];

pub(crate) static SETUID_ADDED: StepRisk = StepRisk {
    about: &About {
        title: "A program gets its owner's rights",
        why: "whoever starts it has them, and a mistake in it gives them away",
        remedy: "leave the bits and capabilities out, and give the process what it needs when it starts",
        source: "CIS Docker 4.8; capabilities(7)",
        ..about("setuid_added", "permission", Level::Medium)
    },
    finds: |step| {
        let mut found = Vec::new();
        for (mode, paths) in modes(step) {
            let number = mode.trim_start_matches('0');
            let by_number = is_number(&mode)
                && number.len() == 4
                && number.starts_with(['2', '3', '4', '5', '6', '7']);
            let by_letter = mode.split(',').any(|part| {
                part.find(['+', '='])
                    .is_some_and(|at| part.get(at..).is_some_and(|rights| rights.contains('s')))
            });
            if by_number || by_letter {
                let path = paths.first().map_or("", String::as_str);
                found.push(clip(format!("chmod {mode} {path}").trim_end()));
            }
        }
        for tool in tools(step).iter().filter(|tool| tool.is("setcap")) {
            let lower = tool.words.join(" ").to_ascii_lowercase();
            if CAPABILITIES.iter().any(|name| lower.contains(name)) && !tool.has("-r") {
                found.push(clip(&format!("setcap {}", tool.words.join(" "))));
            }
        }
        found
    },
    examples: &[
        Example::fails("chmod u+s /usr/bin/tool").history(&["RUN chmod u+s /usr/bin/tool"]),
        Example::fails("chmod 4755 /usr/bin/tool")
            .history(&["/bin/sh -c chmod 4755 /usr/bin/tool"]),
        Example::fails("setcap cap_sys_admin+ep /x").history(&["RUN setcap cap_sys_admin+ep /x"]),
        Example::passes().history(&[
            "RUN chmod 0755 /usr/bin/tool && chmod 1777 /x && chmod a-s /usr/bin/su",
            "RUN setcap cap_net_bind_service=+ep /usr/sbin/nginx && setcap -r /x",
        ]),
    ],
};

/// Places that belong to the system.
const PLACES: &[&str] = &[
    "/",
    "/dev",
    "/proc",
    "/sys",
    "/etc",
    "/root",
    "/boot",
    "/var/run/docker.sock",
    "/run/docker.sock",
];

pub(crate) static SENSITIVE_VOLUME: StepRisk = StepRisk {
    about: &About {
        title: "A folder of the system is a volume",
        why: "it outlives the container, and is easily shared with others or with the host",
        remedy: "keep data in a folder of its own",
        source: "Dockle DKL-DI-0002",
        ..about("sensitive_volume", "permission", Level::Medium)
    },
    finds: |step| {
        if step.word != Word::Volume {
            return Vec::new();
        }
        let text = step.text.replace(['[', ']', ',', '"'], " ");
        let words = shell_words(&text);
        let is_meant = |path: &&String| {
            let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
            PLACES.contains(&path)
        };
        words.iter().filter(is_meant).map(|path| format!("VOLUME {path}")).collect()
    },
    examples: &[
        Example::fails("VOLUME /etc").history(&["VOLUME [\"/data\", \"/etc/\"]"]),
        Example::fails("VOLUME /var/run/docker.sock")
            .history(&["/bin/sh -c #(nop)  VOLUME [/var/run/docker.sock]"]),
        Example::passes().history(&["VOLUME /var/lib/mysql /etc/app"]),
    ],
};
