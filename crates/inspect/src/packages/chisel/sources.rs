//! Table: the source packages of what Ubuntu's slices are cut from.
//!
//! In: a binary package's name and version. Out: the name of its source package. Source: the `Source` fields of Debian's and
//! Ubuntu's package indexes. Odd: names of libraries end in the number of their interface (and, since 2024, in `t64`), which
//! changes with every release while the source's name does not: the table has them without. What is numbered itself
//! (`gcc-14`, `openjdk-17`, `python3.12`, `dotnet8`) is put together.

/// Source package of a binary package.
pub(super) fn source_of(name: &str, version: &str) -> Option<String> {
    if let Some(source) = numbered(name, version) {
        return Some(source);
    }
    if let Some((_, source)) = WHOLE.iter().find(|(whole, _)| *whole == name) {
        return Some((*source).to_owned());
    }
    let stem = name.strip_suffix("t64").unwrap_or(name);
    let stem = stem.trim_end_matches(|last: char| last.is_ascii_digit() || ".-".contains(last));
    if SAME.binary_search(&stem).is_ok() {
        return Some(stem.to_owned());
    }
    let at = SOURCES.binary_search_by_key(&stem, |(stem, _)| stem).ok()?;
    SOURCES.get(at).map(|(_, source)| (*source).to_owned())
}

/// Sources that have their release in their name.
fn numbered(name: &str, version: &str) -> Option<String> {
    let start = |text: &str, is_wanted: fn(char) -> bool| -> Option<String> {
        let number: String = text.chars().take_while(|c| is_wanted(*c)).collect();
        (!number.is_empty()).then_some(number)
    };
    let is_digit = |c: char| c.is_ascii_digit();
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    if let Some(rest) = name.strip_prefix("libpython").or_else(|| name.strip_prefix("python")) {
        let number = start(rest, is_number).filter(|number| number.contains('.'))?;
        return Some(format!("python{number}"));
    }
    if let Some(rest) = name.strip_prefix("openjdk-") {
        return start(rest, is_digit).map(|number| format!("openjdk-{number}"));
    }
    if let Some(rest) = name.strip_prefix("postgresql-client-") {
        return start(rest, is_digit).map(|number| format!("postgresql-{number}"));
    }
    if name.starts_with("aspnetcore-") || name.starts_with("dotnet-") {
        let (_, number) = name.rsplit_once('-')?;
        return start(number, is_digit).map(|number| format!("dotnet{number}"));
    }
    if name == "libpq5" {
        return start(version, is_digit).map(|number| format!("postgresql-{number}"));
    }
    if GCC.iter().any(|library| name.starts_with(library)) {
        return start(version, is_digit).map(|number| format!("gcc-{number}"));
    }
    None
}

/// Libraries of GCC's newest release that a distribution has.
const GCC: &[&str] = &[
    "libasan",
    "libatomic",
    "libgcc-s",
    "libgomp",
    "libitm",
    "libquadmath",
    "libstdc++",
    "libtsan",
    "libubsan",
];

/// Names of which the number at the end is part.
const WHOLE: &[(&str, &str)] = &[
    ("libdb5.3", "db5.3"),
    ("libjpeg-turbo8", "libjpeg-turbo"),
    ("libpcre2-8-0", "pcre2"),
    ("libpcre3", "pcre3"),
    ("libssh-4", "libssh"),
    ("libssh2-1", "libssh2"),
];

