//! `choose`: the first of several operations that can be done.

use super::channel::{self, Buffer, Direction, HalfChannel};
use super::event::Event;
use super::input::{self, Answer, Input};
use super::{bundle, bundle::Bundle};
use crate::context_switch::Transfer;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Waiter};
use crate::scheduler::fd_readiness;
use core::ffi::c_int;
use core::ptr;

/// What a clause asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// Send the buffer on a channel.
    Send,
    /// Receive into the buffer from a channel.
    Receive,
    /// Until a descriptor is readable.
    FdIn,
    /// Until a descriptor is writable.
    FdOut,
    /// Until a receive or an accept on a socket would not block.
    Socket,
    /// Until the last coroutine of a bundle has finished.
    Bundle,
    /// Until the bundle in which the caller runs has got the graceful request.
    Request,
    /// Until an event has happened: the one at the buffer's address. Not for C.
    Event,
}

/// One alternative.
#[derive(Clone, Copy)]
pub(crate) struct Clause {
    /// `None` when the caller gave a number that means nothing.
    pub(crate) operation: Option<Operation>,
    /// The handle; for descriptors their number.
    pub(crate) handle: c_int,
    /// The message; empty for what is not a channel's.
    pub(crate) buffer: Buffer,
}

impl Clause {
    /// Asks for nothing that there is.
    pub(crate) const NOTHING: Clause =
        Clause { operation: None, handle: -1, buffer: Buffer { address: ptr::null_mut(), len: 0 } };

    /// Returns a clause that waits for `event`, which must be alive while the clause is used.
    pub(crate) fn of_event(event: &Event) -> Clause {
        let address = ptr::from_ref(event).cast_mut().cast();
        let buffer = Buffer { address, len: 0 };
        Clause { operation: Some(Operation::Event), buffer, ..Clause::NOTHING }
    }
}

/// How a `choose` begins.
pub(crate) enum Begun {
    /// The clause with this index is over, successfully or not.
    Complete(usize, Result<()>),
    /// None could be done at once.
    Blocked(Transfer),
    /// Neither, and what arrives at one of the sockets may turn out not to be input. The rest
    /// is up to [`finish`].
    Watching(Transfer),
}

/// What a clause waits for.
enum Source {
    Channel(Direction, Ref<HalfChannel>),
    Fd {
        fd: c_int,
        writing: bool,
    },
    Socket(c_int),
    Bundle(Ref<Bundle>),
    /// `None` in a main coroutine, which is never asked.
    Request(Option<Ref<Bundle>>),
    Event(Ref<Event>),
}

/// Begin function of `choose` over `count` clauses, of which `all` gives the n-th.
pub(crate) fn begin(all: impl Fn(usize) -> Clause, count: usize, deadline: i64) -> Result<Begun> {
    let context = Context::may_block()?;
    let mut certain = true;
    for index in 0..count {
        let clause = all(index);
        let channel = channel_of(context, &clause);
        if let Some((direction, target)) = channel
            && direction.must_wait(&target)
        {
            continue;
        }
        let is_rendezvous = match channel {
            Some((_, target)) => target.is_plain(),
            None => matches!(clause.operation, Some(Operation::Send | Operation::Receive)),
        };
        // All else may be ready whenever it is asked for.
        if !is_rendezvous && !context.has_turn(deadline) {
            context.give_way();
            return begin(all, count, deadline);
        }
        let outcome = resolve(context, clause)
            .and_then(|source| source.attempt(context, clause.buffer, &mut certain));
        match outcome {
            Ok(false) => {}
            Ok(true) => return Ok(Begun::Complete(index, Ok(()))),
            Err(error) => {
                return Ok(Begun::Complete(index, Context::end_call(deadline, Err(error))));
            }
        }
    }
    if deadline == 0 {
        return Err(Errno::ETIMEDOUT);
    }
    let current = context.current();
    let mut blocked = Blocked::Plain;
    if count > 0 {
        let waiters = context.allocate_waiters(count)?;
        blocked = Blocked::Waiters;
        for index in 0..count {
            let place = waiters.as_ptr().wrapping_add(index);
            // SAFETY: the block has room for `count` waiters; each stays at its place
            // until the coroutine detaches all of them.
            let waiter = unsafe {
                place.write(Waiter::for_clause(current, index));
                Ref::from_raw(place)
            };
            let clause = all(index);
            if let Some((direction, target)) = channel_of(context, &clause) {
                direction.enqueue(&target, waiter, clause.buffer);
                continue;
            }
            let enqueued = resolve(context, clause)
                .and_then(|source| source.enqueue(context, waiter, clause.buffer));
            if let Err(error) = enqueued {
                context.abandon_waiters(waiters, index + 1, count);
                return Ok(Begun::Complete(index, Err(error)));
            }
        }
        current.set_waiters(waiters.as_ptr(), count);
    }
    current.will_block(blocked, Interrupt::Any);
    context.arm_deadline(current, deadline);
    let transfer = context.block();
    Ok(if certain { Begun::Blocked(transfer) } else { Begun::Watching(transfer) })
}

/// The rest of a `choose` that has begun as [`Begun::Watching`], for callers that stay on the
/// stack: when a socket was woken by what is no input, it begins again.
#[cold]
pub(crate) fn finish(
    mut transfer: Transfer,
    clause: impl Fn(usize) -> Clause,
    count: usize,
    deadline: i64,
) -> Result<(usize, Result<()>)> {
    let context = Context::get()?;
    loop {
        let (index, result) = outcome(context.carry_out(transfer))?;
        if result.is_err() || clause(index).operation != Some(Operation::Socket) {
            return Ok((index, result));
        }
        transfer = match begin(&clause, count, deadline)? {
            Begun::Complete(index, result) => return Ok((index, result)),
            Begun::Blocked(transfer) | Begun::Watching(transfer) => transfer,
        };
    }
}

