//! What the build fetches, and what it opens: a row each.
//!
//! In: RUN instructions. Out: programs from the network that nobody checked. Source: curl's, wget's and git's manuals.

use plimsoll_model::Level;

use super::{
    StepRisk, about,
    commands::{Tool, tools},
};
use crate::{
    baseline::secret_words::masked_url,
    check::{About, Example},
    facts::clip,
    history::Instruction,
};

const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh"];
const INTERPRETERS: &[&str] = &[
    "sh", "bash", "dash", "ash", "zsh", "ksh", "python", "python2", "python3", "perl", "node",
    "ruby", "php",
];

fn url(tool: &Tool) -> Option<String> {
    let url = tool.words.iter().find(|word| word.contains("://"))?;
    Some(clip(masked_url(url).as_deref().unwrap_or(url)))
}

fn is_fetch(tool: &Tool) -> bool {
    matches!(tool.name.as_str(), "curl" | "wget")
}

fn pipes(step: &Instruction) -> Vec<String> {
    let tools = tools(step);
    // Only what a single `|` joins; `a || sh` and `a; sh` are something else.
    let text = step.text.replace("||", ";");
    let mut found = Vec::new();
    for pair in tools.windows(2) {
        let [first, second] = pair else { continue };
        let is_next = second.position == first.position + 1;
        let into = INTERPRETERS.contains(&second.name.as_str());
        let runs_text = second.words.iter().any(|word| word == "-c" || word == "-m");
        if is_fetch(first) && is_next && into && !runs_text && is_piped(&text, &second.name) {
            let from = url(first).unwrap_or_default();
            found.push(clip(&format!("{} {from} | {}", first.name, second.name)));
        }
    }
    // `bash -c "$(curl …)"`, `bash <(curl …)`.
    for tool in tools.iter().filter(|tool| SHELLS.contains(&tool.name.as_str())) {
        let fetches = |word: &String| {
            ["$(curl", "$(wget", "`curl", "`wget", "<(curl", "<(wget"]
                .iter()
                .any(|start| word.contains(start))
        };
        if tool.words.iter().any(fetches) {
            found.push(format!("{} of what curl or wget fetches", tool.name));
        }
    }
    found
}

/// Whether a program stands behind a pipe.
fn is_piped(text: &str, name: &str) -> bool {
    text.split('|').skip(1).any(|part| {
        let words = part.split_whitespace();
        let mut programs =
            words.filter(|word| *word != "sudo" && *word != "-E" && !word.contains('='));
        programs.next().is_some_and(|word| word.rsplit('/').next() == Some(name))
    })
}

pub(crate) static PIPE_TO_SHELL: StepRisk = StepRisk {
    about: &About {
        title: "A program from the network is run unseen",
        why: "whoever changes it on its server, or on the way, runs commands in the build",
        remedy: "download it, compare its checksum or signature, and run it then",
        source: "curl(1), wget(1)",
        ..about("pipe_to_shell", "network", Level::Medium)
    },
    finds: pipes,
    examples: &[
        Example::fails("curl https://get.example/i.sh | sh")
            .history(&["RUN curl -fsSL https://get.example/i.sh | sh"]),
        Example::fails("wget https://get.example/x | bash")
            .history(&["/bin/sh -c set -e; wget -qO- https://get.example/x | sudo -E bash -"]),
        Example::fails("bash of what curl or wget fetches")
            .history(&["RUN bash -c \"$(curl -fsSL https://get.example/i.sh)\""]),
        Example::passes().history(&[
            "RUN curl -fsSLo i.sh https://get.example/i.sh && echo \"abc i.sh\" | sha256sum -c - && sh i.sh",
            "RUN curl -fsS https://get.example/a.tgz | tar xz",
            "RUN curl -f https://get.example/a || bash -c true",
        ]),
    ],
};

