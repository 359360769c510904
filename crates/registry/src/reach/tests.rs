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
