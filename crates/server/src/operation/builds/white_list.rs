//! White lists: the addresses and networks from which builds may speak for a registry.
//!
//! In: the list as it is stored, entries separated by commas, and the address that a connection comes from. Out: yes or no. Odd: an
//! IPv4 address that is written as an IPv6 one counts as what it is.

use std::net::IpAddr;

/// Whether a white list lets an address in; an empty one lets all in, one with entries nobody whose address is not known.
pub(crate) fn lets_in(white_list: &str, address: Option<IpAddr>) -> bool {
    white_list.is_empty()
        || address.is_some_and(|address| {
            white_list.split(',').filter_map(Network::parse).any(|one| one.has(address))
        })
}

/// Whether a text can stand in a white list.
pub(crate) fn is_entry(text: &str) -> bool {
    Network::parse(text).is_some()
}

/// An address, or all those that begin as it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Network {
    address: IpAddr,
    /// How many leading bits count.
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.unwrap_or(width);
        (bits <= width).then_some(Self { address, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u128::from(own.to_bits()), u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let insignificant = width - self.bits;
        // A shift by all bits leaves nothing to compare.
        own.checked_shr(insignificant) == other.checked_shr(insignificant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_white_list_lets_in_what_it_names() {
        for (list, address, wanted) in [
            ("", "8.8.8.8", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8,192.168.0.0/16", "10.255.0.1", true),
            ("10.0.0.0/8,192.168.0.0/16", "192.169.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("10.0.0.1/31", "10.0.0.0", true),
        ] {
            assert_eq!(lets_in(list, address.parse().ok()), wanted, "{list} {address}");
        }
        assert!(!lets_in("10.0.0.0/8", None));
        for wrong in ["10.0.0.0/33", "10.0.0", "::/129", "10.0.0.1/", "a", "10.0.0.1/+8"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
