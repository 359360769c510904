//! How a distribution's own version becomes the release that OSV's advisories name.
//!
//! In: `ID`, `VERSION_ID`, `VERSION` and `NAME` of `os-release`. Out: the text behind the ecosystem's colon. Source: the
//! names in OSV's data; `os-release` of each distribution's images. Odd: service packs stand in `VERSION` alone
//! (openEuler), an edition in `NAME` (`CentOS Stream`), a whole release model in `ID` (openSUSE).

/// How `VERSION_ID` becomes OSV's release.
#[derive(Clone, Copy, Debug)]
pub(super) enum Release {
    /// None.
    Rolling,
    /// Up to the first dot, behind a prefix.
    Major(&'static str),
    /// As it is.
    Whole,
    /// `v` and the first two numbers.
    Alpine,
    /// As it is; April's of even years are long-term.
    Ubuntu,
    /// `2018.03` is the first, `2` and `2023` are themselves.
    Amazon,
    /// `9`, `9-stream`.
    CentOs,
    /// `Linux Enterprise Server 15 SP5` of `15.5`, `Linux Enterprise Server 16.0`, `Linux Enterprise Micro 5.5`.
    Suse,
    /// `Leap 15.5`, `Leap Micro 5.5`, or `Tumbleweed`.
    OpenSuse,
    /// The first two numbers.
    TwoNumbers,
    /// `22.03-LTS-SP3` of `22.03 (LTS-SP3)`.
    OpenEuler,
}

/// What `os-release` says of a version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stated<'a> {
    /// `ID` in lower case.
    pub(super) id: &'a str,
    /// `VERSION_ID`.
    pub(super) version: &'a str,
    /// `VERSION`.
    pub(super) long: &'a str,
    /// `NAME`.
    pub(super) name: &'a str,
}

/// The release; `None` where nothing names one, or there are none.
pub(super) fn release(how: Release, stated: Stated<'_>) -> Option<String> {
    let Stated { id, version, long, name } = stated;
    let first = version.split('.').next().unwrap_or_default();
    let second = || version.split('.').nth(1).filter(|number| is_number(number));
    match how {
        // MicroOS is Tumbleweed under another name.
        Release::OpenSuse if matches!(id, "opensuse-tumbleweed" | "opensuse-microos") => {
            return Some("Tumbleweed".to_owned());
        }
        _ if version.is_empty() => return None,
        _ => {}
    }
    match how {
        Release::Rolling => None,
        Release::Major(prefix) => is_number(first).then(|| format!("{prefix}{first}")),
        Release::Whole => Some(version.to_owned()),
        Release::TwoNumbers => {
            is_number(first).then(second)?.map(|second| format!("{first}.{second}"))
        }
        // `3.21.0_alpha20240923` is the development branch.
        Release::Alpine if version.contains("_alpha") => Some("edge".to_owned()),
        Release::Alpine if is_number(first) => second().map(|second| format!("v{first}.{second}")),
        Release::Alpine => None,
        Release::Ubuntu => {
            let even = first.parse::<u32>().is_ok_and(|year| year % 2 == 0);
            let term = if even && version.ends_with(".04") { ":LTS" } else { "" };
            Some(format!("{version}{term}"))
        }
        Release::Amazon => Some(if first.starts_with("201") { "1" } else { first }.to_owned()),
        Release::CentOs => {
            let edition = if name.contains("Stream") { "-stream" } else { "" };
            is_number(first).then(|| format!("{first}{edition}"))
        }
        Release::Suse => Some(suse(id, version, first, second())),
        Release::OpenSuse if id == "opensuse-leap-micro" => Some(format!("Leap Micro {version}")),
        Release::OpenSuse => Some(format!("Leap {version}")),
        Release::OpenEuler => {
            let term = long.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
            Some(term.map_or_else(|| version.to_owned(), |(term, _)| format!("{version}-{term}")))
        }
    }
}

fn suse(id: &str, version: &str, first: &str, second: Option<&str>) -> String {
    let number = first.parse::<u32>().unwrap_or_default();
    match id {
        "sl-micro" => format!("Linux Micro {version}"),
        "sle-micro" | "suse-microos" if number < 6 => format!("Linux Enterprise Micro {version}"),
        "sle-micro" | "suse-microos" => format!("Linux Micro {version}"),
        _ if number >= 16 => format!("Linux Enterprise Server {version}"),
        _ => match second.filter(|pack| *pack != "0") {
            Some(pack) => format!("Linux Enterprise Server {first} SP{pack}"),
            None => format!("Linux Enterprise Server {first}"),
        },
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_digit())
}
