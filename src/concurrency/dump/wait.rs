//! What a blocked coroutine waits for, in words.

use super::{Dump, PRIVATE, REQUEST};
use crate::concurrency::bundle::{BUNDLE, Bundle};
use crate::concurrency::event;
use crate::intrusive::Ref;
use crate::os::syscalls::{self, SocketRole};
use crate::scheduler::coroutine::inspection::UNMARKED;
use crate::scheduler::coroutine::{Blocked, Coroutine, Waiter};
use crate::scheduler::fd_readiness::Help;
use crate::scheduler::fd_readiness::inspection::FdWait;
use core::ffi::c_int;
use core::ptr;

/// So many clauses of a `choose` are written.
const MOST_CLAUSES: usize = 16;

impl Dump<'_> {
    /// Writes what the coroutine, which is blocked, waits for.
    pub(super) fn write_wait(&mut self, coroutine: Ref<Coroutine>) {
        match coroutine.blocked_on() {
            None => {}
            Some(Blocked::Plain) => self.write_sleep(coroutine),
            Some(Blocked::Waiter) => {
                self.out.text("blocked in ");
                for waiter in coroutine.waits() {
                    self.write_source(coroutine, waiter, false);
                }
            }
            Some(Blocked::Waiters) => {
                self.out.text("blocked in choose");
                let mut separator = ": ";
                for waiter in coroutine.waits().take(MOST_CLAUSES) {
                    self.out.text(core::mem::replace(&mut separator, ", "));
                    self.write_source(coroutine, waiter, true);
                }
                match coroutine.waits().count().saturating_sub(MOST_CLAUSES) {
                    0 => {}
                    rest => drop(self.out.text(", and ").number(rest as i64).text(" more")),
                }
            }
        }
        if let Some(end) = coroutine.wakes_at() {
            let sleeps = coroutine.sleeps();
            self.out.text(if sleeps { " for " } else { ", deadline in " });
            self.write_time_to(end);
        }
    }

    /// Writes what a coroutine that waits for nothing does.
    fn write_sleep(&mut self, coroutine: Ref<Coroutine>) {
        self.out.text(match coroutine.wakes_at() {
            // In whatever call: neither has noted anything that would tell them apart.
            None => "sleeping without a deadline",
            Some(_) if coroutine.sleeps() => "sleeping",
            Some(_) => "blocked in choose without clauses",
        });
    }

    /// Writes what one waiter is for.
    fn write_source(&mut self, coroutine: Ref<Coroutine>, waiter: Ref<Waiter>, clause: bool) {
        // SAFETY: all waiters were marked.
        let mark = unsafe { waiter.mark() };
        if waiter.is_in_slot() {
            match self.context.fds.wait_of(mark, waiter) {
                Some(wait) => self.write_descriptor(mark, &wait),
                None => drop(self.out.text("a call of a protocol")),
            }
            return;
        }
        match mark {
            UNMARKED if event::is_waited_for_by(&waiter) => {
                self.out.text("a wait for a task");
            }
            REQUEST => drop(self.out.text("the request")),
            // A clause that names what an earlier one waits for, or the request to no bundle.
            UNMARKED if !waiter.is_in_list() => drop(self.out.text("nothing more")),
            // The handle at which it waits was closed in the meantime.
            UNMARKED => drop(self.out.text("a call on a closed handle")),
            PRIVATE => drop(self.out.text("a call of a protocol")),
            sending if sending < 0 => drop(self.out.text("chsend to ").number((!sending).into())),
            _ => match self.bundle(mark) {
                None => drop(self.out.text("chrecv from ").number(mark.into())),
                Some(bundle) => {
                    let is_canceller = bundle.canceller() == Some(coroutine);
                    self.out.text(match (clause, is_canceller, bundle.is_closing()) {
                        (true, ..) => "wait for bundle ",
                        (_, true, false) => "bundle_cancel of bundle ",
                        // Every member was cancelled: what remains of both functions.
                        (_, true, true) => "the end of bundle ",
                        (_, false, _) => "bundle_wait for bundle ",
                    });
                    self.out.number(mark.into());
                }
            },
        }
    }

    fn bundle(&self, handle: c_int) -> Option<Ref<Bundle>> {
        let (object, kind) = self.context.handles.any(handle).ok()?;
        // SAFETY: objects of this kind are bundles, alive while their handle is open.
        ptr::eq(kind, &BUNDLE).then(|| unsafe { Ref::from_raw(object.cast()) })
    }

    fn write_descriptor(&mut self, fd: c_int, wait: &FdWait) {
        if let Some(help) = wait.help {
            self.out.text(match help {
                Help::NameResolution => "name resolution",
                Help::Offload => "offload",
            });
            return;
        }
        if !wait.of_socket {
            self.out.text(if wait.writing { "fdout of " } else { "fdin of " });
            self.out.text("descriptor ").number(fd.into());
            return;
        }
        self.out.text(match (syscalls::socket_role(fd), wait.writing) {
            (SocketRole::Listener, _) => "accept on ",
            (SocketRole::Connecting, true) => "connect of ",
            (_, true) => "send to ",
            (_, false) => "receive from ",
        });
        if let Some((handle, kind)) =
            wait.top.and_then(|handle| Some((handle, self.context.handles.any(handle).ok()?.1)))
        {
            self.out.text(kind.name).text(" ").number(handle.into()).text(", ");
        }
        self.out.text("descriptor ").number(fd.into());
    }
}
