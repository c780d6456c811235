//! A hierarchical timing wheel with millisecond slots.
//!
//! Nearly every blocking call carries a deadline that never passes, so what must
//! be cheap is arming and disarming: both are a few stores, whatever the number of
//! pending timers. Level `n` has 64 slots of 64ⁿ ms; eleven levels hold every
//! 64-bit deadline. A timer sits on the level of the highest base-64 digit in which
//! its deadline differs from the wheel's position, and is moved down when the
//! position reaches its slot. Timers of equal deadline keep their order.

use super::clock::is_never;
use crate::intrusive::{Link, List, Ref, adapter};
use core::cell::Cell;
use core::num::NonZeroU64;

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 11;

/// Called when the timer's deadline has passed; the timer is disarmed by then.
pub(crate) type OnExpiry = fn(Ref<Timer>);

/// A deadline, in milliseconds of the scheduler's clock, and what to do then.
#[repr(C)]
pub(crate) struct Timer {
    link: Link,
    deadline: Cell<i64>,
    /// Level and slot that the timer is in, or `DUE`.
    place: Cell<u16>,
    on_expiry: OnExpiry,
}

/// The place of a timer whose deadline had passed when it was armed.
const DUE: u16 = u16::MAX;

adapter!(
    /// Timers in one slot.
    InSlot,
    Timer,
    link
);

impl Timer {
    pub(crate) const fn new(on_expiry: OnExpiry) -> Self {
        Timer { link: Link::new(), deadline: Cell::new(-1), place: Cell::new(DUE), on_expiry }
    }

    #[inline(always)]
    pub(crate) fn is_armed(&self) -> bool {
        self.link.is_linked()
    }

    /// The deadline that it was armed for last; the end of time for a sum beyond that.
    pub(crate) fn deadline(&self) -> i64 {
        let deadline = self.deadline.get();
        if deadline < 0 { i64::MAX } else { deadline }
    }
}

/// All pending timers of one scheduler. Pinned: call [`TimingWheel::init`] in place.
pub(crate) struct TimingWheel {
    /// Everything with a deadline up to here has been fired or is in `due`.
    position: Cell<u64>,
    /// A bit per non-empty slot.
    occupied: [Cell<u64>; LEVELS],
    slots: [[List<InSlot>; SLOTS]; LEVELS],
    due: List<InSlot>,
    /// Timers that were due when they were armed. They give coroutines that are ready
    /// the time until the next but one `advance`.
    due_later: List<InSlot>,
}

impl TimingWheel {
    pub(crate) const fn new() -> Self {
        TimingWheel {
            position: Cell::new(0),
            occupied: [const { Cell::new(0) }; LEVELS],
            slots: [const { [const { List::new() }; SLOTS] }; LEVELS],
            due: List::new(),
            due_later: List::new(),
        }
    }

    /// Makes the wheel empty, standing at `now`.
    pub(crate) fn init(&self, now: i64) {
        self.position.set(now.max(0).unsigned_abs());
        self.slots.iter().flatten().for_each(List::init);
        self.due.init();
        self.due_later.init();
    }

    /// Arms `timer`, which is not armed, for the absolute `deadline`, which is one that comes.
    #[inline(always)]
    pub(crate) fn arm(&self, timer: Ref<Timer>, deadline: i64) {
        debug_assert!(!is_never(deadline));
        timer.deadline.set(deadline);
        self.place(timer, &self.due_later);
    }

    /// Puts the timer into its slot, or into `due` when its deadline has passed.
    #[inline(always)]
    fn place(&self, timer: Ref<Timer>, due: &List<InSlot>) {
        // A sum beyond the end of time is later than everything else.
        let (deadline, position) = (timer.deadline.get().cast_unsigned(), self.position.get());
        if deadline <= position {
            timer.place.set(DUE);
            due.push_back(timer);
            return;
        }
        // SAFETY: they differ, see above.
        #[allow(unsafe_code)]
        let difference = unsafe { NonZeroU64::new_unchecked(deadline ^ position) };
        let level = difference.ilog2() / BITS;
        let slot = (deadline >> (level * BITS)) as usize % SLOTS;
        let level = level as usize;
        timer.place.set((level * SLOTS + slot) as u16);
        const { assert!(u64::BITS.div_ceil(BITS) as usize == LEVELS) };
        // SAFETY: the levels are as many as a 64-bit number has digits.
        #[allow(unsafe_code)]
        let (occupied, slots) =
            unsafe { (self.occupied.get_unchecked(level), self.slots.get_unchecked(level)) };
        occupied.set(occupied.get() | 1 << slot);
        slots[slot].push_back(timer);
    }

