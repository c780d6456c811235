//! Sending and receiving. The caller that comes first waits with the address of its message; the
//! one that comes second copies the message and wakes the first.

use super::{Buffer, HalfChannel, find};
use crate::context_switch::Transfer;
use crate::intrusive::{List, Ref};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::is_never;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Waiter, Waiting as Queued};
use core::ffi::c_int;
use core::ptr;

/// Copies a message of `len` bytes.
///
/// # Safety
/// `from` and `to` are valid for `len` bytes, if that is not zero; they may overlap.
unsafe fn copy_message(from: *const u8, to: *mut u8, len: usize) {
    if len > 0 {
        // SAFETY: by the caller's promise.
        unsafe { ptr::copy(from, to, len) }
    }
}

/// Copies a message, if that takes a move or two: true when it did.
///
/// # Safety
/// As for [`copy_message`].
#[inline(always)]
unsafe fn copy_at_once(from: *const u8, to: *mut u8, len: usize) -> bool {
    // SAFETY: by the caller's promise; unaligned accesses are said to be so.
    unsafe {
        if len == 4 {
            to.cast::<u32>().write_unaligned(from.cast::<u32>().read_unaligned());
            return true;
        }
        less_often();
        if len == 8 {
            to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned());
            return true;
        }
    }
    false
}

/// Tells the compiler which way is to be the fast one.
#[cold]
fn less_often() {}

/// The sizes of two messages differ: both calls fail with `EMSGSIZE`.
#[cold]
#[inline(never)]
fn fail_both(context: &Context, other: Ref<Waiter>) -> Errno {
    other.complete(context, Errno::EMSGSIZE as c_int);
    Errno::EMSGSIZE
}

/// What a rendezvous does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Send,
    Receive,
}

impl Direction {
    /// The half whose lists matter: messages are sent to the other end.
    #[inline(always)]
    pub(in crate::concurrency) fn target(self, half: Ref<HalfChannel>) -> Ref<HalfChannel> {
        match self {
            Direction::Send => half.peer(),
            Direction::Receive => half,
        }
    }

    /// Those at `target` whom this operation meets.
    #[inline(always)]
    fn counterparts(self, target: &HalfChannel) -> &List<Queued> {
        match self {
            Direction::Send => &target.receivers,
            Direction::Receive => &target.senders,
        }
    }

    /// Those at `target` who wait to do the same.
    #[inline(always)]
    pub(in crate::concurrency) fn queue(self, target: &HalfChannel) -> &List<Queued> {
        match self {
            Direction::Send => &target.senders,
            Direction::Receive => &target.receivers,
        }
    }

    /// Returns whether no counterpart waits at `target` and there is nothing special about it.
    /// Where not, ask [`Direction::attempt`].
    #[inline(always)]
    pub(in crate::concurrency) fn must_wait(self, target: &HalfChannel) -> bool {
        target.state.get() == 0 && self.counterparts(target).is_empty()
    }

    /// Carries the operation out if a counterpart waits. Returns whether it is done.
    /// `EPIPE`: the channel is done. `EMSGSIZE`: the sizes differ, which fails both sides.
    pub(in crate::concurrency) fn attempt(
        self,
        context: &Context,
        target: &HalfChannel,
        buffer: Buffer,
    ) -> Result<bool> {
        if target.state.get() != 0 {
            return self.attempt_specially(context, target, buffer);
        }
        self.meet(context, target, buffer)
    }

    /// Does what [`Direction::attempt`] does where there is nothing special about `target`.
    #[inline(always)]
    fn meet(self, context: &Context, target: &HalfChannel, buffer: Buffer) -> Result<bool> {
        let Some(other) = self.counterparts(target).first() else { return Ok(false) };
        if other.len.get() != buffer.len {
            return Err(fail_both(context, other));
        }
        let (from, to) = match self {
            Direction::Send => (buffer.address, other.value.get()),
            Direction::Receive => (other.value.get(), buffer.address),
        };
        // SAFETY: both buffers are valid for this many bytes as long as their calls last
        // (the contract of the entry points), and the waiter's call still lasts.
        unsafe { copy_message(from, to, buffer.len) };
        other.complete(context, 0);
        Ok(true)
    }

    /// [`Direction::attempt`] where nothing more is sent, or where the messages have a source.
    #[cold]
    #[inline(never)]
    fn attempt_specially(
        self,
        context: &Context,
        target: &HalfChannel,
        buffer: Buffer,
    ) -> Result<bool> {
        match (self, target.source()) {
            (_, None) => Err(Errno::EPIPE),
            (Direction::Send, Some(_)) => Err(Errno::ENOTSUP),
            // SAFETY: the table is that of this half's channel.
            (Direction::Receive, Some(source)) => unsafe {
                (source.receive)(context, target, buffer)
            },
        }
    }

