use super::*;

fn reach(text: &str) -> Option<Reach> {
    Reach::of(text.parse().unwrap())
}

fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
}

#[test]
fn addresses_fall_into_their_classes() {
    for (address, wanted) in [
        ("127.0.0.1", Some(Reach::Loopback)),
        ("127.255.0.9", Some(Reach::Loopback)),
        ("::1", Some(Reach::Loopback)),
        ("10.0.0.1", Some(Reach::Private)),
        ("172.16.0.1", Some(Reach::Private)),
        ("172.31.255.255", Some(Reach::Private)),
        ("172.32.0.1", Some(Reach::Public)),
        ("192.168.1.1", Some(Reach::Private)),
        ("100.64.0.1", Some(Reach::Private)),
        ("100.127.255.255", Some(Reach::Private)),
        ("100.128.0.1", Some(Reach::Public)),
        ("fd12::1", Some(Reach::Private)),
        ("1.1.1.1", Some(Reach::Public)),
        ("2606:4700::1111", Some(Reach::Public)),
        ("0.0.0.0", None),
        ("0.1.2.3", None),
        ("169.254.169.254", None),
        ("169.254.0.1", None),
        ("100.100.100.200", None),
        ("168.63.129.16", None),
        ("192.0.0.192", None),
        ("198.18.0.1", None),
        ("203.0.113.1", None),
        ("224.0.0.1", None),
        ("239.255.255.250", None),
        ("240.0.0.1", None),
        ("255.255.255.255", None),
        ("::", None),
        ("::ffff:127.0.0.1", None),
        ("::ffff:1.1.1.1", None),
        ("::127.0.0.1", None),
        ("64:ff9b::7f00:1", None),
        ("64:ff9b:1::1", None),
        ("2001::1", None),
        ("2001:db8::1", None),
        ("2002:7f00:1::", None),
        ("fe80::1", None),
        ("febf::1", None),
        ("fec0::1", None),
        ("ff02::1", None),
        ("fd00:ec2::254", None),
        ("100::1", None),
    ] {
        assert_eq!(reach(address), wanted, "{address}");
    }
}

#[test]
fn a_guest_must_be_public_or_of_the_homes_class() {
    let on_internet = Guard::new("8.8.8.8", true);
    let in_company = Guard::new("10.0.0.1", true);
    let on_machine = Guard::new("127.0.0.1", true);
    for (guard, host, wanted) in [
        (&on_internet, "1.1.1.1", true),
        (&on_internet, "10.0.0.2", false),
        (&on_internet, "127.0.0.1", false),
        (&on_internet, "[::1]", false),
        (&on_internet, "169.254.169.254", false),
        (&in_company, "1.1.1.1", true),
        (&in_company, "192.168.0.1", true),
        (&in_company, "10.0.0.1", true),
        (&in_company, "127.0.0.1", false),
        (&in_company, "100.100.100.200", false),
        (&on_machine, "127.0.0.2", true),
        (&on_machine, "[::1]", true),
        (&on_machine, "[::ffff:127.0.0.1]", false),
        (&on_machine, "10.0.0.1", false),
        (&on_machine, "example.com", true),
    ] {
        assert_eq!(guard.check_literal(host).is_ok(), wanted, "{host}");
    }
}

#[test]
fn a_name_cannot_move_inwards_later() {
    let guard = Guard::new("registry.example.com", true);
    assert_eq!(
        guard.filter("registry.example.com", sockets(&["1.1.1.1", "169.254.169.254"])),
        Ok(sockets(&["1.1.1.1"]))
    );
    assert!(matches!(
        guard.filter("registry.example.com", sockets(&["127.0.0.1"])),
        Err(ForbiddenAddress::Inward { reach: Reach::Loopback, .. })
    ));
    assert_eq!(
        guard.filter("registry.example.com", sockets(&["10.0.0.1", "8.8.8.8"])),
        Ok(sockets(&["8.8.8.8"]))
    );
    assert_eq!(guard.filter("cdn.example.com", sockets(&["9.9.9.9"])), Ok(sockets(&["9.9.9.9"])));
    assert!(guard.filter("cdn.example.com", sockets(&["192.168.0.1"])).is_err());
    assert_eq!(
        guard.filter("cdn.example.com", sockets(&[])),
        Err(ForbiddenAddress::Unknown("cdn.example.com".into()))
    );
}

#[test]
fn private_homes_can_be_forbidden_altogether() {
    for home in ["127.0.0.1", "10.0.0.1"] {
        assert!(Guard::new(home, false).check_literal(home).is_err(), "{home}");
    }
    let guard = Guard::new("registry.example.com", false);
    assert!(guard.filter("registry.example.com", sockets(&["10.0.0.1"])).is_err());
    assert!(guard.filter("registry.example.com", sockets(&["1.1.1.1"])).is_ok());
    assert!(Guard::new("8.8.8.8", false).check_literal("8.8.8.8").is_ok());
}

type NameCase = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    Result<&'static [&'static str], ()>,
);

