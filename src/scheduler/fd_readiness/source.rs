//! Descriptors of library sockets.

use super::waiting::wait;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::{descriptors, fork, syscalls};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_table::{Help, Watched, owned, token};
use crate::scheduler::poller::{Direction, Interest, Operation, Poller as _, Readiness};
use core::ffi::c_void;
use core::ptr;
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd, RawFd};

/// A descriptor that belongs to a library socket, non-blocking, registered for edges.
/// It belongs to the thread that made it. Dropping it closes the descriptor.
pub(crate) struct FdSource {
    watched: Ref<Watched>,
}

impl FdSource {
    /// Takes over `fd`. On error it is closed.
    pub(crate) fn register(fd: OwnedFd) -> Result<FdSource> {
        let context = Context::get()?;
        let poller = context.poller()?;
        let watched = context.fds.entry(fd.as_raw_fd())?;
        watched.generation.set(watched.generation.get().wrapping_add(1));
        watched.ready.set(Readiness::READABLE | Readiness::WRITABLE);
        poller.watch(watched.fd, token(&watched), Interest::EVERY_EDGE)?;
        watched.socket.set(true);
        watched.note_registration(poller);
        watched.forks.set(fork::count());
        watched.process.set(fork::generation());
        let _ = fd.into_raw_fd();
        Ok(FdSource { watched })
    }

    /// As [`FdSource::register`], for a descriptor that only other threads of this process make
    /// ready, when they have given the help. In a forked child, where there are none, waits for
    /// it end with `EAGAIN`.
    pub(crate) fn register_local(fd: OwnedFd, help: Help) -> Result<FdSource> {
        let source = FdSource::register(fd)?;
        source.watched.is_local(help);
        Ok(source)
    }

    /// Was the descriptor inherited from the process that has forked?
    pub(crate) fn is_inherited(&self) -> bool {
        self.watched.process.get() != fork::generation()
    }

    /// The number, for system calls.
    #[inline]
    pub(crate) fn as_raw_fd(&self) -> RawFd {
        self.watched.fd
    }

    /// False when a read is known to block.
    #[inline]
    pub(crate) fn may_read(&self) -> bool {
        self.watched.is_ready(Direction::Read)
    }

    /// False when a write is known to block.
    #[inline]
    pub(crate) fn may_write(&self) -> bool {
        self.watched.is_ready(Direction::Write)
    }

    /// Notes that the socket's input is used up: a read gave less than was asked for. After a
    /// hang-up reads never block, so the note is void.
    #[inline]
    pub(crate) fn read_would_block(&self) {
        self.watched.would_block(Direction::Read);
    }

    /// Notes that the socket's output is full: a short write.
    #[inline]
    pub(crate) fn write_would_block(&self) {
        self.watched.would_block(Direction::Write);
    }

    /// Notes that a read has failed with `EAGAIN`: whatever was reported before, reading does
    /// block. A socket may tell of an error once and then go on.
    pub(crate) fn read_has_blocked(&self) {
        let ready = self.watched.ready.get();
        if ready.has(Readiness::HANGUP) && self.watched.completes() {
            self.watch_edges();
        }
        self.watched.ready.set(ready.without(Readiness::READABLE | Readiness::HANGUP));
    }

    /// As [`FdSource::read_has_blocked`], for a write.
    pub(crate) fn write_has_blocked(&self) {
        let ready = self.watched.ready.get();
        if ready.has(Readiness::BROKEN) && self.watched.completes() {
            self.watch_edges();
        }
        self.watched.ready.set(ready.without(Readiness::WRITABLE | Readiness::BROKEN));
    }

    fn watch_edges(&self) {
        if let Some(poller) = Context::existing().and_then(Context::existing_poller) {
            self.watched.watch_edges(poller);
        }
    }

    /// Waits for input, end of stream or an error; returns at once when there may be
    /// some. Errors: `ETIMEDOUT`, `ECANCELED`, `EBUSY` (another coroutine waits).
    #[inline]
    pub(crate) fn wait_readable(&self, deadline: i64, interrupt: Interrupt) -> Result<()> {
        self.wait(Direction::Read, deadline, interrupt)
    }

    /// Ends all waits for the socket with `EBADF`: its handle is being closed.
    pub(crate) fn abandon_waiters(&self) {
        let Some(context) = Context::existing() else { return };
        for slot in [&self.watched.reader, &self.watched.writer] {
            if let Some(waiter) = slot.get() {
                waiter.complete(context, Errno::EBADF as i32);
            }
        }
    }

    /// Ends what the poller has been asked to do itself; what it has done nevertheless has
    /// [arrived](FdSource::has_arrived) then.
    pub(crate) fn end_operations(&self) -> Result<()> {
        if self.watched.completes() {
            let context = Context::get()?;
            self.watched.give_up(context.fds.own_poller());
            context.look_at_descriptors();
        }
        Ok(())
    }

