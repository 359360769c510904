//! Which order of versions is asked for.
//!
//! In: the name of an order, an ecosystem, a type of package URLs, or `vers`. Out: [`VersionOrder`]. Odd: the comments are
//! help texts.

use clap::Args;
use plimsoll_model::Scheme;

/// `plimsoll version-order`
#[derive(Args, Debug)]
#[command(
    after_help = "Reads pairs of versions from standard input, one pair a line with a blank or a tab between, and answers one line each:\n  \
    <  the first is earlier\n  =  the order calls them equal\n  >  the first is later\n  !  one of them is no version of this order, or the line is no pair\n\n\
    Examples:\n  echo 1.0~rc1-1 1.0-1 | plimsoll version-order dpkg\n  echo 1:2.0-1.el9 3.0-1.el9 | plimsoll version-order \"Rocky Linux\"\n  \
    plimsoll version-order npm < pairs.txt > answers.txt\n  echo 'vers:npm/>=1.0.0|<2.0.0 1.4.2' | plimsoll version-order vers\n\n\
    With `vers`, the first is a range of versions: = it holds the second, < part of it lies before the second, > all of it lies behind the second.\n\
    It is the comparison that matching makes; `plimsoll list version-orders` says what each order is tested against."
)]
pub(crate) struct VersionOrder {
    /// An order (dpkg, rpm, pep440 …), an ecosystem (Debian, npm, crates.io …), a type of package URLs (deb, cargo …), or vers
    #[arg(value_name = "SCHEME", value_parser = compared)]
    pub(crate) scheme: Compared,
    /// Say behind each `!` what is wrong
    #[arg(long)]
    pub(crate) reasons: bool,
}

/// What stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// Two versions.
    Versions(Scheme),
    /// A range and a version.
    Ranges,
}

fn compared(name: &str) -> Result<Compared, String> {
    if name.eq_ignore_ascii_case("vers") {
        return Ok(Compared::Ranges);
    }
    plimsoll_advisory::version_order(name)
        .map(|order| Compared::Versions(order.scheme))
        .ok_or_else(|| {
            let names: Vec<&str> =
                plimsoll_advisory::version_orders().iter().map(|order| order.scheme.name()).collect();
            format!(
                "orders are: {}, vers; ecosystems by name and package URL types do, too (`plimsoll list version-orders`)",
                names.join(", ")
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_go_by_many_names() {
        for name in ["dpkg", "Debian", "deb", "DEB"] {
            assert_eq!(compared(name), Ok(Compared::Versions(Scheme::Dpkg)));
        }
        assert_eq!(compared("vers"), Ok(Compared::Ranges));
        assert!(compared("debain").unwrap_err().starts_with("orders are: dpkg, apk, rpm"));
    }
}
