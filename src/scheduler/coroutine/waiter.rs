//! What a coroutine waits with.

use super::{Blocked, Coroutine, TIMER};
use crate::intrusive::{Link, Ref, adapter};
use crate::scheduler::context::Context;
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

/// One thing that a coroutine waits for: a place in a channel's, bundle's or
/// descriptor's list of those who wait.
#[repr(C)]
pub(crate) struct Waiter {
    pub(super) link: Link,
    /// The message to send or the place to receive it, and its length in bytes.
    pub(crate) value: Cell<*mut u8>,
    pub(crate) len: Cell<usize>,
    pub(super) coroutine: Cell<*const Coroutine>,
    /// What the call returns when the wait ends with success and with an error: 0 and -1, or
    /// twice the index of the clause of a `choose`.
    on_success: Cell<c_int>,
    on_error: Cell<c_int>,
    /// For sources that hold one waiter rather than a list.
    pub(super) slot: Cell<*const Slot>,
    /// What a dump notes of the wait; nobody else uses or initialises it.
    pub(super) mark: Cell<MaybeUninit<i32>>,
}

/// A place for one waiter.
pub(crate) struct Slot(Cell<*const Waiter>);

impl Slot {
    pub(crate) const fn new() -> Slot {
        Slot(Cell::new(ptr::null()))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Option<Ref<Waiter>> {
        // SAFETY: a waiter clears its slot before it goes (see `Waiter::detach`).
        #[allow(unsafe_code)]
        (!self.0.get().is_null()).then(|| unsafe { Ref::from_raw(self.0.get()) })
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    /// Puts `waiter` in; the slot must be empty and outlive the wait.
    #[inline(always)]
    pub(crate) fn put(&self, waiter: Ref<Waiter>) {
        debug_assert!(self.is_empty());
        self.0.set(waiter.as_ptr());
        waiter.link.forget();
        waiter.slot.set(self);
    }

    /// Ends the wait of whoever waits here, with success.
    #[inline(always)]
    pub(in crate::scheduler) fn wake(&self, context: &Context) {
        let Some(waiter) = self.get() else { return };
        let coroutine = waiter.coroutine();
        let waits = coroutine.waits.get();
        if waits & !TIMER != Blocked::Waiter as u8 {
            return waiter.complete(context, 0); // a `choose`
        }
        self.0.set(ptr::null());
        waiter.slot.set(ptr::null());
        coroutine.waits.set(0);
        context.wake_detached(coroutine, waits & TIMER != 0);
    }
}

adapter!(
    /// Those who wait for one thing, in the order in which they came.
    Waiting,
    Waiter,
    link
);

impl Waiter {
    pub(super) const fn new(
        coroutine: *const Coroutine,
        on_success: c_int,
        on_error: c_int,
    ) -> Waiter {
        Waiter {
            link: Link::new(),
            value: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            coroutine: Cell::new(coroutine),
            on_success: Cell::new(on_success),
            on_error: Cell::new(on_error),
            slot: Cell::new(ptr::null()),
            mark: Cell::new(MaybeUninit::uninit()),
        }
    }

    /// A waiter for clause `index` of a `choose` by `coroutine`.
    pub(crate) fn for_clause(coroutine: Ref<Coroutine>, index: usize) -> Waiter {
        // There are not more clauses than an int can count.
        Waiter::new(coroutine.as_ptr(), index as c_int, index as c_int)
    }

    /// Is it one of a `choose`?
    pub(crate) fn is_clause(&self) -> bool {
        self.on_error.get() >= 0
    }

    /// Whose wait this is.
    #[inline(always)]
    pub(crate) fn coroutine(&self) -> Ref<Coroutine> {
        // SAFETY: set when the waiter was made; a coroutine outlives its waiters.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(self.coroutine.get())
        }
    }

    /// Takes the waiter out of whatever it waits in.
    #[inline(always)]
    pub(in crate::scheduler) fn detach(&self) {
        if self.link.is_linked() {
            self.link.unlink();
        } else if !self.slot.get().is_null() {
            self.leave_slot();
        }
    }

    #[inline(never)]
    fn leave_slot(&self) {
        // SAFETY: slots outlive the waits in them (see `Slot::put`).
        #[allow(unsafe_code)]
        unsafe {
            (*self.slot.get()).0.set(ptr::null());
        }
        self.slot.set(ptr::null());
    }

    /// Ends the wait: its call returns 0, or the clause's index for a `choose`, with
    /// `errno` 0; or with an error, -1 (again the index for a `choose`).
    #[inline(always)]
    pub(crate) fn complete(&self, context: &Context, errno: c_int) {
        let result = if errno == 0 { self.on_success.get() } else { self.on_error.get() };
        context.wake(self.coroutine(), result, errno);
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

    /// As [`Waiter::complete`] with success, in fewer instructions, where one of the above is
    /// known.
    #[inline(always)]
    pub(crate) fn complete(self, context: &Context, has_timer: bool) {
        debug_assert!(if has_timer { self.is_alone_with_timer() } else { self.is_alone() });
        debug_assert!(self.waiter.link.is_linked());
        // SAFETY: it is in a list.
        #[allow(unsafe_code)]
        unsafe {
            self.waiter.link.unlink_quickly();
        }
        self.coroutine.waits.set(0);
        context.wake_detached(self.coroutine, has_timer);
    }
}
