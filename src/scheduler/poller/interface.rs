//! What the scheduler expects of a poller, and what a poller tells it.

use crate::os::errno::Result;
use core::ffi::c_void;
use core::ops::BitOr;
use core::time::Duration;
use std::os::fd::RawFd;

/// Bytes that a receive gets at most: what a stream socket reads ahead.
pub(crate) const RECEIVED_AT_ONCE: usize = 2048 - 2 * size_of::<u16>();
/// Buffers of a poller that carries out operations itself, a power of two. So many receives can
/// complete in one round without a system call of their own.
pub(super) const BUFFERS: u16 = 256;

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
    pub(super) fn of_epoll(flags: u32) -> Readiness {
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
pub(crate) struct Pending(pub(super) u8);

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
pub(crate) struct Buffer(pub(super) u16);

/// A set of buffers.
#[derive(Default)]
pub(crate) struct Buffers([u64; BUFFERS as usize / 64]);

impl Buffers {
    /// Adds a buffer.
    pub(crate) fn add(&mut self, Buffer(id): Buffer) {
        self.0[usize::from(id / 64)] |= 1 << (id % 64);
    }

    pub(super) fn has(&self, Buffer(id): Buffer) -> bool {
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
///   undisturbed. After that no other function is called, and the object is never dropped.
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
/// - An operation keeps its file open. `cancel` is called before a descriptor is closed;
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
