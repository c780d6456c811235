//! What a coroutine waits with.

use crate::intrusive::{Link, Ref, adapter};
use crate::object_cache::ObjectCache;
use crate::os::errno::{Errno, Result};
use core::cell::Cell;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

/// One thing that a coroutine waits for: a place in the list of those that wait for a channel, a
/// bundle or a descriptor.
#[repr(C)]
pub(crate) struct Waiter {
    pub(super) link: Link,
    /// The message to send or the place to receive it, and its length in bytes.
    pub(crate) value: Cell<*mut u8>,
    pub(crate) len: Cell<usize>,
    /// The coroutine; `super` knows its type.
    pub(super) coroutine: Cell<*const ()>,
    /// What the call returns when the wait ends with success and with an error: 0 and -1, or
    /// twice the index of the clause of a `choose`.
    on_success: Cell<c_int>,
    on_error: Cell<c_int>,
    /// For sources that hold one waiter rather than a list.
    pub(super) slot: Cell<*const Slot>,
    /// What a dump notes of the wait. Only dumps use or initialise it.
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

    /// Empties the slot, in which `waiter` is.
    #[inline(always)]
    pub(super) fn clear(&self, waiter: &Waiter) {
        debug_assert!(ptr::eq(self.0.get(), waiter) && ptr::eq(waiter.slot.get(), self));
        self.0.set(ptr::null());
        waiter.slot.set(ptr::null());
    }
}

adapter!(
    /// Those who wait for one thing, in the order in which they came.
    Waiting,
    Waiter,
    link
);

impl Waiter {
    /// A waiter of the coroutine at this address.
    pub(super) const fn new(coroutine: *const (), on_success: c_int, on_error: c_int) -> Waiter {
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

    /// Is it one of a `choose`?
    pub(crate) fn is_clause(&self) -> bool {
        self.on_error.get() >= 0
    }

    /// Returns what the call returns when the wait ends with `errno`, or with 0 for success.
    #[inline(always)]
    pub(in crate::scheduler) fn result(&self, errno: c_int) -> c_int {
        if errno == 0 { self.on_success.get() } else { self.on_error.get() }
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
            (*self.slot.get()).clear(self);
        }
    }

    /// Detaches `count` waiters that follow each other in memory.
    ///
    /// # Safety
    /// They are initialised, and alive.
    #[allow(unsafe_code)]
    pub(in crate::scheduler) unsafe fn detach_all(first: *const Waiter, count: usize) {
        for index in 0..count {
            // SAFETY: by the caller's promise.
            unsafe { (*first.add(index)).detach() };
        }
    }

    /// Memory for `count` waiters, not initialised.
    pub(in crate::scheduler) fn allocate(
        objects: &ObjectCache,
        count: usize,
    ) -> Result<NonNull<Waiter>> {
        let size = count.checked_mul(size_of::<Waiter>()).ok_or(Errno::ENOMEM)?;
        Ok(objects.allocate_bytes(size)?.cast())
    }

    /// Frees what [`Waiter::allocate`] gave; does nothing with a null pointer.
    ///
    /// # Safety
    /// It gave that for `count` waiters, and those that were made are detached.
    #[allow(unsafe_code)]
    pub(in crate::scheduler) unsafe fn free(
        objects: &ObjectCache,
        waiters: *mut Waiter,
        count: usize,
    ) {
        if let Some(block) = NonNull::new(waiters) {
            // SAFETY: by the caller's promise; the size is that of the allocation.
            unsafe { objects.free_bytes(block.cast(), count * size_of::<Waiter>()) };
        }
    }
}
