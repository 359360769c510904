//! Which addresses this program may connect to: the guard against server-side request forgery.
//!
//! In: the host that the operator configured ("home") and every host that an answer leads to. Out: the addresses that may
//! be connected to, or [`ForbiddenAddress`]. Source: IANA special-purpose address registries (RFC 6890), RFC 6598
//! (100.64.0.0/10), RFC 4193 (`fc00::/7`), RFC 3927 and RFC 4291 (link-local), cloud vendors' metadata addresses.
//!
//! The rule:
//! 1. Never, whoever asks: link-local and metadata addresses, "this network" (0.0.0.0/8), multicast, broadcast and reserved
//!    ranges, and IPv6 forms that smuggle an IPv4 address past such a list (v4-mapped, v4-compatible, NAT64, 6to4, Teredo).
//! 2. The home host may be anything else: the operator named it, and self-hosted registries are private. With
//!    `allow_private = false` even the home host must be public, or in one of the networks that the operator names.
//! 3. What the home host's name resolves to first fixes its classes (loopback, private, public); later answers outside
//!    them are ignored, so that a name cannot be moved inwards after it was configured (DNS rebinding).
//! 4. Every other host (redirect, token realm) must be public, or of a class that the home host has: a registry on this
//!    machine may lead to this machine, one in the company's network into that network, one on the internet to neither.
//!
//! 5. Such a host is not asked at a port of another protocol, or of a service that obeys whoever reaches it (`reach/port.rs`).
//!
//! Odd: an HTTP client skips its resolver for literal addresses, so `Guard::check_literal` is called for every hop
//! too. Octal, hexadecimal and shortened IPv4 forms are normalised by the URL parser before they get here.

mod network;
mod port;

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub use self::network::{Network, NetworkError};
pub(crate) use self::port::check_port;

/// How far an address reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reach {
    /// This machine: 127.0.0.0/8 and `::1`.
    Loopback,
    /// A site's own network: RFC 1918, RFC 6598 (carrier-grade NAT, overlay networks), RFC 4193 (unique local).
    Private,
    /// The internet.
    Public,
}

impl Reach {
    /// The class of `address`; `None` for the addresses that nobody may be led to.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Self> {
        /// Alibaba Cloud's and Azure's metadata services; the others' are link-local.
        const METADATA: [Ipv4Addr; 2] =
            [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
        if METADATA.contains(&address) {
            return None;
        }
        match address.octets() {
            [0, ..] | [169, 254, ..] | [192, 0, 0, _] | [192, 0, 2, _] | [198, 51, 100, _] => None,
            [203, 0, 113, _] | [192, 88, 99, _] | [224..=255, ..] => None,
            [127, ..] => Some(Self::Loopback),
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
                Some(Self::Private)
            }
            [198, 18..=19, ..] => None,
            _ => Some(Self::Public),
        }
    }

    fn of_v6(address: Ipv6Addr) -> Option<Self> {
        /// Amazon's metadata service by IPv6.
        const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
        if address == Ipv6Addr::LOCALHOST {
            return Some(Self::Loopback);
        }
        if address == METADATA {
            return None;
        }
        match address.segments() {
            [0xfc00..=0xfdff, ..] => Some(Self::Private),
            // Teredo, documentation, benchmarking and 6to4 are inside 2000::/3.
            [0x2001, 0 | 2 | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => None,
            [0x2000..=0x3fff, ..] => Some(Self::Public),
            // Unspecified, v4-mapped, v4-compatible, NAT64, link-local, site-local, multicast.
            _ => None,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "this machine",
            Self::Private => "a private network",
            Self::Public => "the internet",
        })
    }
}

/// Why an address is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForbiddenAddress {
    /// An address that is never connected to.
    #[error(
        "`{host}` is {address}, a link-local, metadata, multicast or reserved address, which is never connected to"
    )]
    Never {
        /// The host as named.
        host: String,
        /// One of its addresses.
        address: IpAddr,
    },
    /// An inner address that the configured host has no business leading to.
    #[error("`{host}` is {address} in {reach}, where `{home}` may not lead to")]
    Inward {
        /// The host as named.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// What kind of address that is.
        reach: Reach,
        /// The host that the operator configured.
        home: String,
    },
    /// An inner address of the configured host, where only some networks may be connected to.
    #[error(
        "`{host}` is {address} in {reach}, and that network is not among those that may be connected to"
    )]
    NotAllowed {
        /// The host as named.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// What kind of address that is.
        reach: Reach,
    },
    /// A port that no registry answers at.
    #[error("`{host}`: port {port} belongs to another service, which is not sent requests")]
    Port {
        /// The host as named.
        host: String,
        /// Its port.
        port: u16,
    },
    /// The name has no address at all.
    #[error("`{0}` has no address")]
    Unknown(String),
}

