//! Signals that are caught to be received as messages.
//!
//! A signal is caught by a handler, not blocked: a mask would be inherited by programs that this
//! process starts, and would hold the signals back there. The handler adds the signal to the
//! inboxes of all channels that want it, whatever thread it runs on, and wakes their threads.
//!
//! A handler may run at any moment on any thread, so it takes no lock. Inboxes are in a list that
//! only grows, and are never freed. Closing one puts the program's action back, takes the signals
//! away from the inbox, and then waits until no handler is at work ([`HANDLERS`]): so no handler
//! writes to the channel's descriptor when that is closed. Opening and closing have a lock, under which all
//! signals are blocked in the calling thread; it is held across a fork.
//!
//! In another process than that which has opened the channels, a child that shares or copies the
//! memory, the handler only puts the program's action back and sends the signal again.

mod action;
mod inbox;
mod set;

pub(crate) use set::SignalSet;

use super::descriptors::Wakeup;
use super::errno::{Errno, Result};
use super::signal_handlers::{self, Handler};
use super::{fork, instrumentation};
use action::Caught;
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{
    AtomicI32, AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use core::time::Duration;
use inbox::{Arrival, Inbox};
use set::LAST;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All inboxes that there are, the newest first.
static INBOXES: AtomicPtr<Inbox> = AtomicPtr::new(ptr::null_mut());

/// The process whose signals they receive.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Handlers at work in this process.
static HANDLERS: AtomicU32 = AtomicU32::new(0);

/// Arrivals so far, which have numbers.
static ARRIVALS: AtomicU64 = AtomicU64::new(0);

static LOCK: Mutex<()> = Mutex::new(());

/// Goes through all inboxes.
fn inboxes() -> impl Iterator<Item = &'static Inbox> {
    let mut next = INBOXES.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: inboxes in the list are never freed.
        let inbox = unsafe { next.as_ref() }?;
        next = inbox.next.load(Relaxed);
        Some(inbox)
    })
}

const HANDLER: Handler = handle;

/// The handler.
///
/// # Safety
/// As for any handler: the kernel gives valid structures.
unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the thread's own errno, which the code that was interrupted may be about to read.
    let errno = unsafe { *super::errno::location() };
    // SAFETY: with the handler's own arguments.
    unsafe {
        if OWNER.load(Relaxed) == std::process::id().cast_signed() {
            HANDLERS.fetch_add(1, SeqCst);
            // It knows nothing of these atomics; nor below.
            instrumentation::tsan_acquire(&HANDLERS);
            let number = ARRIVALS.fetch_add(1, SeqCst) + 1;
            let mut added = false;
            for inbox in inboxes().filter(|inbox| inbox.wants(signal)) {
                inbox.add(signal, info, number);
                added = true;
            }
            if !added {
                decline(signal, info);
            }
            instrumentation::tsan_release(&HANDLERS);
            HANDLERS.fetch_sub(1, SeqCst);
        } else {
            decline(signal, info);
        }
        *super::errno::location() = errno;
    }
}

/// Has a signal take the effect that it would have had without us: no channel wants it, as it has
/// just been closed, or this is a child that has no channels.
///
/// # Safety
/// `info` is what the handler was called with.
unsafe fn decline(signal: c_int, info: *const libc::siginfo_t) {
    Caught::of(signal).put_back(signal, HANDLER);
    // SAFETY: by the contract of this function.
    unsafe { signal_handlers::send_again(signal, info) };
}

/// The lock of opening and closing, with all signals blocked in the calling thread: a handler of
/// the program's that leaves by a jump would never release it.
pub(crate) struct Locked {
    guard: Option<MutexGuard<'static, ()>>,
    /// What the calling thread's mask will be.
    mask: libc::sigset_t,
}

pub(crate) fn lock() -> Locked {
    let mask = signal_handlers::block_all();
    let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    instrumentation::tsan_acquire(&HANDLERS);
    Locked { guard: Some(guard), mask }
}

impl Drop for Locked {
    fn drop(&mut self) {
        instrumentation::tsan_release(&HANDLERS);
        // In this order: what has been pending comes as soon as it is not blocked any more.
        drop(self.guard.take());
        signal_handlers::set_mask(&self.mask);
    }
}

