//! Releases of distributions, by the names that the distributions' own documents give them.
//!
//! In: CPE names, names of products, ends of rpm releases. Out: ecosystem and release as OSV and our packages have them.
//! Source: `affected_cpe_list` and `platform` of each publisher's OVAL; `product_tree` of Red Hat's and SUSE's CSAF;
//! `collection` of repositories' updateinfo. Odd: Red Hat's release is the tail of its CPE name, as in OSV; SUSE's is the
//! server edition of a service pack, whose modules and longer terms are one system; what is no product of a distribution has no platform.

/// A release of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Platform {
    /// OSV name without release.
    pub(crate) ecosystem: &'static str,
    /// As it stands behind the ecosystem's colon.
    pub(crate) release: String,
}

fn platform(ecosystem: &'static str, release: impl Into<String>) -> Platform {
    Platform { ecosystem, release: release.into() }
}

/// The platform of a product that has a CPE name, a name for people, or both.
pub(crate) fn of_product(cpe: &str, name: &str) -> Option<Platform> {
    // SUSE's names say it all, its CPE names abbreviate.
    let by_name_first = name.starts_with("SUSE ") || name.starts_with("openSUSE ");
    match by_name_first {
        true => by_name(name).or_else(|| by_cpe(cpe)),
        false => by_cpe(cpe).or_else(|| by_name(name)),
    }
}

/// The platform of a CPE name, in URI form (2.2) or as a formatted string (2.3).
pub(super) fn by_cpe(cpe: &str) -> Option<Platform> {
    let cpe = cpe.trim();
    let fields: Vec<&str> = match (cpe.strip_prefix("cpe:/"), cpe.strip_prefix("cpe:2.3:")) {
        (Some(uri), _) => uri.split(':').collect(),
        (None, Some(formatted)) => formatted
            .split(':')
            .map(|field| if "*-".contains(field) { "" } else { field })
            .collect(),
        (None, None) => return None,
    };
    let field = |place: usize| fields.get(place).copied().unwrap_or_default();
    let (vendor, product, version) = (field(1), field(2), field(3));
    let major = version.split('.').next().unwrap_or_default();
    let numbered = |ecosystem: &'static str| is_number(major).then(|| platform(ecosystem, major));
    match (vendor.to_ascii_lowercase().as_str(), product.to_ascii_lowercase().as_str()) {
        ("redhat", _) if !version.is_empty() => {
            let tail = fields.get(2..6.min(fields.len())).unwrap_or_default().join(":");
            Some(platform("Red Hat", tail.trim_end_matches(':')))
        }
        ("oracle", "linux") => numbered("Oracle Linux"),
        ("almalinux", "almalinux") => numbered("AlmaLinux"),
        ("rocky" | "resf", "rocky" | "rocky_linux") => numbered("Rocky Linux"),
        ("centos", "centos") => numbered("CentOS"),
        ("fedoraproject", "fedora") => numbered("Fedora"),
        ("amazon", "linux" | "linux_2" | "amazon_linux") => numbered("Amazon Linux"),
        ("openanolis", "anolis_os") => numbered("Anolis OS"),
        ("alibabacloud" | "alibaba", product) => {
            let number = product.strip_prefix("alibaba_cloud_linux")?.trim_start_matches('_');
            let number = if number.is_empty() { major } else { number };
            is_number(number).then(|| platform("Alibaba Cloud Linux", number))
        }
        ("openeuler", "openeuler") if !version.is_empty() => Some(platform("openEuler", version)),
        ("opensuse", "leap") if !version.is_empty() => {
            Some(platform("openSUSE", format!("Leap {version}")))
        }
        ("opensuse", "tumbleweed") => Some(platform("openSUSE", "Tumbleweed")),
        ("suse", product) => {
            let (_, name) = SUSE.iter().find(|(known, _)| *known == product)?;
            let pack = field(4).to_ascii_uppercase();
            let pack = if pack.is_empty() { pack } else { format!(" {pack}") };
            (!version.is_empty()).then(|| suse(&format!("{name} {version}{pack}")))
        }
        _ => None,
    }
}

/// Modules, editions and longer terms of a service pack are written as its server.
fn suse(release: &str) -> Platform {
    match crate::matching::release::suse(release) {
        Some(pack) => platform("SUSE", format!("Linux Enterprise Server {pack}")),
        None => platform("SUSE", release),
    }
}

/// SUSE's products that containers are made of, by their CPE names.
const SUSE: &[(&str, &str)] = &[
    ("sle-micro", "Linux Enterprise Micro"),
    ("sle-module-basesystem", "Linux Enterprise Module for Basesystem"),
    ("sle-module-containers", "Linux Enterprise Module for Containers"),
    ("sle-module-development-tools", "Linux Enterprise Module for Development Tools"),
    ("sle-module-python3", "Linux Enterprise Module for Python 3"),
    ("sle-module-server-applications", "Linux Enterprise Module for Server Applications"),
    ("sle-module-web-scripting", "Linux Enterprise Module for Web and Scripting"),
    ("sle_hpc", "Linux Enterprise High Performance Computing"),
    ("sled", "Linux Enterprise Desktop"),
    ("sles", "Linux Enterprise Server"),
    ("sles_sap", "Linux Enterprise Server for SAP Applications"),
];

