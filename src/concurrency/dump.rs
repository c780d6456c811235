//! The tree of bundles and coroutines as text: who runs, and what the others wait for.
//!
//! A wait does not know what it is for, as that would cost every blocking call an
//! instruction. So a dump first goes through the handles and descriptors and marks those who
//! wait for them, then prints the tree. It allocates nothing, takes no lock and needs little
//! stack: it may run in a signal handler.

mod wait;

use super::bundle::inspection::{first_owned, next_owned};
use super::bundle::{self, BUNDLE, Bundle, Grace};
use super::cancel_scope::{self, Fired, Watch};
use super::channel::{HALF_CHANNEL, HalfChannel};
use super::input;
use crate::handle_table::Kind;
use crate::intrusive::Ref;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::inspection::UNMARKED;
use crate::scheduler::coroutine::{Blocked, Coroutine};
use core::ptr;

/// Deeper levels are not indented any further.
const DEEPEST_INDENTATION: usize = 32;

/// A place in the tree.
#[derive(Clone, Copy, PartialEq)]
enum Node {
    Coroutine(Ref<Coroutine>),
    Bundle(Ref<Bundle>),
}

/// Writes what the coroutines of the calling thread do.
pub(crate) fn describe(context: &Context, out: &mut Output) {
    mark(context);
    write_handles(context, out);
    let mut dump = Dump { context, out, now: context.clock.peek(), number: 0 };
    dump.write_tree(Node::Coroutine(context.main_coroutine()));
    let mut none = true;
    for_each_bundle(context, |bundle| {
        if bundle.owner().is_none() {
            if core::mem::take(&mut none) {
                dump.out.text("bundles whose owners have ended:\n");
            }
            dump.write_tree(Node::Bundle(bundle));
        }
    });
}

fn for_each_bundle(context: &Context, mut action: impl FnMut(Ref<Bundle>)) {
    context.handles.for_each(|_, object, kind| {
        if ptr::eq(kind, &BUNDLE) {
            // SAFETY: objects of this kind are bundles, alive while their handle is open.
            action(unsafe { Ref::from_raw(object.cast()) });
        }
    });
}

/// Gives all bundles and waiters their marks.
fn mark(context: &Context) {
    forget_marks(context.main_coroutine());
    context.handles.for_each(|handle, object, kind| {
        if ptr::eq(kind, &BUNDLE) {
            // SAFETY: objects of this kind are bundles, alive while their handle is open.
            let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
            bundle.set_mark(handle);
            let mut next = bundle.members().first();
            while let Some(member) = next {
                forget_marks(member);
                next = bundle.members().after(member);
            }
        }
    });
    context.fds.mark_waiters();
    context.handles.for_each(|handle, object, kind| {
        if ptr::eq(kind, &BUNDLE) {
            // SAFETY: as above.
            let bundle: Ref<Bundle> = unsafe { Ref::from_raw(object.cast()) };
            let mut next = bundle.waiting().first();
            while let Some(waiter) = next {
                waiter.set_mark(handle);
                next = bundle.waiting().after(waiter);
            }
        } else if ptr::eq(kind, &HALF_CHANNEL) {
            // SAFETY: objects of this kind are half-channels, alive while a handle is open.
            let half: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
            let peer = half.peer();
            // Those who send from a half wait at its peer.
            for (list, mark) in [(&half.receivers, handle), (&peer.senders, !handle)] {
                let mut next = list.first();
                while let Some(waiter) = next {
                    waiter.set_mark(mark);
                    next = list.after(waiter);
                }
            }
        } else if let Some((fd, depth)) = input::descriptor_beneath(context, handle) {
            context.fds.note_top(fd, handle, depth);
        }
    });
}

fn forget_marks(coroutine: Ref<Coroutine>) {
    for waiter in coroutine.waits() {
        waiter.set_mark(UNMARKED);
    }
}

/// How many handles of each kind are open: what only grows is a leak.
fn write_handles(context: &Context, out: &mut Output) {
    const KINDS: usize = 32;
    let mut counts: [(*const Kind, usize); KINDS] = [(ptr::null(), 0); KINDS];
    context.handles.for_each(|_, _, kind| {
        let known =
            |&&mut (other, _): &&mut (*const Kind, usize)| other.is_null() || ptr::eq(other, kind);
        if let Some((place, count)) = counts.iter_mut().find(known) {
            *place = kind;
            *count += 1;
        }
    });
    out.text("open handles:");
    for (index, (kind, count)) in counts.into_iter().enumerate() {
        // SAFETY: null or the kind of an open handle.
        match unsafe { kind.as_ref() } {
            Some(kind) => {
                out.text(if index > 0 { ", " } else { " " });
                out.number(count as i64).text(" ").text(kind.name);
            }
            None if index == 0 => drop(out.text(" none")),
            None => break,
        }
    }
    out.text("\n");
}