/// Packages that are called as their sources, sorted.
const SAME: &[&str] = &[
    "adduser",
    "apt",
    "base-files",
    "base-passwd",
    "bash",
    "bc",
    "binutils",
    "busybox",
    "ca-certificates",
    "chrony",
    "coreutils",
    "cpio",
    "cron",
    "curl",
    "dash",
    "dbus",
    "debconf",
    "debianutils",
    "diffutils",
    "dpkg",
    "e2fsprogs",
    "file",
    "findutils",
    "gawk",
    "git",
    "grep",
    "gzip",
    "haproxy",
    "hostname",
    "init-system-helpers",
    "iptables",
    "jq",
    "less",
    "libaio",
    "libbsd",
    "libcap-ng",
    "libdeflate",
    "libedit",
    "libevent",
    "libffi",
    "libgpg-error",
    "libmd",
    "libmnl",
    "libnetfilter-conntrack",
    "libnftnl",
    "libnsl",
    "libonig",
    "libpcap",
    "libpsl",
    "libseccomp",
    "libselinux",
    "libsemanage",
    "libsepol",
    "libsodium",
    "libtirpc",
    "libunistring",
    "libunwind",
    "liburcu",
    "libwebp",
    "libxau",
    "libxcb",
    "libxdmcp",
    "libxext",
    "libxi",
    "libxrender",
    "libxslt",
    "libxtst",
    "libyaml",
    "libzstd",
    "lighttpd",
    "mawk",
    "media-types",
    "memcached",
    "mosquitto",
    "nano",
    "netbase",
    "netcat-openbsd",
    "nftables",
    "nginx",
    "nodejs",
    "openssl",
    "patch",
    "perl",
    "procps",
    "psmisc",
    "publicsuffix",
    "rsync",
    "sed",
    "sensible-utils",
    "socat",
    "squid",
    "strace",
    "sudo",
    "systemd",
    "tar",
    "tcpdump",
    "tini",
    "tzdata",
    "ucf",
    "unzip",
    "util-linux",
    "vim",
    "wget",
    "xz-utils",
    "zip",
];

