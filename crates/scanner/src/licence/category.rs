//! Kinds of licences, by what they ask of those who pass the software on.
//!
//! In: a licence by its SPDX id, with its exception. Out: [`Category`]. Source: the texts of the licences, and SPDX's own
//! marks (free by the FSF, approved by the OSI). Odd: an exception that lets other programs link makes a copyleft weak; an
//! exception that is not named changes nothing.

use std::{fmt, str::FromStr};

use plimsoll_model::finding::UnknownWord;

/// What a licence asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Category {
    /// Nothing at all.
    PublicDomain,
    /// That its notice is kept.
    Permissive,
    /// That changes to it stay under it; what merely uses it need not.
    WeakCopyleft,
    /// That what is made with it stays under it.
    Copyleft,
    /// The same also of what is only offered over a network.
    NetworkCopyleft,
    /// More than free software may ask: no business, no competition, no changes.
    Restricted,
    /// Known by name, and in none of the others.
    Other,
}

/// The words for them.
const WORDS: [(Category, &str); 7] = [
    (Category::PublicDomain, "public-domain"),
    (Category::Permissive, "permissive"),
    (Category::WeakCopyleft, "weak-copyleft"),
    (Category::Copyleft, "copyleft"),
    (Category::NetworkCopyleft, "network-copyleft"),
    (Category::Restricted, "restricted"),
    (Category::Other, "other"),
];

impl Category {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        WORDS.iter().find(|(one, _)| *one == self).map_or("other", |(_, word)| word)
    }

    /// Of a licence with its exception.
    pub(super) fn of(licence: &str, exception: Option<&str>) -> Self {
        let id = licence.strip_suffix('+').unwrap_or(licence);
        let starts = |list: &[&str]| {
            list.iter().any(|start| id == *start || id.starts_with(&format!("{start}-")))
        };
        let category = if starts(PUBLIC_DOMAIN) {
            Self::PublicDomain
        } else if starts(RESTRICTED) || id.contains("-NC") || id.contains("-ND") {
            Self::Restricted
        } else if starts(NETWORK) {
            Self::NetworkCopyleft
        } else if starts(WEAK) {
            Self::WeakCopyleft
        } else if starts(COPYLEFT) {
            Self::Copyleft
        } else if starts(PERMISSIVE) {
            Self::Permissive
        } else {
            match spdx::license_id(id) {
                Some(id) if id.is_copyleft() => Self::Copyleft,
                Some(id) if id.is_osi_approved() || id.is_fsf_free_libre() => Self::Permissive,
                _ => Self::Other,
            }
        };
        let links = exception.is_some_and(|name| LINKING.iter().any(|part| name.contains(part)));
        if links && category == Self::Copyleft { Self::WeakCopyleft } else { category }
    }
}

impl FromStr for Category {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(category, _)| *category).ok_or_else(|| {
            UnknownWord {
                word: word.to_owned(),
                allowed: "public-domain, permissive, weak-copyleft, copyleft, network-copyleft, restricted, other",
            }
        })
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Ids, and what they begin with up to a dash.
const PUBLIC_DOMAIN: &[&str] = &[
    "ANTLR-PD",
    "CC-PDDC",
    "CC-PDM",
    "CC0",
    "LicenseRef-public-domain",
    "NCBI-PD",
    "NIST-PD",
    "NTIA-PD",
    "PDDL",
    "SAX-PD",
    "Unlicense",
    "blessing",
];

const RESTRICTED: &[&str] = &[
    "Aladdin",
    "BUSL",
    "Elastic",
    "FSL-1.1",
    "Hippocratic",
    "JSON",
    "LicenseRef-proprietary",
    "MS-LPL",
    "NCGL-UK",
    "Parity",
    "PolyForm",
    "SSPL",
    "SUL",
    "UnRAR",
];

const NETWORK: &[&str] = &["AGPL", "CAL", "CPAL", "LicenseRef-AGPL", "OSL", "RPL", "RPSL"];

