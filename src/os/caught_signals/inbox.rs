//! The signals of one channel that were caught and not received yet.
//!
//! Handlers add to the queue on any thread, without locks and without memory from the allocator;
//! the channel's thread takes from it. A handler reserves a place by moving `tail`, and publishes
//! it by its `state`; the receiver frees it by its `state` and then by moving `head`. An inbox is
//! never freed, only used again, so a handler may always look at one.

use super::set::{LAST, SignalSet};
use crate::os::descriptors::Wakeup;
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed,
    Ordering::Release, Ordering::SeqCst,
};
use std::os::fd::AsRawFd as _;

/// Places in the queue.
const PLACES: usize = 1024;
/// So many of them are for the signals that are not counted, of which there are 31, each of
/// which has at most two: they always find one.
const RESERVED: usize = 64;
/// The first signal that is counted.
const FIRST_COUNTED: c_int = 32;

/// The signals of one channel. All zero is an inbox that is not in use.
pub(super) struct Inbox {
    /// The next one in the list of all. Set before the inbox gets into it.
    pub(super) next: AtomicPtr<Inbox>,
    /// The signals that handlers add, [`SignalSet::bits`].
    pub(super) wanted: AtomicU64,
    pub(super) in_use: AtomicBool,
    /// The descriptors that wake the receiver, see [`Wakeup`]. They may be one.
    pub(super) reader: AtomicI32,
    pub(super) writer: AtomicI32,
    /// The thread that has the channel.
    pub(super) thread: AtomicI32,
    /// The signals that the thread had blocked and that are not blocked because of this inbox.
    pub(super) unblocked: AtomicU64,
    /// All arrivals with a higher number are here if they are wanted.
    pub(super) opened_at: AtomicU64,
    /// The last arrival of each signal that was received, and the last one that was added.
    received: [AtomicU64; LAST as usize],
    latest: [AtomicU64; LAST as usize],
    /// Signals below `FIRST_COUNTED` that are in the queue: they are not added again.
    pending: AtomicU64,
    /// Signals that found no place, counted.
    surplus: [AtomicU32; LAST as usize],
    surplus_total: AtomicU32,
    head: AtomicU64,
    tail: AtomicU64,
    places: [Place; PLACES],
}

/// One arrival.
struct Place {
    /// 0, or the number of the arrival, [`ELSEWHERE`] and the signal.
    state: AtomicU64,
    info: UnsafeCell<MaybeUninit<libc::siginfo_t>>,
}

// SAFETY: `info` is written by the handler that has reserved the place and before it publishes it,
// and read by the receiver after that and before it frees the place.
unsafe impl Sync for Place {}

const ARRIVAL_SHIFT: u32 = 8;
/// The arrival was received through another channel.
const ELSEWHERE: u64 = 1 << 7;

/// An arrival that was taken out of the queue.
pub(super) struct Arrival {
    pub(super) signal: c_int,
    /// `None` where there were too many to keep it.
    pub(super) info: Option<libc::siginfo_t>,
    pub(super) number: u64,
    pub(super) was_received_elsewhere: bool,
}

fn index(signal: c_int) -> usize {
    (signal - 1) as usize
}

impl Inbox {
    /// Begins to use an inbox that is not in use. Its signals are still to be set.
    pub(super) fn begin(&self, wakeup: &Wakeup, thread: libc::pid_t) {
        self.clear();
        self.reader.store(wakeup.reader.as_raw_fd(), Relaxed);
        self.writer.store(wakeup.writer(), Relaxed);
        self.thread.store(thread, Relaxed);
        self.unblocked.store(0, Relaxed);
        for signal in 0..LAST as usize {
            self.received[signal].store(0, Relaxed);
            self.latest[signal].store(0, Relaxed);
        }
        self.in_use.store(true, Relaxed);
    }

    /// Empties the queue. In a forked child the parent's threads may have left it at any point:
    /// with places that are reserved and will never be published, or taken and not yet freed.
    fn clear(&self) {
        let (head, tail) = (self.head.load(Relaxed), self.tail.load(Relaxed));
        // All other places are free already.
        for position in head..tail {
            self.places[position as usize % PLACES].state.store(0, Relaxed);
        }
        self.head.store(tail, Release);
        self.pending.store(0, Relaxed);
        for surplus in &self.surplus {
            surplus.store(0, Relaxed);
        }
        self.surplus_total.store(0, Relaxed);
    }

    pub(super) fn wants(&self, signal: c_int) -> bool {
        self.wanted.load(SeqCst) & SignalSet::bit(signal) != 0
    }

    /// Adds an arrival. For the handler.
    ///
    /// # Safety
    /// `info` is what the handler was called with.
    pub(super) unsafe fn add(&self, signal: c_int, info: *const libc::siginfo_t, number: u64) {
        let counted = signal >= FIRST_COUNTED;
        self.latest[index(signal)].fetch_max(number, Relaxed);
        let limit = match counted {
            true => PLACES - RESERVED,
            false => PLACES,
        };
        // The latest arrival is published by this, too: see `take`.
        if !counted
            && self.pending.fetch_or(SignalSet::bit(signal), SeqCst) & SignalSet::bit(signal) != 0
        {
            return;
        }
        let Some(place) = self.reserve(limit, counted) else {
            self.surplus[index(signal)].fetch_add(1, Relaxed);
            self.surplus_total.fetch_add(1, Release);
            return self.wake();
        };
        // SAFETY: the place is reserved for this handler, and `info` is valid.
        unsafe { (*place.info.get()).write(info.read()) };
        place.state.store(number << ARRIVAL_SHIFT | signal as u64, Release);
        self.wake();
    }

