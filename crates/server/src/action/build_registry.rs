//! Actions about builds (CI/CD): registries that builds report to, and images that builds announce.
//!
//! In: names, tokens, addresses. Out: the registry with its token, which is told once; where the build's report belongs. Source:
//! `docs/api.md`, "Builds"; the vendor's pages. Odd:
//! * What a build makes is scanned by it and reported (`plimsoll scan --report-to`); the announcement gives it a place in the lists
//!   and a task, which is done when the report is there.
//! * `WhiteList` holds addresses and networks; it is held against the address that the connection comes from, not against what
//!   `SourceIp` says.
//! * Images that were not reported again for `PersistenceDay` days are forgotten; 0: never.

mod announce;
mod registry;

use std::net::IpAddr;

use super::{
    Context, Parameter, ParameterKind,
    registry::{BUILDS, registry_of},
};
use crate::gateway::{Parameters, Refusal};

pub(crate) use announce::CreateJenkinsImageScanTask;
pub(crate) use registry::{
    CreateJenkinsImageRegistry, QueryJenkinsImageRegistryPersistenceDay, RefreshRegistryToken,
    UpdateJenkinsImageRegistryName, UpdateJenkinsImageRegistryPersistenceDay, UpdateWhiteList,
};

/// Days until an image that was not reported again is forgotten, where nobody says otherwise.
const KEPT_DAYS: u32 = 90;
const MOST_DAYS: u32 = 3_650;
/// The most entries of a white list.
const MOST_ENTRIES: usize = 200;

const ABOUT_DAYS: &str =
    "Days until an image that was not reported again is forgotten, at most 3650; 0: never.";
const ABOUT_WHITE_LIST: &str = "Addresses and networks from which builds may report, separated by commas, such as `10.0.0.0/8`.";
const REGISTRY_ID: Parameter = Parameter::optional(
    "RegistryId",
    ParameterKind::Long,
    "Number of the registry; without it nothing is changed.",
);

/// The builds' registry of a number.
async fn builds_of(
    context: Context<'_>,
    action: &'static str,
    sent: &Parameters,
) -> Result<plimsoll_store::Registry, Refusal> {
    let registry = registry_of(context, action, sent, "RegistryId").await?;
    if registry.settings.reported_type == BUILDS {
        return Ok(registry);
    }
    let number = registry.id.to_string();
    Err(Refusal::invalid("RegistryId", &number, "the number of a registry of the type CI/CD"))
}

/// How long images are kept.
fn kept_days(sent: &Parameters) -> Result<Option<u32>, Refusal> {
    let Some(days) = sent.integer("PersistenceDay")? else { return Ok(None) };
    let in_range = u32::try_from(days).ok().filter(|days| *days <= MOST_DAYS);
    let wrong =
        || Refusal::invalid("PersistenceDay", &days.to_string(), &format!("0 to {MOST_DAYS}"));
    in_range.map(Some).ok_or_else(wrong)
}

/// A white list whose entries are all addresses or networks.
fn white_list(sent: &Parameters) -> Result<String, Refusal> {
    let text = sent.text("WhiteList").unwrap_or_default();
    let entries: Vec<&str> =
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.len() > MOST_ENTRIES {
        return Err(Refusal::invalid("WhiteList", text, "at most 200 entries"));
    }
    if let Some(wrong) = entries.iter().find(|entry| Network::parse(entry).is_none()) {
        let wanted = "an IP address or a network such as 10.0.0.0/8";
        return Err(Refusal::invalid("WhiteList", wrong, wanted));
    }
    Ok(entries.join(","))
}

/// Whether a white list lets an address in; an empty one lets all in.
fn lets_in(white_list: &str, address: Option<IpAddr>) -> bool {
    white_list.is_empty()
        || address.is_some_and(|address| {
            white_list.split(',').filter_map(Network::parse).any(|one| one.has(address))
        })
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
