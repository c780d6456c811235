//! The tree of bundles and coroutines as text: who runs, and what the others wait for.
//!
//! A wait does not know what it is for, as that would cost every blocking call an
//! instruction. So a dump first goes through the handles and descriptors and marks those who
//! wait for them, then prints the tree. It allocates nothing, takes no lock and needs little
//! stack: it may run in a signal handler.

mod obstacles;
mod wait;
mod walk;

use self::walk::{Node, Walk};
use super::bundle::{BUNDLE, Bundle, Grace};
use super::channel::{HALF_CHANNEL, HalfChannel};
use super::input;
use super::notification;
use super::scope_chain::{self, Fired, Watch};
use crate::handle_table::Kind;
use crate::intrusive::{Adapter, List, Ref};
use crate::os::output::Output;
use crate::os::symbols::symbol;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use crate::scheduler::coroutine::inspection::UNMARKED;
use crate::scheduler::dump::View;
use core::ffi::c_int;
use core::ptr;

/// Deeper levels are not indented any further.
const DEEPEST_INDENTATION: usize = 32;

/// The mark of a bundle without a handle, one of the library's own, and of who waits for it.
const PRIVATE: i32 = UNMARKED + 1;
/// The mark of who waits for the request to its bundle.
const REQUEST: i32 = UNMARKED + 2;

// Programs that use the library don't see the symbol.
core::arch::global_asm!(concat!(".hidden ", symbol!("dill_describe_coroutines")));

/// Writes that view of the scheduler's coroutines. `scheduler/dump.rs` calls it by this
/// name, as the scheduler knows nothing of bundles and channels.
#[unsafe(export_name = symbol!("dill_describe_coroutines"))]
fn describe(context: &Context, out: &mut Output, view: View) {
    mark(context);
    if view == View::All {
        write_handles(context, out);
        write_notifications(context, out);
    }
    let mut dump = Dump { context, out, now: context.clock.peek(), number: 0 };
    match view {
        View::All => dump.write_tree(),
        View::Obstacles => dump.write_obstacles(),
    }
}

/// Calls `action` with the main coroutine and with each bundle that has no owner any more:
/// everything is beneath one of these.
fn for_each_tree(context: &Context, mut action: impl FnMut(Node)) {
    action(Node::Coroutine(context.main_coroutine()));
    for_each_bundle(context, |_, bundle| {
        if bundle.owner().is_none() {
            action(Node::Bundle(bundle));
        }
    });
}

fn for_each_bundle(context: &Context, mut action: impl FnMut(c_int, Ref<Bundle>)) {
    context.handles.for_each(|handle, object, kind| {
        if ptr::eq(kind, &BUNDLE) {
            // SAFETY: objects of this kind are bundles, alive while their handle is open.
            action(handle, unsafe { Ref::from_raw(object.cast()) });
        }
    });
}

/// Calls `action` with all members of a list.
fn for_each<A: Adapter>(list: &List<A>, mut action: impl FnMut(Ref<A::Item>)) {
    let mut next = list.first();
    while let Some(item) = next {
        action(item);
        next = list.after(item);
    }
}

