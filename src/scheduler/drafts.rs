//! Drafts: output that coroutines have begun, and that is not complete yet.
//!
//! An object that collects output before it sends it has a `Draft`. The scheduler knows all of
//! them that hold something, so that a coroutine's drafts can be sent before it waits for a peer.

use super::coroutine::Coroutine;
use crate::intrusive::{Link, List, Ref, adapter};
use core::cell::Cell;
use core::ptr;

/// A part of an object that collects output.
pub(crate) struct Draft {
    link: Link,
    /// The coroutine that has begun the output, while the draft is in the list.
    author: Cell<*const Coroutine>,
    /// The last [`Visit`] that has seen the draft.
    seen_by: Cell<u64>,
}

adapter!(
    /// The list of all drafts that hold something.
    Begun,
    Draft,
    link
);

impl Draft {
    pub(crate) const fn new() -> Draft {
        Draft { link: Link::new(), author: Cell::new(ptr::null()), seen_by: Cell::new(0) }
    }

    /// Returns whether `coroutine` has begun the output and it is in the list.
    pub(crate) fn is_by(&self, coroutine: Ref<Coroutine>) -> bool {
        self.link.is_linked() && coroutine.same(self.author.get())
    }

    /// Takes the draft out of the list, if it is there: its output was sent or dropped.
    pub(crate) fn remove(&self) {
        self.link.unlink();
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The drafts of all coroutines of a scheduler, in the order in which they were begun. All are
/// parts of objects of one type, which an upper layer knows.
pub(crate) struct Drafts {
    list: List<Begun>,
    visits: Cell<u64>,
}

/// A visit of all drafts of one coroutine; the list may change meanwhile.
pub(crate) struct Visit {
    author: Ref<Coroutine>,
    number: u64,
}

impl Drafts {
    /// Returns no drafts. Call [`Drafts::init`] in place.
    pub(super) const fn new() -> Drafts {
        Drafts { list: List::new(), visits: Cell::new(0) }
    }

    /// Makes the list empty, at its final address.
    pub(super) fn init(&self) {
        self.list.init();
    }

    /// Returns whether no draft holds anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Appends a draft, which `author` has begun, unless it is in the list.
    pub(crate) fn add(&self, draft: Ref<Draft>, author: Ref<Coroutine>) {
        if !draft.link.is_linked() {
            draft.author.set(author.as_ptr());
            draft.seen_by.set(0);
            self.list.push_back(draft);
        }
    }

    /// Begins a visit of the drafts of `author`.
    pub(crate) fn visit(&self, author: Ref<Coroutine>) -> Visit {
        let number = self.visits.get() + 1;
        self.visits.set(number);
        Visit { author, number }
    }

    /// Returns the first draft that neither this visit nor a later one has seen.
    pub(crate) fn next(&self, visit: &Visit) -> Option<Ref<Draft>> {
        let mut next = self.list.first();
        while let Some(draft) = next {
            if draft.is_by(visit.author) && draft.seen_by.get() < visit.number {
                draft.seen_by.set(visit.number);
                return Some(draft);
            }
            next = self.list.after(draft);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::context::Context;

    #[test]
    #[allow(unsafe_code)]
    fn each_draft_of_the_author_is_seen_once() {
        let context = Context::get().unwrap();
        // SAFETY: a part of the context.
        let (me, other) =
            (context.current(), unsafe { Ref::from_raw(&raw const context.idle_task) });
        let objects = Box::new([const { Draft::new() }; 3]);
        // SAFETY: the drafts stay in the box until they are dropped, which takes them out.
        let drafts = objects.each_ref().map(|draft| unsafe { Ref::from_raw(draft) });
        context.drafts.add(drafts[0], me);
        context.drafts.add(drafts[1], other);
        context.drafts.add(drafts[2], me);
        context.drafts.add(drafts[2], other);
        assert!(drafts[2].is_by(me));
        let visit = context.drafts.visit(me);
        let seen = || context.drafts.next(&visit).map(Ref::as_ptr);
        assert_eq!(seen(), Some(drafts[0].as_ptr()));
        drafts[0].remove();
        // A visit within the visit sees those that are left, and the outer one needn't.
        let inner = context.drafts.visit(me);
        assert_eq!(context.drafts.next(&inner).map(Ref::as_ptr), Some(drafts[2].as_ptr()));
        assert_eq!(seen(), None);
        // Begun again, a draft is a new one.
        context.drafts.add(drafts[0], me);
        assert_eq!(seen(), Some(drafts[0].as_ptr()));
        assert_eq!(seen(), None);
        drop(objects);
        assert!(context.drafts.list.is_empty());
    }
}
