//! Channels: two connected half-channels, each of which sends to the other.
//!
//! Sending and receiving are a rendezvous: whoever comes first waits with the address
//! of its message, whoever comes second copies it and wakes the first. So a message is
//! never stored, torn or lost.

use super::cancel_scope::Watching;
use super::notification::{self, InChannel};
use super::{dump, handle_close, signals};
use crate::context_switch::Transfer;
use crate::handle_table::{Kind, no_interfaces, no_owner};
use crate::intrusive::{List, Ref};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::is_never;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Waiter, Waiting as Queued};
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr::{self, NonNull};

/// One end of a channel.
#[repr(C)]
pub(crate) struct HalfChannel {
    /// Those who wait to receive from this half.
    pub(super) receivers: List<Queued>,
    /// Those who wait to send to this half.
    pub(super) senders: List<Queued>,
    /// Registrations of this half with bundles.
    pub(super) notifications: List<InChannel>,
    /// Cancel scopes that fire when this half is done.
    pub(super) watchers: List<Watching>,
    /// Bytes from here to the other half.
    to_peer: i32,
    state: Cell<u8>,
    closed: Cell<bool>,
    user_memory: bool,
}

/// In `state`: nothing more will be sent to this half.
const DONE: u8 = 1;
/// In `state`: this half receives signals.
const SIGNALS: u8 = 2;

/// Both ends, in one block of memory.
#[repr(C)]
pub(crate) struct Channel {
    halves: [HalfChannel; 2],
}

// The storage that libdill's users reserve.
const _: () = assert!(size_of::<Channel>() <= 144 && align_of::<Channel>() <= 8);

pub(crate) static HALF_CHANNEL: Kind =
    Kind { name: "channel", close, query: no_interfaces, adopt: no_owner };

impl Channel {
    fn new(user_memory: bool, state: u8) -> Channel {
        let half = |to_peer: i32| HalfChannel {
            receivers: List::new(),
            senders: List::new(),
            notifications: List::new(),
            watchers: List::new(),
            to_peer,
            state: Cell::new(state),
            closed: Cell::new(false),
            user_memory,
        };
        const SIZE: i32 = size_of::<HalfChannel>() as i32;
        Channel { halves: [half(SIZE), half(-SIZE)] }
    }

    /// A channel of signals, which only has its first half.
    pub(super) fn of_signals() -> Channel {
        Channel::new(false, SIGNALS)
    }

    /// Completes what needs the final address.
    pub(super) fn init(&self) {
        for half in &self.halves {
            half.receivers.init();
            half.senders.init();
            half.notifications.init();
            half.watchers.init();
        }
    }

    /// The half that has the handle of a channel of signals.
    pub(super) fn first_half(&self) -> &HalfChannel {
        &self.halves[0]
    }
}

/// The half-channel behind a handle.
#[inline(always)]
pub(crate) fn find(context: &Context, handle: c_int) -> Result<Ref<HalfChannel>> {
    let object = context.handles.find(handle, &HALF_CHANNEL)?;
    // SAFETY: objects of this kind are half-channels, alive while a handle is open.
    Ok(unsafe { Ref::from_raw(object.cast()) })
}

/// The same; does not find every one that [`find`] does.
#[inline(always)]
pub(super) fn find_at_once(context: &Context, handle: c_int) -> Option<Ref<HalfChannel>> {
    let object = context.handles.find_at_once(handle, &HALF_CHANNEL)?;
    // SAFETY: as in `find`.
    Some(unsafe { Ref::from_raw(object.cast()) })
}

/// Makes a channel; its two handles. `memory`: the user's, for a [`Channel`].
pub(crate) fn make(memory: Option<NonNull<Channel>>) -> Result<[c_int; 2]> {
    let context = Context::may_start()?;
    context.set_describer(dump::describe);
    let channel = Channel::new(memory.is_some(), 0);
    let channel = match memory {
        None => context.objects.allocate(channel)?,
        // SAFETY: the user gives this memory to the channel until both ends are closed.
        Some(memory) => unsafe {
            memory.write(channel);
            Ref::new(memory)
        },
    };
    channel.init();
    let open = |half: &HalfChannel| {
        handle_close::open(context, ptr::from_ref(half).cast_mut().cast(), &HALF_CHANNEL)
    };
    let first = open(&channel.halves[0]).inspect_err(|_| free(context, channel))?;
    let second = open(&channel.halves[1]).inspect_err(|_| {
        context.handles.release(first);
        free(context, channel);
    })?;
    Ok([first, second])
}

fn free(context: &Context, channel: Ref<Channel>) {
    if !channel.halves[0].user_memory {
        // SAFETY: allocated by `make`; nobody has a handle to it or waits on it.
        unsafe { context.objects.free(channel) };
    }
}

impl HalfChannel {
    /// The other end.
    #[inline(always)]
    pub(super) fn peer(&self) -> Ref<HalfChannel> {
        // SAFETY: the two halves of a channel are neighbours in one array.
        unsafe { Ref::from_raw(ptr::from_ref(self).byte_offset(self.to_peer as isize)) }
    }

    /// Nothing more will be sent from this half: `chdone`. `EPIPE` when that is so
    /// already, `ENOTSUP` for a channel of signals.
    pub(super) fn done(&self, context: &Context) -> Result<()> {
        let peer = self.peer();
        peer.may_be_done()?;
        if peer.state.replace(DONE) != 0 {
            return Err(Errno::EPIPE);
        }
        peer.end_waits(context);
        peer.fire_watchers(context);
        Ok(())
    }

