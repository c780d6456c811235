//! Blocking, and what ends it.

use super::{Blocked, Coroutine, Interrupt, Slot, TIMER, Waiter};
use crate::intrusive::Ref;
use crate::object_cache::ObjectCache;
use crate::scheduler::timers::Timer;
use core::ffi::c_int;
use core::mem::offset_of;
use core::ptr;

impl Coroutine {
    /// The waiter for calls that wait for one thing.
    #[inline(always)]
    pub(crate) fn waiter_ref(&self) -> Ref<Waiter> {
        // SAFETY: part of this pinned coroutine, which detaches it before it ends.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.waiter)
        }
    }

    #[inline(always)]
    pub(in crate::scheduler) fn timer_ref(&self) -> Ref<Timer> {
        // SAFETY: part of this pinned coroutine, which disarms it before it ends.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.timer)
        }
    }

    /// The coroutine whose timer this is.
    ///
    /// # Safety
    /// It is the timer of a coroutine.
    #[allow(unsafe_code)]
    pub(in crate::scheduler) unsafe fn of_timer(timer: Ref<Timer>) -> Ref<Coroutine> {
        // SAFETY: by the caller's promise; a coroutine is pinned for as long as its timer is armed.
        unsafe { Ref::from_raw(timer.as_ptr().byte_sub(offset_of!(Coroutine, timer)).cast()) }
    }

    /// Notes what the coroutine is about to wait for. A timer is armed afterwards.
    #[inline(always)]
    pub(crate) fn will_block(&self, on: Blocked, interrupt: Interrupt) {
        debug_assert!(self.waits.get() == 0 && !self.timer.is_armed());
        self.waits.set(on as u8);
        self.interrupt.set(interrupt);
    }

    /// Notes that the timer is armed, and what the call returns when its time comes: 0 for
    /// a sleep, which then has done its work, otherwise -1 with `ETIMEDOUT`.
    #[inline(always)]
    pub(in crate::scheduler) fn will_time_out(&self, result: c_int) {
        debug_assert!(self.waits.get() != 0);
        self.waits.set(self.waits.get() | TIMER);
        self.timeout_result.set(result);
    }

    /// What the call returns when its time has come, see [`Coroutine::will_time_out`].
    pub(in crate::scheduler) fn timeout_result(&self) -> c_int {
        self.timeout_result.get()
    }

    /// Is it blocked in a call that the reasons to stop, as they are now, must end?
    pub(crate) fn must_be_interrupted(&self) -> bool {
        self.waits.get() != 0
            && match self.interrupt.get() {
                Interrupt::Never => false,
                Interrupt::UnderWay => self.may_continue().is_err(),
                Interrupt::Any => self.may_block().is_err(),
            }
    }

    /// The memory for the clauses of a blocked `choose`.
    pub(crate) fn set_waiters(&self, address: *mut Waiter, count: usize) {
        self.waiters.set((address, count));
    }

    /// Ends the wait of a coroutine that waits in one list and for nothing else. False: it waits
    /// in another way, and nothing has happened.
    #[inline(always)]
    pub(in crate::scheduler) fn leave_only_list(&self) -> bool {
        if self.waits.get() != Blocked::Waiter as u8 || !self.waiter.link.is_linked() {
            return false;
        }
        self.waits.set(0);
        // SAFETY: it is in a list.
        #[allow(unsafe_code)]
        unsafe {
            self.waiter.link.unlink_quickly();
        }
        true
    }

    /// Ends all waits but the timer's, and frees the clauses of a `choose`, which lie in `objects`.
    /// True: the timer may be armed.
    #[inline(always)]
    pub(in crate::scheduler) fn detach(&self, objects: &ObjectCache) -> bool {
        let waits = self.waits.replace(0);
        if waits & Blocked::Waiter as u8 != 0 {
            self.waiter.detach();
        } else if waits & Blocked::Waiters as u8 != 0 {
            self.detach_all(objects);
        }
        waits & TIMER != 0
    }

    #[inline(never)]
    fn detach_all(&self, objects: &ObjectCache) {
        let (address, count) = self.waiters.replace((ptr::null_mut(), 0));
        // SAFETY: `set_waiters` named `count` live waiters in a block that was allocated for them.
        #[allow(unsafe_code)]
        unsafe {
            Waiter::detach_all(address, count);
            Waiter::free(objects, address, count);
        }
    }
}

impl Waiter {
    /// A waiter for clause `index` of a `choose` by `coroutine`.
    pub(crate) fn for_clause(coroutine: Ref<Coroutine>, index: usize) -> Waiter {
        // There are not more clauses than an int can count.
        Waiter::new(coroutine.as_ptr().cast(), index as c_int, index as c_int)
    }

    /// Whose wait this is.
    #[inline(always)]
    pub(crate) fn coroutine(&self) -> Ref<Coroutine> {
        // SAFETY: set to a coroutine's address by `Coroutine::pin` or `for_clause`; a coroutine
        // outlives its waiters.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(self.coroutine.get().cast())
        }
    }

    /// Returns whether the waiter is all that its coroutine waits with, besides a timer: it is not
    /// one of a `choose`.
    #[inline(always)]
    pub(in crate::scheduler) fn is_only_one(&self) -> bool {
        self.coroutine().waits.get() & !TIMER == Blocked::Waiter as u8
    }

    /// Ends the wait in `slot` of a coroutine that waits for nothing else, and returns whether its
    /// timer is armed.
    #[inline(always)]
    pub(in crate::scheduler) fn leave_only_slot(&self, slot: &Slot) -> bool {
        debug_assert!(self.is_only_one());
        slot.clear(self);
        self.coroutine().waits.replace(0) & TIMER != 0
    }

    /// The wait of its coroutine. The waiter is in a list.
    #[inline(always)]
    pub(crate) fn waits(&self) -> Waits<'_> {
        let coroutine = self.coroutine();
        Waits { waiter: self, coroutine, waits: coroutine.waits.get() }
    }
}

/// A coroutine that is blocked, and one of its waiters, which is in a list.
pub(crate) struct Waits<'w> {
    waiter: &'w Waiter,
    coroutine: Ref<Coroutine>,
    waits: u8,
}

impl Waits<'_> {
    /// Is the waiter all that it waits with, without a deadline?
    #[inline(always)]
    pub(crate) fn is_alone(&self) -> bool {
        self.waits == Blocked::Waiter as u8
    }

    /// The same, but with a deadline.
    #[inline(always)]
    pub(crate) fn is_alone_with_timer(&self) -> bool {
        self.waits == Blocked::Waiter as u8 | TIMER
    }

    /// Ends the wait but for its timer, and returns the coroutine. One of the above is known.
    #[inline(always)]
    pub(in crate::scheduler) fn end(self, has_timer: bool) -> Ref<Coroutine> {
        debug_assert!(if has_timer { self.is_alone_with_timer() } else { self.is_alone() });
        debug_assert!(self.waiter.link.is_linked());
        // SAFETY: it is in a list.
        #[allow(unsafe_code)]
        unsafe {
            self.waiter.link.unlink_quickly();
        }
        self.coroutine.waits.set(0);
        self.coroutine
    }
}
