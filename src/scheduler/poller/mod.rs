//! How the scheduler learns that a descriptor is ready.

mod buffer_ring;
mod epoll;
mod io_uring;

use crate::os::errno::{Errno, Result};
use crate::os::{allocation, settings};
use core::ffi::c_void;
use core::ops::BitOr;
use core::time::Duration;
use epoll::Epoll;
use io_uring::Uring;
use std::os::fd::RawFd;

/// What to be told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interest {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) mode: Mode,
}

impl Interest {
    /// That of a library socket.
    pub(crate) const EVERY_EDGE: Interest =
        Interest { readable: true, writable: true, mode: Mode::EveryEdge };
}

/// How often to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Once, as soon as the descriptor is in that state; then the interest is off.
    OnceByLevel,
    /// Every time that the descriptor newly gets into that state.
    EveryEdge,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Readiness(u8);

impl Readiness {
    pub(crate) const NONE: Readiness = Readiness(0);
    /// Reading would not block (end of stream and errors included).
    pub(crate) const READABLE: Readiness = Readiness(libc::EPOLLIN as u8);
    /// Writing would not block (errors included).
    pub(crate) const WRITABLE: Readiness = Readiness(libc::EPOLLOUT as u8);
    /// The peer will send no more (or `BROKEN`): readable from now on.
    pub(crate) const HANGUP: Readiness = Readiness(2);
    /// The descriptor is broken or closed on both sides: writable from now on.
    pub(crate) const BROKEN: Readiness = Readiness(8);
    pub(crate) const ALL: Readiness = Readiness(15);
    /// Something has been received, or accepted, by an operation of the poller's.
    pub(crate) const ARRIVED: Readiness = Readiness(16);

    /// What epoll says of reading and writing: it has the same bits for them.
    #[inline(always)]
    fn of_epoll(flags: u32) -> Readiness {
        Readiness(flags as u8 & (Self::READABLE.0 | Self::WRITABLE.0))
    }

    /// Is any of `wanted` there?
    #[inline(always)]
    pub(crate) const fn has(self, wanted: Readiness) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Both.
    #[inline(always)]
    pub(crate) const fn or(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    /// All but `gone`.
    #[inline(always)]
    pub(crate) const fn without(self, gone: Readiness) -> Readiness {
        Readiness(self.0 & !gone.0)
    }
}

impl BitOr for Readiness {
    type Output = Readiness;

    #[inline(always)]
    fn bitor(self, other: Readiness) -> Readiness {
        self.or(other)
    }
}

/// What happened to a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    /// The token that was registered with the interest.
    pub(crate) token: u64,
    pub(crate) ready: Readiness,
}

/// Operations that a poller may carry out itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Receive,
    Accept,
}

/// What a poller has been asked for, of one descriptor, and has not told the end of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pending(u8);

impl Pending {
    pub(crate) const NOTHING: Pending = Pending(0);
    /// To tell when it is readable.
    pub(crate) const POLL_READ: Pending = Pending(1);
    /// To tell when it is writable.
    pub(crate) const POLL_WRITE: Pending = Pending(2);
    pub(crate) const RECEIVE: Pending = Pending(4);
    pub(crate) const ACCEPT: Pending = Pending(8);

    /// What takes something out of the descriptor.
    pub(crate) const TAKING: Pending = Pending(Self::RECEIVE.0 | Self::ACCEPT.0);

    /// Is anything of `any` among it?
    pub(crate) fn has(self, any: Pending) -> bool {
        self.0 & any.0 != 0
    }

    pub(crate) fn without(self, all: Pending) -> Pending {
        Pending(self.0 & !all.0)
    }
}

impl BitOr for Pending {
    type Output = Pending;

    fn bitor(self, other: Pending) -> Pending {
        Pending(self.0 | other.0)
    }
}

