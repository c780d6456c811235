//! Waiting for descriptors.
//!
//! There are two kinds. A descriptor of the *user* (`fdin`, `fdout`) is watched once
//! by level each time that somebody waits for it. A descriptor of a library *socket*
//! is registered once, for edges in both directions; the socket tries its system call
//! first and waits only when it knows that it would block.

use super::context::Context;
use super::coroutine::{Blocked, Interrupt, Slot, Waiter};
use super::poller::{Event, Interest, Mode};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use core::cell::{Cell, RefCell};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What the scheduler knows of one descriptor number.
struct Watched {
    reader: Slot,
    writer: Slot,
    /// Distinguishes the file that has the number now from earlier ones.
    generation: Cell<u32>,
    /// For sockets: may the next call succeed?
    may_read: Cell<bool>,
    may_write: Cell<bool>,
    /// Reading never blocks again: end of stream or an error.
    hangup: Cell<bool>,
    /// Writing never blocks again either: an error.
    broken: Cell<bool>,
    socket: Cell<bool>,
    /// Called instead of waking a reader, with this argument.
    handler: Cell<Option<(OnReadable, *const ())>>,
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
            entries.resize_with(CHUNK, || Watched {
                reader: Slot::new(),
                writer: Slot::new(),
                generation: Cell::new(0),
                may_read: Cell::new(false),
                may_write: Cell::new(false),
                hangup: Cell::new(false),
                broken: Cell::new(false),
                socket: Cell::new(false),
                handler: Cell::new(None),
            });
            chunks.push(entries.into_boxed_slice());
        }
        Ok(())
    }

    /// Wakes those who waited for what `event` tells.
    pub(super) fn deliver(&self, context: &Context, event: Event) {
        let (fd, generation) = (event.token as u32 as usize, (event.token >> 32) as u32);
        let chunks = self.chunks.borrow();
        let Some(watched) = chunks.get(fd / CHUNK).map(|chunk| &chunk[fd % CHUNK]) else {
            return;
        };
        if watched.generation.get() != generation {
            return; // of a file closed since
        }
        if event.readable {
            watched.may_read.set(true);
        }
        if event.writable {
            watched.may_write.set(true);
        }
        if event.hangup {
            watched.hangup.set(true);
        }
        if event.broken {
            watched.broken.set(true);
        }
        if let Some((handler, argument)) = watched.handler.get() {
            drop(chunks);
            return handler(context, argument);
        }
        if event.readable
            && let Some(waiter) = watched.reader.get()
        {
            waiter.complete(context, 0);
        }
        if event.writable
            && let Some(waiter) = watched.writer.get()
        {
            waiter.complete(context, 0);
        }
        // A one-shot interest covers both directions; keep the one not served.
        if !watched.socket.get() && (!watched.reader.is_empty() || !watched.writer.is_empty()) {
            let _ = rearm(context, fd as RawFd, watched);
        }
    }
}

fn token(fd: RawFd, watched: &Watched) -> u64 {
    u64::from(watched.generation.get()) << 32 | u64::from(fd.cast_unsigned())
}

/// Sets a one-shot interest for those who wait now.
fn rearm(context: &Context, fd: RawFd, watched: &Watched) -> Result<()> {
    let interest = Interest {
        readable: !watched.reader.is_empty(),
        writable: !watched.writer.is_empty(),
        mode: Mode::OnceByLevel,
    };
    context.poller()?.watch(fd, token(fd, watched), interest)
}

/// What a wait is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

impl Watched {
    /// Would the next call possibly not block?
    fn is_ready(&self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.may_read.get() || self.hangup.get(),
            Direction::Write => self.may_write.get() || self.broken.get(),
        }
    }

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
        let slot = watched.slot(direction);
        if !slot.is_empty() || watched.socket.get() {
            return Err(Errno::EBUSY);
        }
        slot.put(waiter);
        rearm(context, fd, watched).inspect_err(|_| waiter.detach())
    })?
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
    let ready = is_ready_now(fd, Direction::Read)?;
    if !ready {
        // What comes from now on is a new edge.
        context.fds.with(fd, |watched| watched.may_read.set(false))?;
    }
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
        if !watched.reader.is_empty() {
            return Err(Errno::EBUSY);
        }
        watched.reader.put(waiter);
        Ok(())
    })?
}

/// Waits with the waiter already in its slot.
fn wait(context: &Context, deadline: i64, interrupt: Interrupt) -> Result<()> {
    let coroutine = context.current();
    coroutine.will_block(Blocked::Waiter, interrupt);
    context.arm_deadline(coroutine, deadline);
    let (_, errno) = context.park();
    if errno == 0 { Ok(()) } else { Err(Errno::from_raw(errno)) }
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
        poller.watch(fd, token(fd, watched), interest)
    })?
}