    /// Gives the descriptor up to the user, as a copy with a number of its own. From then on
    /// the scheduler tells nothing of it any more, and this is only to be dropped.
    pub(crate) fn release(&self) -> Result<OwnedFd> {
        let copy = descriptors::duplicate(syscalls::borrow(self.as_raw_fd()))?;
        if let Some(poller) = Context::existing().and_then(Context::existing_poller) {
            poller.forget(self.as_raw_fd());
        }
        Ok(copy)
    }

    /// As [`FdSource::wait_readable`], for room in the output.
    #[inline]
    pub(crate) fn wait_writable(&self, deadline: i64, interrupt: Interrupt) -> Result<()> {
        self.wait(Direction::Write, deadline, interrupt)
    }

    /// As [`FdSource::wait_readable`], for a caller that may block and knows that a read would.
    #[inline(always)]
    pub(crate) fn wait_for_input(&self, context: &Context, deadline: i64) -> Result<()> {
        debug_assert!(!self.may_read());
        if self.watched.prepares_waits() {
            self.watched.await_input(context, &context.fds, Operation::Receive)?;
        }
        self.park(context, Direction::Read, deadline, Interrupt::Any)
    }

    /// As [`FdSource::wait_readable`], for a listener: the connection may have been accepted
    /// then, see [`FdSource::take_connection`].
    pub(crate) fn wait_for_connection(&self, deadline: i64) -> Result<()> {
        if self.watched.prepares_waits() && !self.may_read() {
            let context = Context::may_block()?;
            self.watched.await_input(context, &context.fds, Operation::Accept)?;
        }
        let result = self.wait_readable(deadline, Interrupt::Any);
        match result {
            // A connection is better left to the system than taken for no caller: other processes
            // that have the file open may accept it. The one that came just now is the caller's.
            // After `EBADF` the socket is gone.
            Err(error) if error != Errno::EBADF => {
                self.end_operations()?;
                if self.has_arrived() { Ok(()) } else { Err(error) }
            }
            result => result,
        }
    }

    /// Has the poller received something itself?
    #[inline(always)]
    pub(crate) fn has_arrived(&self) -> bool {
        self.watched.ready.get().has(Readiness::ARRIVED)
    }

    /// Takes what the poller has received itself, and returns how many bytes that was.
    ///
    /// # Safety
    /// [`RECEIVED_AT_ONCE`](super::RECEIVED_AT_ONCE) bytes can be written to `to`.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn take_arrived(&self, to: *mut c_void) -> Result<usize> {
        // In a forked child it is made before the buffer counts as given back, and this may
        // show that what seemed to have arrived is the parent's.
        let poller = Context::get()?.poller()?;
        // SAFETY: by the caller's promise.
        unsafe { self.watched.take_arrived(poller, to) }
    }

    /// Takes the connection that the poller has accepted itself.
    pub(crate) fn take_connection(&self) -> Result<OwnedFd> {
        // SAFETY: without memory nothing is written.
        #[allow(unsafe_code)]
        let number = unsafe { self.take_arrived(ptr::null_mut())? };
        descriptors::above_standard(owned(number as RawFd))
    }

    fn wait(&self, direction: Direction, deadline: i64, interrupt: Interrupt) -> Result<()> {
        let context = Context::get()?;
        let coroutine = context.current();
        match interrupt {
            Interrupt::Any => coroutine.may_block()?,
            Interrupt::UnderWay => coroutine.may_continue()?,
            Interrupt::Never => {}
        }
        if self.watched.is_ready(direction) {
            return Ok(());
        }
        if self.watched.prepares_waits() {
            self.watched.await_edge(context, &context.fds, direction)?;
        }
        self.park(context, direction, deadline, interrupt)
    }

    #[inline(always)]
    fn park(
        &self,
        context: &Context,
        direction: Direction,
        deadline: i64,
        interrupt: Interrupt,
    ) -> Result<()> {
        let slot = self.watched.slot(direction);
        if !slot.is_empty() {
            return Err(Errno::EBUSY);
        }
        slot.put(context.current().waiter_ref());
        wait(context, deadline, interrupt)
    }
}

impl Drop for FdSource {
    fn drop(&mut self) {
        let context = Context::existing();
        self.watched.cancel(context.and_then(|it| it.fds.own_poller()));
        if self.has_arrived() {
            // As in `take_arrived`.
            let poller = Context::get().and_then(|context| context.poller()).ok();
            self.watched.drop_arrived(poller);
        }
        self.watched.generation.set(self.watched.generation.get().wrapping_add(1));
        self.watched.socket.set(false);
        if self.watched.forks.get() != fork::count()
            && let Some(poller) = context.and_then(|it| it.fds.own_poller())
        {
            // Another process may have the file open, too, so it is not forgotten by itself.
            poller.forget(self.watched.fd);
        }
        let _ = nix::unistd::close(self.watched.fd);
    }
}