    /// `ENOTSUP` for a channel of signals, which nobody but the system ends.
    pub(super) fn may_be_done(&self) -> Result<()> {
        if self.state.get() & SIGNALS != 0 { Err(Errno::ENOTSUP) } else { Ok(()) }
    }

    /// Returns whether all that can happen here is a rendezvous.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.state.get() == 0
    }

    /// Is it the one of a channel of signals?
    pub(super) fn receives_signals(&self) -> bool {
        self.state.get() & SIGNALS != 0
    }

    /// Will nothing more come, because the peer is done or closed?
    pub(super) fn is_over(&self) -> bool {
        self.state.get() & DONE != 0 || self.peer().closed.get()
    }

    /// Fires the cancel scopes that watch this half.
    fn fire_watchers(&self, context: &Context) {
        while let Some(scope) = self.watchers.pop_front() {
            scope.fire(context);
        }
    }

    /// Ends all waits for this half with `EPIPE`.
    pub(super) fn end_waits(&self, context: &Context) {
        for list in [&self.receivers, &self.senders] {
            while let Some(waiter) = list.first() {
                waiter.complete(context, Errno::EPIPE as c_int);
            }
        }
    }
}

/// `chdone`.
pub(crate) fn done(handle: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    find(context, handle)?.done(context)
}

unsafe fn close(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    let half: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
    notification::drop_all_of_channel(context, &half.notifications);
    while half.watchers.pop_front().is_some() {} // they watch nothing from now on
    if half.receives_signals() {
        signals::close(context, half);
        return Ok(());
    }
    half.closed.set(true);
    let peer = half.peer();
    peer.fire_watchers(context);
    if peer.closed.get() {
        let (first, second) = if half.to_peer < 0 { (peer, half) } else { (half, peer) };
        first.end_waits(context);
        second.end_waits(context);
        // SAFETY: the first half is at the start of its channel.
        free(context, unsafe { Ref::from_raw(first.as_ptr().cast()) });
    }
    Ok(())
}

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

/// A message buffer, of the sender or the receiver.
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    pub(crate) address: *mut u8,
    pub(crate) len: usize,
}

impl Direction {
    /// The half whose lists matter: messages are sent to the other end.
    #[inline(always)]
    pub(super) fn target(self, half: Ref<HalfChannel>) -> Ref<HalfChannel> {
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
    pub(super) fn queue(self, target: &HalfChannel) -> &List<Queued> {
        match self {
            Direction::Send => &target.senders,
            Direction::Receive => &target.receivers,
        }
    }

    /// Is there nobody at `target` whom this operation meets, nor anything special about it?
    /// False: ask [`Direction::attempt`].
    #[inline(always)]
    pub(super) fn must_wait(self, target: &HalfChannel) -> bool {
        target.state.get() == 0 && self.counterparts(target).is_empty()
    }

    /// Carries the operation out if somebody waits for it: true when it is done.
    /// `EPIPE`: the channel is done. `EMSGSIZE`: the sizes differ, which fails both sides.
    pub(super) fn attempt(
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

    /// [`Direction::attempt`] where there is nothing special about `target`.
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

    /// [`Direction::attempt`] where nothing more is sent, or where signals are received.
    #[cold]
    #[inline(never)]
    fn attempt_specially(
        self,
        context: &Context,
        target: &HalfChannel,
        buffer: Buffer,
    ) -> Result<bool> {
        match self {
            _ if target.state.get() & SIGNALS == 0 => Err(Errno::EPIPE),
            Direction::Send => Err(Errno::ENOTSUP),
            Direction::Receive => signals::receive(context, target, buffer),
        }
    }

    /// Has `waiter` wait at `target` with its buffer.
    #[inline(always)]
    pub(super) fn enqueue(self, target: &HalfChannel, waiter: Ref<Waiter>, buffer: Buffer) {
        waiter.value.set(buffer.address);
        waiter.len.set(buffer.len);
        self.queue(target).push_back(waiter);
    }
}

/// Begin function of `chsend` and `chrecv`.
pub(crate) fn begin(
    direction: Direction,
    handle: c_int,
    buffer: Buffer,
    deadline: i64,
) -> Result<Transfer> {
    let begun = find_to_block(handle, buffer)
        .and_then(|(context, half)| begin_half(context, direction, half, buffer, deadline));
    Context::end_call(deadline, begun)
}

/// The half-channel behind `handle`, if the caller may block.
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
pub(super) fn begin_half(
    context: &Context,
    direction: Direction,
    half: Ref<HalfChannel>,
    buffer: Buffer,
    deadline: i64,
) -> Result<Transfer> {
    let target = direction.target(half);
    let done = if target.state.get() == 0 {
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

/// [`Direction::attempt_specially`], which may succeed time and again: others run if it is time.
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

/// The common cases of [`begin`], in a few instructions: a message of 4 or 8 bytes and somebody
/// who waits for it, or nobody who waits and another coroutine to go on with. `None`: ask
/// `begin`, nothing has happened.
#[inline(always)]
pub(crate) fn begin_at_once(
    direction: Direction,
    handle: c_int,
    buffer: Buffer,
    deadline: i64,
) -> Option<Transfer> {
    let context = Context::may_block_at_once()?;
    let object = context.handles.find_at_once(handle, &HALF_CHANNEL)?;
    // SAFETY: as in `find`.
    let half: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
    begin_half_at_once(context, direction, half, buffer, deadline)
}

/// As [`begin_at_once`], when the half is at hand and the caller may block.
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
