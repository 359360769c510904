use proptest::prelude::*;

use super::*;

fn meta(path: &[u8], kind: EntryKind, link: Option<Vec<u8>>) -> EntryMeta {
    EntryMeta {
        path: TreePath::clean(path),
        kind,
        mode: 0o4755,
        uid: 1000,
        gid: 0,
        size: u64::MAX,
        mtime: -1,
        link,
        capabilities: None,
    }
}

#[test]
fn an_entry_takes_little_more_than_its_name_and_its_size() {
    let metas: Vec<EntryMeta> = (0..1_000)
        .map(|number| {
            meta(format!("usr/share/doc/{:03}", number).as_bytes(), EntryKind::File, None)
        })
        .collect();
    let entries = Entries::pack(&metas).unwrap();
    let packed = entries.packed();
    assert_eq!(packed.folder_names, b"usrsharedoc", "the folder's path is there once");
    assert_eq!((packed.folders.len(), packed.attributes.len()), (4, 1));
    let (head, length, name, size) = (1, 1, 3, 8);
    let said_by_every_eighth = 3;
    let rows = 1_000 * (head + length + name + size) + 1_000 / 8 * said_by_every_eighth;
    assert_eq!((packed.rows.len(), packed.blocks.len()), (rows, 125));
    assert!(entries.get(999).unwrap().is_at(b"usr/share/doc/999"));
    assert!(!entries.get(999).unwrap().is_at(b"usr/share/doc/x/999"));
    assert!(entries.get(1_000).is_none());
}

#[test]
fn what_does_not_fit_is_a_reached_limit() {
    let mut builder = EntriesBuilder::new();
    let long = meta(&vec![b'x'; 70_000], EntryKind::File, None);
    assert_eq!(builder.push(&long).unwrap_err().name, "max_path_bytes");
    let long = meta(b"x", EntryKind::Symlink, Some(vec![b'x'; 70_000]));
    assert_eq!(builder.push(&long).unwrap_err().name, "max_path_bytes");
    let owned = EntryMeta { uid: u64::MAX, gid: 7, ..meta(b"y", EntryKind::Fifo, None) };
    builder.push(&owned).unwrap();
    let entries = builder.finish();
    let last = entries.iter().last().unwrap();
    assert_eq!((last.uid(), last.gid(), last.name()), (u32::MAX, 7, &b"y"[..]));
}

fn kind() -> impl Strategy<Value = EntryKind> {
    prop::sample::select(vec![
        EntryKind::File,
        EntryKind::Directory,
        EntryKind::Symlink,
        EntryKind::Hardlink,
        EntryKind::CharDevice,
        EntryKind::BlockDevice,
        EntryKind::Fifo,
    ])
}

fn any_meta() -> impl Strategy<Value = EntryMeta> {
    // Few parts, so that folders come again; any bytes, so that nothing depends on what is in them.
    let part = prop_oneof![
        prop::sample::select(vec![&b"a"[..], b"bb", b"a-b", b"c\xff"]).prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    let path = prop::collection::vec(part, 0..6).prop_map(|parts| parts.join(&b'/'));
    let link = prop::option::of(prop::collection::vec(any::<u8>(), 0..20));
    let capabilities = prop::option::of(any::<(u64, u64, bool, u32)>());
    let numbers = (any::<[u32; 2]>(), any::<u64>(), any::<i64>());
    (path, kind(), 0_u32..0o10000, numbers, link, capabilities).prop_map(
        |(path, kind, mode, ([uid, gid], size, mtime), link, capabilities)| EntryMeta {
            path: TreePath::clean(&path),
            kind,
            mode,
            uid: uid.into(),
            gid: gid.into(),
            size,
            mtime,
            link,
            capabilities: capabilities.map(|(permitted, inheritable, is_effective, root)| {
                FileCapabilities { permitted, inheritable, is_effective, root }
            }),
        },
    )
}

proptest! {
    #[test]
    fn what_is_packed_comes_out_again(metas in prop::collection::vec(any_meta(), 0..40)) {
        let entries = Entries::pack(&metas).unwrap();
        let unpacked: Vec<EntryMeta> = entries.iter().map(EntryRef::to_meta).collect();
        prop_assert_eq!(&unpacked, &metas);
        let names = metas.iter().map(|meta| {
            (meta.path.as_bytes().len() + meta.link.as_ref().map_or(0, Vec::len)) as u64
        });
        prop_assert_eq!(entries.names_bytes(), names.sum::<u64>());
        for (index, meta) in (0..).zip(&metas) {
            let entry = entries.get(index).unwrap();
            prop_assert_eq!(entry.path(), meta.path.clone());
            prop_assert_eq!(entry.name(), meta.path.name());
            prop_assert!(entry.is_at(meta.path.as_bytes()));
            prop_assert_eq!(&entry.to_meta(), meta);
        }
    }

    #[test]
    fn what_is_stored_comes_out_again(metas in prop::collection::vec(any_meta(), 0..40)) {
        let entries = Entries::pack(&metas).unwrap();
        let mut bytes = Vec::new();
        entries.write_bytes(&mut |piece| bytes.extend_from_slice(piece));
        bytes.extend_from_slice(b"rest");
        let mut rest = bytes.as_slice();
        prop_assert_eq!(Entries::read_bytes(&mut rest), Some(entries));
        prop_assert_eq!(rest, b"rest");
    }

    #[test]
    fn changed_bytes_give_nothing_or_entries_that_keep_their_promises(
        metas in prop::collection::vec(any_meta(), 1..20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        let entries = Entries::pack(&metas).unwrap();
        entries.write_bytes(&mut |piece| bytes.extend_from_slice(piece));
        let mut changed = bytes.clone();
        for (index, byte) in changes {
            let length = changed.len();
            changed[index.index(length)] = byte;
        }
        let cut = &bytes[..cut.index(bytes.len())];
        for bytes in [cut, &changed] {
            let Some(entries) = Entries::read_bytes(&mut &*bytes) else { continue };
            for entry in entries.iter() {
                let meta = entry.to_meta();
                prop_assert_eq!(&TreePath::clean(meta.path.as_bytes()), &meta.path);
                prop_assert_eq!(meta.path.name(), entry.name());
            }
        }
    }
}