/// Packages without the number of their interface, and their sources; sorted.
const SOURCES: &[(&str, &str)] = &[
    ("apache2-bin", "apache2"),
    ("bsdutils", "util-linux"),
    ("bzip", "bzip2"),
    ("fontconfig-config", "fontconfig"),
    ("fonts-dejavu-core", "fonts-dejavu"),
    ("gnupg", "gnupg2"),
    ("gpg", "gnupg2"),
    ("gpgv", "gnupg2"),
    ("iproute", "iproute2"),
    ("iputils-ping", "iputils"),
    ("krb5-locales", "krb5"),
    ("libacl", "acl"),
    ("libapparmor", "apparmor"),
    ("libapr", "apr"),
    ("libaprutil", "apr-util"),
    ("libargon", "argon2"),
    ("libasound", "alsa-lib"),
    ("libattr", "attr"),
    ("libaudit", "audit"),
    ("libaudit-common", "audit"),
    ("libavahi-client", "avahi"),
    ("libavahi-common", "avahi"),
    ("libbinutils", "binutils"),
    ("libblkid", "util-linux"),
    ("libbrotli", "brotli"),
    ("libbz", "bzip2"),
    ("libc", "glibc"),
    ("libc-bin", "glibc"),
    ("libcairo", "cairo"),
    ("libcap", "libcap2"),
    ("libcom-err", "e2fsprogs"),
    ("libcrypt", "libxcrypt"),
    ("libcryptsetup", "cryptsetup"),
    ("libctf", "binutils"),
    ("libcups", "cups"),
    ("libcurl", "curl"),
    ("libcurl3-gnutls", "curl"),
    ("libdbus", "dbus"),
    ("libdebconfclient", "cdebconf"),
    ("libdevmapper", "lvm2"),
    ("libdw", "elfutils"),
    ("libelf", "elfutils"),
    ("libexpat", "expat"),
    ("libext2fs", "e2fsprogs"),
    ("libfdisk", "util-linux"),
    ("libfontconfig", "fontconfig"),
    ("libfreetype", "freetype"),
    ("libgcrypt", "libgcrypt20"),
    ("libgdbm", "gdbm"),
    ("libgdbm-compat", "gdbm"),
    ("libgdk-pixbuf", "gdk-pixbuf"),
    ("libgif", "giflib"),
    ("libglib", "glib2.0"),
    ("libgmp", "gmp"),
    ("libgnutls", "gnutls28"),
    ("libgpm", "gpm"),
    ("libgprofng", "binutils"),
    ("libgraphite", "graphite2"),
    ("libgssapi-krb", "krb5"),
    ("libharfbuzz0b", "harfbuzz"),
    ("libhogweed", "nettle"),
    ("libicu", "icu"),
    ("libicu-dev", "icu"),
    ("libidn", "libidn2"),
    ("libjansson", "jansson"),
    ("libjemalloc", "jemalloc"),
    ("libjpeg62-turbo", "libjpeg-turbo"),
    ("libjson-c", "json-c"),
    ("libk5crypto", "krb5"),
    ("libkeyutils", "keyutils"),
    ("libkmod", "kmod"),
    ("libkrb", "krb5"),
    ("libkrb5support", "krb5"),
    ("liblcms", "lcms2"),
    ("libldap", "openldap"),
    ("liblmdb", "lmdb"),
    ("liblttng-ust", "ust"),
    ("liblz", "lz4"),
    ("liblzma", "xz-utils"),
    ("libmagic", "file"),
    ("libmount", "util-linux"),
    ("libmpfr", "mpfr4"),
    ("libncurses", "ncurses"),
    ("libncursesw", "ncurses"),
    ("libnettle", "nettle"),
    ("libnftables", "nftables"),
    ("libnghttp", "nghttp2"),
    ("libnl", "libnl3"),
    ("libnspr", "nspr"),
    ("libnss", "nss"),
    ("libnuma", "numactl"),
    ("libp11-kit", "p11-kit"),
    ("libpam-modules", "pam"),
    ("libpam0g", "pam"),
    ("libpango", "pango1.0"),
    ("libpangocairo", "pango1.0"),
    ("libpcsclite", "pcsc-lite"),
    ("libperl", "perl"),
    ("libpixman", "pixman"),
    ("libpng", "libpng1.6"),
    ("libpopt", "popt"),
    ("libproc", "procps"),
    ("libprotobuf", "protobuf"),
    ("libreadline", "readline"),
    ("librtmp", "rtmpdump"),
    ("libsasl", "cyrus-sasl2"),
    ("libsasl2-modules-db", "cyrus-sasl2"),
    ("libsmartcols", "util-linux"),
    ("libsnappy1v", "snappy"),
    ("libsqlite", "sqlite3"),
    ("libss", "e2fsprogs"),
    ("libssl", "openssl"),
    ("libsystemd", "systemd"),
    ("libtasn", "libtasn1-6"),
    ("libtiff", "tiff"),
    ("libtinfo", "ncurses"),
    ("libudev", "systemd"),
    ("libuuid", "util-linux"),
    ("libuv", "libuv1"),
    ("libx", "libx11"),
    ("libxcb-render", "libxcb"),
    ("libxcb-shm", "libxcb"),
    ("libxft", "xft"),
    ("libxml", "libxml2"),
    ("libxxhash", "xxhash"),
    ("login", "shadow"),
    ("logsave", "e2fsprogs"),
    ("lsb-release", "lsb-release-minimal"),
    ("mount", "util-linux"),
    ("ncurses-base", "ncurses"),
    ("ncurses-bin", "ncurses"),
    ("openssh-client", "openssh"),
    ("passwd", "shadow"),
    ("perl-base", "perl"),
    ("pinentry-curses", "pinentry"),
    ("python", "python3-defaults"),
    ("python3-minimal", "python3-defaults"),
    ("readline-common", "readline"),
    ("redis-server", "redis"),
    ("sqlite", "sqlite3"),
    ("sysvinit-utils", "sysvinit"),
    ("udev", "systemd"),
    ("zlib1g", "zlib"),
    ("zstd", "libzstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(SAME.is_sorted());
        assert!(SOURCES.is_sorted());
    }

    #[test]
    fn sources_are_found_whatever_the_release() {
        for (name, version, source) in [
            ("libssl3t64", "3.0.13-0ubuntu3.5", Some("openssl")),
            ("libssl1.1", "1.1.1f-1ubuntu2", Some("openssl")),
            ("libc6", "2.39-0ubuntu8.3", Some("glibc")),
            ("libgcc-s1", "14.2.0-4ubuntu2~24.04", Some("gcc-14")),
            ("libstdc++6", "12.3.0-1ubuntu1~22.04", Some("gcc-12")),
            ("libicu74", "74.2-1ubuntu3.1", Some("icu")),
            ("libpython3.12-stdlib", "3.12.3-1", Some("python3.12")),
            ("openjdk-21-jre-headless", "21.0.5", Some("openjdk-21")),
            ("aspnetcore-runtime-8.0", "8.0.11", Some("dotnet8")),
            ("zlib1g", "1:1.3", Some("zlib")),
            ("openssl", "3.0.13", Some("openssl")),
            ("nonesuch", "1", None),
        ] {
            assert_eq!(source_of(name, version).as_deref(), source, "{name}");
        }
    }
}
