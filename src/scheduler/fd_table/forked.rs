//! Descriptors in a forked child: its poller knows none of them at first.

use super::arrived::Arrived;
use super::before_wait::BeforeWait;
use super::{FdTable, Help, Watched, rearm, token};
use crate::os::errno::{Errno, Result};
use crate::scheduler::poller::{
    Buffers, Direction, Interest, Mode, Pending, Poller as _, Readiness, SystemPoller,
};
use crate::scheduler::run::Run;

impl FdTable {
    /// The poller's buffers that hold something not yet taken.
    pub(in crate::scheduler) fn buffers_in_use(&self) -> Buffers {
        let mut buffers = Buffers::default();
        for watched in self.chunks.borrow().iter().flatten() {
            if let Some(buffer) = watched.arrived.get().buffer() {
                buffers.add(buffer);
            }
        }
        buffers
    }

    /// Tells the child's poller, which is new, of those who wait. Sockets for which no coroutine waits
    /// are left alone: what they do may well be the parent's business.
    pub(in crate::scheduler) fn renew(&self, run: &Run) {
        for watched in self.chunks.borrow().iter().flatten() {
            if let Err(error) = watched.renew(run, self) {
                for waiter in [watched.reader.get(), watched.writer.get()].into_iter().flatten() {
                    waiter.complete(run, error as i32);
                }
            }
        }
    }
}

impl Watched {
    /// Notes that `poller` knows the socket.
    pub(in crate::scheduler) fn note_registration(&self, poller: &SystemPoller) {
        let completes = if poller.completions().is_some() { BeforeWait::COMPLETES } else { 0 };
        self.before_wait.set(BeforeWait(completes));
    }

    /// Does the poller carry out operations on it itself?
    pub(in crate::scheduler) fn completes(&self) -> bool {
        self.before_wait.get().0 & BeforeWait::COMPLETES != 0
    }

    /// From now on it doesn't.
    pub(in crate::scheduler) fn carries_out_nothing(&self) {
        self.before_wait.set(BeforeWait(self.before_wait.get().0 & !BeforeWait::COMPLETES));
    }

    /// See [`FdSource::register_local`](super::FdSource::register_local).
    pub(in crate::scheduler) fn is_local(&self, help: Help) {
        let bits = match help {
            Help::NameResolution => BeforeWait::LOCAL | BeforeWait::NAMES,
            Help::Offload => BeforeWait::LOCAL,
        };
        self.before_wait.set(BeforeWait(self.before_wait.get().0 | bits));
    }

    /// What a helper thread does, if the descriptor is there to tell of its end.
    pub(super) fn help(&self) -> Option<Help> {
        let bits = self.before_wait.get().0;
        let help = match bits & BeforeWait::NAMES {
            0 => Help::Offload,
            _ => Help::NameResolution,
        };
        (self.socket.get() && bits & BeforeWait::LOCAL != 0).then_some(help)
    }

    /// Returns whether something is to be done before a coroutine waits for the socket.
    #[inline(always)]
    pub(in crate::scheduler) fn prepares_waits(&self) -> bool {
        self.before_wait.get() != BeforeWait::NOTHING
    }

    /// Returns the poller of this process, which knows the socket from now on. To be called before
    /// a coroutine waits for the socket.
    /// If the socket is ready that will be told.
    pub(super) fn informed_poller<'a>(
        &self,
        run: &Run,
        fds: &'a FdTable,
    ) -> Result<&'a SystemPoller> {
        // First, as this may be what makes the poller.
        let poller = fds.poller(run)?;
        let before = self.before_wait.get().0;
        if before & BeforeWait::UNKNOWN != 0 {
            if before & BeforeWait::LOCAL != 0 {
                return Err(Errno::EAGAIN);
            }
            poller.watch(self.fd, token(self), Interest::EVERY_EDGE)?;
            self.note_registration(poller);
        }
        Ok(poller)
    }

    fn renew(&self, run: &Run, fds: &FdTable) -> Result<()> {
        self.pending.set(Pending::NOTHING);
        let poller = fds.poller(run)?;
        if self.arrived.get().is_connection() {
            // Its parent has it, too, and serves it.
            self.ready.set(self.ready.get().without(Readiness::ARRIVED));
            self.arrived.replace(Arrived::NOTHING).discard(Some(poller));
        }
        if poller.completions().is_none() && self.arrived.get().buffer().is_some() {
            self.arrived.set(Arrived::LOST);
        }
        let (reads, writes) = (!self.reader.is_empty(), !self.writer.is_empty());
        if self.socket.get() {
            self.before_wait.set(BeforeWait(self.before_wait.get().0 | BeforeWait::UNKNOWN));
            if reads && !self.ready.get().has(Readiness::ARRIVED) {
                self.await_edge(run, fds, Direction::Read)?;
            }
            if writes {
                self.await_edge(run, fds, Direction::Write)?;
            }
            Ok(())
        } else if self.handler.get().is_some() {
            let interest = Interest { readable: true, writable: false, mode: Mode::OnceByLevel };
            poller.watch(self.fd, token(self), interest)
        } else if reads || writes {
            rearm(poller, self)
        } else {
            Ok(())
        }
    }
}
