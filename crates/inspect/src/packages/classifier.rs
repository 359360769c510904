//! Programs and libraries that no package describes, known by what stands in their bytes.
//!
//! In: files whose name is a product's (`nginx`, `libcrypto.so.3`), as they are. Out: the product with the version that it
//! would print itself. Source: each product's own sources; which strings say it is told by examples in the table. Which
//! package the field calls it: the names that Syft and the CPE dictionary use.
//!
//! Odd: what is said here is what the program says of itself. A distribution's build with fixes of later versions says the
//! old version, so what a package of the distribution owns is that package and not listed twice (`inspection/inventory.rs`).
//! Several products come in files of one name (`mysqld`): of the rows that claim a file, the first that finds a version
//! names it.

mod product;
mod search;
mod table;

use plimsoll_image::EntryMeta;

use self::{
    product::{Product, candidates, compiled},
    table::PRODUCTS,
};
use super::lock::EVIDENCE;
use crate::{
    facts::{FileFacts, PackageFact},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Value of [`EVIDENCE`] for what was read out of a program.
pub(crate) const BINARY: &str = "binary";

/// Id of the parser.
pub(crate) const ID: &str = "classifier";

/// Largest file that is searched; browsers have a third of it.
const LIMIT: u64 = 1 << 30;

/// As much as tells the form of a file.
const HEAD: u64 = 64;

/// Reads versions out of programs and libraries.
#[derive(Debug)]
pub(crate) struct Classifier;

impl Parser for Classifier {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        2
    }

    fn reads(&self) -> &'static str {
        "programs and shared libraries that are called as a known product is: node, nginx, libcrypto.so.*, …"
    }

    fn follows_links(&self) -> bool {
        false
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        (meta.size > 0 && candidates(path).next().is_some())
            .then_some(Want::Seekable { head: HEAD, limit: LIMIT })
    }

    fn wants_rest(&self, path: &[u8], head: &[u8]) -> bool {
        candidates(path).any(|(_, product)| product.form.begins(head))
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let path = file.path.as_bytes();
        let products: Vec<_> =
            candidates(path).filter(|(_, product)| product.form.begins(file.bytes)).collect();
        let mut facts = FileFacts::default();
        let mut patterns = Vec::new();
        for (row, product) in &products {
            let named = if product.is_named { product::version_of_name(path) } else { None };
            for regex in compiled(*row) {
                patterns.push(search::Pattern { regex, begins: named, row: *row });
            }
        }
        let Some((row, version)) = search::first_version(&file.content, &patterns)? else {
            return Ok(facts);
        };
        let found = products.iter().find(|(known, _)| *known == row);
        for package in found.into_iter().flat_map(|(_, product)| product.packages()) {
            let mut extra = package.extra(&version);
            extra.insert(EVIDENCE.to_owned(), BINARY.to_owned());
            facts.packages.push(PackageFact {
                ecosystem: Some(package.ecosystem.to_owned()),
                namespace: package.namespace.map(str::to_owned),
                name: package.name.to_owned(),
                version: package.version(&version),
                extra,
                ..PackageFact::default()
            });
        }
        Ok(facts)
    }
}

/// What comes along with a product that was found: paths below the folder that `bin` or `lib` is in, or beside the file itself
/// (`./libssl`); names may go on.
pub(crate) fn beside(package: &PackageFact) -> &'static [&'static str] {
    let is_it = |product: &&Product| {
        let listed = &product.listed;
        package.ecosystem.as_deref() == Some(listed.ecosystem)
            && package.namespace.as_deref() == listed.namespace
            && package.name == listed.name
    };
    let is_classified = package.extra.get(EVIDENCE).is_some_and(|evidence| evidence == BINARY);
    let product = PRODUCTS.iter().find(|product| is_classified && is_it(product));
    product.map_or(&[], |product| product.beside)
}

#[cfg(test)]
#[path = "classifier/tests.rs"]
mod tests;
