//! Which mounted file systems belong to a root.
//!
//! In: the type of a file system, as `statfs` says. Out: [`Mount`]. Source: Linux, `include/uapi/linux/magic.h` and
//! `statfs(2)`.

/// What a mounted file system is to the root that it is mounted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mount {
    /// Part of it.
    Part,
    /// Made by the kernel: holds no files of anybody.
    Kernel,
    /// The root of a container, which is another image.
    Container,
    /// On another machine: not read.
    Network(&'static str),
}

/// What a file system is, by its type.
pub(super) const fn mount_of(magic: u32) -> Mount {
    match magic {
        0x0000_9fa0 // proc
        | 0x6265_6572 // sysfs
        | 0x0000_1cd1 // devpts
        | 0x0027_e0eb // cgroup
        | 0x6367_7270 // cgroup2
        | 0x6462_6720 // debugfs
        | 0x7472_6163 // tracefs
        | 0x7363_6673 // securityfs
        | 0xf97c_ff8c // selinuxfs
        | 0xcafe_4a11 // bpf
        | 0x6165_676c // pstore
        | 0x1980_0202 // mqueue
        | 0x9584_58f6 // hugetlbfs
        | 0x6265_6570 // configfs
        | 0x6573_5543 // fusectl
        | 0x4249_4e4d // binfmt_misc
        | 0xde5e_81e4 // efivarfs
        | 0x6759_6969 // rpc_pipefs
        | 0x6e73_6673 // nsfs
        | 0x0000_0187 // autofs
        => Mount::Kernel,
        0x794c_7630 => Mount::Container, // overlay
        0x0000_6969 => Mount::Network("NFS"),
        0xff53_4d42 | 0xfe53_4d42 | 0x0000_517b => Mount::Network("SMB"),
        0x6573_5546 => Mount::Network("FUSE"),
        0x00c3_6400 => Mount::Network("Ceph"),
        0x5346_414f => Mount::Network("AFS"),
        0x0102_1997 => Mount::Network("9P"),
        0x0bd0_0bd0 => Mount::Network("Lustre"),
        0x4750_4653 => Mount::Network("GPFS"),
        _ => Mount::Part,
    }
}
