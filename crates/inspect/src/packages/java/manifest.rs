//! The main section of `META-INF/MANIFEST.MF`.
//!
//! In: `Name: value` lines. Out: the values by name. Source: JAR file specification, "JAR Manifest". Odd: lines end after
//! 72 bytes and go on in the next one behind a blank; names do not care about case; the section ends at an empty line.

use std::collections::BTreeMap;

/// Attributes by lower-cased name.
#[derive(Debug, Default)]
pub(super) struct Manifest(BTreeMap<String, String>);

impl Manifest {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(&name.to_ascii_lowercase())?;
        (!value.is_empty()).then_some(value)
    }
}

pub(super) fn parse(bytes: &[u8]) -> Manifest {
    let text = String::from_utf8_lossy(bytes);
    let mut attributes = BTreeMap::new();
    let mut last: Option<(String, String)> = None;
    let mut keep = |attribute: Option<(String, String)>| {
        if let Some((name, value)) = attribute {
            attributes.entry(name).or_insert_with(|| value.trim().to_owned());
        }
    };
    for line in text.lines() {
        if line.is_empty() {
            break;
        }
        if let Some(more) = line.strip_prefix(' ') {
            if let Some((_, value)) = &mut last {
                value.push_str(more);
            }
        } else {
            let attribute = line.split_once(':');
            let attribute =
                attribute.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
            keep(std::mem::replace(&mut last, attribute));
        }
    }
    keep(last);
    Manifest(attributes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_go_on_and_the_section_ends() {
        let manifest = super::parse(
            b"Manifest-Version: 1.0\r\nBundle-SymbolicName: org.a.\r\n b;x:=y\r\n\r\nName: z\r\n",
        );
        assert_eq!(manifest.get("bundle-symbolicname"), Some("org.a.b;x:=y"));
        assert_eq!(manifest.get("Name"), None);
        assert_eq!(super::parse(b" x\n:\n").get(""), None);
    }
}
