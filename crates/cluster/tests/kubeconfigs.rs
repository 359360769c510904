//! Kubeconfigs: what is read, and what is refused with what to do instead.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_cluster::{ClusterAccess, read_kubeconfig};
use reading::read;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";

/// A kubeconfig with one context, of these members of its cluster and user.
fn config(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\npreferences: {{}}\ncurrent-context: here\n\
         contexts:\n- name: here\n  context: {{cluster: one, user: me, namespace: x}}\n\
         - name: there\n  context: {{cluster: two, user: me}}\n\
         clusters:\n- name: one\n  cluster: {cluster}\n- name: two\n  cluster: {{server: 'https://two.test'}}\n\
         users:\n- name: me\n  user: {user}\n"
    )
}

/// (`cfg(test)` tells clippy that helpers may unwrap.)
#[cfg(test)]
mod reading {
    use super::*;

    pub(super) fn read(
        folder: &Path,
        text: &str,
        context: Option<&str>,
    ) -> Result<ClusterAccess, String> {
        let path = folder.join("kubeconfig");
        fs::write(&path, text).unwrap();
        read_kubeconfig(&path, context).map_err(|error| error.to_string())
    }
}

#[test]
fn credentials_are_taken_from_the_file_and_from_files_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, key) = (BASE64_STANDARD.encode(CERTIFICATE), BASE64_STANDARD.encode(KEY));
    let cluster = format!("{{server: 'https://one.test:6443', certificate-authority-data: {ca}}}");
    let user = format!("{{client-certificate-data: {ca}, client-key-data: {key}}}");
    let access = read(folder.path(), &config(&cluster, &user), None).unwrap();
    assert_eq!(access.server, "https://one.test:6443");
    assert_eq!(access.ca_pem.as_deref(), Some(CERTIFICATE));
    assert_eq!(access.certificate_pem.as_deref(), Some(CERTIFICATE));
    assert_eq!((access.key_pem.as_deref(), access.token), (Some(KEY), None));

    fs::write(folder.path().join("ca.crt"), CERTIFICATE).unwrap();
    fs::write(folder.path().join("token"), "from a file\n").unwrap();
    let cluster = "{server: 'https://one.test', certificate-authority: ca.crt}";
    let access = read(folder.path(), &config(cluster, "{tokenFile: token}"), None).unwrap();
    assert_eq!(access.ca_pem.as_deref(), Some(CERTIFICATE));
    assert_eq!(access.token.as_deref(), Some("from a file"));

    let text = config("{server: 'https://one.test'}", "{token: abc}");
    let access = read(folder.path(), &text, Some("there")).unwrap();
    assert_eq!(
        (access.server.as_str(), access.token.as_deref()),
        ("https://two.test", Some("abc"))
    );
    // JSON is YAML.
    let json = r#"{"current-context":"a","contexts":[{"name":"a","context":{"cluster":"a"}}],"clusters":[{"name":"a","cluster":{"server":"https://a.test"}}],"users":null}"#;
    assert_eq!(read(folder.path(), json, None).unwrap().server, "https://a.test");
}

#[test]
fn what_is_not_done_is_refused_with_what_to_do_instead() {
    let folder = tempfile::tempdir().unwrap();
    let server = "{server: 'https://one.test'}";
    for (cluster, user, wanted) in [
        (server, "{exec: {command: aws, args: [eks], apiVersion: v1}}", "`exec`"),
        (server, "{auth-provider: {name: gcp}}", "kubectl create token"),
        (server, "{username: admin, password: hunter2}", "`username`"),
        (server, "{token: hunter2, as: admin}", "`as`"),
        (
            "{server: 'https://one.test', insecure-skip-tls-verify: true}",
            "{}",
            "certificate-authority-data",
        ),
        ("{server: 'https://one.test', proxy-url: 'http://p'}", "{}", "`proxy-url`"),
        ("{server: 'https://one.test', tls-server-name: x}", "{}", "`tls-server-name`"),
        ("{certificate-authority-data: AA==}", "{}", "`server`"),
        ("{server: 'https://one.test', certificate-authority-data: '?'}", "{}", "PEM"),
        ("{server: 'https://one.test', certificate-authority: nowhere.crt}", "{}", "nowhere.crt"),
        (server, "{client-key-data: aHVudGVyMg==}", "`client-key-data` is not a key"),
        ("{server: [hunter2]}", "{}", "not a kubeconfig"),
    ] {
        let error = read(folder.path(), &config(cluster, user), None).err().unwrap();
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let alone = format!("{{client-certificate-data: {}}}", BASE64_STANDARD.encode(CERTIFICATE));
    let error = read(folder.path(), &config(server, &alone), None).err().unwrap();
    assert!(error.contains("no `client-key-data`"), "{error}");
    for (text, context, wanted) in [
        (config(server, "{}"), Some("nowhere"), "no context `nowhere`"),
        (config(server, "{}").replace("current-context: here\n", ""), None, "--context NAME"),
        (config(server, "{}").replace("name: me", "name: you"), None, "no user `me`"),
        ("- token: hunter2\n".to_owned(), None, "not a kubeconfig"),
        (format!("# {}", "x".repeat(1 << 20)), None, "cannot be read"),
    ] {
        let error = read(folder.path(), &text, context).err().unwrap();
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