/// The end of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Completion {
    /// The token that was given with the operation.
    pub(crate) token: u64,
    pub(crate) operation: Operation,
    /// What the system call would have returned, or the negative error.
    pub(crate) result: i32,
    /// Where the bytes are that were received.
    pub(crate) buffer: Option<Buffer>,
}

/// A buffer of the poller's with received bytes, to be given back with [`Completions::take`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Buffer(u16);

/// A set of buffers.
#[derive(Default)]
pub(crate) struct Buffers([u64; buffer_ring::BUFFERS as usize / 64]);

impl Buffers {
    /// Adds a buffer.
    pub(crate) fn add(&mut self, Buffer(id): Buffer) {
        self.0[usize::from(id / 64)] |= 1 << (id % 64);
    }

    fn has(&self, Buffer(id): Buffer) -> bool {
        self.0[usize::from(id / 64)] & 1 << (id % 64) != 0
    }
}

/// Whom a poller tells what has happened.
pub(crate) trait Sink {
    /// A descriptor is ready.
    fn ready(&mut self, event: Event);

    /// An operation has ended.
    fn completed(&mut self, completion: Completion);
}

/// A source of readiness events.
///
/// Contract:
/// - `watch` sets the interest in `fd`, replacing an earlier one, whether or not the
///   number stood for another file before. `EBADF` for a number that is not open,
///   `ENOTSUP` for files that cannot be waited for (regular files).
/// - A watched descriptor that is closed is forgotten by itself.
/// - `forget` drops the interest; it does nothing for a descriptor not watched.
/// - `await_edge` is called before anybody waits for a direction of a descriptor that is
///   watched for every edge and has just told that it would block. A poller that does not
///   watch all the time arms itself here.
/// - `wait` blocks until an event, the end of `timeout` (`None`: without limit) or a
///   signal, then tells `sink` of each event that is there. It never blocks with
///   a zero timeout. Readiness that began before the call is never missed. An error says that
///   the system refuses to wait, not only this time; a signal is none.
/// - An event may be spurious; it may carry a token of an interest replaced since.
/// - The six lowest bits of a token are zero.
/// - In a forked child `leave_to_parent` is called first, before anything else can happen there.
///   It closes the child's copies of the poller's descriptors, and leaves the parent's poller
///   undisturbed. After that only `successor` is called, which makes a poller that has no
///   interests; the object is never dropped. `in_use` are the buffers that have not been given back: they stay valid if
///   the successor carries out operations, too.
pub(crate) trait Poller {
    /// See the contract.
    fn watch(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()>;

    /// See the contract.
    fn forget(&self, fd: RawFd);

    /// See the contract.
    fn await_edge(&self, _fd: RawFd, _token: u64, _direction: Direction) {}

    /// See the contract.
    fn wait(&self, timeout: Option<Duration>, sink: &mut impl Sink) -> Result<()>;

    /// See the contract.
    fn leave_to_parent(&self);

    /// See the contract.
    fn successor(&self, in_use: &Buffers) -> Result<SystemPoller>;

    /// The same object, if it carries out operations itself.
    fn completions(&self) -> Option<&dyn Completions> {
        None
    }
}

/// A direction of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// A poller that carries out operations itself: it collects them, hands all of them to the
/// system with the next `wait`, and tells of the end of each in that or a later one.
///
/// Contract:
/// - An operation keeps its file open. Whoever closes a descriptor calls `cancel` before;
///   when that returns the system uses neither the descriptor nor any memory of the
///   operations on it any more. They complete nevertheless.
/// - A receive uses a buffer of the poller's, which is the completion's receiver's until
///   `take`. `ENOBUFS` says that there was none.
/// - There are no sends: where there is room, a send need not wait.
pub(crate) trait Completions {
    /// Begins to receive.
    fn receive(&self, fd: RawFd, token: u64);

    /// Begins to accept a connection, which will be non-blocking.
    fn accept(&self, fd: RawFd, token: u64);