/// Signals that are caught for one receiver, until it is dropped.
pub(crate) struct Subscription {
    /// `None`: it has ended.
    inbox: Option<&'static Inbox>,
    wakeup: Wakeup,
    /// Of the process, see [`fork::generation`].
    process: u8,
}

impl Subscription {
    /// Makes one that has no signals yet. `ENOMEM`, `EMFILE`, `ENFILE`.
    pub(crate) fn new() -> Result<Subscription> {
        let wakeup = Wakeup::new()?;
        let locked = lock();
        let inbox = unused(&locked)?;
        inbox.begin(&wakeup, signal_handlers::thread_id());
        OWNER.store(std::process::id().cast_signed(), Relaxed);
        Ok(Subscription { inbox: Some(inbox), wakeup, process: fork::generation() })
    }

    /// Has the signals of `set` caught that are not ignored. The calling thread does not block
    /// them from now on. Call it once.
    pub(crate) fn catch(&self, set: SignalSet) {
        let Some(inbox) = self.inbox else { return };
        let mut locked = lock();
        let is_ignored = |signal: &c_int| {
            signal_handlers::action(*signal)
                .map_or(true, |action| action.sa_sigaction == libc::SIG_IGN)
        };
        let bits = set.signals().filter(|signal| !is_ignored(signal)).map(SignalSet::bit);
        let caught = SignalSet::from_bits(bits.fold(0, |bits, bit| bits | bit));
        inbox.wanted.store(caught.bits(), SeqCst);
        // After that, so that no arrival with a higher number passes it by.
        inbox.opened_at.store(ARRIVALS.load(SeqCst), Relaxed);
        for signal in caught.signals() {
            Caught::of(signal).begin(signal, HANDLER);
        }
        let blocked = caught.bits() & SignalSet::of_mask(&locked.mask).bits();
        inbox.unblocked.store(blocked, Relaxed);
        caught.put_into(&mut locked.mask, false);
    }

    /// Becomes readable when signals arrive.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.wakeup.reader.as_raw_fd()
    }

    /// Returns whether the process has forked since, and this is the child.
    pub(crate) fn is_parents(&self) -> bool {
        self.process != fork::generation()
    }

    /// Takes the first signal that has arrived.
    pub(crate) fn take(&self) -> Option<c_int> {
        if self.is_parents() {
            return None;
        }
        let inbox = self.inbox?;
        let arrival = inbox.take()?;
        inbox.note_received(&arrival);
        Some(arrival.signal)
    }

    /// Makes the descriptor unreadable until more signals arrive.
    pub(crate) fn rest(&self) {
        if !self.is_parents() {
            self.wakeup.rest();
        }
    }

    /// Ends it. What becomes of signals that were not received happens when `locked` is dropped.
    pub(crate) fn end(&mut self, locked: &mut Locked) {
        let is_parents = self.is_parents();
        if let Some(inbox) = self.inbox.take().filter(|_| !is_parents) {
            close(inbox, locked);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.inbox.is_some() {
            self.end(&mut lock());
        }
    }
}

/// An inbox that is not in use. `ENOMEM`.
fn unused(_: &Locked) -> Result<&'static Inbox> {
    if let Some(inbox) = inboxes().find(|inbox| !inbox.in_use.load(Relaxed)) {
        return Ok(inbox);
    }
    let made = inbox::allocate();
    // SAFETY: null, or made just now and never freed.
    let inbox = unsafe { made.as_ref() }.ok_or(Errno::ENOMEM)?;
    inbox.next.store(INBOXES.load(Relaxed), Relaxed);
    INBOXES.store(made, Release);
    Ok(inbox)
}

/// Ends an inbox: its signals take their ordinary effect again, also those that have arrived and
/// that no channel has received or will receive.
fn close(inbox: &'static Inbox, locked: &mut Locked) {
    let signals = SignalSet::from_bits(inbox.wanted.load(Relaxed));
    for signal in signals.signals() {
        Caught::of(signal).end(signal, HANDLER);
    }
    inbox.wanted.store(0, SeqCst);
    await_handlers();
    restore_mask(inbox, locked);
    let others = || inboxes().filter(|other| !ptr::eq(*other, inbox));
    while let Some(arrival) = inbox.take() {
        inbox.note_not_received(&arrival);
        if !arrival.was_received_elsewhere && !others().any(|other| other.has_got(&arrival)) {
            send_again(&arrival, locked);
        }
    }
    for other in others().filter(|other| other.in_use.load(Relaxed)) {
        other.mark_received_by(inbox, signals);
    }
    inbox.in_use.store(false, Relaxed);
}

