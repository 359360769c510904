//! Ports that an answer may not lead to.
//!
//! In: an address that somebody else wrote: a redirect, a token realm. Out: whether its port belongs to another protocol, or to a
//! service that does something on a mere request. Source: WHATWG Fetch, "bad port"; IANA's registry for the rest. Odd: an operator
//! may configure any port; this is about where a registry sends us.

use super::ForbiddenAddress;
use crate::endpoint::Endpoint;

/// Of other protocols: a request there can be read as commands (mail, news, chats, printers, files).
const OTHER_PROTOCOLS: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
];

/// Of services that obey whoever reaches them: Docker (2375, 2376), etcd (2379, 2380), Redis (6379), kubelet (10250, 10255),
/// memcached (11211).
const OBEYING: [u16; 8] = [2375, 2376, 2379, 2380, 6379, 10250, 10255, 11211];

/// Checks the port of an address that an answer leads to.
pub(crate) fn check_port(origin: &Endpoint) -> Result<(), ForbiddenAddress> {
    let port = origin.port;
    if OTHER_PROTOCOLS.contains(&port) || OBEYING.contains(&port) {
        return Err(ForbiddenAddress::Port { host: origin.host.clone(), port });
    }
    Ok(())
}
