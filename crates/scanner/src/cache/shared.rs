//! Entries that several machines share.
//!
//! In: names of entries, and their bytes. Out: the bytes that somebody else kept. Odd: whoever may write there decides what is found
//! in layers: it must be as trusted as the machines themselves. Bytes are checked when they are used, as those of the folder are.

/// Entries that several machines share, beside the folder of each.
///
/// What is asked here is what the folder does not have, from the threads that scan: it may wait, and it says what went wrong to the
/// log, since a scan goes on without.
pub trait SharedEntries: Send + Sync + std::fmt::Debug {
    /// The bytes of an entry, if somebody kept it.
    fn fetch(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps the bytes of an entry for others.
    fn keep(&self, name: &str, entry: Vec<u8>);
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use plimsoll_image::{Budget, LayerEntries};
    use plimsoll_inspect::LayerFacts;
    use plimsoll_model::Digest;

    use super::{
        super::{Holds, LayerCache, MAGIC, pack_entry},
        *,
    };

    #[derive(Debug, Default)]
    struct Kept(std::sync::Mutex<std::collections::BTreeMap<String, Vec<u8>>>);

    impl SharedEntries for Kept {
        fn fetch(&self, name: &str) -> Option<Vec<u8>> {
            self.0.lock().unwrap().get(name).cloned()
        }

        fn keep(&self, name: &str, entry: Vec<u8>) {
            self.0.lock().unwrap().insert(name.to_owned(), entry);
        }
    }

    #[test]
    fn a_layer_that_one_machine_read_is_known_to_another_that_reads_likewise() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let kept = Arc::new(Kept::default());
        let key = folders[0].path().join("fingerprint.key");
        let open = |number: usize| {
            let cache = LayerCache::open(folders[number].path(), &Budget::default()).unwrap();
            cache.shared_with(Arc::<Kept>::clone(&kept))
        };
        let one = open(0);
        let digest = Digest::from_bytes([7; 32]);
        let entries = LayerEntries { computed_digest: Some(digest), ..LayerEntries::default() };
        let facts = LayerFacts { entries, ..LayerFacts::default() };
        one.put(&facts).unwrap();
        assert_eq!(kept.0.lock().unwrap().len(), 1);
        // Another key of fingerprints is another reader.
        assert!(open(1).get(&digest).is_none());
        fs::copy(&key, folders[1].path().join("fingerprint.key")).unwrap();
        let two = open(1);
        assert_eq!(two.get(&digest), Some(facts));
        assert!(two.for_rules("other").get(&digest).is_none());
        // It is here now, whatever becomes of the shared one.
        kept.0.lock().unwrap().clear();
        assert!(two.get(&digest).is_some());
        // What is damaged there is no entry here, and is replaced.
        let other = Digest::from_bytes([8; 32]);
        let entries = LayerEntries { computed_digest: Some(other), ..LayerEntries::default() };
        one.put(&LayerFacts { entries, ..LayerFacts::default() }).unwrap();
        for bytes in kept.0.lock().unwrap().values_mut() {
            let half = bytes.len() / 2;
            bytes.truncate(half);
        }
        assert!(two.get(&other).is_none());
    }

    #[test]
    fn files_of_this_machine_are_not_told_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Arc::new(Kept::default());
        let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
        let cache = cache.shared_with(Arc::<Kept>::clone(&kept));
        let entry = pack_entry(&LayerFacts::default(), Holds::Layer).unwrap();
        let [one, two] = [1, 2].map(|byte| Digest::from_bytes([byte; 32]));
        cache.keep_entry(&one, &mut entry.as_slice()).unwrap();
        let mut local = entry;
        local[MAGIC.len() + 1] = Holds::File as u8;
        cache.keep_entry(&two, &mut local.as_slice()).unwrap();
        let kept = kept.0.lock().unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept.keys().all(|name| name.contains(&one.hex())));
    }
}
