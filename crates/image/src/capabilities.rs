//! Capabilities that a file gives to whoever runs it.
//!
//! In: the value of the attribute `security.capability`. Out: [`FileCapabilities`]. Source: Linux,
//! `include/uapi/linux/capability.h` (`vfs_cap_data`, versions 1 to 3) and `capabilities(7)`. Odd: an archive holds the value
//! under `SCHILY.xattr.security.capability`, and a runtime sets it after the owner, who would take it away again; so the
//! last header that speaks of a file decides.

use std::fmt;

use serde::{Deserialize, Serialize};

const REVISION: u32 = 0xff00_0000;
const IS_EFFECTIVE: u32 = 1;

/// What the attribute says.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
pub struct FileCapabilities {
    /// A bit for each capability that the process gets.
    #[serde(rename = "p")]
    pub permitted: u64,
    /// A bit for each that it keeps if it had it before.
    #[serde(rename = "i", default, skip_serializing_if = "is_none")]
    pub inheritable: u64,
    /// The process has them at once; else it must ask for each.
    #[serde(rename = "e", default)]
    pub is_effective: bool,
    /// The user who is root where they count; 0 for the machine's.
    #[serde(rename = "r", default, skip_serializing_if = "is_root")]
    pub root: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's `skip_serializing_if` passes a reference"
)]
const fn is_none(bits: &u64) -> bool {
    *bits == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's `skip_serializing_if` passes a reference"
)]
const fn is_root(user: &u32) -> bool {
    *user == 0
}

/// By their bits.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

impl FileCapabilities {
    /// Reads the attribute's value; `None` for one that the kernel refuses.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut words = value.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
        let magic = words.next()?;
        let is_effective = magic & IS_EFFECTIVE != 0;
        let version = (magic & REVISION) >> 24;
        match (version, value.len()) {
            (1, 12) | (2, 20) | (3, 24) => {}
            _ => return None,
        }
        let mut bits = Self { is_effective, ..Self::default() };
        for shift in [0, 32].into_iter().take(if version == 1 { 1 } else { 2 }) {
            bits.permitted |= u64::from(words.next()?) << shift;
            bits.inheritable |= u64::from(words.next()?) << shift;
        }
        bits.root = if version == 3 { words.next()? } else { 0 };
        Some(bits)
    }

    /// The names of capabilities that the process gets, in the order of their bits; what has no name is left out.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0_u32..).zip(NAMES).filter(move |(bit, _)| self.permitted >> bit & 1 == 1).map(|it| it.1)
    }
}

/// As `getcap(8)` writes them where all are of one kind: `cap_net_raw,cap_setuid=ep`.
impl fmt::Display for FileCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.permitted | self.inheritable;
        let mut is_first = true;
        for (_, name) in (0_u32..).zip(NAMES).filter(|(bit, _)| all >> bit & 1 == 1) {
            f.write_str(if is_first { "" } else { "," })?;
            f.write_str(name)?;
            is_first = false;
        }
        f.write_str("=")?;
        for (letter, is_set) in
            [("e", self.is_effective), ("i", self.inheritable != 0), ("p", self.permitted != 0)]
        {
            f.write_str(if is_set { letter } else { "" })?;
        }
        if self.root == 0 { Ok(()) } else { write!(f, " [rootid={}]", self.root) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_all_versions_are_read_as_getcap_shows_them() {
        // What `setcap` of libcap 2.66 writes, and what version 1 was.
        for (value, wanted) in [
            ("0100000200200000000000000000000000000000", "cap_net_raw=ep"),
            (
                "01000002c2000000000000000000000000000000",
                "cap_dac_override,cap_setgid,cap_setuid=ep",
            ),
            ("0000000200200000002000000000000000000000", "cap_net_raw=ip"),
            ("0100000200000000000000008000000000000000", "cap_bpf=ep"),
            ("0100000380000000000000000000000000000000e8030000", "cap_setuid=ep [rootid=1000]"),
            ("010000018000000000000000", "cap_setuid=ep"),
            ("0000000200000000000000000000000000000000", "="),
        ] {
            let bytes: Vec<u8> = (0..value.len() / 2)
                .map(|at| u8::from_str_radix(value.get(at * 2..at * 2 + 2).unwrap(), 16).unwrap())
                .collect();
            let said = FileCapabilities::parse(&bytes).map(|it| it.to_string());
            assert_eq!(said.as_deref(), Some(wanted), "{value}");
            // Too short and too long, the kernel refuses.
            assert_eq!(FileCapabilities::parse(&bytes[1..]), None);
            assert_eq!(FileCapabilities::parse(&[bytes, vec![0]].concat()), None);
        }
        assert_eq!(FileCapabilities::parse(b""), None);
        assert_eq!(FileCapabilities::parse(&[0; 20]), None);
        assert_eq!(FileCapabilities::parse(&[0, 0, 0, 4].repeat(5)), None);
    }
}
