//! Reasons to stop, and what is to be done when a coroutine ends.

use super::{Coroutine, stop};
use crate::os::errno::{Errno, Result};
use crate::os::thread_context;
use core::mem::offset_of;

// A thread without a scheduler seems to have a coroutine with every reason to stop.
const _: () = assert!(offset_of!(Coroutine, stop) < thread_context::NOBODY_SIZE);

impl Coroutine {
    /// Notes what the end must see to: bits of [`care`].
    #[inline(always)]
    pub(crate) fn take_care(&self, of: u8) {
        self.care.set(self.care.get() | of);
    }

    /// Takes [`Coroutine::take_care`] back.
    pub(crate) fn forget_care(&self, of: u8) {
        self.care.set(self.care.get() & !of);
    }

    /// Is there something of this kind to see to at the end?
    #[inline(always)]
    pub(crate) fn takes_care(&self, of: u8) -> bool {
        self.care.get() & of != 0
    }

    /// Is there nothing to see to at the end, not even reasons to stop?
    ///
    /// # Safety
    /// As for [`Coroutine::stop_of`].
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(in crate::scheduler) unsafe fn ends_easily(this: *const Coroutine) -> bool {
        const { assert!(offset_of!(Coroutine, care) == offset_of!(Coroutine, stop) + 1) };
        // SAFETY: by the caller's promise, and the assertions on the fields' offsets.
        unsafe { (&raw const (*this).stop).cast::<u16>().read_unaligned() == 0 }
    }

    /// Is there nothing to see to at the end, except that it may have reasons to stop?
    ///
    /// # Safety
    /// As for [`Coroutine::stop_of`].
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(in crate::scheduler) unsafe fn is_carefree(this: *const Coroutine) -> bool {
        // SAFETY: by the caller's promise, and the assertions on the fields' offsets.
        unsafe { (&raw const (*this).care).cast::<u8>().read() == 0 }
    }

    /// Forgets the reasons to stop of a coroutine that has ended, and what it took care of.
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.stop.set(0);
        self.care.set(0);
        self.line.set(0);
    }

    /// Fails with `ECANCELED` where a blocking call must.
    #[inline(always)]
    pub(crate) fn may_block(&self) -> Result<()> {
        self.unless_stopped(stop::ANY)
    }

    /// Fails with `ECANCELED` where an operation under way must end.
    #[inline(always)]
    pub(crate) fn may_continue(&self) -> Result<()> {
        self.unless_stopped(!stop::GRACEFUL)
    }

    /// Fails with `ECANCELED` where nothing may be started any more.
    #[inline(always)]
    pub(crate) fn may_start(&self) -> Result<()> {
        self.unless_stopped(stop::HARD)
    }

    /// Fails with `ECANCELED` when there is one of these reasons to stop.
    #[inline(always)]
    pub(in crate::scheduler) fn unless_stopped(&self, reasons: u8) -> Result<()> {
        if self.stop.get() & reasons == 0 { Ok(()) } else { Err(Errno::ECANCELED) }
    }

    /// The reasons to stop of what may be no more than the beginning of a coroutine.
    ///
    /// # Safety
    /// The first [`thread_context::NOBODY_SIZE`] bytes are readable.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(in crate::scheduler) unsafe fn stop_of(this: *const Coroutine) -> u8 {
        // SAFETY: by the caller's promise, and the assertion on the field's offset.
        unsafe { (&raw const (*this).stop).cast::<u8>().read() }
    }

    /// Adds reasons to stop; returns all that were there before.
    pub(crate) fn add_stop(&self, reasons: u8) -> u8 {
        self.stop.replace(self.stop.get() | reasons)
    }

    /// Takes reasons to stop back.
    pub(crate) fn remove_stop(&self, reasons: u8) {
        self.stop.set(self.stop.get() & !reasons);
    }
}
