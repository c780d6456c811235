//! Descriptors of the user's, and those that the library makes for its own use.

use super::waiting::wait;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Interrupt, Slot, Waiter};
use crate::scheduler::fd_table::{OnReadable, rearm, token};
use crate::scheduler::poller::{Direction, Interest, Mode, Poller as _, Readiness};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::RawFd;

/// Waits until the user's `fd` is readable or broken. `deadline` in milliseconds, -1
/// for none. Errors: `EBADF`, `EBUSY` (a coroutine waits for that already), `ECANCELED`,
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
    let poller = context.poller()?;
    context.fds.with(fd, |watched| {
        if watched.socket.get() {
            return Err(Errno::EBUSY);
        }
        if !take_slot(watched.slot(direction), waiter)? {
            return Ok(());
        }
        rearm(poller, watched).inspect_err(|_| waiter.detach())
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
    let mut fds = [PollFd::new(syscalls::borrow(fd), flag)];
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

/// For `choose`: returns whether a waiter for input of the socket that has `fd` may be woken by
/// input that was taken meanwhile: a poll that io_uring was asked for stays, although the waiter has
/// gone, and tells of what comes then.
pub(crate) fn may_be_late(context: &Context, fd: RawFd) -> Result<bool> {
    context.fds.with(fd, |watched| watched.socket.get() && watched.prepares_waits())
}

/// For `choose`: has `waiter` wait for input of the socket that has `fd`, which had
/// none when it was asked by [`poll_socket`]. `EBUSY` when a coroutine waits for its input.
pub(crate) fn enroll_socket(context: &Context, fd: RawFd, waiter: Ref<Waiter>) -> Result<()> {
    let is_socket = context.fds.with(fd, |watched| watched.socket.get())?;
    if !is_socket {
        return enroll_user(context, fd, Direction::Read, waiter);
    }
    context.fds.with(fd, |watched| {
        if !take_slot(&watched.reader, waiter)? {
            return Ok(());
        }
        watched.await_edge(context, &context.fds, Direction::Read).inspect_err(|_| waiter.detach())
    })?
}

/// Forgets what is known of the user's `fd`, before it is closed. `EBUSY` while
/// a coroutine waits for it, `EBADF` for a negative number.
pub(crate) fn clean(fd: RawFd) -> Result<()> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    let Some(context) = Context::existing() else { return Ok(()) };
    let Some(watched) = context.fds.existing(fd) else { return Ok(()) };
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
