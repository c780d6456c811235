//! The poller on io_uring.
//!
//! Waits and operations on sockets are collected in the submission queue, and handed over with
//! the one system call that also waits for completions: once in a round of the scheduler.
//!
//! The system works on our behalf only within that call, on this thread
//! (`IORING_SETUP_DEFER_TASKRUN`), so buffers can't change behind our back. Completed receives
//! leave their bytes in buffers of our own: nothing is lost when the coroutine that wanted them
//! has given up meanwhile.
//!
//! Descriptors of the user's are watched by an epoll, which is watched by the io_uring: a wait
//! in io_uring would keep a file open that the user closes.

#![allow(unsafe_code)] // Queues shared with the system.

use super::buffer_ring::{self, BufferRing};
use super::epoll::Epoll;
use super::interface::{
    Buffer, Buffers, Completion, Completions, Direction, Event, Interest, Mode, Operation, Pending,
    Poller, RECEIVED_AT_ONCE, Readiness, Sink,
};
use crate::os::errno::{Errno, Result};
use core::cell::{Cell, OnceCell, RefCell};
use core::ffi::c_void;
use core::ptr;
use core::time::Duration;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, Submitter, cqueue, opcode};
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};

/// Entries of the submission queue. When it is full they are submitted early.
const SUBMISSIONS: u32 = 256;
/// Entries of the completion queue; the system keeps what doesn't fit.
const COMPLETIONS: u32 = 4096;
/// Try to poll before the operation itself: it is known that it would block.
const POLL_FIRST: u16 = 1;

pub(crate) struct Uring {
    descriptor: RawFd,
    // Dropped first: the system must not know the buffers any more when they go.
    ring: RefCell<IoUring>,
    buffers: BufferRing,
    /// Watches the user's descriptors.
    epoll: OnceCell<Epoll>,
    /// The epoll is watched.
    epoll_armed: Cell<bool>,
    /// Entries in the submission queue.
    queued: Cell<u32>,
    /// The ring is the parent's, and its queues are not there in this process.
    left: Cell<bool>,
}

/// The bits of the token that are zero otherwise tell what an entry is: what was asked for, or
/// one of these.
const TAG_MASK: u64 = 63;
const TAG_EPOLL: u64 = 16;
const TAG_CANCEL: u64 = 32;

/// The mark of the entry that asks for it.
fn mark(token: u64, asked: Pending) -> u64 {
    token | u64::from(asked.0)
}

impl Uring {
    /// `ENOSYS`, `EPERM` and others where the system has no io_uring, or not all of what is
    /// needed (Linux 6.1).
    pub(super) fn new() -> Result<Uring> {
        Self::with_buffers(BufferRing::register)
    }

    /// Makes another one in a forked child, with the buffers, which were inherited as copies.
    /// `None` if the system doesn't allow it any more, for instance.
    pub(super) fn successor(&self, in_use: &Buffers) -> Option<Uring> {
        Self::with_buffers(|submitter| self.buffers.register_again(submitter, in_use)).ok()
    }