/// Gives all bundles and waiters their marks.
fn mark(context: &Context) {
    for_each_tree(context, |root| {
        for (node, _) in Walk::from(root) {
            match node {
                Node::Bundle(bundle) => bundle.set_mark(PRIVATE),
                Node::Coroutine(coroutine) => {
                    coroutine.waits().for_each(|waiter| waiter.set_mark(UNMARKED));
                }
            }
        }
    });
    for_each_bundle(context, |handle, bundle| bundle.set_mark(handle));
    for_each_tree(context, |root| {
        for (node, _) in Walk::from(root) {
            if let Node::Bundle(bundle) = node {
                // SAFETY: marked above.
                let mark = unsafe { bundle.mark() };
                for_each(bundle.waiting(), |waiter| waiter.set_mark(mark));
                bundle.for_each_asker(|waiter| waiter.set_mark(REQUEST));
            }
        }
    });
    context.fds.mark_waiters();
    context.handles.for_each(|handle, object, kind| {
        if ptr::eq(kind, &HALF_CHANNEL) {
            // SAFETY: objects of this kind are half-channels, alive while a handle is open.
            let half: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
            for_each(&half.receivers, |waiter| waiter.set_mark(handle));
            // Those who send from a half wait at its peer.
            for_each(&half.peer().senders, |waiter| waiter.set_mark(!handle));
        } else if let Some((fd, depth)) = input::descriptor_beneath(context, handle) {
            context.fds.note_top(fd, handle, depth);
        }
    });
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

/// So many registrations of `bundle_notify` are written.
const MOST_NOTIFICATIONS: usize = 64;

/// Writes which channels become done with a request to which bundle: the wrong end of one asks no
/// worker.
fn write_notifications(context: &Context, out: &mut Output) {
    let mut count = 0;
    context.handles.for_each(|handle, object, kind| {
        if !ptr::eq(kind, &HALF_CHANNEL) {
            return;
        }
        // SAFETY: objects of this kind are half-channels, alive while a handle is open.
        let half: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
        for bundle in notification::bundles_of(&half) {
            if count < MOST_NOTIFICATIONS {
                out.text(if count == 0 { "done with a request: " } else { ", " });
                // SAFETY: `mark` has marked all bundles.
                let bundle = unsafe { bundle.mark() };
                out.text("channel ").number(handle.into());
                out.text(" (bundle ").number(bundle.into()).text(")");
            }
            count += 1;
        }
    });
    match count.saturating_sub(MOST_NOTIFICATIONS) {
        0 => {}
        rest => drop(out.text(", and ").number(rest as i64).text(" more")),
    }
    if count > 0 {
        out.text("\n");
    }
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
    fn write_tree(&mut self) {
        let mut orphans = false;
        for_each_tree(self.context, |root| {
            let is_orphan = matches!(root, Node::Bundle(_));
            if is_orphan && !core::mem::replace(&mut orphans, true) {
                self.out.text("bundles whose owners have ended:\n");
            }
            for (node, depth) in Walk::from(root) {
                self.write_line(node, depth + usize::from(is_orphan));
            }
        });
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
        self.write_state(coroutine);
    }

    /// Writes what the coroutine does, and what was done to it.
    fn write_state(&mut self, coroutine: Ref<Coroutine>) {
        if coroutine.blocked_on().is_some() {
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
        scope_chain::for_each(coroutine, |watch, deadline, fired| {
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
        match unsafe { bundle.mark() } {
            PRIVATE => self.out.text("bundle of the library"),
            handle => self.out.text("bundle ").number(handle.into()),
        };
        let mut separator = ": ";
        let mut fact = |dump: &mut Self, text: &str| {
            dump.out.text(core::mem::replace(&mut separator, ", ")).text(text);
        };
        if bundle.is_empty() {
            fact(self, "empty");
        }
        if bundle.is_requested() {
            fact(self, "asked to finish");
        }
        match bundle.grace() {
            Grace::Until(end) => {
                fact(self, "grace ");
                self.write_time_to(end);
            }
            Grace::Unlimited => fact(self, "grace without limit"),
            Grace::None | Grace::NotFound(_) => {}
        }
        // SAFETY: as above.
        let outer = bundle.inherits_grace_from().map(|outer| unsafe { outer.mark() });
        if let Some(handle) = outer.filter(|&handle| handle != PRIVATE) {
            self.out.text(" as bundle ").number(handle.into());
        }
        if let Some(deadline) = bundle.deadline() {
            fact(self, "deadline in ");
            self.write_time_to(deadline);
        }
        if bundle.is_overdue() {
            fact(self, "deadline passed");
        }
        if bundle.error().is_some() {
            fact(self, "failed");
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