const WEAK: &[&str] = &[
    "APSL",
    "Artistic",
    "CATOSL",
    "CDDL",
    "CECILL-C",
    "CPL",
    "EPL",
    "ErlPL",
    "IPL",
    "Interbase",
    "LGPL",
    "LGPLLR",
    "LPPL",
    "LicenseRef-CDDL",
    "LicenseRef-EPL",
    "LicenseRef-LGPL",
    "LicenseRef-MPL",
    "MPL",
    "MS-RL",
    "NOSL",
    "NPL",
    "Nokia",
    "RSCPL",
    "SISSL",
    "SPL",
    "SugarCRM",
    "Vim",
    "YPL",
    "gSOAP",
    "ESA-PL-weak-copyleft",
];

const COPYLEFT: &[&str] = &[
    "CC-BY-SA",
    "CC-SA",
    "CDLA-Sharing",
    "CECILL-1.0",
    "CECILL-1.1",
    "CECILL-2.0",
    "CECILL-2.1",
    "CERN-OHL-S",
    "D-FSL",
    "ESA-PL-strong-copyleft",
    "EUPL",
    "GFDL",
    "GPL",
    "LicenseRef-GFDL",
    "LicenseRef-GPL",
    "LiLiQ-Rplus",
    "NGPL",
    "ODbL",
    "QPL",
    "SMAIL-GPL",
    "Sleepycat",
    "TGPPL",
    "copyleft-next",
];

const PERMISSIVE: &[&str] = &[
    "AML",
    "Adobe",
    "Apache",
    "BSD",
    "Beerware",
    "Bitstream",
    "Boehm-GC",
    "Brian-Gladman",
    "CC-BY",
    "CDLA-Permissive",
    "CMU-Mach",
    "CNRI",
    "DOC",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FTL",
    "FreeBSD-DOC",
    "GD",
    "GL2PS",
    "HP",
    "HPND",
    "IBM-pibs",
    "ICU",
    "IJG",
    "ISC",
    "ImageMagick",
    "Info-ZIP",
    "JasPer",
    "Kazlib",
    "LZMA-SDK",
    "Latex2e",
    "Libpng",
    "LicenseRef-Apache",
    "LicenseRef-BSD",
    "LicenseRef-notice",
    "Linux-OpenIB",
    "Linux-man-pages",
    "MIT",
    "MITNFA",
    "MakeIndex",
    "MulanPSL",
    "NAIST",
    "NTP",
    "NetCDF",
    "OFL",
    "OLDAP",
    "OML",
    "OpenSSL",
    "PADL",
    "PSF",
    "Plexus",
    "Qhull",
    "RSA-MD",
    "SMLNJ",
    "SSH-OpenSSH",
    "SSH-short",
    "SSLeay",
    "Sendmail",
    "Spencer",
    "SunPro",
    "TCL",
    "TCP-wrappers",
    "UCAR",
    "Unicode",
    "UnixCrypt",
    "W3C",
    "WTFPL",
    "X11",
    "Xnet",
    "Zed",
    "bcrypt-Solar-Designer",
    "bzip2",
    "curl",
    "dtoa",
    "etalab",
    "libpng",
    "libselinux",
    "libtiff",
    "libutil-David-Nugent",
    "metamail",
    "mpich2",
    "pkgconf",
    "python-ldap",
    "snprintf",
    "ssh-keyscan",
    "w3m",
    "xlock",
    "zlib-acknowledgement",
    "ESA-PL-permissive",
    "ODC-By",
    "HTMLTIDY",
];

/// In the names of exceptions that let other programs link.
const LINKING: &[&str] = &[
    "Classpath",
    "GCC-exception",
    "GNAT",
    "GNU-compiler",
    "LLVM",
    "Libtool",
    "linking",
    "Linux-syscall-note",
    "WxWindows",
    "eCos",
    "freertos",
    "Bison",
    "Autoconf",
    "OpenJDK-assembly",
    "Font-exception",
    "Universal-FOSS",
    "javamail",
    "Qt-GPL",
    "mif-exception",
    "Independent-modules",
    "PCRE2",
    "Swift",
];