    /// Reserves a place unless `limit` are taken. Behind those that found none there is none.
    fn reserve(&self, limit: usize, counted: bool) -> Option<&Place> {
        loop {
            let tail = self.tail.load(Relaxed);
            let used = tail.wrapping_sub(self.head.load(Acquire)) as usize;
            if used >= limit || (counted && self.surplus_total.load(Relaxed) > 0) {
                return None;
            }
            if self.tail.compare_exchange(tail, tail + 1, Relaxed, Relaxed).is_ok() {
                return Some(&self.places[tail as usize % PLACES]);
            }
        }
    }

    /// Wakes the receiver.
    fn wake(&self) {
        crate::os::syscalls::signal_event(self.writer.load(Relaxed));
    }

    /// Takes the first arrival. For the channel's thread; elsewhere only when no handler adds
    /// any more.
    pub(super) fn take(&self) -> Option<Arrival> {
        let head = self.head.load(Relaxed);
        let place = &self.places[head as usize % PLACES];
        let state = place.state.load(Acquire);
        if state == 0 {
            // Nothing, or something that its handler is about to publish, and then tells of.
            return match head == self.tail.load(Acquire) {
                true => self.take_surplus(),
                false => None,
            };
        }
        let signal = (state & (ELSEWHERE - 1)) as c_int;
        // From now on the signal counts anew. All arrivals before that are this one.
        self.pending.fetch_and(!SignalSet::bit(signal), SeqCst);
        // SAFETY: published by its handler, and freed only below.
        let info = unsafe { (*place.info.get()).assume_init_read() };
        let state = place.state.swap(0, Release);
        self.head.store(head + 1, Release);
        Some(Arrival {
            signal,
            info: Some(info),
            number: state >> ARRIVAL_SHIFT,
            was_received_elsewhere: state & ELSEWHERE != 0,
        })
    }

    #[cold]
    fn take_surplus(&self) -> Option<Arrival> {
        if self.surplus_total.load(Acquire) == 0 {
            return None;
        }
        let signal = (1..=LAST).find(|signal| self.surplus[index(*signal)].load(Relaxed) > 0)?;
        self.surplus[index(signal)].fetch_sub(1, Relaxed);
        self.surplus_total.fetch_sub(1, Relaxed);
        let number = self.latest[index(signal)].load(Relaxed);
        Some(Arrival { signal, info: None, number, was_received_elsewhere: false })
    }

    /// Notes that the channel has received an arrival.
    pub(super) fn note_received(&self, arrival: &Arrival) {
        let mut number = arrival.number;
        if arrival.signal < FIRST_COUNTED {
            number = self.latest[index(arrival.signal)].load(Relaxed).max(number);
        }
        self.received[index(arrival.signal)].store(number, Relaxed);
    }

    /// Notes that an arrival goes unreceived, after all that were received.
    pub(super) fn note_not_received(&self, arrival: &Arrival) {
        let received = &self.received[index(arrival.signal)];
        received.store(received.load(Relaxed).min(arrival.number - 1), Relaxed);
    }

    /// Returns whether an arrival is in this inbox, or was received from it.
    pub(super) fn has_got(&self, arrival: &Arrival) -> bool {
        self.in_use.load(Relaxed)
            && self.wants(arrival.signal)
            && arrival.number > self.opened_at.load(Relaxed)
    }

    /// Marks the arrivals that `other`, whose signals are `signals`, has received, too.
    pub(super) fn mark_received_by(&self, other: &Inbox, signals: SignalSet) {
        let opened_at = other.opened_at.load(Relaxed);
        let mut position = self.head.load(Acquire);
        while position < self.tail.load(Acquire) {
            let place = &self.places[position as usize % PLACES];
            position += 1;
            let state = place.state.load(Relaxed);
            let (number, signal) = (state >> ARRIVAL_SHIFT, (state & (ELSEWHERE - 1)) as c_int);
            if state != 0
                && signals.bits() & SignalSet::bit(signal) != 0
                && (opened_at + 1..=other.received[index(signal)].load(Relaxed)).contains(&number)
            {
                // Numbers are never used again, so this marks that arrival or nothing.
                let marked = state | ELSEWHERE;
                let _ = place.state.compare_exchange(state, marked, Relaxed, Relaxed);
            }
        }
    }
}

/// Allocates an inbox that is not in use. Null: out of memory.
pub(super) fn allocate() -> *mut Inbox {
    let layout = core::alloc::Layout::new::<Inbox>();
    // SAFETY: the layout is not empty, and all zero is a valid inbox.
    let inbox = unsafe { std::alloc::alloc_zeroed(layout) };
    match inbox.is_null() {
        true => ptr::null_mut(),
        false => inbox.cast(),
    }
}