/// The guard of one configured endpoint. Clones share what was learnt about the home host.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    home: Arc<str>,
    allow_private: bool,
    networks: Arc<[Network]>,
    /// The proxy's host, which the operator named, too.
    proxy: Option<Arc<str>>,
    home_reach: Arc<Mutex<BTreeSet<Reach>>>,
}

impl Guard {
    /// A guard for the host that the operator configured.
    pub(crate) fn new(home: &str, allow_private: bool) -> Self {
        let guard = Self {
            home: home.into(),
            allow_private,
            networks: Arc::default(),
            proxy: None,
            home_reach: Arc::new(Mutex::new(BTreeSet::new())),
        };
        if let Ok(address) = home.parse::<IpAddr>() {
            guard.learn(Reach::of(address).into_iter().collect());
        }
        guard
    }

    /// The same guard, which lets the home host be in these networks too.
    pub(crate) fn with_networks(mut self, networks: &[Network]) -> Self {
        self.networks = networks.into();
        self
    }

    /// The same guard, which lets this proxy be anywhere but at addresses that are never connected to.
    pub(crate) fn with_proxy(mut self, host: &str) -> Self {
        self.proxy = Some(host.into());
        self
    }

    /// Checks a host that is a literal address; names pass here and are checked when they are resolved.
    pub(crate) fn check_literal(&self, host: &str) -> Result<(), ForbiddenAddress> {
        let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() else { return Ok(()) };
        self.permit(host.trim_matches(['[', ']']), address)
    }

    /// Keeps those of a name's addresses that may be connected to.
    pub(crate) fn filter(
        &self,
        host: &str,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, ForbiddenAddress> {
        let addresses: Vec<SocketAddr> = addresses.into_iter().collect();
        if host == &*self.home {
            self.learn(addresses.iter().filter_map(|address| Reach::of(address.ip())).collect());
        }
        // Behind a proxy nothing but the proxy's own name is resolved here.
        let is_proxy = self.proxy.as_deref() == Some(host);
        let mut refused = ForbiddenAddress::Unknown(host.to_owned());
        let mut permitted = Vec::new();
        for address in addresses {
            let verdict = match Reach::of(address.ip()) {
                Some(_reach) if is_proxy => Ok(()),
                _ => self.permit(host, address.ip()),
            };
            match verdict {
                Ok(()) => permitted.push(address),
                Err(error) => refused = error,
            }
        }
        if permitted.is_empty() { Err(refused) } else { Ok(permitted) }
    }

    fn permit(&self, host: &str, address: IpAddr) -> Result<(), ForbiddenAddress> {
        let host = host.to_owned();
        let Some(reach) = Reach::of(address) else {
            return Err(ForbiddenAddress::Never { host, address });
        };
        let is_home_class = self.allow_private && self.learnt().contains(&reach);
        // The home host itself needs its class too: that is rule 3.
        let is_public_guest = reach == Reach::Public && *host != *self.home;
        let is_public_home = reach == Reach::Public && !self.allow_private;
        let is_home = *host == *self.home;
        let is_named = is_home && self.networks.iter().any(|network| network.contains(address));
        if is_home_class || is_public_guest || is_public_home || is_named {
            return Ok(());
        }
        if is_home && !self.allow_private {
            return Err(ForbiddenAddress::NotAllowed { host, address, reach });
        }
        Err(ForbiddenAddress::Inward { host, address, reach, home: self.home.to_string() })
    }

    /// Fixes the home host's classes; only the first answer counts.
    fn learn(&self, reach: BTreeSet<Reach>) {
        let mut known = self.home_reach.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            *known = reach;
        }
    }

    fn learnt(&self) -> BTreeSet<Reach> {
        self.home_reach.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The HTTP client connects to nothing but what this returns, so the address that was checked is the one that is used.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let permitted: Addrs = Box::new(guard.filter(&host, found)?.into_iter());
            Ok(permitted)
        })
    }
}

#[cfg(test)]
mod tests;