/// Blocks the signals again that opening has unblocked, unless another inbox of the thread needs
/// them, which then sees to it.
fn restore_mask(inbox: &'static Inbox, locked: &mut Locked) {
    let mut blocked = inbox.unblocked.load(Relaxed);
    let thread = inbox.thread.load(Relaxed);
    for other in inboxes() {
        if other.in_use.load(Relaxed) && other.thread.load(Relaxed) == thread {
            let shared = blocked & other.wanted.load(Relaxed);
            other.unblocked.fetch_or(shared, Relaxed);
            blocked &= !shared;
        }
    }
    SignalSet::from_bits(blocked).put_into(&mut locked.mask, true);
}

/// Sends a signal again that was not received. It comes when the lock is released.
fn send_again(arrival: &Arrival, locked: &Locked) {
    let signal = arrival.signal;
    if SignalSet::of_mask(&locked.mask).bits() & SignalSet::bit(signal) != 0 {
        // For any thread of the process, as it is not to come in this one.
        // SAFETY: no memory is involved.
        unsafe { libc::kill(libc::getpid(), signal) };
    } else if let Some(info) = &arrival.info {
        // SAFETY: the structure came with the signal.
        unsafe { signal_handlers::send_again(signal, info) };
    } else {
        signal_handlers::send_to_thread(signal_handlers::thread_id(), signal);
    }
}

/// Waits until the handlers that may have seen an inbox are done. They block all signals and wait
/// for nothing, so this takes no longer than their threads need to come to run.
fn await_handlers() {
    let mut rounds = 0u32;
    while HANDLERS.load(SeqCst) != 0 {
        rounds += 1;
        match rounds {
            ..100 => std::thread::yield_now(),
            // Theirs may be threads that run only when this one sleeps.
            _ => std::thread::sleep(Duration::from_micros(100)),
        }
    }
    instrumentation::tsan_acquire(&HANDLERS);
}

/// Ends what the calling thread, which ends, has left open.
pub(crate) fn end_thread() {
    let thread = signal_handlers::thread_id();
    let is_ours =
        |inbox: &&Inbox| inbox.in_use.load(Relaxed) && inbox.thread.load(Relaxed) == thread;
    if inboxes().next().is_none() || OWNER.load(Relaxed) != std::process::id().cast_signed() {
        return;
    }
    while let Some(inbox) = inboxes().find(is_ours) {
        close(inbox, &mut lock());
        let (reader, writer) = (inbox.reader.load(Relaxed), inbox.writer.load(Relaxed));
        // SAFETY: the channel, whose descriptors they were, can't be reached any more.
        unsafe {
            libc::close(reader);
            if writer != reader {
                libc::close(writer);
            }
        }
    }
}

/// In a forked child: everything is as if no channel had been opened. `thread` is the number that
/// the thread that has forked has in the parent.
pub(crate) fn forget_in_child(locked: &mut Locked, thread: libc::pid_t) {
    for signal in 1..=LAST {
        Caught::of(signal).forget(signal, HANDLER);
    }
    for inbox in inboxes() {
        if inbox.in_use.load(Relaxed) && inbox.thread.load(Relaxed) == thread {
            let blocked = SignalSet::from_bits(inbox.unblocked.load(Relaxed));
            blocked.put_into(&mut locked.mask, true);
        }
        // The child may use it again. Its queue is emptied then: until that moment the thread may
        // still be in the middle of a `take` that a handler of the program's has interrupted to
        // fork.
        inbox.wanted.store(0, Relaxed);
        inbox.in_use.store(false, Relaxed);
    }
    // Handlers that were at work are the parent's.
    OWNER.store(0, Relaxed);
    HANDLERS.store(0, Relaxed);
}