/// Ends [`call_when_readable`] before `fd` is closed.
pub(crate) fn stop_calling(context: &Context, fd: RawFd) {
    let _ = context.fds.with(fd, |watched| {
        watched.handler.set(None);
        watched.generation.set(watched.generation.get().wrapping_add(1));
    });
}

/// A descriptor that belongs to a library socket, non-blocking, registered for edges.
/// It belongs to the thread that made it. Dropping it closes the descriptor.
pub(crate) struct FdSource {
    fd: OwnedFd,
}

impl FdSource {
    /// Takes over `fd`. On error it is closed.
    pub(crate) fn register(fd: OwnedFd) -> Result<FdSource> {
        let context = Context::get()?;
        let number = fd.as_raw_fd();
        let poller = context.poller()?;
        context.fds.with(number, |watched| {
            watched.generation.set(watched.generation.get().wrapping_add(1));
            watched.may_read.set(true);
            watched.may_write.set(true);
            watched.hangup.set(false);
            watched.broken.set(false);
            let both = Interest { readable: true, writable: true, mode: Mode::EveryEdge };
            poller.watch(number, token(number, watched), both)?;
            watched.socket.set(true);
            Ok(())
        })??;
        Ok(FdSource { fd })
    }

    /// The number, for system calls.
    pub(crate) fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    fn with<T>(&self, action: impl FnOnce(&Watched) -> T) -> Result<T> {
        Context::get()?.fds.with(self.as_raw_fd(), action)
    }

    /// False when a read is known to block.
    pub(crate) fn may_read(&self) -> bool {
        self.with(|watched| watched.is_ready(Direction::Read)).unwrap_or(true)
    }

    /// False when a write is known to block.
    pub(crate) fn may_write(&self) -> bool {
        self.with(|watched| watched.is_ready(Direction::Write)).unwrap_or(true)
    }

    /// Notes that the socket's input is used up: a read failed with `EAGAIN`, or gave
    /// less than was asked for. After a hang-up reads never block, so the note is void.
    pub(crate) fn read_would_block(&self) {
        let _ = self.with(|watched| watched.may_read.set(false));
    }

    /// Notes that the socket's output is full: `EAGAIN`, or a short write.
    pub(crate) fn write_would_block(&self) {
        let _ = self.with(|watched| watched.may_write.set(false));
    }

    /// Waits for input, end of stream or an error; returns at once when there may be
    /// some. Errors: `ETIMEDOUT`, `ECANCELED`, `EBUSY` (somebody else waits).
    pub(crate) fn wait_readable(&self, deadline: i64, interrupt: Interrupt) -> Result<()> {
        self.wait(Direction::Read, deadline, interrupt)
    }

    /// Ends all waits for the socket with `EBADF`: its handle is being closed.
    pub(crate) fn abandon_waiters(&self) {
        let Some(context) = Context::existing() else { return };
        let _ = self.with(|watched| {
            for slot in [&watched.reader, &watched.writer] {
                if let Some(waiter) = slot.get() {
                    waiter.complete(context, Errno::EBADF as i32);
                }
            }
        });
    }

    /// Gives the descriptor up to the user, as a copy with a number of its own. From then on
    /// the scheduler tells nothing of it any more, and this is only to be dropped.
    pub(crate) fn release(&self) -> Result<OwnedFd> {
        let copy = self.fd.try_clone();
        let copy =
            copy.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EMFILE)))?;
        if let Some(poller) = Context::existing().and_then(Context::existing_poller) {
            poller.forget(self.as_raw_fd());
        }
        Ok(copy)
    }

    /// As [`FdSource::wait_readable`], for room in the output.
    pub(crate) fn wait_writable(&self, deadline: i64, interrupt: Interrupt) -> Result<()> {
        self.wait(Direction::Write, deadline, interrupt)
    }

    fn wait(&self, direction: Direction, deadline: i64, interrupt: Interrupt) -> Result<()> {
        let context = Context::get()?;
        let coroutine = context.current();
        match interrupt {
            Interrupt::Any => coroutine.may_block()?,
            Interrupt::UnderWay => coroutine.may_continue()?,
            Interrupt::Never => {}
        }
        let must_wait = self.with(|watched| {
            if watched.is_ready(direction) {
                return Ok(false);
            }
            let slot = watched.slot(direction);
            if !slot.is_empty() {
                return Err(Errno::EBUSY);
            }
            slot.put(coroutine.waiter_ref());
            Ok(true)
        })??;
        if must_wait { wait(context, deadline, interrupt) } else { Ok(()) }
    }
}

impl Drop for FdSource {
    fn drop(&mut self) {
        let _ = self.with(|watched| {
            watched.generation.set(watched.generation.get().wrapping_add(1));
            watched.socket.set(false);
        });
    }
}