/// Distributions whose releases are numbers, by what their names begin with.
const NAMES: &[(&str, &str)] = &[
    ("AlmaLinux OS ", "AlmaLinux"),
    ("AlmaLinux ", "AlmaLinux"),
    ("Alibaba Cloud Linux ", "Alibaba Cloud Linux"),
    ("Amazon Linux ", "Amazon Linux"),
    ("Anolis OS ", "Anolis OS"),
    ("Anolis ", "Anolis OS"),
    ("CBL-Mariner ", "Azure Linux"),
    ("CentOS Linux ", "CentOS"),
    ("Fedora Linux ", "Fedora"),
    ("Fedora ", "Fedora"),
    ("Microsoft Azure Linux ", "Azure Linux"),
    ("Azure Linux ", "Azure Linux"),
    ("Oracle Linux ", "Oracle Linux"),
    ("Rocky Linux ", "Rocky Linux"),
];

/// The platform of a name for people: `Oracle Linux 8`, `SUSE Linux Enterprise Server 15 SP2`.
pub(super) fn by_name(name: &str) -> Option<Platform> {
    let name = name.trim();
    if let Some(rest) = name.strip_prefix("SUSE ") {
        let has_number = rest.split(' ').any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        return has_number.then(|| suse(rest));
    }
    if let Some(rest) = name.strip_prefix("openSUSE ") {
        let is_known = rest.starts_with("Leap ") || rest == "Tumbleweed";
        return is_known.then(|| platform("openSUSE", rest));
    }
    if let Some(rest) = name.strip_prefix("openEuler-").or_else(|| name.strip_prefix("openEuler "))
    {
        return rest.starts_with(|c: char| c.is_ascii_digit()).then(|| platform("openEuler", rest));
    }
    if let Some(rest) = name.strip_prefix("Red Hat Enterprise Linux ") {
        // `8`, `Server (v. 7)`, `AppStream (v. 9)`.
        let digits = rest.find(|character: char| character.is_ascii_digit())?;
        let major = leading_number(rest.get(digits..)?)?;
        return Some(platform("Red Hat", format!("enterprise_linux:{major}")));
    }
    if let Some(rest) =
        name.strip_prefix("Photon OS ").or_else(|| name.strip_prefix("VMware Photon OS "))
    {
        return rest.starts_with(|c: char| c.is_ascii_digit()).then(|| platform("Photon OS", rest));
    }
    if let Some(number) = name.strip_prefix("Fedora EPEL ") {
        return is_number(number).then(|| epel(number));
    }
    if name.starts_with("Amazon Linux AMI") {
        return Some(platform("Amazon Linux", "1"));
    }
    let (start, ecosystem) = NAMES.iter().find(|(start, _)| name.starts_with(start))?;
    let rest = name.strip_prefix(start)?.trim_start_matches("(Aliyun Linux) ");
    Some(platform(ecosystem, leading_number(rest)?))
}

/// What Fedora builds for enterprise distributions, as Bodhi calls it.
fn epel(number: &str) -> Platform {
    platform("Fedora", format!("EPEL-{number}"))
}

/// Who may have built a package, by the end of its release and the kind of the advisory that lists it.
pub(super) fn by_release(release: &str, advisory: &str) -> Option<Platform> {
    release.split(['.', '_', '-', '+']).rev().find_map(|tag| {
        let numbered = |start: &str| {
            let rest = tag.strip_prefix(start)?;
            is_number(rest).then_some(rest)
        };
        if let Some(number) = numbered("amzn") {
            return Some(platform("Amazon Linux", number));
        }
        if let Some(number) = numbered("fc") {
            return Some(platform("Fedora", number));
        }
        if let Some(number) = numbered("an") {
            return Some(platform("Anolis OS", number));
        }
        if let Some(number) = numbered("alnx") {
            return Some(platform("Alibaba Cloud Linux", number));
        }
        match tag {
            "al7" => return Some(platform("Alibaba Cloud Linux", "2")),
            "al8" => return Some(platform("Alibaba Cloud Linux", "3")),
            _ => {}
        }
        let number = numbered("el")?;
        match advisory.split('-').next().unwrap_or_default() {
            "ALSA" | "ALBA" | "ALEA" => Some(platform("AlmaLinux", number)),
            "RLSA" | "RLBA" | "RLEA" | "RXSA" => Some(platform("Rocky Linux", number)),
            "ELSA" | "ELBA" | "ELEA" => Some(platform("Oracle Linux", number)),
            "RHSA" | "RHBA" | "RHEA" => {
                Some(platform("Red Hat", format!("enterprise_linux:{number}")))
            }
            "CESA" | "CEBA" | "CEEA" => Some(platform("CentOS", number)),
            "FEDORA" if advisory.starts_with("FEDORA-EPEL-") => Some(epel(number)),
            _ => None,
        }
    })
}