fn insecure(step: &Instruction) -> Vec<String> {
    let mut found = Vec::new();
    for tool in tools(step) {
        let has_letter = |letter: char| {
            tool.words.iter().any(|word| {
                word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
            })
        };
        let word = match tool.name.as_str() {
            // `-o k` has its letter apart.
            "curl" if tool.has("--insecure") || has_letter('k') => "curl --insecure",
            "wget" if tool.has("--no-check-certificate") => "wget --no-check-certificate",
            "git"
                if tool
                    .words
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case("http.sslverify=false")) =>
            {
                "git -c http.sslVerify=false"
            }
            _ => continue,
        };
        found.push(word.to_owned());
    }
    for (name, value) in [
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("PYTHONHTTPSVERIFY", "0"),
        ("GIT_SSL_NO_VERIFY", "true"),
        ("GIT_SSL_NO_VERIFY", "1"),
    ] {
        let pair = format!("{name}={value}");
        let in_run = step.word == crate::history::Word::Run
            && step.commands().iter().flatten().any(|word| *word == pair);
        let in_env = step.word == crate::history::Word::Env
            && step.variables().iter().any(|(known, set)| known == name && set == value);
        if in_run || in_env {
            found.push(pair);
        }
    }
    found
}

pub(crate) static INSECURE_TLS: StepRisk = StepRisk {
    about: &About {
        title: "Certificates are not checked",
        why: "whoever sits between the build and the server answers in its place",
        remedy: "remove the option, and add the certificate of your own authority to the image",
        source: "curl(1), wget(1), git-config(1)",
        ..about("insecure_tls", "network", Level::Medium)
    },
    finds: insecure,
    examples: &[
        Example::fails("curl --insecure").history(&["RUN curl -fsSLk https://h.example/a -o a"]),
        Example::fails("wget --no-check-certificate")
            .history(&["RUN wget --no-check-certificate https://h.example/a"]),
        Example::fails("git -c http.sslVerify=false")
            .history(&["RUN git -c http.sslVerify=false clone https://h.example/a"]),
        Example::fails("NODE_TLS_REJECT_UNAUTHORIZED=0")
            .history(&["ENV NODE_TLS_REJECT_UNAUTHORIZED=0"]),
        Example::passes().history(&[
            "RUN curl -fsSL https://h.example/k -o k --keepalive-time 2",
            "ENV NODE_TLS_REJECT_UNAUTHORIZED=1",
        ]),
    ],
};

fn http(step: &Instruction) -> Vec<String> {
    let tools = tools(step);
    let runs = tools.iter().any(|tool| {
        let installs = tool.is_install()
            || matches!(
                tool.name.as_str(),
                "dpkg" | "rpm" | "tar" | "unzip" | "gunzip" | "bsdtar" | "pip" | "pip3" | "gem"
            );
        let makes_program = tool.is("chmod")
            && tool.words.iter().any(|word| word.contains('x') || word.contains("75"));
        let is_run = tool.name.starts_with("./") || INTERPRETERS.contains(&tool.name.as_str());
        installs || makes_program || is_run
    });
    let verifies = tools.iter().any(|tool| {
        ["sha256sum", "sha512sum", "sha1sum", "shasum", "gpg", "gpgv", "cosign"]
            .contains(&tool.name.as_str())
    });
    if !runs || verifies {
        return Vec::new();
    }
    let plain = |tool: &&Tool| {
        is_fetch(tool)
            && tool.words.iter().any(|word| {
                word.starts_with("http://")
                    && !word.starts_with("http://localhost")
                    && !word.starts_with("http://127.")
            })
    };
    tools
        .iter()
        .filter(plain)
        .filter_map(|tool| Some(format!("{} {}", tool.name, url(tool)?)))
        .collect()
}

pub(crate) static HTTP_DOWNLOAD: StepRisk = StepRisk {
    about: &About {
        title: "Programs are fetched by plain HTTP",
        why: "whoever sits between the build and the server puts programs of their own into the image",
        remedy: "fetch by HTTPS and compare the checksum",
        source: "curl(1), wget(1)",
        ..about("http_download", "network", Level::Low)
    },
    finds: http,
    examples: &[
        Example::fails("curl http://h.example/a.tgz")
            .history(&["RUN curl -fsS http://h.example/a.tgz | tar xz -C /opt"]),
        Example::fails("wget http://h.example/tool")
            .history(&["RUN wget http://h.example/tool && chmod +x tool && mv tool /usr/bin/"]),
        Example::passes().history(&[
            "RUN curl -fsS https://h.example/a.tgz | tar xz -C /opt",
            "RUN wget http://h.example/data.csv",
            "RUN curl -O http://h.example/a.tgz && echo x | sha256sum -c && tar xf a.tgz",
        ]),
    ],
};
