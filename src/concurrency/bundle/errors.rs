//! Errors that members report, and that those who wait for the bundle get.

use super::{Bundle, Cause, ERROR, FAILED, FORCED, of};
use crate::concurrency::last_resort;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Coroutine, care, stop};
use core::ffi::c_int;

/// `bundle_fail`: keeps `error`, if it is the first, as that of the bundle in which the caller
/// runs, hard-cancels the other members, and lets nothing be launched any more.
///
/// `EINVAL` where it is not above 0, `ENOTSUP` in a main coroutine, `ECANCELED` where the caller is
/// hard-cancelled.
pub(crate) fn fail(error: c_int) -> Result<()> {
    if error <= 0 {
        return Err(Errno::EINVAL);
    }
    let context = Context::existing().ok_or(Errno::ENOTSUP)?;
    let caller = context.current();
    let bundle = of(caller).ok_or(Errno::ENOTSUP)?;
    if caller.is_cancelled() {
        return Err(Errno::ECANCELED);
    }
    if bundle.error().is_none() {
        bundle.report(context, caller, error);
    }
    Ok(())
}

impl Bundle {
    /// The error that a member has reported first.
    pub(in crate::concurrency) fn error(&self) -> Option<c_int> {
        self.is(ERROR).then(|| self.error.get())
    }

    /// What `bundle_wait` returns: the error, to which `errno` is set, too, or 0.
    #[inline(always)]
    pub(super) fn tell_error(&self) -> c_int {
        if self.is(ERROR) { self.tell_error_slow() } else { 0 }
    }

    #[cold]
    #[inline(never)]
    fn tell_error_slow(&self) -> c_int {
        Errno::set_raw(self.error.get());
        self.error.get()
    }

    /// Ends a `bundle_wait`.
    #[cold]
    pub(super) fn end_wait_with_error(&self, context: &Context, coroutine: Ref<Coroutine>) {
        /// The bits of an errno that a switch hands over; no error of a system has more.
        const ERRNO: c_int = (1 << 30) - 1;
        let error = self.error.get();
        context.wake(coroutine, error, error & ERRNO);
    }

    fn report(&self, context: &Context, reporter: Ref<Coroutine>, error: c_int) {
        self.error.set(error);
        self.add_state(FAILED | ERROR);
        self.note_cause(Cause::Failure);
        if last_resort::is_on() {
            last_resort::begin(context, &self.members, Some(reporter));
        }
        context.note_periods();
        let mut next = self.members.first();
        while let Some(member) = next {
            next = self.members.after(member);
            // The last one to finish tells those who wait; there will be no more members.
            member.take_care(care::BUNDLE_ERROR);
            if member != reporter {
                self.add_state(FORCED);
                member.add_stop(stop::CANCELED);
                context.interrupt(member);
            }
        }
    }
}