    /// Has `waiter` wait at `target` with its buffer.
    #[inline(always)]
    pub(in crate::concurrency) fn enqueue(
        self,
        target: &HalfChannel,
        waiter: Ref<Waiter>,
        buffer: Buffer,
    ) {
        waiter.value.set(buffer.address);
        waiter.len.set(buffer.len);
        self.queue(target).push_back(waiter);
    }
}

/// Begin function of `chsend` and `chrecv`.
pub(super) fn begin(
    direction: Direction,
    handle: c_int,
    buffer: Buffer,
    deadline: i64,
) -> Result<Transfer> {
    let begun = find_to_block(handle, buffer)
        .and_then(|(context, half)| begin_half(context, direction, half, buffer, deadline));
    Context::end_call(deadline, begun)
}

/// Returns the half-channel behind `handle`, if the caller may block.
fn find_to_block(handle: c_int, buffer: Buffer) -> Result<(&'static Context, Ref<HalfChannel>)> {
    // Without a scheduler there is no channel either.
    let context = Context::existing().ok_or(Errno::EBADF)?;
    context.current().may_block()?;
    let half = find(context, handle)?;
    if buffer.len > 0 && buffer.address.is_null() {
        return Err(Errno::EINVAL);
    }
    Ok((context, half))
}

/// As [`begin`], when the half is at hand and the caller may block. For the caller to pass to
/// [`Context::end_call`].
#[inline(always)]
pub(in crate::concurrency) fn begin_half(
    context: &Context,
    direction: Direction,
    half: Ref<HalfChannel>,
    buffer: Buffer,
    deadline: i64,
) -> Result<Transfer> {
    let target = direction.target(half);
    let done = if target.is_plain() {
        direction.meet(context, &target, buffer)?
    } else {
        attempt_in_turn(context, direction, &target, buffer, deadline)?
    };
    if done {
        return Ok(Transfer::complete(0));
    }
    if deadline == 0 {
        return Err(Errno::ETIMEDOUT);
    }
    let current = context.current();
    direction.enqueue(&target, current.waiter_ref(), buffer);
    current.will_block(Blocked::Waiter, Interrupt::Any);
    context.arm_deadline(current, deadline);
    Ok(context.block())
}

/// Does what [`Direction::attempt_specially`] does, which may succeed time and again: others run if
/// it is time.
#[cold]
#[inline(never)]
fn attempt_in_turn(
    context: &Context,
    direction: Direction,
    target: &HalfChannel,
    buffer: Buffer,
    deadline: i64,
) -> Result<bool> {
    let done = direction.attempt_specially(context, target, buffer)?;
    if done {
        context.take_turn(deadline);
    }
    Ok(done)
}

/// The common cases of [`begin_half`], in a few instructions: a message of 4 or 8 bytes and a
/// counterpart that waits for it, or none and another coroutine to go on with. `None`: ask
/// `begin_half`, nothing has happened.
#[inline(always)]
pub(super) fn begin_half_at_once(
    context: &Context,
    direction: Direction,
    half: Ref<HalfChannel>,
    buffer: Buffer,
    deadline: i64,
) -> Option<Transfer> {
    let target = direction.target(half);
    if target.state.get() != 0 || buffer.address.is_null() {
        return None;
    }
    if let Some(other) = direction.counterparts(&target).first() {
        if other.len.get() != buffer.len {
            return None;
        }
        let (from, to) = match direction {
            Direction::Send => (buffer.address, other.value.get()),
            Direction::Receive => (other.value.get(), buffer.address),
        };
        let waits = other.waits();
        if waits.is_alone() {
            // SAFETY: as in `attempt`.
            let copied = unsafe { copy_at_once(from, to, buffer.len) };
            return copied.then(|| {
                waits.complete(context, false);
                Transfer::complete(0)
            });
        }
        less_often();
        if waits.is_alone_with_timer() {
            // SAFETY: as in `attempt`.
            let copied = unsafe { copy_at_once(from, to, buffer.len) };
            return copied.then(|| {
                waits.complete(context, true);
                Transfer::complete(0)
            });
        }
        return None;
    }
    let current = context.current();
    if is_never(deadline) {
        let next = context.next_at_once()?;
        direction.enqueue(&target, current.waiter_ref(), buffer);
        current.will_block(Blocked::Waiter, Interrupt::Any);
        return Some(context.switch(current, next));
    }
    if deadline == 0 {
        return None;
    }
    let next = context.next_at_once()?;
    direction.enqueue(&target, current.waiter_ref(), buffer);
    current.will_block(Blocked::Waiter, Interrupt::Any);
    context.arm_deadline(current, deadline);
    Some(context.switch(current, next))
}
