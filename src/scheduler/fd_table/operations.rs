//! Operations that a poller carries out itself.
//!
//! A receive that is under way belongs to the socket, not to the call that began it: the
//! next receive gets its bytes. So a call may give up waiting at any time and nothing is lost.
//! Until it completes no coroutine may read from the descriptor, or bytes would change places.

use super::arrived::{Arrived, give_back};
use super::{FdTable, Watched, token};
use crate::os::errno::{Errno, Result};
use crate::scheduler::poller::{
    Completion, Direction, Operation, Pending, Poller as _, Readiness, SystemPoller,
};
use crate::scheduler::run::Run;
use core::ffi::c_void;

impl Watched {
    /// Returns whether the poller is about to take something out. Then no coroutine may.
    pub(in crate::scheduler) fn is_taking(&self) -> bool {
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

    /// To be called before a coroutine waits: see [`Poller::await_edge`](crate::scheduler::poller::Poller).
    pub(in crate::scheduler) fn await_edge(
        &self,
        run: &Run,
        fds: &FdTable,
        direction: Direction,
    ) -> Result<()> {
        let poller = self.informed_poller(run, fds)?;
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
    pub(in crate::scheduler) fn watch_edges(&self, poller: &SystemPoller) {
        if let Some(completions) = poller.completions()
            && completions.watch_edges(self.fd, token(self)).is_ok()
        {
            self.carries_out_nothing();
        }
    }

    /// Makes the poller receive or accept, if it can. To be called before a coroutine waits for that.
    pub(in crate::scheduler) fn await_input(
        &self,
        run: &Run,
        fds: &FdTable,
        operation: Operation,
    ) -> Result<()> {
        let poller = self.informed_poller(run, fds)?;
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
    pub(in crate::scheduler) unsafe fn take_arrived(
        &self,
        poller: &SystemPoller,
        to: *mut c_void,
    ) -> Result<usize> {
        if !self.ready.get().has(Readiness::ARRIVED) {
            return Err(Errno::EAGAIN);
        }
        self.ready.set(self.ready.get().without(Readiness::ARRIVED));
        let arrived = self.arrived.replace(Arrived::NOTHING);
        let result = usize::try_from(arrived.result)
            .map_err(|_| Errno::from_raw(arrived.result.wrapping_neg()));
        if let Some(buffer) = arrived.buffer {
            // SAFETY: by the caller's promise.
            unsafe { give_back(Some(poller), buffer, to, result.unwrap_or(0)) };
        }
        result
    }

    /// Ends what is under way. It completes nevertheless, or has done so. `poller` is that of this
    /// process: a forked child that has not made its own yet has asked for nothing.
    pub(in crate::scheduler) fn give_up(&self, poller: Option<&SystemPoller>) {
        let pending = self.pending.get();
        if pending != Pending::NOTHING
            && let Some(completions) = poller.and_then(|it| it.completions())
        {
            completions.cancel(token(self), pending);
        }
    }

    /// As [`Watched::give_up`], when the descriptor is about to be closed.
    pub(in crate::scheduler) fn cancel(&self, poller: Option<&SystemPoller>) {
        self.give_up(poller);
        self.pending.set(Pending::NOTHING);
    }

    /// Drops what has arrived. `poller` has the buffers.
    pub(in crate::scheduler) fn drop_arrived(&self, poller: Option<&SystemPoller>) {
        self.arrived.replace(Arrived::NOTHING).discard(poller);
    }
}

/// Takes the end of an operation, and wakes the coroutine that waits for it.
pub(super) fn completed(run: &Run, poller: Option<&SystemPoller>, completion: Completion) {
    let watched = Watched::of(completion.token);
    let Completion { operation, result, buffer, .. } = completion;
    let outcome = Arrived { result, buffer, connection: operation == Operation::Accept };
    if token(&watched) != completion.token {
        return outcome.discard(poller); // of a file closed since
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
    watched.reader.wake(run);
}