    /// Disarms `timer`; nothing happens when it is not armed.
    #[inline(always)]
    pub(crate) fn disarm(&self, timer: Ref<Timer>) {
        if timer.link.unlink() {
            self.mark_empty(timer.place.get());
        }
    }

    #[inline(always)]
    fn mark_empty(&self, place: u16) {
        let place = usize::from(place);
        // `DUE` is beyond all levels.
        if let Some(occupied) = self.occupied.get(place / SLOTS) {
            occupied.set(occupied.get() & !(1 << (place % SLOTS)));
        }
    }

    /// Fires, in the order of their deadlines, all timers whose deadline is not after
    /// `now`. Those that were due when they were armed are spared once if others are
    /// ready (`idle` is false).
    pub(crate) fn advance(&self, now: i64, idle: bool) {
        // At the end of time everything is due.
        let now = if now == i64::MAX { u64::MAX } else { now.max(0).unsigned_abs() };
        if idle {
            self.due_later.append_to(&self.due);
        }
        self.fire();
        while let Some((level, slot, start)) = self.earliest_slot() {
            if start > now {
                break;
            }
            self.position.set(start);
            self.occupied[level].set(self.occupied[level].get() & !(1 << slot));
            if level == 0 {
                // All in here have this very deadline.
                self.slots[0][slot].append_to(&self.due);
                self.mark_due();
            } else {
                let moving: List<InSlot> = List::new();
                moving.init();
                self.slots[level][slot].append_to(&moving);
                while let Some(timer) = moving.pop_front() {
                    self.place(timer, &self.due);
                }
            }
            self.fire();
        }
        if now > self.position.get() {
            self.position.set(now);
        }
        if !idle {
            self.due_later.append_to(&self.due);
        }
    }

    fn mark_due(&self) {
        let mut next = self.due.first();
        while let Some(timer) = next {
            timer.place.set(DUE);
            next = self.due.after(timer);
        }
    }

    fn fire(&self) {
        while let Some(timer) = self.due.pop_front() {
            (timer.on_expiry)(timer);
        }
    }

