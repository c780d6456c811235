//! Waiting for descriptors.
//!
//! There are two kinds. A descriptor of the *user* (`fdin`, `fdout`) is watched once
//! by level each time that somebody waits for it. A descriptor of a library *socket*
//! is registered once, for edges in both directions; the socket tries its system call
//! first and waits only when it knows that it would block.

mod failing;
mod forked;
pub(crate) mod inspection;
mod operations;
mod source;

pub(crate) use super::poller::RECEIVED_AT_ONCE;
pub(crate) use source::FdSource;

use super::context::Context;
use super::coroutine::{Blocked, Interrupt, Slot, Waiter};
use super::poller::{
    Completion, Direction, Event, Interest, Mode, Pending, Poller as _, Readiness, Sink,
};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use core::cell::{Cell, RefCell};
use core::ffi::c_int;
use core::ptr;
use forked::BeforeWait;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use operations::Arrived;
use std::os::fd::RawFd;

/// What the scheduler knows of one descriptor number: a cache line of its own.
#[repr(align(64))]
struct Watched {
    reader: Slot,
    writer: Slot,
    fd: RawFd,
    /// Distinguishes the file that has the number now from earlier ones.
    generation: Cell<u16>,
    /// For sockets: what the next calls would find, as far as known.
    ready: Cell<Readiness>,
    socket: Cell<bool>,
    /// What has to be thought of before a wait.
    before_wait: Cell<BeforeWait>,
    /// See [`fork::count`], when the socket was registered.
    forks: Cell<u8>,
    /// Likewise, see [`fork::generation`].
    process: Cell<u8>,
    /// What it has been asked for.
    pending: Cell<Pending>,
    /// What it has received or accepted, if `ready` says so.
    arrived: Cell<Arrived>,
    /// Called instead of waking a reader, with this argument.
    handler: Cell<Option<(OnReadable, *const ())>>,
    /// For dumps: the socket on top, and how many protocols it stands on.
    top: Cell<(c_int, u32)>,
}

const _: () = assert!(size_of::<Watched>() == 64);

/// What a helper thread does, of whose end a descriptor tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Help {
    /// It asks for the addresses of a host.
    NameResolution,
    /// It calls a function of the program's.
    Offload,
}

/// What to do when a descriptor of the library's own use is readable.
pub(crate) type OnReadable = fn(&Context, *const ());

const CHUNK: usize = 64;

/// The table of all descriptors. Slots must not move, so it grows by chunks.
pub(crate) struct FdTable {
    chunks: RefCell<Vec<Box<[Watched]>>>,
}

impl FdTable {
    pub(crate) const fn new() -> FdTable {
        FdTable { chunks: RefCell::new(Vec::new()) }
    }

    /// Calls `action` with the entry of `fd`, made if it does not exist.
    fn with<T>(&self, fd: RawFd, action: impl FnOnce(&Watched) -> T) -> Result<T> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        if index / CHUNK >= self.chunks.borrow().len() {
            self.grow(fd, index / CHUNK)?;
        }
        Ok(action(&self.chunks.borrow()[index / CHUNK][index % CHUNK]))
    }

    #[cold]
    fn grow(&self, fd: RawFd, chunk: usize) -> Result<()> {
        // A number that no descriptor can have must not cost memory.
        nix::fcntl::fcntl(crate::os::syscalls::borrow(fd), nix::fcntl::FcntlArg::F_GETFD)?;
        let mut chunks = self.chunks.borrow_mut();
        while chunks.len() <= chunk {
            chunks.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            let mut entries = Vec::new();
            entries.try_reserve_exact(CHUNK).map_err(|_| Errno::ENOMEM)?;
            let first = chunks.len() * CHUNK;
            entries.extend((first..first + CHUNK).map(|number| Watched {
                reader: Slot::new(),
                writer: Slot::new(),
                fd: number as RawFd,
                generation: Cell::new(0),
                ready: Cell::new(Readiness::NONE),
                socket: Cell::new(false),
                before_wait: Cell::new(BeforeWait::NOTHING),
                forks: Cell::new(0),
                process: Cell::new(0),
                pending: Cell::new(Pending::NOTHING),
                arrived: Cell::new(Arrived::NOTHING),
                handler: Cell::new(None),
                top: Cell::new((-1, 0)),
            }));
            chunks.push(entries.into_boxed_slice());
        }
        Ok(())
    }

    /// The entry of `fd`, made if it does not exist. It stays where it is for as long as the
    /// scheduler lives.
    fn entry(&self, fd: RawFd) -> Result<Ref<Watched>> {
        // SAFETY: entries lie in boxes that only the end of the scheduler frees.
        #[allow(unsafe_code)]
        self.with(fd, |watched| unsafe { Ref::from_raw(watched) })
    }
}

/// Takes what the poller tells, and wakes those who waited for it.
pub(super) struct Delivery<'a>(pub(super) &'a Context);

