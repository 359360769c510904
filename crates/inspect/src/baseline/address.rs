//! Addresses that services listen on.
//!
//! In: what a configuration says: addresses between commas or blanks, with or without scheme and port. Out: whether every
//! interface is meant, or this host alone. Odd: `localhost` and sockets are local, a name that is neither is not: somebody
//! else reaches it.

/// Words for all interfaces.
const ANY: &[&str] =
    &["0.0.0.0", "::", "*", "any", "_global_", "0", "[::0]", "::0", "0:0:0:0:0:0:0:0"];
/// Words for this host.
const LOCAL: &[&str] =
    &["localhost", "localhost.localdomain", "::1", "ip6-localhost", "_local_", "0:0:0:0:0:0:0:1"];

fn addresses(value: &str) -> impl Iterator<Item = &str> {
    value
        .split([',', ' ', '\t'])
        .map(|word| word.trim_matches(['"', '\'', '[', ']', ';']))
        .filter(|word| !word.is_empty())
}

/// An address without scheme, port and Redis's `-` of addresses that may be missing.
fn host(address: &str) -> &str {
    let address = address.trim_start_matches('-');
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.split('/').next().unwrap_or(address);
    let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
    if let Some(rest) = address.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    // `::1]:80` where the list's own brackets were taken off.
    if let Some((host, _)) = address.split_once("]:") {
        return host;
    }
    match address.matches(':').count() {
        1 => address.split(':').next().unwrap_or(address),
        _ => address,
    }
}

fn is_socket(address: &str) -> bool {
    address.starts_with('/') || address.starts_with("unix:") || address.starts_with("ipc:")
}

/// Whether every interface is meant.
pub(crate) fn is_open(value: &str) -> bool {
    addresses(value).any(|address| {
        let host = host(address);
        !is_socket(address)
            && (ANY.iter().any(|any| any.eq_ignore_ascii_case(host)) || host.is_empty())
    })
}

/// Whether only this host is meant.
pub(crate) fn is_local(value: &str) -> bool {
    let mut all = addresses(value).peekable();
    all.peek().is_some()
        && all.all(|address| {
            let host = host(address);
            is_socket(address)
                || LOCAL.iter().any(|local| local.eq_ignore_ascii_case(host))
                || host.starts_with("127.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        for open in [
            "0.0.0.0",
            "::",
            "*",
            "0.0.0.0:9000",
            "[::]:9000",
            "127.0.0.1 0.0.0.0",
            "* -::*",
            ":8086",
            "PLAINTEXT://:9092",
            "http://0.0.0.0:2379",
            "[\"0.0.0.0\"]",
            "tcp://0.0.0.0:2375",
        ] {
            assert!(is_open(open) && !is_local(open), "{open}");
        }
        for local in [
            "127.0.0.1",
            "localhost:80",
            "127.0.0.1 -::1",
            "::1",
            "[::1]:80",
            "/run/x.sock",
            "unix:///run/x.sock",
            "http://127.0.0.1:2379,http://localhost:4001",
            "_local_",
        ] {
            assert!(is_local(local) && !is_open(local), "{local}");
        }
        for neither in ["10.0.0.1", "db.internal", "", "127.0.0.1,10.0.0.1"] {
            assert!(!is_local(neither) && !is_open(neither), "{neither}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_both(value in "[-:/.,0-9a-z\\[\\] *@]{0,30}") {
            assert!(!(is_open(&value) && is_local(&value)), "{value}");
        }
    }
}
