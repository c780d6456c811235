//! Subscribers: those who are told when a channel ends or a bundle is asked to finish.
//!
//! Channels and bundles keep lists of subscribers and know nothing else of them. A subscriber is
//! part of a larger object, which its function finds from its address.

use crate::intrusive::{Link, List, Ref, adapter};
use crate::scheduler::context::Context;

/// What a subscriber is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The event has come: nothing more will come from the channel, or the bundle was asked to
    /// finish.
    Happened,
    /// The event won't come any more: the subscriber's end of the channel was closed, or the
    /// bundle has ended.
    Ended,
}

/// The function of a subscriber. When it is called the subscriber has left its list, so it may
/// free the object that the subscriber is part of.
///
/// # Safety
/// The subscriber is one that was made with this function.
pub(super) type Tell = unsafe fn(subscriber: Ref<Subscriber>, context: &Context, news: News);

/// A subscriber, told at most once.
#[repr(C)]
pub(crate) struct Subscriber {
    link: Link,
    tell: Tell,
}

impl Subscriber {
    pub(super) const fn new(tell: Tell) -> Subscriber {
        Subscriber { link: Link::new(), tell }
    }

    /// Returns whether the subscriber waits to be told.
    pub(super) fn is_subscribed(&self) -> bool {
        self.link.is_linked()
    }

    /// Leaves the list, if the subscriber is in one. It won't be told anything.
    pub(super) fn withdraw(&self) {
        self.link.unlink();
    }
}

adapter!(
    /// The list that a subscriber is in.
    Subscribed,
    Subscriber,
    link
);

/// The subscribers to one event, in the order in which they came.
#[repr(transparent)]
pub(super) struct Subscribers(List<Subscribed>);

impl Subscribers {
    pub(super) const fn new() -> Subscribers {
        Subscribers(List::new())
    }

    /// Makes the list empty, at its final address.
    pub(super) fn init(&self) {
        self.0.init();
    }

    /// Appends a subscriber that is in no list.
    pub(super) fn add(&self, subscriber: Ref<Subscriber>) {
        self.0.push_back(subscriber);
    }

    /// The subscribers, the first one first. None of them may leave meanwhile.
    pub(super) fn iter(&self) -> impl Iterator<Item = Ref<Subscriber>> {
        core::iter::successors(self.0.first(), |&subscriber| self.0.after(subscriber))
    }

    /// Tells all subscribers, the first one first. None is left afterwards.
    pub(super) fn tell_all(&self, context: &Context, news: News) {
        while let Some(subscriber) = self.0.pop_front() {
            // SAFETY: `Subscriber::new` stored the function in this subscriber.
            unsafe { (subscriber.tell)(subscriber, context, news) }
        }
    }
}