impl Sink for Delivery<'_> {
    #[inline(always)]
    fn ready(&mut self, event: Event) {
        let Delivery(context) = *self;
        context.stir();
        let watched = Watched::of(event.token);
        if token(&watched) != event.token {
            return; // of a file closed since
        }
        let ready = watched.filter(event.ready);
        watched.ready.set(watched.ready.get() | ready);
        if ready.has(Readiness::READABLE) {
            watched.reader.wake(context);
        }
        if ready.has(Readiness::WRITABLE) {
            watched.writer.wake(context);
        }
        if !watched.socket.get() {
            watched.serve_others(context);
        }
    }

    fn completed(&mut self, completion: Completion) {
        self.0.stir();
        operations::completed(self.0, completion);
    }
}

/// How an event names the entry: its address, which is one of user space, and above it the
/// generation.
#[inline]
fn token(watched: &Watched) -> u64 {
    u64::from(watched.generation.get()) << ADDRESS_BITS | ptr::from_ref(watched) as u64
}

const ADDRESS_BITS: u32 = u64::BITS - u16::BITS;

impl Watched {
    #[inline]
    fn of(token: u64) -> Ref<Watched> {
        // SAFETY: events carry tokens made by `token`, and entries are there for as long as
        // the scheduler that asks for events.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw((token & ((1 << ADDRESS_BITS) - 1)) as *const Watched)
        }
    }

    /// After an event of a descriptor that is not a socket's: runs the handler, or keeps the
    /// one-shot interest, which covers both directions, for the one not served.
    fn serve_others(&self, context: &Context) {
        if let Some((handler, argument)) = self.handler.get() {
            handler(context, argument);
        } else if !self.reader.is_empty() || !self.writer.is_empty() {
            let _ = rearm(context, self);
        }
    }
}

/// Sets a one-shot interest for those who wait now.
fn rearm(context: &Context, watched: &Watched) -> Result<()> {
    let interest = Interest {
        readable: !watched.reader.is_empty(),
        writable: !watched.writer.is_empty(),
        mode: Mode::OnceByLevel,
    };
    context.poller()?.watch(watched.fd, token(watched), interest)
}

const READ: Readiness = Readiness::READABLE.or(Readiness::HANGUP).or(Readiness::ARRIVED);
const WRITE: Readiness = Readiness::WRITABLE.or(Readiness::BROKEN);

impl Watched {
    /// Would the next call possibly not block?
    #[inline]
    fn is_ready(&self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.ready.get().has(READ),
            Direction::Write => self.ready.get().has(WRITE),
        }
    }

    /// Notes that the next call would block, unless that can't be any more.
    #[inline]
    fn would_block(&self, direction: Direction) {
        let gone = match direction {
            Direction::Read => Readiness::READABLE,
            Direction::Write => Readiness::WRITABLE,
        };
        self.ready.set(self.ready.get().without(gone));
    }

    #[inline]
    fn slot(&self, direction: Direction) -> &Slot {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }
}

/// Waits until the user's `fd` is readable or broken. `deadline` in milliseconds, -1
/// for none. Errors: `EBADF`, `EBUSY` (somebody waits for that already), `ECANCELED`,
/// `ENOTSUP` (a file that can't be waited for), `ETIMEDOUT`, `ENOMEM`, `EMFILE`.
pub(crate) fn wait_readable(fd: RawFd, deadline: i64) -> Result<()> {
    wait_user(fd, Direction::Read, deadline)
}

/// As [`wait_readable`], until `fd` is writable or broken.
pub(crate) fn wait_writable(fd: RawFd, deadline: i64) -> Result<()> {
    wait_user(fd, Direction::Write, deadline)
}

fn wait_user(fd: RawFd, direction: Direction, deadline: i64) -> Result<()> {
    let context = Context::may_block()?;
    enroll_user(context, fd, direction, context.current().waiter_ref())?;
    wait(context, deadline, Interrupt::Any)
}

fn enroll_user(
    context: &Context,
    fd: RawFd,
    direction: Direction,
    waiter: Ref<Waiter>,
) -> Result<()> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    context.poller()?;
    context.fds.with(fd, |watched| {
        if watched.socket.get() {
            return Err(Errno::EBUSY);
        }
        if !take_slot(watched.slot(direction), waiter)? {
            return Ok(());
        }
        rearm(context, watched).inspect_err(|_| waiter.detach())
    })?
}

/// Puts `waiter` into the slot. Returns whether it is the first of its coroutine: a `choose` may
/// name the same descriptor twice, and then the first clause waits for both. `EBUSY` where another
/// coroutine waits there.
fn take_slot(slot: &Slot, waiter: Ref<Waiter>) -> Result<bool> {
    match slot.get() {
        None => {
            slot.put(waiter);
            Ok(true)
        }
        Some(first) if first.coroutine() == waiter.coroutine() => Ok(false),
        Some(_) => Err(Errno::EBUSY),
    }
}

