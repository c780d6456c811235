//! Blocking, and what ends it.

use super::{Blocked, Coroutine, Interrupt, TIMER, Waiter};
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::scheduler::context::Context;
use crate::scheduler::timers::OnExpiry;
use core::ffi::c_int;
use core::mem::offset_of;
use core::ptr;

impl Coroutine {
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

    /// Ends all waits but the timer's, and frees the clauses of a `choose`. True: the timer
    /// may be armed.
    #[inline(always)]
    pub(in crate::scheduler) fn detach(&self, context: &Context) -> bool {
        let waits = self.waits.replace(0);
        if waits & Blocked::Waiter as u8 != 0 {
            self.waiter.detach();
        } else if waits & Blocked::Waiters as u8 != 0 {
            self.detach_all(context);
        }
        waits & TIMER != 0
    }

    #[inline(never)]
    fn detach_all(&self, context: &Context) {
        let (address, count) = self.waiters.replace((ptr::null_mut(), 0));
        for index in 0..count {
            // SAFETY: `set_waiters` named `count` live waiters.
            #[allow(unsafe_code)]
            unsafe {
                (*address.add(index)).detach();
            }
        }
        context.free_waiters(address, count);
    }

    pub(super) const TIMED_OUT: OnExpiry = |timer| {
        // SAFETY: only `Coroutine::timer` has this function.
        #[allow(unsafe_code)]
        let coroutine: Ref<Coroutine> =
            unsafe { Ref::from_raw(timer.as_ptr().byte_sub(offset_of!(Coroutine, timer)).cast()) };
        let Some(context) = Context::existing() else { return };
        match coroutine.timeout_result.get() {
            0 => context.wake(coroutine, 0, 0),
            result => context.wake(coroutine, result, Errno::ETIMEDOUT as c_int),
        }
    };
}
