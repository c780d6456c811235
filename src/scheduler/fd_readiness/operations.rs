//! Operations that a poller carries out itself.
//!
//! A receive that is under way belongs to the socket, not to the call that began it: whoever
//! receives next gets its bytes. So a call may give up waiting at any time and nothing is lost.
//! Until it completes nobody else may read from the descriptor, or bytes would change places.

use super::{Watched, token};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::poller::{
    Buffer, Completion, Direction, Operation, Pending, Poller as _, Readiness,
};
use core::ffi::c_void;
use core::ptr;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// The outcome of a receive or an accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrived {
    /// As the system call would have returned it, or the negative error.
    result: i32,
    buffer: Option<Buffer>,
    /// The result is the number of a connection.
    connection: bool,
}

impl Arrived {
    pub(super) const NOTHING: Arrived = Arrived { result: 0, buffer: None, connection: false };

    /// Bytes that can't be had any more.
    pub(super) const LOST: Arrived =
        Arrived { result: -libc::ECONNRESET, buffer: None, connection: false };

    /// Where the bytes are.
    pub(super) fn buffer(&self) -> Option<Buffer> {
        self.buffer
    }

    pub(super) fn is_connection(&self) -> bool {
        self.connection
    }

    pub(super) fn discard(self) {
        if let Some(buffer) = self.buffer {
            // SAFETY: nothing is copied.
            #[allow(unsafe_code)]
            unsafe {
                give_back(buffer, ptr::null_mut(), 0);
            }
        }
        if self.connection && self.result >= 0 {
            drop(owned(self.result));
        }
    }
}

impl Watched {
    /// Is the poller about to take something out? Then nobody else may.
    pub(super) fn is_taking(&self) -> bool {
        self.pending.get().has(Pending::TAKING)
    }

    fn begins(&self, what: Pending) {
        self.pending.set(self.pending.get() | what);
    }

    fn ends(&self, what: Pending) {
        self.pending.set(self.pending.get().without(what));
    }

    /// Notes the end of polls that `ready` tells of, and what of it counts: while something is
    /// about to be taken out, that nothing else may be.
    #[inline]
    pub(super) fn filter(&self, ready: Readiness) -> Readiness {
        if self.pending.get() == Pending::NOTHING { ready } else { self.filter_slowly(ready) }
    }

    #[inline(never)]
    fn filter_slowly(&self, ready: Readiness) -> Readiness {
        // Where edges are watched they are what tells, and the polls go on.
        if self.completes() {
            if ready.has(Readiness::READABLE) {
                self.ends(Pending::POLL_READ);
            }
            if ready.has(Readiness::WRITABLE) {
                self.ends(Pending::POLL_WRITE);
            }
        }
        if self.is_taking() {
            ready.without(Readiness::READABLE | Readiness::HANGUP)
        } else {
            ready
        }
    }

    /// Before somebody waits: see [`Poller::await_edge`](crate::scheduler::poller::Poller).
    pub(super) fn await_edge(&self, context: &Context, direction: Direction) -> Result<()> {
        let poller = self.informed_poller(context)?;
        let (poll, suffices) = match direction {
            Direction::Read => (Pending::POLL_READ, Pending::POLL_READ | Pending::TAKING),
            Direction::Write => (Pending::POLL_WRITE, Pending::POLL_WRITE),
        };
        if self.completes() && !self.pending.get().has(suffices) {
            self.begins(poll);
            poller.await_edge(self.fd, token(self), direction);
        }
        Ok(())
    }

    /// Has the poller watch all the time and carry out nothing any more: the socket seems to be
    /// ready when it is not, as its error queue is not empty. Waits would end at once.
    pub(super) fn watch_edges(&self) {
        let Some(context) = Context::existing() else { return };
        if let Some(completions) = context.existing_poller().and_then(|it| it.completions())
            && completions.watch_edges(self.fd, token(self)).is_ok()
        {
            self.carries_out_nothing();
        }
    }

