//! The product tree: what an id of a product stands for.
//!
//! In: branches, full product names, relationships. Out: per id its own name, CPE and package URL, and what it is a part
//! of. Source: CSAF 2.0, 3.2.2. Odd: a part may be part of a part (a package of a module of a product), so what it belongs to is
//! followed upwards, eight steps at most.

use std::collections::HashMap;

use super::document::{Branch, Product, ProductTree};

/// How deep branches are nested, and how far parts are followed.
const MAX_BRANCHES: usize = 32;
const MAX_STEPS: usize = 8;

/// Products by their ids.
#[derive(Default)]
pub(crate) struct Tree<'a> {
    nodes: HashMap<&'a str, Node<'a>>,
    groups: HashMap<&'a str, Vec<&'a str>>,
}

#[derive(Clone, Copy, Default)]
struct Node<'a> {
    names: Names<'a>,
    /// The part, and the whole that it is a part of.
    parts: Option<(&'a str, &'a str)>,
}

/// What a product is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Names<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) cpe: &'a str,
    pub(crate) purl: &'a str,
}

impl<'a> Tree<'a> {
    pub(crate) fn of(tree: &'a ProductTree<'_>) -> Self {
        let mut found = Self::default();
        for branch in tree.branches.iter().flatten() {
            found.branch(branch, 0);
        }
        for product in tree.full_product_names.iter().flatten() {
            found.add(product, None);
        }
        for relationship in tree.relationships.iter().flatten() {
            let parts: (&str, &str) =
                (&relationship.product_reference, &relationship.relates_to_product_reference);
            found.add(&relationship.full_product_name, Some(parts));
        }
        for group in tree.product_groups.iter().flatten() {
            let ids = group.product_ids.iter().flatten().map(|id| &**id);
            found.groups.insert(&group.group_id, ids.collect());
        }
        found
    }

    fn branch(&mut self, branch: &'a Branch<'_>, depth: usize) {
        if let Some(product) = &branch.product {
            self.add(product, None);
        }
        if depth < MAX_BRANCHES {
            for child in branch.branches.iter().flatten() {
                self.branch(child, depth + 1);
            }
        }
    }

    fn add(&mut self, product: &'a Product<'_>, parts: Option<(&'a str, &'a str)>) {
        let helper = product.product_identification_helper.as_ref();
        let names = Names {
            id: &product.product_id,
            name: product.name.as_deref().unwrap_or_default(),
            cpe: helper.and_then(|helper| helper.cpe.as_deref()).unwrap_or_default(),
            purl: helper.and_then(|helper| helper.purl.as_deref()).unwrap_or_default(),
        };
        self.nodes.insert(&product.product_id, Node { names, parts });
    }

    /// A product and what it is a part of, outermost last. The id itself stands first where nothing is known of it.
    pub(crate) fn chain_of<'b>(&'b self, id: &'b str) -> Vec<Names<'b>> {
        let mut chain: Vec<Names<'b>> = Vec::new();
        let mut left = Some(id);
        while let Some(id) = left.filter(|_| chain.len() < MAX_STEPS) {
            let node = self.nodes.get(id);
            left = None;
            match node.and_then(|node| node.parts.map(|parts| (node, parts))) {
                Some((node, (part, whole))) => {
                    // A part of a part stands in front of what both belong to.
                    let own = self
                        .nodes
                        .get(part)
                        .map_or(Names { id: part, ..Names::default() }, |part| part.names);
                    let named = Names {
                        cpe: if own.cpe.is_empty() { node.names.cpe } else { own.cpe },
                        purl: if own.purl.is_empty() { node.names.purl } else { own.purl },
                        ..own
                    };
                    chain.push(named);
                    left = Some(whole);
                }
                None => {
                    chain.push(node.map_or(Names { id, ..Names::default() }, |node| node.names))
                }
            }
        }
        chain
    }

    /// The products that a list of products and one of groups name.
    pub(crate) fn named<'b>(
        &'b self,
        products: Option<&'b Vec<std::borrow::Cow<'a, str>>>,
        groups: Option<&'b Vec<std::borrow::Cow<'a, str>>>,
    ) -> impl Iterator<Item = &'b str> + 'b {
        let in_groups = groups
            .into_iter()
            .flatten()
            .filter_map(|group| self.groups.get(&**group))
            .flatten()
            .copied();
        products.into_iter().flatten().map(|id| &**id).chain(in_groups)
    }
}
