//! Server-side request forgery: every way in which an answer names an address, and every form of an address that is not the
//! registry's business. One trap listens at every address of this machine, and must not be connected to; of addresses elsewhere the
//! verdict must come before a connection.
//!
//! Odd: the registry is allowed at 127.0.0.9 alone (`networks`), so that the rest of this machine is as forbidden to it as it would be
//! to one on the internet.

use std::{io::ErrorKind, net::TcpListener, time::Duration};

use plimsoll_model::{Secret, Timestamp};
use plimsoll_registry::{
    Bucket, BucketKey, BucketPlace, Daemon, HttpClient, HttpOptions, Mail, MailSecurity,
    MailServer, Post, PostClient, Proxy, RegistryClient,
    download::{download, text},
    kind::{ApiSettings, Connection, Now},
    mail,
};

use crate::{
    content::{Content, OCI_MANIFEST, account, image, options, sha256},
    origin::{Bound, Origin, Reply},
};

/// Where the registry is, and nothing else may be.
const HOME: &str = "127.0.0.9";

/// Listens at every address of this machine, both families.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"));
        let listener = listener.unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// How many connections came in since the last time; the system keeps them until they are asked for.
    fn connections(&self) -> usize {
        let mut count = 0;
        loop {
            match self.0.accept() {
                Ok(_connection) => count += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Nothing inward but the registry's own address.
fn strict() -> HttpOptions {
    HttpOptions {
        allow_private: false,
        networks: vec![HOME.parse().unwrap()],
        connect_timeout: Duration::from_secs(5),
        document_timeout: Duration::from_secs(10),
        ..options()
    }
}

fn client(origin: &Origin) -> RegistryClient {
    let http = HttpClient::new(strict()).unwrap();
    RegistryClient::new(origin.address.to_string().parse().unwrap(), None, &http).unwrap()
}

async fn home(answer: impl Fn(&crate::origin::Request) -> Reply + Send + Sync + 'static) -> Origin {
    Bound::on(HOME).await.serve(answer)
}

const NEVER: &str = "never connected to";
const INWARD: &str = "may not lead to";
const SCHEME: &str = "only http:// and https:// are spoken";
const NO_URL: &str = "the address is not a URL";
const PORT: &str = "belongs to another service";
const USER: &str = "user name or password";

/// What a redirect names, and what is said of it. `PORT` stands for the trap's.
const FORMS: &[(&str, &str)] = &[
    // This machine, as everybody writes it and as nobody should.
    ("http://127.0.0.1:PORT/", INWARD),
    ("http://127.1:PORT/", INWARD),
    ("http://127.0.1:PORT/", INWARD),
    ("http://127.0.0.1.:PORT/", INWARD),
    ("http://127.255.255.254:PORT/", INWARD),
    ("http://2130706433:PORT/", INWARD),
    ("http://0x7f000001:PORT/", INWARD),
    ("http://0x7F.0.0.1:PORT/", INWARD),
    ("http://0x7f.1:PORT/", INWARD),
    ("http://0177.0.0.1:PORT/", INWARD),
    ("http://017700000001:PORT/", INWARD),
    ("http://0177.0x0.1:PORT/", INWARD),
    ("http://%31%32%37.0.0.1:PORT/", INWARD),
    ("http://127%2e0%2e0%2e1:PORT/", INWARD),
    ("http://localhost:PORT/", INWARD),
    ("http://LocalHost:PORT/", INWARD),
    // Whether this is a name is for the system to say; it is no way in.
    ("http://localhost.:PORT/", ""),
    ("http://[::1]:PORT/", INWARD),
    ("http://[0:0:0:0:0:0:0:1]:PORT/", INWARD),
    ("http://[0000::0001]:PORT/", INWARD),
    ("http://[::ffff:127.0.0.1]:PORT/", NEVER),
    ("http://[::ffff:7f00:1]:PORT/", NEVER),
    ("http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", NEVER),
    ("http://[::127.0.0.1]:PORT/", NEVER),
    ("http://[64:ff9b::127.0.0.1]:PORT/", NEVER),
    ("http://[64:ff9b:1::7f00:1]:PORT/", NEVER),
    ("http://[2002:7f00:1::]:PORT/", NEVER),
    ("http://[2001:0:7f00:1::]:PORT/", NEVER),
    ("http://0:PORT/", NEVER),
    ("http://0.0.0.0:PORT/", NEVER),
    ("http://0x0:PORT/", NEVER),
    ("http://[::]:PORT/", NEVER),
    ("http://[::ffff:0.0.0.0]:PORT/", NEVER),
    ("https://127.0.0.1:PORT/", INWARD),
    ("//127.0.0.1:PORT/", INWARD),
    ("\\\\127.0.0.1:PORT\\", INWARD),
    ("http://127.0.0.1:PORT\\@example.com/", INWARD),
    ("http://127.0.0.1:PORT#@example.com/", INWARD),
    ("http://example.com@127.0.0.1:PORT/", USER),
    ("http://example.com:80@127.0.0.1:PORT/", USER),
    // Link-local, and where clouds hand out credentials.
    ("http://169.254.169.254/latest/meta-data/iam/", NEVER),
    ("http://169.254.170.2/v2/credentials/", NEVER),
    ("http://0xa9fea9fe/", NEVER),
    ("http://2852039166/", NEVER),
    ("http://0251.0376.0251.0376/", NEVER),
    ("http://169.254.43518/", NEVER),
    ("http://[::ffff:169.254.169.254]/", NEVER),
    ("http://[64:ff9b::a9fe:a9fe]/", NEVER),
    ("http://[fe80::1]:PORT/", NEVER),
    ("http://[fe80::1%25lo]:PORT/", NO_URL),
    ("http://[fe80::1%lo]:PORT/", NO_URL),
    ("http://[fd00:ec2::254]/", NEVER),
    ("http://100.100.100.200/", NEVER),
    ("http://168.63.129.16/", NEVER),
    ("http://192.0.0.192/", NEVER),
    // Other networks of the site.
    ("http://10.0.0.1/", INWARD),
    ("http://10.1/", INWARD),
    ("http://172.16.0.1/", INWARD),
    ("http://172.31.255.254/", INWARD),
    ("http://192.168.0.1/", INWARD),
    ("http://192.168.257/", INWARD),
    ("http://100.64.0.1/", INWARD),
    ("http://[fd00::1]/", INWARD),
    ("http://[fc00::1]/", INWARD),
    ("http://[fec0::1]/", NEVER),
    ("http://[2002:a00:1::]/", NEVER),
    ("http://[::ffff:10.0.0.1]/", NEVER),
    // Nobody's, or everybody's.
    ("http://224.0.0.1/", NEVER),
    ("http://239.255.255.250/", NEVER),
    ("http://[ff02::1]/", NEVER),
    ("http://[ff05::1:3]/", NEVER),
    ("http://255.255.255.255/", NEVER),
    ("http://240.0.0.1/", NEVER),
    ("http://192.0.2.1/", NEVER),
    ("http://198.51.100.1/", NEVER),
    ("http://203.0.113.1/", NEVER),
    ("http://198.18.0.1/", NEVER),
    ("http://192.88.99.1/", NEVER),
    ("http://[2001:db8::1]/", NEVER),
    ("http://[3fff::1]/", NEVER),
    ("http://[100::1]/", NEVER),
    // No web address at all.
    ("file:///etc/passwd", SCHEME),
    ("file://127.0.0.1/etc/passwd", SCHEME),
    ("gopher://127.0.0.1:PORT/_GET", SCHEME),
    ("ftp://127.0.0.1:PORT/", SCHEME),
    ("ws://127.0.0.1:PORT/", SCHEME),
    ("unix:///var/run/docker.sock", SCHEME),
    ("http+unix://%2Fvar%2Frun%2Fdocker.sock/", SCHEME),
    ("dict://127.0.0.1:PORT/", SCHEME),
    ("ldap://127.0.0.1:PORT/", SCHEME),
    ("data:application/json,{}", SCHEME),
    ("http://[", NO_URL),
    ("http://1.2.3.4.5.6.0x/", NO_URL),
    // The registry's own address, at the door of something else.
    ("http://127.0.0.9:22/", PORT),
    ("http://127.0.0.9:25/", PORT),
    ("http://127.0.0.9:2375/", PORT),
    ("http://127.0.0.9:6379/", PORT),
    ("http://127.0.0.9:10250/", PORT),
];

#[tokio::test]
async fn no_form_of_an_address_leads_where_a_registry_must_not_lead() {
    assert!(FORMS.len() >= 60);
    let trap = Trap::set();
    // The trap works: what is not guarded falls into it.
    std::net::TcpStream::connect(("127.0.0.1", trap.port())).unwrap();
    std::net::TcpStream::connect(("127.8.8.8", trap.port())).unwrap();
    assert_eq!(trap.connections(), 2);
    for (form, wanted) in FORMS {
        let target = form.replace("PORT", &trap.port().to_string());
        for status in [301, 302, 303, 307, 308] {
            let to = target.clone();
            let origin = home(move |_| Reply::redirect(status, &to)).await;
            let error = client(&origin).tags("a/b").await.unwrap_err().to_string();
            assert!(error.contains(wanted), "{target} by {status}: {error}");
            assert_eq!(trap.connections(), 0, "{target} by {status}");
            assert_eq!(origin.requests().len(), 1, "{target} by {status}");
        }
    }
}

/// What each way is tried with: this machine, its other name, and a cloud's metadata.
fn targets(trap: &Trap) -> [String; 5] {
    let port = trap.port();
    [
        format!("http://127.0.0.1:{port}/x"),
        format!("http://localhost:{port}/x"),
        format!("http://[::1]:{port}/x"),
        "http://169.254.169.254/x".to_owned(),
        format!("http://[::ffff:127.0.0.1]:{port}/x"),
    ]
}

fn is_verdict(error: &str) -> bool {
    [NEVER, INWARD, "lies at another address", "not sent on to another address"]
        .iter()
        .any(|verdict| error.contains(verdict))
}

#[tokio::test]
async fn no_way_of_naming_an_address_leads_where_a_registry_must_not_lead() {
    let trap = Trap::set();
    let picture = image("forged", 100);
    for target in targets(&trap) {
        let content = Content::default().image("a/b", "1", &picture);
        let mut errors: Vec<(&str, String)> = Vec::new();

        let realm = format!(r#"Bearer realm="{target}",service="s""#);
        let origin = home(move |_| Reply::new(401).header("WWW-Authenticate", &realm)).await;
        errors.push(("realm", client(&origin).tags("a/b").await.unwrap_err().to_string()));

        let to = target.clone();
        let origin = home(move |request| match request.path() {
            "/token" => Reply::redirect(302, &to),
            _ => Reply::new(401).header(
                "WWW-Authenticate",
                &format!(r#"Bearer realm="http://{}/token""#, request.header("host").unwrap()),
            ),
        })
        .await;
        errors.push(("token service", client(&origin).tags("a/b").await.unwrap_err().to_string()));

        let next = format!(r#"<{target}>; rel="next""#);
        let link = next.clone();
        let origin = home(move |_| Reply::json(r#"{"tags":["1"]}"#).header("Link", &link)).await;
        errors.push(("page of tags", client(&origin).tags("a/b").await.unwrap_err().to_string()));
        let origin =
            home(move |_| Reply::json(r#"{"repositories":["a"]}"#).header("Link", &next)).await;
        errors.push((
            "page of the catalog",
            client(&origin).catalog().await.unwrap_err().to_string(),
        ));

        let (to, served) = (target.clone(), content.clone());
        let origin = home(move |request| match request.path().contains("/blobs/") {
            true => Reply::redirect(307, &to),
            false => served.reply(request),
        })
        .await;
        let resolved = plimsoll_registry::resolve(
            &client(&origin),
            "a/b",
            "1",
            &crate::content::amd64(),
            &Default::default(),
        )
        .await;
        errors.push(("blob", resolved.unwrap_err().to_string()));

        let to = target.clone();
        let origin = home(move |_| Reply::redirect(302, &to)).await;
        let http = HttpClient::new(strict()).unwrap();
        let at = origin.address.to_string();
        for kind in ["harbor", "quay", "acr-azure", "gitlab"] {
            let connection = Connection {
                endpoint: at.parse().unwrap(),
                credentials: Some(account()),
                http: http.clone(),
                api: ApiSettings {
                    endpoint: Some(at.parse().unwrap()),
                    namespaces: vec!["a".into()],
                    ..ApiSettings::default()
                },
                now: Now::new(|| Timestamp(1_800_000_000)),
            };
            let kind = plimsoll_registry::kind::kind(kind).unwrap();
            let registry = kind.connect(connection).unwrap();
            errors.push((kind.id(), registry.list_repositories().await.unwrap_err().to_string()));
        }

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("all.zip");
        let fetched = download(&http, &origin.url("/all.zip"), &file, 1 << 20, &mut |_| {})
            .await
            .unwrap_err();
        errors.push(("download", fetched.to_string()));
        let fetched = text(&http, &origin.url("/list"), 1 << 20).await.unwrap_err();
        errors.push(("text", fetched.to_string()));

        let key = BucketKey { id: "k".into(), secret: Secret::new("s".into()), token: None };
        let place = BucketPlace {
            endpoint: origin.url(""),
            region: "here".into(),
            bucket: "facts".into(),
            prefix: String::new(),
            plain_http: false,
        };
        let bucket = Bucket::new(place, key, &http).unwrap();
        let now = Timestamp(1_800_000_000);
        errors.push(("bucket", bucket.get("x", 100, now).await.unwrap_err().to_string()));
        errors.push(("bucket", bucket.put("x", vec![1], now).await.unwrap_err().to_string()));

        let url = Secret::new(origin.url("/hook"));
        let post = PostClient::new(&url, false, &http).unwrap();
        errors.push(("post", post.post(Post::default()).await.unwrap_err().to_string()));

        for (way, error) in errors {
            assert!(is_verdict(&error), "{way} to {target}: {error}");
        }
        assert_eq!(trap.connections(), 0, "{target}");
    }
}

/// Addresses that foreign layers name are never asked, wherever they lie: the registry has the blob, or nobody.
#[tokio::test]
async fn addresses_in_manifests_are_not_asked() {
    let trap = Trap::set();
    let picture = image("foreign", 100);
    let manifest = String::from_utf8(picture.manifest.clone()).unwrap();
    let urls = format!(r#""urls":["http://127.0.0.1:{}/layer"],"mediaType""#, trap.port());
    let manifest = manifest.replace(r#""mediaType""#, &urls);
    let content = Content::default().manifest("a/b", "1", OCI_MANIFEST, manifest.as_bytes());
    let content = content.blob("a/b", &picture.config);
    let origin = home(move |request| content.reply(request)).await;
    let resolved = plimsoll_registry::resolve(
        &client(&origin),
        "a/b",
        "1",
        &crate::content::amd64(),
        &Default::default(),
    )
    .await;
    if let Ok(remote) = resolved {
        assert!(crate::content::files(remote).await.is_err(), "its layers are nowhere else");
    }
    assert_eq!(trap.connections(), 0);
    assert_ne!(sha256(manifest.as_bytes()), picture.manifest_digest);
}

/// Where the operator's own word leads: nothing inward unless it is named, and then exactly that.
#[tokio::test]
async fn the_allowed_networks_let_in_what_they_name_and_nothing_else() {
    let trap = Trap::set();
    let port = trap.port();
    for (networks, host, is_let_in) in [
        (&["127.0.0.9"][..], "127.0.0.9", true),
        (&["127.0.0.9"], "127.0.0.8", false),
        (&["127.0.0.9"], "[::ffff:127.0.0.9]", false),
        (&["127.0.0.8/31"], "127.0.0.9", true),
        (&["127.0.0.8/31"], "127.0.0.10", false),
        (&["127.0.0.0/8"], "localhost", true),
        (&["127.0.0.0/8"], "[::1]", false),
        (&["::1"], "[::1]", true),
        (&["::1"], "127.0.0.1", false),
        (&["10.0.0.0/8", "192.168.0.0/16"], "127.0.0.1", false),
        (&["0.0.0.0/0"], "0.0.0.0", false),
        (&["::/0"], "[::]", false),
        (&["::/0"], "[::ffff:127.0.0.1]", false),
        (&["169.254.0.0/16"], "169.254.169.254", false),
        (&[], "127.0.0.1", false),
        (&[], "localhost", false),
        (&[], "10.0.0.1", false),
    ] {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let allowed = HttpOptions {
            networks,
            // The trap does not answer.
            document_timeout: Duration::from_millis(200),
            read_timeout: Duration::from_millis(200),
            ..strict()
        };
        let http = HttpClient::new(allowed.clone()).unwrap();
        let endpoint = format!("http://{host}:{port}").parse().unwrap();
        let asked = RegistryClient::new(endpoint, None, &http).unwrap().ping().await;
        let url = Secret::new(format!("http://{host}:{port}/hook"));
        let posted = match PostClient::new(&url, true, &http) {
            Ok(client) => client.post(Post::default()).await.map(drop),
            Err(error) => Err(error),
        };
        let server = MailServer {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            security: MailSecurity::Plain,
            account: None,
            ca_pem: None,
        };
        let mailed = mail::send(&server, &letter(), &allowed).await;
        let errors = [
            asked.unwrap_err().to_string(),
            posted.unwrap_err().to_string(),
            mailed.unwrap_err().to_string(),
        ];
        let connections = trap.connections();
        assert_eq!(connections >= 3, is_let_in, "{host}: {errors:?}");
        assert!(is_let_in || connections == 0, "{host}: {errors:?}");
        let is_refused = |error: &String| {
            error.contains(NEVER) || error.contains("not among those that may be connected to")
        };
        assert!(is_let_in || errors.iter().all(is_refused), "{host}: {errors:?}");
    }
}

fn letter() -> Mail {
    Mail {
        from: "plimsoll@example.com".into(),
        to: vec!["ops@example.com".into()],
        subject: "x".into(),
        text: "x".into(),
        id: "1@plimsoll".into(),
        date: Timestamp(1_800_000_000),
    }
}

/// An operator's own address may be anywhere but where nobody's may.
#[tokio::test]
async fn nobody_configures_an_address_that_is_never_connected_to() {
    for host in ["169.254.169.254", "0.0.0.0", "224.0.0.1", "[::ffff:127.0.0.1]", "[fe80::1]"] {
        let http = HttpClient::new(options()).unwrap();
        let endpoint = format!("http://{host}:81").parse().unwrap();
        let error = RegistryClient::new(endpoint, None, &http).unwrap().ping().await.unwrap_err();
        assert!(error.to_string().contains(NEVER), "{host}: {error}");
        let address = format!("tcp://{host}:81").parse().unwrap();
        let error = Daemon::new(address, &http).unwrap_err();
        assert!(error.to_string().contains(NEVER), "{host}: {error}");
        let proxy = Proxy::parse(&format!("http://{host}:81"), None).unwrap();
        let http = HttpClient::new(HttpOptions { proxy: Some(proxy), ..options() }).unwrap();
        let endpoint = "http://127.0.0.1:81".parse().unwrap();
        let error = RegistryClient::new(endpoint, None, &http).unwrap_err();
        assert!(error.to_string().contains(NEVER), "{host}: {error}");
    }
}