    /// Tells of edges from now on, without [`Poller::await_edge`]: for a descriptor that is
    /// said to be ready whenever that is called, though it isn't.
    fn watch_edges(&self, fd: RawFd, token: u64) -> Result<()>;

    /// Ends these waits and operations; see the contract.
    fn cancel(&self, token: u64, pending: Pending);

    /// Copies `length` received bytes, unless `to` is null, and gives the buffer back.
    ///
    /// # Safety
    /// `to` is null, or `length` bytes can be written there; so many were received.
    #[allow(unsafe_code)]
    unsafe fn take(&self, buffer: Buffer, to: *mut c_void, length: usize);
}

/// Bytes that a receive gets at most.
pub(crate) const RECEIVED_AT_ONCE: usize = buffer_ring::BUFFER_SIZE;

/// The pollers that there are. No trait object: what is done with an event shall be a part of
/// the loop over the events.
pub(crate) enum SystemPoller {
    Epoll(Epoll),
    Uring(Box<Uring>),
}

impl SystemPoller {
    /// The one that the environment variable `DILL_POLLER` asks for: `epoll`, or `io_uring`
    /// where the system has what that needs. Epoll otherwise.
    pub(super) fn new() -> Result<SystemPoller> {
        if settings::io_uring() {
            match Uring::new() {
                Ok(poller) => return Ok(SystemPoller::Uring(allocation::boxed(poller)?)),
                // Later there may be some.
                Err(error @ (Errno::EMFILE | Errno::ENFILE)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(SystemPoller::Epoll(Epoll::new()?))
    }

    /// Takes back the memory of one that was left to the parent. If the process has forked in a
    /// signal handler it may be in the middle of a `wait`; then it stays.
    pub(super) fn dissolve(this: Box<SystemPoller>) {
        let is_in_use = match &*this {
            SystemPoller::Epoll(poller) => poller.is_waiting(),
            // The buffers are its successor's, and the mappings of the queues were not inherited.
            SystemPoller::Uring(_) => true,
        };
        if is_in_use {
            Box::leak(this);
        } else if let SystemPoller::Epoll(poller) = *this {
            poller.dissolve();
        }
    }
}

impl Poller for SystemPoller {
    fn watch(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()> {
        match self {
            SystemPoller::Epoll(poller) => poller.watch(fd, token, interest),
            SystemPoller::Uring(poller) => poller.watch(fd, token, interest),
        }
    }

    fn forget(&self, fd: RawFd) {
        match self {
            SystemPoller::Epoll(poller) => poller.forget(fd),
            SystemPoller::Uring(poller) => poller.forget(fd),
        }
    }

    fn await_edge(&self, fd: RawFd, token: u64, direction: Direction) {
        match self {
            SystemPoller::Epoll(poller) => poller.await_edge(fd, token, direction),
            SystemPoller::Uring(poller) => poller.await_edge(fd, token, direction),
        }
    }

    fn wait(&self, timeout: Option<Duration>, sink: &mut impl Sink) -> Result<()> {
        match self {
            SystemPoller::Epoll(poller) => poller.wait(timeout, sink),
            SystemPoller::Uring(poller) => poller.wait(timeout, sink),
        }
    }

    fn leave_to_parent(&self) {
        match self {
            SystemPoller::Epoll(poller) => poller.leave_to_parent(),
            SystemPoller::Uring(poller) => poller.leave_to_parent(),
        }
    }

    fn successor(&self, in_use: &Buffers) -> Result<SystemPoller> {
        match self {
            SystemPoller::Epoll(poller) => poller.successor(in_use),
            SystemPoller::Uring(poller) => poller.successor(in_use),
        }
    }

    fn completions(&self) -> Option<&dyn Completions> {
        match self {
            SystemPoller::Epoll(poller) => poller.completions(),
            SystemPoller::Uring(poller) => poller.completions(),
        }
    }
}
