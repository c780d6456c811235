//! Signals of the system as messages on a channel.
//!
//! They are caught when they come and kept until they are received, so none is lost to whatever
//! happens in between: see [`caught_signals`](crate::os::caught_signals).

use super::channel::{Buffer, Channel, HALF_CHANNEL, HalfChannel};
use super::handle_close;
use crate::intrusive::Ref;
use crate::os::caught_signals::{self, SignalSet, Subscription};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness;
use core::cell::RefCell;
use core::ffi::c_int;
use core::ptr;

/// A channel whose first half receives signals.
#[repr(C)]
struct SignalChannel {
    channel: Channel,
    set: SignalSet,
    caught: RefCell<Subscription>,
}

/// Makes a channel that receives the signals of `set`; its handle.
pub(crate) fn make(set: SignalSet) -> Result<c_int> {
    let context = Context::may_start()?;
    // What can fail comes first: signals are caught for a channel that has its handle.
    let caught = RefCell::new(Subscription::new()?);
    let channel = SignalChannel { channel: Channel::of_signals(), set, caught };
    let made = context.objects.allocate(channel)?;
    made.channel.init();
    let object = ptr::from_ref(made.channel.first_half()).cast_mut().cast();
    let handle = handle_close::open(context, object, &HALF_CHANNEL)
        // SAFETY: made just now, and known to no other code.
        .inspect_err(|_| unsafe { context.objects.free(made) })?;
    made.caught.borrow().catch(set);
    Ok(handle)
}

/// The channel that `half` is the first half of.
fn of(half: &HalfChannel) -> Ref<SignalChannel> {
    // SAFETY: only `make` makes halves that receive signals; the first half is at the
    // start of its channel, and that at the start of a `SignalChannel`.
    unsafe { Ref::from_raw(ptr::from_ref(half).cast()) }
}

/// Receives a signal if one has arrived; otherwise prepares for one to come.
pub(super) fn receive(context: &Context, half: &HalfChannel, buffer: Buffer) -> Result<bool> {
    if buffer.len != size_of::<c_int>() {
        return Err(Errno::EMSGSIZE);
    }
    let channel = of(half);
    if channel.caught.borrow().is_parents() {
        begin_anew(context, &channel)?;
    }
    // First come, first served.
    if half.receivers.is_empty() {
        let taken = channel.caught.borrow().take();
        if let Some(number) = taken {
            store(buffer.address, number);
            return Ok(true);
        }
    }
    prepare(context, half)?;
    Ok(false)
}

/// In a forked child, which has none of its parent's signals, and for which nothing is caught
/// until it receives from its copy of the channel.
#[cold]
fn begin_anew(context: &Context, channel: &SignalChannel) -> Result<()> {
    let own = Subscription::new()?;
    own.catch(channel.set);
    fd_readiness::stop_calling(context, channel.caught.borrow().descriptor());
    channel.caught.replace(own);
    Ok(())
}

fn prepare(context: &Context, half: &HalfChannel) -> Result<()> {
    let fd = of(half).caught.borrow().descriptor();
    fd_readiness::call_when_readable(context, fd, deliver, ptr::from_ref(half).cast())
}

fn store(address: *mut u8, number: c_int) {
    // SAFETY: the receiver's buffer has the size of an int and lasts as long as its call.
    unsafe { address.cast::<c_int>().write_unaligned(number) };
}

/// Gives signals that have arrived to those who wait.
fn deliver(argument: *const ()) {
    let Some(context) = Context::existing() else { return };
    // SAFETY: `close` ends the calls of this function before the half goes.
    let half: Ref<HalfChannel> = unsafe { Ref::from_raw(argument.cast()) };
    let channel = of(&half);
    let caught = channel.caught.borrow();
    if caught.is_parents() {
        return; // the descriptor tells of the parent's signals
    }
    // First: what arrives after that makes the descriptor readable again.
    caught.rest();
    while let Some(waiter) = half.receivers.first() {
        match caught.take() {
            Some(number) => {
                store(waiter.value.get(), number);
                waiter.complete(context, 0);
            }
            None => match prepare(context, &half) {
                Ok(()) => return,
                Err(error) => waiter.complete(context, error as c_int),
            },
        }
    }
}

/// Ends the channel. Signals that have arrived and that no channel has received take the effect
/// that they have without it.
pub(super) fn close(context: &Context, half: Ref<HalfChannel>) {
    let channel = of(&half);
    fd_readiness::stop_calling(context, channel.caught.borrow().descriptor());
    half.end_waits(context);
    // Released last: then handlers of the program may run, and leave this by a jump.
    let mut locked = caught_signals::lock();
    channel.caught.borrow_mut().end(&mut locked);
    // SAFETY: no coroutine waits on it any more, and its handle is being released.
    unsafe { context.objects.free(channel) };
}