/// What the waker has told.
fn outcome((index, errno): (c_int, c_int)) -> Result<(usize, Result<()>)> {
    match (index, errno) {
        (-1, errno) => Err(Errno::from_raw(errno)),
        (index, 0) => Ok((index.cast_unsigned() as usize, Ok(()))),
        (index, errno) => Ok((index.cast_unsigned() as usize, Err(Errno::from_raw(errno)))),
    }
}

/// As [`begin`], for Rust code: waits for one of the clauses; its index, and how it went.
/// `ETIMEDOUT`, `ECANCELED`, `ENOMEM`: none.
///
/// # Safety
/// The buffers are valid until the call returns, those of sends for reads and those of receives
/// for writes; events stay alive until then.
pub(crate) unsafe fn choose(
    clause: impl Fn(usize) -> Clause,
    count: usize,
    deadline: i64,
) -> Result<(usize, Result<()>)> {
    match Context::end_call(deadline, begin(&clause, count, deadline))? {
        Begun::Complete(index, result) => Ok((index, result)),
        Begun::Blocked(transfer) => outcome(Context::get()?.carry_out(transfer)),
        Begun::Watching(transfer) => finish(transfer, clause, count, deadline),
    }
}

/// The channel that a clause is about, in a few instructions. `None`: ask [`resolve`].
#[inline(always)]
fn channel_of(context: &Context, clause: &Clause) -> Option<(Direction, Ref<HalfChannel>)> {
    let direction = match clause.operation {
        Some(Operation::Send) => Direction::Send,
        Some(Operation::Receive) => Direction::Receive,
        _ => return None,
    };
    if clause.buffer.address.is_null() {
        return None;
    }
    let half = channel::find_at_once(context, clause.handle)?;
    Some((direction, direction.target(half)))
}

/// Checks a clause and finds what it is about.
fn resolve(context: &Context, clause: Clause) -> Result<Source> {
    let operation = clause.operation.ok_or(Errno::EINVAL);
    let source = match operation {
        Ok(Operation::FdIn) => Source::Fd { fd: clause.handle, writing: false },
        Ok(Operation::FdOut) => Source::Fd { fd: clause.handle, writing: true },
        Ok(Operation::Socket) => {
            context.handles.any(clause.handle)?;
            Source::Socket(clause.handle)
        }
        Ok(Operation::Bundle) => Source::Bundle(bundle::find(context, clause.handle)?),
        Ok(Operation::Request) if clause.handle != -1 => return Err(Errno::EINVAL),
        Ok(Operation::Request) => Source::Request(bundle::of(context.current())),
        Ok(Operation::Event) => {
            // SAFETY: only `Clause::of_event` makes such clauses, and the event stays alive by the
            // promise of the caller of `choose`.
            return Ok(Source::Event(unsafe { Ref::from_raw(clause.buffer.address.cast()) }));
        }
        // An unknown operation is found out after a bad handle, as in libdill.
        Ok(Operation::Send | Operation::Receive) | Err(_) => {
            let half = channel::find(context, clause.handle)?;
            if clause.buffer.len > 0 && clause.buffer.address.is_null() {
                return Err(Errno::EINVAL);
            }
            let direction = match operation? {
                Operation::Send => Direction::Send,
                _ => Direction::Receive,
            };
            return Ok(Source::Channel(direction, direction.target(half)));
        }
    };
    if clause.buffer.len > 0 || !clause.buffer.address.is_null() {
        return Err(Errno::EINVAL);
    }
    Ok(source)
}

impl Source {
    /// Carries the operation out if that is possible at once. Otherwise, where it may be not
    /// possible yet when its time has come, it is not `certain`.
    fn attempt(&self, context: &Context, buffer: Buffer, certain: &mut bool) -> Result<bool> {
        match self {
            Source::Channel(direction, target) => direction.attempt(context, target, buffer),
            Source::Fd { fd, writing } => fd_readiness::poll_user(*fd, *writing),
            Source::Socket(handle) => {
                let answer = input::poll(context, *handle)?;
                *certain &= answer != Answer::Perhaps;
                Ok(answer == Answer::Yes)
            }
            Source::Bundle(bundle) if bundle.contains(context.current()) => Err(Errno::EDEADLK),
            Source::Bundle(bundle) => Ok(bundle.is_empty()),
            Source::Request(own) => Ok(own.is_some_and(|own| own.is_requested())),
            Source::Event(event) => Ok(event.has_happened()),
        }
    }

    /// Has `waiter` wait until it is possible.
    fn enqueue(&self, context: &Context, waiter: Ref<Waiter>, buffer: Buffer) -> Result<()> {
        match self {
            Source::Channel(direction, target) => {
                direction.enqueue(target, waiter, buffer);
                Ok(())
            }
            Source::Fd { fd, writing } => fd_readiness::enroll(context, *fd, *writing, waiter),
            Source::Socket(handle) => match input::find(context, *handle)? {
                Input::Descriptor(fd) => fd_readiness::enroll_socket(context, fd, waiter),
                // It was not buffered a moment ago, and nothing has run since.
                Input::Buffered => Err(Errno::EIO),
            },
            Source::Bundle(bundle) => {
                bundle.enqueue(waiter);
                Ok(())
            }
            Source::Request(own) => own.map_or(Ok(()), |own| own.await_request(context, waiter)),
            Source::Event(event) => {
                event.enqueue(waiter);
                Ok(())
            }
        }
    }
}