/// What names resolve to, answer by answer: `Ok` is what may be connected to, `Err` that nothing may.
///
/// Home, what its name resolved to when it was asked first, the name that is asked now, its answer, what is let through of it.
const NAMES: &[NameCase] = &[
    // Mixed answers: what is inner or nobody's is left out, and what is left must be enough.
    ("r.example", &["1.1.1.1"], "r.example", &["1.1.1.1", "127.0.0.1"], Ok(&["1.1.1.1"])),
    ("r.example", &["1.1.1.1"], "r.example", &["10.0.0.1", "1.1.1.1"], Ok(&["1.1.1.1"])),
    ("r.example", &["1.1.1.1"], "r.example", &["::1", "2606:4700::1111"], Ok(&["2606:4700::1111"])),
    ("r.example", &["1.1.1.1"], "cdn.example", &["169.254.169.254", "9.9.9.9"], Ok(&["9.9.9.9"])),
    ("r.example", &["1.1.1.1"], "cdn.example", &["::ffff:9.9.9.9", "9.9.9.9"], Ok(&["9.9.9.9"])),
    // Rebinding: a name that pointed outwards points inwards the next time.
    ("r.example", &["1.1.1.1"], "r.example", &["127.0.0.1"], Err(())),
    ("r.example", &["1.1.1.1"], "r.example", &["192.168.0.1"], Err(())),
    ("r.example", &["1.1.1.1"], "r.example", &["100.64.0.1"], Err(())),
    ("r.example", &["1.1.1.1"], "r.example", &["fd00::1"], Err(())),
    ("r.example", &["1.1.1.1"], "r.example", &["::1", "127.0.0.1"], Err(())),
    ("r.example", &["10.0.0.1"], "r.example", &["127.0.0.1"], Err(())),
    ("r.example", &["10.0.0.1"], "r.example", &["1.1.1.1"], Err(())),
    ("r.example", &["127.0.0.1"], "r.example", &["10.0.0.1"], Err(())),
    // Names of metadata services, and names that stand for an address of this machine.
    ("r.example", &["10.0.0.1"], "metadata.google.internal", &["169.254.169.254"], Err(())),
    ("r.example", &["10.0.0.1"], "metadata.tencentyun.com", &["169.254.0.23"], Err(())),
    ("r.example", &["10.0.0.1"], "instance-data.ec2.internal", &["fd00:ec2::254"], Err(())),
    ("r.example", &["10.0.0.1"], "100-100-100-200.example", &["100.100.100.200"], Err(())),
    ("r.example", &["1.1.1.1"], "localtest.me", &["127.0.0.1", "::1"], Err(())),
    ("r.example", &["1.1.1.1"], "10.0.0.1.nip.io", &["10.0.0.1"], Err(())),
    ("r.example", &["1.1.1.1"], "a9fea9fe.example", &["169.254.169.254"], Err(())),
    ("r.example", &["1.1.1.1"], "zero.example", &["0.0.0.0", "::"], Err(())),
    ("r.example", &["1.1.1.1"], "nat64.example", &["64:ff9b::a00:1"], Err(())),
    ("r.example", &["1.1.1.1"], "six.example", &["2002:a00:1::1"], Err(())),
    ("r.example", &["1.1.1.1"], "r.example.", &["127.0.0.1"], Err(())),
    ("r.example", &["1.1.1.1"], "R.EXAMPLE", &["127.0.0.1"], Err(())),
    // A registry of the site leads into the site, and to nothing on the machine that asks.
    ("r.example", &["10.0.0.1"], "auth.example", &["10.0.0.2"], Ok(&["10.0.0.2"])),
    ("r.example", &["10.0.0.1"], "auth.example", &["127.0.0.1"], Err(())),
    ("r.example", &["10.0.0.1"], "cdn.example", &["9.9.9.9"], Ok(&["9.9.9.9"])),
    // One that could be both leads to both, since it was configured so.
    ("r.example", &["10.0.0.1", "1.1.1.1"], "auth.example", &["10.0.0.2"], Ok(&["10.0.0.2"])),
    ("r.example", &["10.0.0.1", "169.254.169.254"], "x.example", &["169.254.169.254"], Err(())),
    // Before the home host was ever resolved, nobody else is led inwards.
    ("r.example", &[], "auth.example", &["10.0.0.2"], Err(())),
    ("r.example", &[], "auth.example", &["9.9.9.9"], Ok(&["9.9.9.9"])),
];

#[test]
fn names_lead_where_their_home_may_lead() {
    for (home, first, name, answer, wanted) in NAMES {
        let guard = Guard::new(home, true);
        if !first.is_empty() {
            assert!(guard.filter(home, sockets(first)).is_ok(), "{home} {first:?}");
        }
        let permitted = guard.filter(name, sockets(answer));
        let wanted = wanted.map(sockets);
        assert_eq!(
            permitted.as_ref().ok(),
            wanted.as_ref().ok(),
            "{home} {first:?} {name} {answer:?}"
        );
    }
}

#[test]
fn a_proxy_may_be_anywhere_but_where_nobody_may() {
    let guard = Guard::new("r.example", true).with_proxy("proxy.example");
    for (name, answer, wanted) in [
        ("proxy.example", "10.0.0.3", true),
        ("proxy.example", "127.0.0.1", true),
        ("proxy.example", "169.254.169.254", false),
        ("other.example", "10.0.0.3", false),
    ] {
        assert_eq!(guard.filter(name, sockets(&[answer])).is_ok(), wanted, "{name} {answer}");
    }
    // Nobody is led to it as if it were a registry.
    let literal = Guard::new("r.example", true).with_proxy("10.0.0.3");
    assert!(literal.check_literal("10.0.0.3").is_err());
}

#[test]
fn ports_of_other_services_are_known() {
    for (address, wanted) in [
        ("https://a.example", true),
        ("http://a.example:8080", true),
        ("https://a.example:5000", true),
        ("http://a.example:9000", true),
        ("http://a.example:22", false),
        ("https://a.example:25", false),
        ("http://a.example:2375", false),
        ("http://a.example:2379", false),
        ("http://a.example:6379", false),
        ("http://a.example:10250", false),
        ("http://a.example:11211", false),
    ] {
        assert_eq!(check_port(&address.parse().unwrap()).is_ok(), wanted, "{address}");
    }
}
