//! Signals of the system as messages on a channel.
//!
//! The signals stay blocked in the thread and pending in the kernel until somebody
//! receives them, so none is lost to whatever happens in between.

use super::channel::{Buffer, Channel, HALF_CHANNEL, HalfChannel};
use super::handle_close;
use crate::intrusive::Ref;
use crate::os::descriptors;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness;
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

/// A channel whose first half receives signals.
#[repr(C)]
struct SignalChannel {
    channel: Channel,
    descriptor: OwnedFd,
    set: SigSet,
    /// The signals that are blocked because of it, and of no channel made before.
    blocked: Cell<SigSet>,
}

/// Makes a channel that receives the signals of `set`; its handle. The set is blocked in
/// the calling thread until the handle is closed.
pub(crate) fn make(set: &SigSet) -> Result<c_int> {
    let context = Context::may_start()?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let descriptor = descriptors::above_standard(SignalFd::with_flags(set, flags)?.into())?;
    let mut before = SigSet::empty();
    // Blocked before anything else can fail for lack of it; undone below.
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(set), Some(&mut before))?;
    let blocked = select(set, &before, |wanted, before| wanted && !before);
    let channel = SignalChannel {
        channel: Channel::of_signals(),
        descriptor,
        set: *set,
        blocked: Cell::new(blocked),
    };
    let made = context.objects.allocate(channel).and_then(|made| {
        made.channel.init();
        let object = ptr::from_ref(made.channel.first_half()).cast_mut().cast();
        // SAFETY: made just now, and nobody knows it.
        handle_close::open(context, object, &HALF_CHANNEL)
            .inspect_err(|_| unsafe { context.objects.free(made) })
    });
    made.inspect_err(|_| {
        let _ = blocked.thread_unblock();
    })
}

/// The signals that are chosen, by their membership in two sets. Not nix's operators: they leave
/// out the signals without a name, which are the real-time ones.
fn select(first: &SigSet, second: &SigSet, choose: impl Fn(bool, bool) -> bool) -> SigSet {
    let mut selected: libc::sigset_t = *SigSet::empty().as_ref();
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: valid sets and a number that is one of a signal.
        unsafe {
            let is_in = |set: &SigSet| libc::sigismember(set.as_ref(), signal) == 1;
            if choose(is_in(first), is_in(second)) {
                libc::sigaddset(&raw mut selected, signal);
            }
        }
    }
    // SAFETY: made of valid signals.
    unsafe { SigSet::from_sigset_t_unchecked(selected) }
}

/// The channel that `half` is the first half of.
fn of(half: &HalfChannel) -> Ref<SignalChannel> {
    // SAFETY: only `make` makes halves that receive signals; the first half is at the
    // start of its channel, and that at the start of a `SignalChannel`.
    unsafe { Ref::from_raw(ptr::from_ref(half).cast()) }
}

/// The next signal that is pending.
fn take(channel: &SignalChannel) -> Result<Option<c_int>> {
    let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
    match nix::unistd::read(channel.descriptor.as_fd(), &mut info) {
        Ok(len) if len == info.len() => {
            // The number is the first field.
            let number = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
            Ok(Some(number.cast_signed()))
        }
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Receives a signal if one is pending; otherwise prepares for one to come.
pub(super) fn receive(context: &Context, half: &HalfChannel, buffer: Buffer) -> Result<bool> {
    if buffer.len != size_of::<c_int>() {
        return Err(Errno::EMSGSIZE);
    }
    // First come, first served.
    if half.receivers.is_empty()
        && let Some(number) = take(&of(half))?
    {
        store(buffer.address, number);
        return Ok(true);
    }
    prepare(context, half)?;
    Ok(false)
}

fn prepare(context: &Context, half: &HalfChannel) -> Result<()> {
    let fd = of(half).descriptor.as_raw_fd();
    fd_readiness::call_when_readable(context, fd, deliver, ptr::from_ref(half).cast())
}

fn store(address: *mut u8, number: c_int) {
    // SAFETY: the receiver's buffer has the size of an int and lasts as long as its call.
    unsafe { address.cast::<c_int>().write_unaligned(number) };
}

/// Gives pending signals to those who wait.
fn deliver(context: &Context, argument: *const ()) {
    // SAFETY: `close` ends the calls of this function before the half goes.
    let half: Ref<HalfChannel> = unsafe { Ref::from_raw(argument.cast()) };
    while let Some(waiter) = half.receivers.first() {
        match take(&of(&half)) {
            Ok(Some(number)) => {
                store(waiter.value.get(), number);
                waiter.complete(context, 0);
            }
            Ok(None) => match prepare(context, &half) {
                Ok(()) => return,
                Err(error) => waiter.complete(context, error as c_int),
            },
            Err(error) => waiter.complete(context, error as c_int),
        }
    }
}

/// Ends the channel and unblocks the signals that it had blocked, but for those that other
/// channels still wait for: these see to it from now on.
pub(super) fn close(context: &Context, half: Ref<HalfChannel>) {
    let channel = of(&half);
    let mut blocked = channel.blocked.get();
    context.handles.for_each(|_, object, kind| {
        if !ptr::eq(kind, &HALF_CHANNEL) || half.same(object.cast()) {
            return;
        }
        // SAFETY: an open handle of this kind is a half-channel's.
        let other: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
        if other.receives_signals() {
            let other = of(&other);
            let shared = select(&blocked, &other.set, |ours, theirs| ours && theirs);
            other.blocked.set(select(&other.blocked.get(), &shared, |had, gets| had || gets));
            blocked = select(&blocked, &shared, |ours, shared| ours && !shared);
        }
    });
    fd_readiness::stop_calling(context, channel.descriptor.as_raw_fd());
    half.end_waits(context);
    // SAFETY: nobody waits on it any more, and its handle is being released.
    unsafe { context.objects.free(channel) };
    let _ = blocked.thread_unblock();
}