    /// A lower bound for the earliest deadline: the start of its slot. `None` when
    /// no timer is pending; the wheel's own position when one is due.
    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        let earliest = if self.due.is_empty() && self.due_later.is_empty() {
            self.earliest_slot()?.2
        } else {
            self.position.get()
        };
        Some(i64::try_from(earliest).unwrap_or(i64::MAX))
    }

    /// Level, slot and start time of the slot that holds the earliest timers: timers
    /// on a lower level are always earlier than those on a higher one.
    fn earliest_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|bits| bits.get() != 0)?;
        let slot = self.occupied[level].get().trailing_zeros() as usize;
        let shift = level as u32 * BITS;
        // The digits above this level are the position's, those below are zero.
        let above = shift + BITS;
        let base = if above >= u64::BITS { 0 } else { self.position.get() >> above << above };
        Some((level, slot, base | (slot as u64) << shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    thread_local! {
        static FIRED: RefCell<Vec<(usize, i64)>> = const { RefCell::new(Vec::new()) };
    }

    fn record(timer: Ref<Timer>) {
        FIRED.with_borrow_mut(|fired| fired.push((timer.as_ptr() as usize, timer.deadline())));
    }

    fn wheel(now: i64) -> Box<TimingWheel> {
        let wheel = Box::new(TimingWheel::new());
        wheel.init(now);
        wheel
    }

    fn reference(timer: &Timer) -> Ref<Timer> {
        // SAFETY: the tests keep their timers in boxes until the wheel is gone.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(timer)
        }
    }

    /// Deadlines around every power of 64 and some in between.
    fn deadlines(now: i64) -> Vec<i64> {
        let mut all = vec![0, now, i64::MAX, i64::MAX - 1];
        for shift in 0..62 {
            for delta in [-1, 0, 1, 37] {
                all.push((now + (1 << shift)).saturating_add(delta).max(0));
            }
        }
        all
    }

    #[test]
    fn fires_all_in_order_and_never_early() {
        for start in [0, 63, 4095, 1_000_000, 123_456_789_012] {
            FIRED.with_borrow_mut(Vec::clear);
            let wheel = wheel(start);
            let timers: Vec<Box<Timer>> =
                deadlines(start).iter().map(|_| Box::new(Timer::new(record))).collect();
            for (timer, deadline) in timers.iter().zip(deadlines(start)) {
                wheel.arm(reference(timer), deadline);
            }
            let mut now = start;
            loop {
                let before = FIRED.with_borrow(Vec::len);
                wheel.advance(now, true);
                FIRED.with_borrow(|fired| {
                    assert!(fired[before..].iter().all(|&(_, deadline)| deadline <= now));
                });
                let Some(next) = wheel.next_wakeup() else { break };
                assert!(next > now, "the wheel must move on");
                now = next;
            }
            FIRED.with_borrow(|fired| {
                assert_eq!(fired.len(), timers.len());
                let late = fired.iter().skip_while(|&&(_, deadline)| deadline <= start);
                assert!(late.is_sorted_by_key(|&(_, deadline)| deadline));
            });
        }
    }

    #[test]
    fn sums_beyond_the_end_of_time_fire_at_its_end() {
        FIRED.with_borrow_mut(Vec::clear);
        let wheel = wheel(1000);
        let timers: Vec<Box<Timer>> = (0..3).map(|_| Box::new(Timer::new(record))).collect();
        wheel.arm(reference(&timers[0]), i64::MAX.wrapping_add(1000));
        wheel.arm(reference(&timers[1]), i64::MAX);
        let mut now = 1000;
        while let Some(next) = wheel.next_wakeup() {
            assert!(next > now, "the wheel must move on");
            now = next;
            wheel.advance(now, true);
        }
        assert_eq!(now, i64::MAX);
        wheel.arm(reference(&timers[2]), now.wrapping_add(10));
        assert!(wheel.next_wakeup().is_some());
        wheel.advance(now, true);
        FIRED.with_borrow(|fired| assert_eq!(fired.len(), 3));
        assert_eq!(wheel.next_wakeup(), None);
    }

    #[test]
    fn equal_deadlines_keep_their_order() {
        FIRED.with_borrow_mut(Vec::clear);
        let wheel = wheel(1000);
        let timers: Vec<Box<Timer>> = (0..4).map(|_| Box::new(Timer::new(record))).collect();
        wheel.arm(reference(&timers[0]), 1000 + 5000);
        wheel.arm(reference(&timers[1]), 1000 + 5000);
        wheel.advance(1000 + 4990, true);
        wheel.arm(reference(&timers[2]), 1000 + 5000);
        wheel.arm(reference(&timers[3]), 1000 + 5000);
        wheel.advance(1000 + 5000, true);
        let order: Vec<usize> = timers.iter().map(|timer| (&raw const **timer) as usize).collect();
        FIRED.with_borrow(|fired| {
            assert_eq!(fired.iter().map(|&(address, _)| address).collect::<Vec<_>>(), order);
        });
    }

    #[test]
    fn a_timer_due_when_armed_waits_for_those_who_are_ready() {
        FIRED.with_borrow_mut(Vec::clear);
        let wheel = wheel(1000);
        let timer = Box::new(Timer::new(record));
        wheel.arm(reference(&timer), 1000);
        wheel.advance(1000, false);
        assert!(timer.is_armed(), "spared once");
        wheel.advance(1000, false);
        assert!(!timer.is_armed(), "but not twice");
        wheel.arm(reference(&timer), 0);
        wheel.advance(1000, true);
        assert!(!timer.is_armed(), "and not at all when no coroutine is ready");
        FIRED.with_borrow(|fired| assert_eq!(fired.len(), 2));
    }

    #[test]
    fn disarmed_timers_leave_nothing_behind() {
        let wheel = wheel(77);
        let timers: Vec<Box<Timer>> =
            deadlines(77).iter().map(|_| Box::new(Timer::new(record))).collect();
        for (timer, deadline) in timers.iter().zip(deadlines(77)) {
            wheel.arm(reference(timer), deadline);
        }
        for timer in &timers {
            wheel.disarm(reference(timer));
            assert!(!timer.is_armed());
            wheel.disarm(reference(timer));
        }
        assert_eq!(wheel.next_wakeup(), None);
        assert!(wheel.occupied.iter().all(|bits| bits.get() == 0));
    }
}
