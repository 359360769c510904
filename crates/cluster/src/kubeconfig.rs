//! A kubeconfig: how a cluster's API is reached, and with which credential.
//!
//! In: the file and, if wanted, the name of a context. Out: [`ClusterAccess`], which holds the credential itself, so that
//! whoever has it needs no file. Source: Kubernetes, "kubeconfig (v1)".
//!
//! Odd:
//! * What would run a program (`exec`, `auth-provider`) is refused: a service has no business in running what a file of
//!   somebody else names. A service account's token does the same, and the error says how to get one.
//! * Certificates may lie in files beside it; they are read here, because the server may be on another machine.
//! * Errors never repeat the file's text: a wrong line may hold a token.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// Largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// How a cluster's API is reached. There is no `Debug`: it holds a credential.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterAccess {
    /// `https://host:port`, with a path where a gateway has one.
    pub server: String,
    /// Certificates (PEM) of the authority that signed the server's; none: the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The client's certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_pem: Option<String>,
    /// Its key (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pem: Option<String>,
    /// A bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Why a kubeconfig is not used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// A file cannot be read.
    #[error("`{path}` cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is no kubeconfig.
    #[error("the file is not a kubeconfig: it is not the YAML of one")]
    Syntax,
    /// It says nothing where something must be.
    #[error("the kubeconfig has no {what}")]
    Missing {
        /// What it lacks.
        what: String,
    },
    /// It says what is not done.
    #[error("{place} has `{field}`: {why}")]
    Refused {
        /// Which cluster or user.
        place: String,
        /// The field.
        field: &'static str,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// A field does not hold what it should.
    #[error("{place}: `{field}` is not {wanted}")]
    Field {
        /// Which cluster or user.
        place: String,
        /// The field.
        field: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

const TOKEN_INSTEAD: &str = "programs that a kubeconfig names are not run; give the token of a service account instead: \
     `kubectl create token plimsoll --namespace plimsoll --duration 8760h`, as docs/clusters.md shows";
const PASSWORD_INSTEAD: &str =
    "clusters know no passwords any more; give a token or a client certificate instead";
const IMPERSONATE_INSTEAD: &str =
    "nobody else is impersonated; give the account that is meant its own token instead";
const UNVERIFIED: &str = "a server that is not verified gets no credential; give the cluster's authority as `certificate-authority-data` instead";
const PROXY_INSTEAD: &str =
    "proxies are not used; give an address at which the server itself can be reached instead";
const NAME_INSTEAD: &str = "the server's certificate is checked for the host in `server`; write a name there that stands in the \
     certificate instead";

#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context")]
    current_context: Option<String>,
    contexts: Option<Vec<NamedContext>>,
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Option<Context>,
}

#[derive(Deserialize)]
struct Context {
    cluster: Option<String>,
    user: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: Option<User>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    exec: Option<Anything>,
    auth_provider: Option<Anything>,
    #[serde(rename = "as")]
    impersonate: Option<String>,
}

/// A mapping whose members do not matter.
#[derive(Deserialize)]
struct Anything {}

/// Reads a kubeconfig; of several contexts the one that is named, else the current one.
///
/// # Errors
/// The file or one beside it cannot be read, is not a kubeconfig, has no such context, or asks for what is not done.
pub fn read_kubeconfig(
    path: &Path,
    context: Option<&str>,
) -> Result<ClusterAccess, KubeconfigError> {
    let text = read_file(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let config: Kubeconfig =
        serde_saphyr::from_str(&text).map_err(|_may_hold_a_token| KubeconfigError::Syntax)?;
    let missing = |what: String| KubeconfigError::Missing { what };
    let wanted = context.or(config.current_context.as_deref()).filter(|name| !name.is_empty());
    let wanted = wanted.ok_or_else(|| {
        missing("`current-context`; name one of its contexts with `--context NAME`".to_owned())
    })?;
    let context = config.contexts.unwrap_or_default().into_iter().find(|one| one.name == wanted);
    let context = context.and_then(|one| one.context);
    let context = context.ok_or_else(|| missing(format!("context `{wanted}`")))?;
    let name = context.cluster.ok_or_else(|| missing(format!("cluster in context `{wanted}`")))?;
    let cluster = config.clusters.unwrap_or_default().into_iter().find(|one| one.name == name);
    let cluster = cluster.and_then(|one| one.cluster);
    let cluster = cluster.ok_or_else(|| missing(format!("cluster `{name}`")))?;
    let mut access = of_cluster(cluster, &format!("cluster `{name}`"), folder)?;
    if let Some(name) = context.user.filter(|name| !name.is_empty()) {
        let user = config.users.unwrap_or_default().into_iter().find(|one| one.name == name);
        let user = user.ok_or_else(|| missing(format!("user `{name}`")))?;
        let place = format!("user `{name}`");
        of_user(&mut access, user.user.unwrap_or_default(), &place, folder)?;
    }
    Ok(access)
}

fn of_cluster(
    cluster: Cluster,
    place: &str,
    folder: &Path,
) -> Result<ClusterAccess, KubeconfigError> {
    let refused = |field, why| KubeconfigError::Refused { place: place.to_owned(), field, why };
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Err(refused("insecure-skip-tls-verify", UNVERIFIED));
    }
    if cluster.proxy_url.is_some_and(|url| !url.is_empty()) {
        return Err(refused("proxy-url", PROXY_INSTEAD));
    }
    if cluster.tls_server_name.is_some_and(|name| !name.is_empty()) {
        return Err(refused("tls-server-name", NAME_INSTEAD));
    }
    let server = cluster.server.filter(|server| !server.is_empty());
    let server =
        server.ok_or_else(|| KubeconfigError::Missing { what: format!("`server` in {place}") })?;
    let pem = "certificates in PEM, in Base64";
    let data = cluster.certificate_authority_data;
    let data = Pem { place, field: "certificate-authority-data", wanted: pem, data };
    let ca_pem = data.or_file(cluster.certificate_authority, folder)?;
    Ok(ClusterAccess { server, ca_pem, ..ClusterAccess::default() })
}

fn of_user(
    access: &mut ClusterAccess,
    user: User,
    place: &str,
    folder: &Path,
) -> Result<(), KubeconfigError> {
    let refused = |field, why| KubeconfigError::Refused { place: place.to_owned(), field, why };
    if user.exec.is_some() {
        return Err(refused("exec", TOKEN_INSTEAD));
    }
    if user.auth_provider.is_some() {
        return Err(refused("auth-provider", TOKEN_INSTEAD));
    }
    if user.username.is_some() || user.password.is_some() {
        return Err(refused("username", PASSWORD_INSTEAD));
    }
    if user.impersonate.is_some_and(|name| !name.is_empty()) {
        return Err(refused("as", IMPERSONATE_INSTEAD));
    }
    let pem = "a certificate in PEM, in Base64";
    let data = user.client_certificate_data;
    let data = Pem { place, field: "client-certificate-data", wanted: pem, data };
    access.certificate_pem = data.or_file(user.client_certificate, folder)?;
    let data = user.client_key_data;
    let data = Pem { place, field: "client-key-data", wanted: "a key in PEM, in Base64", data };
    access.key_pem = data.or_file(user.client_key, folder)?;
    let half = |what: &str| KubeconfigError::Missing { what: format!("{what} in {place}") };
    match (&access.certificate_pem, &access.key_pem) {
        (Some(_), None) => return Err(half("`client-key-data` beside `client-certificate-data`")),
        (None, Some(_)) => return Err(half("`client-certificate-data` beside `client-key-data`")),
        _ => {}
    }
    let token = match (user.token.filter(|token| !token.is_empty()), user.token_file) {
        (Some(token), _) => Some(token),
        (None, Some(file)) => Some(read_file(&folder.join(file))?),
        (None, None) => None,
    };
    access.token = token.map(|token| token.trim().to_owned());
    Ok(())
}

/// A field whose text stands in the file, in Base64, or in a file beside it.
struct Pem<'a> {
    place: &'a str,
    field: &'static str,
    wanted: &'static str,
    data: Option<String>,
}

impl Pem<'_> {
    fn or_file(
        self,
        file: Option<PathBuf>,
        folder: &Path,
    ) -> Result<Option<String>, KubeconfigError> {
        let wrong = || KubeconfigError::Field {
            place: self.place.to_owned(),
            field: self.field,
            wanted: self.wanted,
        };
        let text = match (self.data.as_ref().filter(|data| !data.is_empty()), file) {
            (Some(data), _) => {
                let compact: String = data.split_whitespace().collect();
                let bytes = BASE64_STANDARD.decode(compact).map_err(|_not_shown| wrong())?;
                String::from_utf8(bytes).map_err(|_not_shown| wrong())?
            }
            (None, Some(file)) if !file.as_os_str().is_empty() => read_file(&folder.join(file))?,
            _ => return Ok(None),
        };
        if text.contains("-----BEGIN ") { Ok(Some(text)) } else { Err(wrong()) }
    }
}

fn read_file(path: &Path) -> Result<String, KubeconfigError> {
    let failed = |source| KubeconfigError::File { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > LARGEST_FILE {
        let why = format!("it has {size} bytes, at most {LARGEST_FILE} are read");
        return Err(failed(io::Error::other(why)));
    }
    fs::read_to_string(path).map_err(failed)
}