    fn with_buffers(buffers: impl FnOnce(&Submitter<'_>) -> Result<BufferRing>) -> Result<Uring> {
        let ring = above_standard()?;
        if !ring.params().is_feature_ext_arg() || !ring.params().is_feature_nodrop() {
            return Err(Errno::ENOSYS);
        }
        let buffers = buffers(&ring.submitter())?;
        let poller = Uring {
            descriptor: ring.as_raw_fd(),
            ring: RefCell::new(ring),
            buffers,
            epoll: OnceCell::new(),
            epoll_armed: Cell::new(false),
            queued: Cell::new(0),
            left: Cell::new(false),
        };
        // A filter may allow a ring to be made, but not to be used.
        poller.enter(&poller.ring.borrow(), 0, EnterFlags::GETEVENTS, &SubmitArgs::new())?;
        Ok(poller)
    }

    /// Puts an entry into the queue.
    fn push(&self, entry: &Entry) {
        let mut ring = self.ring.borrow_mut();
        while !self.left.get() {
            // SAFETY: entries refer to no memory but the buffers, which stay.
            if unsafe { ring.submission().push(entry) }.is_ok() {
                self.queued.set(self.queued.get() + 1);
                return;
            }
            if self.enter(&ring, 0, EnterFlags::empty(), &SubmitArgs::new()).is_err() {
                return; // the next `wait` tells
            }
        }
    }

    /// Hands the queue over and waits for `want` completions. Fails if the system refuses that
    /// for good.
    fn enter(
        &self,
        ring: &IoUring,
        want: u32,
        flags: EnterFlags,
        args: &SubmitArgs<'_, '_>,
    ) -> Result<()> {
        let flags = (flags | EnterFlags::EXT_ARG).bits();
        // SAFETY: flags and arguments that belong together; they live through the call.
        let result = unsafe { ring.submitter().enter(self.queued.get(), want, flags, Some(args)) };
        match result.map_err(errno_of) {
            Ok(submitted) => {
                self.queued.set(self.queued.get().saturating_sub(submitted as u32));
                Ok(())
            }
            // Interrupted or timed out before it took anything, or the system is short of memory:
            // the entries stay in the queue for the next time.
            Err(
                Errno::EINTR
                | Errno::ETIME
                | Errno::EAGAIN
                | Errno::EBUSY
                | Errno::ENOMEM
                | Errno::EBADR,
            ) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next completion.
    fn next(&self) -> Option<cqueue::Entry> {
        if self.left.get() {
            return None; // forked by a signal handler during the wait
        }
        self.ring.borrow_mut().completion().next()
    }

    fn epoll(&self) -> Result<&Epoll> {
        if let Some(epoll) = self.epoll.get() {
            return Ok(epoll);
        }
        let epoll = Epoll::new()?;
        Ok(self.epoll.get_or_init(|| epoll))
    }

    /// Has the io_uring tell when the epoll has events.
    fn arm_epoll(&self) {
        let Some(epoll) = self.epoll.get() else { return };
        if !self.epoll_armed.replace(true) {
            let fd = Fd(epoll.descriptor.0.as_raw_fd());
            let entry = opcode::PollAdd::new(fd, libc::POLLIN as u32).build();
            self.push(&entry.user_data(TAG_EPOLL));
        }
    }

    fn watch_by_epoll(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()> {
        self.epoll()?.watch(fd, token, interest)?;
        self.arm_epoll();
        Ok(())
    }

    fn translate(&self, entry: &cqueue::Entry, sink: &mut impl Sink) -> Result<()> {
        let token = entry.user_data() & !TAG_MASK;
        let tag = entry.user_data() & TAG_MASK;
        if tag == TAG_EPOLL {
            self.epoll_armed.set(false);
            let result =
                self.epoll.get().map_or(Ok(()), |epoll| epoll.wait(Some(Duration::ZERO), sink));
            self.arm_epoll();
            return result;
        }
        let operation = match Pending(tag as u8) {
            Pending::RECEIVE => Operation::Receive,
            Pending::ACCEPT => Operation::Accept,
            Pending::POLL_READ => {
                let ready = Readiness::READABLE | if_failed(entry, Readiness::HANGUP);
                sink.ready(Event { token, ready });
                return Ok(());
            }
            Pending::POLL_WRITE => {
                let ready = Readiness::WRITABLE | if_failed(entry, Readiness::BROKEN);
                sink.ready(Event { token, ready });
                return Ok(());
            }
            _ => return Ok(()), // the end of a cancellation
        };
        let buffer = cqueue::buffer_select(entry.flags()).map(Buffer);
        sink.completed(Completion { token, operation, result: entry.result(), buffer });
        Ok(())
    }
}

/// Makes a ring whose descriptor has no standard descriptor's number: see
/// [`descriptors`](crate::os::descriptors). The queues belong to that very descriptor, so a ring
/// with a low number keeps that from the next one, until it is dropped.
fn above_standard() -> Result<IoUring> {
    let mut low = [None, None, None];
    for place in &mut low {
        let ring = make()?;
        if ring.as_raw_fd() > libc::STDERR_FILENO {
            return Ok(ring);
        }
        *place = Some(ring);
    }
    make()
}

fn make() -> Result<IoUring> {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_cqsize(COMPLETIONS)
        .dontfork()
        .build(SUBMISSIONS)
        .map_err(errno_of)
}

/// `then` if a poll tells of an error.
fn if_failed(poll: &cqueue::Entry, then: Readiness) -> Readiness {
    if poll.result() & i32::from(libc::POLLERR) != 0 { then } else { Readiness::NONE }
}

fn errno_of(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::ENOSYS))
}

impl Poller for Uring {
    fn watch(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()> {
        match interest.mode {
            Mode::OnceByLevel => self.watch_by_epoll(fd, token, interest)?,
            // Nothing before a coroutine waits: see `await_edge`.
            Mode::EveryEdge => {}
        }
        Ok(())
    }

    fn forget(&self, fd: RawFd) {
        if let Some(epoll) = self.epoll.get() {
            epoll.forget(fd);
        }
    }

    fn await_edge(&self, fd: RawFd, token: u64, direction: Direction) {
        let (events, asked) = match direction {
            Direction::Read => (libc::POLLIN | libc::POLLRDHUP, Pending::POLL_READ),
            Direction::Write => (libc::POLLOUT, Pending::POLL_WRITE),
        };
        let entry = opcode::PollAdd::new(Fd(fd), events as u32).build();
        self.push(&entry.user_data(mark(token, asked)));
    }

    fn wait(&self, timeout: Option<Duration>, sink: &mut impl Sink) -> Result<()> {
        let mut result = Ok(());
        {
            let mut ring = self.ring.borrow_mut();
            let wait = timeout != Some(Duration::ZERO) && ring.completion().is_empty();
            let time = timeout.map(Timespec::from);
            let args = match (&time, wait) {
                (Some(time), true) => SubmitArgs::new().timespec(time),
                _ => SubmitArgs::new(),
            };
            if wait || self.queued.get() > 0 || ring.submission().taskrun() {
                result = self.enter(&ring, wait.into(), EnterFlags::GETEVENTS, &args);
            }
        }
        while let Some(entry) = self.next() {
            result = result.and(self.translate(&entry, sink));
        }
        result
    }

    fn leave_to_parent(&self) {
        self.left.set(true);
        // By number: nothing is dropped. The mappings of the queues were not inherited, so what
        // has their addresses now is something else.
        let _ = nix::unistd::close(self.descriptor);
        if let Some(epoll) = self.epoll.get() {
            epoll.leave_to_parent();
        }
    }

    fn completions(&self) -> Option<&dyn Completions> {
        Some(self)
    }
}

impl Completions for Uring {
    fn receive(&self, fd: RawFd, token: u64) {
        let entry = opcode::Recv::new(Fd(fd), ptr::null_mut(), RECEIVED_AT_ONCE as u32)
            .buf_group(buffer_ring::GROUP)
            .ioprio(POLL_FIRST)
            .build()
            .flags(Flags::BUFFER_SELECT);
        self.push(&entry.user_data(mark(token, Pending::RECEIVE)));
    }

    fn accept(&self, fd: RawFd, token: u64) {
        let entry = opcode::Accept::new(Fd(fd), ptr::null_mut(), ptr::null_mut())
            .flags(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
            .build();
        self.push(&entry.user_data(mark(token, Pending::ACCEPT)));
    }

    fn watch_edges(&self, fd: RawFd, token: u64) -> Result<()> {
        self.watch_by_epoll(fd, token, Interest::EVERY_EDGE)
    }

    fn cancel(&self, token: u64, pending: Pending) {
        for asked in [Pending::POLL_READ, Pending::POLL_WRITE, Pending::RECEIVE, Pending::ACCEPT] {
            if pending.has(asked) {
                // Not all of the descriptor's: to find them, the system would look at all that
                // there are.
                let builder = CancelBuilder::user_data(mark(token, asked)).all();
                self.push(&opcode::AsyncCancel2::new(builder).build().user_data(TAG_CANCEL));
            }
        }
        let ring = self.ring.borrow();
        // Where that fails the next `wait` tells.
        let _ = self.enter(&ring, 0, EnterFlags::GETEVENTS, &SubmitArgs::new());
    }

    unsafe fn take(&self, buffer: Buffer, to: *mut c_void, length: usize) {
        if !to.is_null() {
            // SAFETY: by the caller's promise; the system is done with the buffer.
            unsafe { ptr::copy_nonoverlapping(self.buffers.address(buffer), to, length) };
        }
        self.buffers.give_back(buffer);
    }
}