    /// Before somebody waits for input to receive, or to accept: has the poller do that, if it
    /// can.
    pub(super) fn await_input(&self, context: &Context, operation: Operation) -> Result<()> {
        let poller = self.informed_poller(context)?;
        let Some(completions) = poller.completions() else { return Ok(()) };
        if self.is_taking() || !self.completes() {
            return Ok(());
        }
        match operation {
            Operation::Receive => {
                self.begins(Pending::RECEIVE);
                completions.receive(self.fd, token(self));
            }
            Operation::Accept => {
                self.begins(Pending::ACCEPT);
                completions.accept(self.fd, token(self));
            }
        }
        Ok(())
    }

    /// Takes what has arrived: how many bytes of it were copied to `to`, or the number of the
    /// connection.
    ///
    /// # Safety
    /// `to` is null, or as many bytes as a receive gets at most can be written there.
    #[allow(unsafe_code)]
    pub(super) unsafe fn take_arrived(&self, to: *mut c_void) -> Result<usize> {
        // In a forked child it is made before the buffer counts as given back, and this may
        // show that what seemed to have arrived is the parent's.
        Context::get()?.poller()?;
        if !self.ready.get().has(Readiness::ARRIVED) {
            return Err(Errno::EAGAIN);
        }
        self.ready.set(self.ready.get().without(Readiness::ARRIVED));
        let arrived = self.arrived.replace(Arrived::NOTHING);
        let result = usize::try_from(arrived.result)
            .map_err(|_| Errno::from_raw(arrived.result.wrapping_neg()));
        if let Some(buffer) = arrived.buffer {
            // SAFETY: by the caller's promise.
            unsafe { give_back(buffer, to, result.unwrap_or(0)) };
        }
        result
    }

    /// Ends what is under way. It completes nevertheless, or has done so.
    pub(super) fn give_up(&self) {
        let pending = self.pending.get();
        if pending != Pending::NOTHING
            && let Some(context) = Context::existing()
            // A forked child that has not made its own yet has asked for nothing.
            && let Some(completions) = context.poller.get().and_then(|it| it.completions())
        {
            completions.cancel(token(self), pending);
        }
    }

    /// Ends what is under way, and drops what has arrived: the descriptor is about to be closed.
    pub(super) fn cancel(&self) {
        self.give_up();
        self.pending.set(Pending::NOTHING);
        if self.ready.get().has(Readiness::ARRIVED) {
            let _ = Context::get().and_then(|context| context.poller().map(drop)); // as above
            self.arrived.replace(Arrived::NOTHING).discard();
        }
    }
}

/// Gives the poller's buffer back, of which `length` bytes are copied to `to` unless that is
/// null.
///
/// # Safety
/// Otherwise so many bytes can be written there.
#[allow(unsafe_code)]
unsafe fn give_back(buffer: Buffer, to: *mut c_void, length: usize) {
    let Some(context) = Context::existing() else { return };
    if let Some(completions) = context.existing_poller().and_then(|it| it.completions()) {
        // SAFETY: by the caller's promise.
        unsafe { completions.take(buffer, to, length) };
    }
}

/// Takes the end of an operation, and wakes whoever waits for it.
pub(super) fn completed(context: &Context, completion: Completion) {
    let watched = Watched::of(completion.token);
    let Completion { operation, result, buffer, .. } = completion;
    let outcome = Arrived { result, buffer, connection: operation == Operation::Accept };
    if token(&watched) != completion.token {
        return outcome.discard(); // of a file closed since
    }
    watched.ends(Pending::TAKING);
    let arrived = match -result {
        // Not an outcome: the system call itself will tell.
        libc::ENOBUFS | libc::EAGAIN | libc::EINTR | libc::ECANCELED => Readiness::READABLE,
        _ => {
            watched.arrived.set(outcome);
            Readiness::ARRIVED
        }
    };
    // An edge that came meanwhile was not for it.
    let edge = if watched.completes() { Readiness::NONE } else { Readiness::READABLE };
    watched.ready.set(watched.ready.get() | arrived | edge);
    watched.reader.wake(context);
}

/// A connection that was accepted.
pub(super) fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the number is one that the system has made and that nobody else knows.
    #[allow(unsafe_code)]
    unsafe {
        OwnedFd::from_raw_fd(fd)
    }
}
