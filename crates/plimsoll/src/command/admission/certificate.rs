//! An authority and a certificate for the webhook's Service.
//!
//! In: the Service's name and namespace. Out: `ca.crt`, `tls.crt`, `tls.key`. Source: Kubernetes, "Dynamic Admission Control" (the
//! certificate is for `SERVICE.NAMESPACE.svc`); RFC 5280. Odd: the authority signs this one certificate and its key is never written,
//! so that nobody can make another one that the cluster would believe.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, ensure};
use plimsoll_model::Timestamp;
use plimsoll_server::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::{arguments::AdmissionCertificate, terminal::Terminal};

/// The three files.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

pub(super) fn run(arguments: &AdmissionCertificate, terminal: Terminal) -> anyhow::Result<()> {
    for (what, name) in [("service", &arguments.service), ("namespace", &arguments.namespace)] {
        ensure!(
            is_label(name),
            "`--{what} {name}` is no name in a cluster: lower-case letters, digits and `-`, at most 63"
        );
    }
    let made = make(arguments, Clock::machine().now())?;
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("`{}` cannot be made", arguments.out.display()))?;
    write(&arguments.out.join("ca.crt"), &made.authority, 0o644)?;
    write(&arguments.out.join("tls.crt"), &made.certificate, 0o644)?;
    write(&arguments.out.join("tls.key"), &made.key, 0o600)?;
    terminal.print(&format!(
        "ca.crt, tls.crt and tls.key for {}.{}.svc are in `{}`, for {} days",
        arguments.service,
        arguments.namespace,
        arguments.out.display(),
        arguments.days
    ))?;
    Ok(())
}

fn make(arguments: &AdmissionCertificate, now: Timestamp) -> anyhow::Result<Made> {
    let (service, namespace) = (&arguments.service, &arguments.namespace);
    let now = OffsetDateTime::from_unix_timestamp(now.0)?;
    // Machines of a cluster do not agree on the time to the second.
    let begin = now - Duration::hours(1);
    let end = now + Duration::days(arguments.days.into());

    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, format!("plimsoll admission {namespace}"));
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (authority.not_before, authority.not_after) = (begin, end);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let name = format!("{service}.{namespace}.svc");
    let names = vec![
        name.clone(),
        format!("{name}.cluster.local"),
        format!("{service}.{namespace}"),
        service.clone(),
    ];
    let mut certificate = CertificateParams::new(names)?;
    // A common name has at most 64 characters, and nobody reads it.
    certificate.distinguished_name.push(DnType::CommonName, "plimsoll admission");
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    certificate.use_authority_key_identifier_extension = true;
    (certificate.not_before, certificate.not_after) = (begin, end);
    let key = KeyPair::generate()?;
    let signed = certificate.signed_by(&key, &authority)?;
    Ok(Made { authority: authority.pem(), certificate: signed.pem(), key: key.serialize_pem() })
}

fn is_label(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.chars().all(|c| is_plain(c) || c == '-')
        && name.starts_with(is_plain)
        && name.ends_with(is_plain)
}

/// Writes a file that is not there yet: a key that a cluster uses must not be lost.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("`{}` cannot be made", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("`{}`", path.display()))
}
