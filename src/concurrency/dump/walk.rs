//! From a coroutine or bundle to everything beneath.

use crate::concurrency::bundle::inspection::{first_owned, next_owned};
use crate::concurrency::bundle::{self, Bundle};
use crate::intrusive::Ref;
use crate::scheduler::coroutine::Coroutine;

/// A place in the tree.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Node {
    Coroutine(Ref<Coroutine>),
    Bundle(Ref<Bundle>),
}

/// Yields a node and all beneath it, each with its depth below the first: first the node itself,
/// then what it owns or contains. It needs no memory: the tree may be deeper than the stack.
pub(super) struct Walk {
    root: Node,
    next: Option<(Node, usize)>,
}

impl Walk {
    pub(super) fn from(root: Node) -> Walk {
        Walk { root, next: Some((root, 0)) }
    }

    fn after(&self, node: Node, depth: usize) -> Option<(Node, usize)> {
        let first = match node {
            Node::Coroutine(coroutine) => first_owned(coroutine).map(Node::Bundle),
            Node::Bundle(bundle) => bundle.members().first().map(Node::Coroutine),
        };
        if let Some(first) = first {
            return Some((first, depth + 1));
        }
        // Up, to the first that has a neighbour.
        let (mut node, mut depth) = (node, depth);
        while node != self.root {
            let (next, up) = match node {
                Node::Coroutine(coroutine) => {
                    let bundle = bundle::of(coroutine)?;
                    let next = bundle.members().after(coroutine);
                    (next.map(Node::Coroutine), Node::Bundle(bundle))
                }
                Node::Bundle(bundle) => {
                    let owner = bundle.owner()?;
                    (next_owned(owner, bundle).map(Node::Bundle), Node::Coroutine(owner))
                }
            };
            if let Some(next) = next {
                return Some((next, depth));
            }
            node = up;
            depth -= 1;
        }
        None
    }
}

impl Iterator for Walk {
    type Item = (Node, usize);

    fn next(&mut self) -> Option<(Node, usize)> {
        let (node, depth) = self.next?;
        self.next = self.after(node, depth);
        Some((node, depth))
    }
}