fn leading_number(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).filter(|number| !number.is_empty())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpe_names_are_releases() {
        for (cpe, ecosystem, release) in [
            ("cpe:/o:redhat:enterprise_linux:9::baseos", "Red Hat", "enterprise_linux:9::baseos"),
            ("cpe:/a:redhat:enterprise_linux:8", "Red Hat", "enterprise_linux:8"),
            ("cpe:/a:redhat:openshift:4.16::el9", "Red Hat", "openshift:4.16::el9"),
            (
                "cpe:2.3:o:redhat:enterprise_linux:9:*:baseos:*:*:*:*:*",
                "Red Hat",
                "enterprise_linux:9::baseos",
            ),
            ("cpe:/a:oracle:linux:8::appstream", "Oracle Linux", "8"),
            (
                "cpe:2.3:o:alibabacloud:alibaba_cloud_linux_2:-:*:*:*:*:*:*:*",
                "Alibaba Cloud Linux",
                "2",
            ),
            ("cpe:2.3:o:openanolis:anolis_os:23:*:*:*:*:*:*:* ", "Anolis OS", "23"),
            ("cpe:/o:suse:sles:15:sp2", "SUSE", "Linux Enterprise Server 15 SP2"),
            ("cpe:/o:suse:sle-module-basesystem:15", "SUSE", "Linux Enterprise Server 15"),
            ("cpe:/o:opensuse:leap:15.6", "openSUSE", "Leap 15.6"),
            ("cpe:/o:amazon:linux:2023", "Amazon Linux", "2023"),
        ] {
            assert_eq!(by_cpe(cpe), Some(platform(ecosystem, release)), "{cpe}");
        }
        for cpe in ["cpe:/a:oracle:exadata_dbserver:23.1::ol8", "cpe:/a:apache:log4j:2.4", "x", ""]
        {
            assert_eq!(by_cpe(cpe), None, "{cpe}");
        }
    }

    #[test]
    fn names_are_releases() {
        for (name, ecosystem, release) in [
            ("Red Hat Enterprise Linux 8", "Red Hat", "enterprise_linux:8"),
            ("Red Hat Enterprise Linux Server (v. 7)", "Red Hat", "enterprise_linux:7"),
            ("Oracle Linux 8", "Oracle Linux", "8"),
            ("Alibaba Cloud Linux 2.1903", "Alibaba Cloud Linux", "2"),
            ("Alibaba Cloud Linux (Aliyun Linux) 2.1903", "Alibaba Cloud Linux", "2"),
            ("Anolis OS 23", "Anolis OS", "23"),
            ("Amazon Linux 2023", "Amazon Linux", "2023"),
            ("Amazon Linux AMI 2018.03", "Amazon Linux", "1"),
            ("SUSE Linux Enterprise Server 15 SP2", "SUSE", "Linux Enterprise Server 15 SP2"),
            ("openSUSE Leap 15.6", "openSUSE", "Leap 15.6"),
            ("openEuler-22.03-LTS-SP3", "openEuler", "22.03-LTS-SP3"),
            ("Fedora 40", "Fedora", "40"),
            ("Fedora EPEL 9", "Fedora", "EPEL-9"),
        ] {
            assert_eq!(by_name(name), Some(platform(ecosystem, release)), "{name}");
        }
        for name in ["Red Hat CoreOS 4", "Fedora EPEL 9 Next", "SUSE", "Debian 12", ""] {
            assert_eq!(by_name(name), None, "{name}");
        }
    }

    #[test]
    fn ends_of_releases_are_releases() {
        for (release, advisory, ecosystem, number) in [
            ("38.79.amzn2", "ALAS2-2018-939", "Amazon Linux", "2"),
            ("1.amzn2023.0.2", "ALAS2023-2023-001", "Amazon Linux", "2023"),
            ("27.el8_10", "ALSA-2024:1", "AlmaLinux", "8"),
            ("27.el9", "ELSA-2024-1", "Oracle Linux", "9"),
            ("3.module+el8.9.0+20664+9c30cf7f", "RLSA-2024:1", "Rocky Linux", "8"),
            ("7.1.al8", "ALINUX3-SA-2021:0008", "Alibaba Cloud Linux", "3"),
            ("1.an23", "ANSA-2025:0186", "Anolis OS", "23"),
            ("1.fc40", "FEDORA-2024-1", "Fedora", "40"),
            ("1.el9", "FEDORA-EPEL-2024-1", "Fedora", "EPEL-9"),
            ("2.el10_1", "FEDORA-EPEL-2026-1", "Fedora", "EPEL-10"),
        ] {
            let found = by_release(release, advisory);
            assert_eq!(found, Some(platform(ecosystem, number)), "{release}");
        }
        assert_eq!(by_release("1.el9", "FEDORA-2024-1"), None);
        assert_eq!(by_release("1", "x"), None);
    }
}