/// A dump that is being written.
struct Dump<'out> {
    context: &'out Context,
    out: &'out mut Output,
    /// The clock, in milliseconds.
    now: i64,
    /// Coroutines written so far, the main one aside.
    number: i64,
}

impl Dump<'_> {
    /// Writes `root` and everything beneath. A loop, not a recursion: the tree may be deeper
    /// than the stack.
    fn write_tree(&mut self, root: Node) {
        let mut depth = if matches!(root, Node::Bundle(_)) { 1 } else { 0 };
        let mut node = root;
        loop {
            self.write_line(node, depth);
            let first = match node {
                Node::Coroutine(coroutine) => first_owned(coroutine).map(Node::Bundle),
                Node::Bundle(bundle) => bundle.members().first().map(Node::Coroutine),
            };
            if let Some(first) = first {
                depth += 1;
                node = first;
                continue;
            }
            // Up, to the first that has a neighbour.
            loop {
                if node == root {
                    return;
                }
                let (next, up) = match node {
                    Node::Coroutine(coroutine) => {
                        let Some(bundle) = bundle::of(coroutine) else { return };
                        let next = bundle.members().after(coroutine);
                        (next.map(Node::Coroutine), Node::Bundle(bundle))
                    }
                    Node::Bundle(bundle) => {
                        let Some(owner) = bundle.owner() else { return };
                        let next = next_owned(owner, bundle);
                        (next.map(Node::Bundle), Node::Coroutine(owner))
                    }
                };
                if let Some(next) = next {
                    node = next;
                    break;
                }
                depth -= 1;
                node = up;
            }
        }
    }

    fn write_line(&mut self, node: Node, depth: usize) {
        for _ in 0..depth.min(DEEPEST_INDENTATION) {
            self.out.text("  ");
        }
        match node {
            Node::Coroutine(coroutine) => self.write_coroutine(coroutine),
            Node::Bundle(bundle) => self.write_bundle(&bundle),
        }
        self.out.text("\n");
    }

    fn write_coroutine(&mut self, coroutine: Ref<Coroutine>) {
        if coroutine == self.context.main_coroutine() {
            self.out.text("main: ");
        } else {
            self.number += 1;
            self.out.text("#").number(self.number).text(" ");
            coroutine.write_origin(self.out);
            self.out.text(": ");
        }
        if coroutine.blocked_on() != Blocked::No {
            self.write_wait(coroutine);
        } else if coroutine == self.context.current() {
            self.out.text("running");
        } else {
            self.out.text("ready");
        }
        if coroutine.is_cancelled() {
            self.out.text("; cancelled");
        }
        if coroutine.is_in_close() {
            self.out.text("; in a close callback");
        }
        cancel_scope::for_each(coroutine, |watch, deadline, fired| {
            self.write_scope(watch, deadline, fired);
        });
    }

    fn write_scope(&mut self, watch: Watch, deadline: Option<i64>, fired: Fired) {
        self.out.text("; in a cancel scope");
        match watch {
            Watch::Nothing => {}
            Watch::Channel(handle) => drop(self.out.text(" on channel ").number(handle.into())),
            Watch::Request => drop(self.out.text(" on the request")),
            Watch::Shield => drop(self.out.text(" that shields")),
        }
        if let Some(deadline) = deadline {
            self.out.text(", deadline in ");
            self.write_time_to(deadline);
        }
        match fired {
            Fired::No => {}
            Fired::ByDeadline => drop(self.out.text(", ended by its deadline")),
            Fired::ByRequest => drop(self.out.text(", fired")),
        }
    }

    fn write_bundle(&mut self, bundle: &Bundle) {
        // SAFETY: marked by `mark`, as every bundle.
        self.out.text("bundle ").number(unsafe { bundle.mark() }.into());
        let mut separator = ": ";
        let mut fact = |dump: &mut Self, text: &str| {
            dump.out.text(core::mem::replace(&mut separator, ", ")).text(text);
        };
        if bundle.is_empty() {
            fact(self, "empty");
        }
        if bundle.requested.get() {
            fact(self, "asked to finish");
        }
        match bundle.grace() {
            Grace::Until(end) => {
                fact(self, "grace ");
                self.write_time_to(end);
            }
            Grace::Unlimited => fact(self, "grace without limit"),
            Grace::None => {}
        }
        if let Some(outer) = bundle.inherits_grace_from() {
            // SAFETY: as above.
            let handle = unsafe { outer.mark() };
            self.out.text(" as bundle ").number(handle.into());
        }
        if let Some(deadline) = bundle.deadline() {
            fact(self, "deadline in ");
            self.write_time_to(deadline);
        }
        if bundle.is_closing() {
            fact(self, "being closed");
        } else if bundle.was_forced() {
            fact(self, "hard-cancelled");
        }
    }

    /// How long it is until `time`.
    fn write_time_to(&mut self, time: i64) {
        self.out.number(time.saturating_sub(self.now).max(0)).text(" ms");
    }
}