/// Asks the system whether `fd` is ready at this moment, without waiting.
fn is_ready_now(fd: RawFd, direction: Direction) -> Result<bool> {
    let flag = match direction {
        Direction::Read => PollFlags::POLLIN,
        Direction::Write => PollFlags::POLLOUT,
    };
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    let mut fds = [PollFd::new(crate::os::syscalls::borrow(fd), flag)];
    poll(&mut fds, PollTimeout::ZERO)?;
    let found = fds[0].revents().unwrap_or(PollFlags::empty());
    if found.contains(PollFlags::POLLNVAL) { Err(Errno::EBADF) } else { Ok(!found.is_empty()) }
}

/// For `choose`: is `fd` ready for reading (or writing)?
pub(crate) fn poll_user(fd: RawFd, writing: bool) -> Result<bool> {
    is_ready_now(fd, if writing { Direction::Write } else { Direction::Read })
}

/// For `choose`: has `waiter` wait until the user's `fd` is ready. `EBUSY`, `ENOTSUP`
/// and the like as for [`wait_readable`].
pub(crate) fn enroll(
    context: &Context,
    fd: RawFd,
    writing: bool,
    waiter: Ref<Waiter>,
) -> Result<()> {
    enroll_user(context, fd, if writing { Direction::Write } else { Direction::Read }, waiter)
}

/// For `choose`: would a read from the socket that has `fd` not block?
pub(crate) fn poll_socket(context: &Context, fd: RawFd) -> Result<bool> {
    if context.fds.with(fd, |watched| watched.ready.get().has(Readiness::ARRIVED))? {
        return Ok(true);
    }
    let ready = is_ready_now(fd, Direction::Read)?;
    context.fds.with(fd, |watched| match ready {
        // The poller's report may be still to come.
        true if watched.socket.get() && !watched.is_taking() => {
            watched.ready.set(watched.ready.get() | Readiness::READABLE);
        }
        true => {}
        // What comes from now on is a new edge.
        false => watched.would_block(Direction::Read),
    })?;
    Ok(ready)
}

/// For `choose`: has `waiter` wait for input of the socket that has `fd`, which had
/// none when it was asked by [`poll_socket`]. `EBUSY` when somebody reads from it.
pub(crate) fn enroll_socket(context: &Context, fd: RawFd, waiter: Ref<Waiter>) -> Result<()> {
    let is_socket = context.fds.with(fd, |watched| watched.socket.get())?;
    if !is_socket {
        return enroll_user(context, fd, Direction::Read, waiter);
    }
    context.fds.with(fd, |watched| {
        if !take_slot(&watched.reader, waiter)? {
            return Ok(());
        }
        watched.await_edge(context, Direction::Read).inspect_err(|_| waiter.detach())
    })?
}

/// Waits with the waiter already in its slot.
#[inline(always)]
fn wait(context: &Context, deadline: i64, interrupt: Interrupt) -> Result<()> {
    let coroutine = context.current();
    coroutine.will_block(Blocked::Waiter, interrupt);
    context.arm_deadline(coroutine, deadline);
    match context.park() {
        (0, _) => Ok(()),
        (_, errno) => Err(Errno::from_raw(errno)),
    }
}

/// Forgets what is known of the user's `fd`, before it is closed. `EBUSY` while
/// somebody waits for it, `EBADF` for a negative number.
pub(crate) fn clean(fd: RawFd) -> Result<()> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    let Some(context) = Context::existing() else { return Ok(()) };
    let chunks = context.fds.chunks.borrow();
    let index = fd as usize;
    let Some(watched) = chunks.get(index / CHUNK).map(|chunk| &chunk[index % CHUNK]) else {
        return Ok(());
    };
    if !watched.reader.is_empty() || !watched.writer.is_empty() {
        return Err(Errno::EBUSY);
    }
    if !watched.socket.get() {
        watched.generation.set(watched.generation.get().wrapping_add(1));
        if let Some(poller) = context.existing_poller() {
            poller.forget(fd);
        }
    }
    Ok(())
}

/// Has `handler` called once with `argument` as soon as `fd`, which the library made for
/// its own use, is readable.
pub(crate) fn call_when_readable(
    context: &Context,
    fd: RawFd,
    handler: OnReadable,
    argument: *const (),
) -> Result<()> {
    let poller = context.poller()?;
    context.fds.with(fd, |watched| {
        watched.handler.set(Some((handler, argument)));
        let interest = Interest { readable: true, writable: false, mode: Mode::OnceByLevel };
        poller.watch(fd, token(watched), interest)
    })?
}

/// Ends [`call_when_readable`] before `fd` is closed.
pub(crate) fn stop_calling(context: &Context, fd: RawFd) {
    let _ = context.fds.with(fd, |watched| {
        watched.handler.set(None);
        watched.generation.set(watched.generation.get().wrapping_add(1));
    });
}
