//! What dumps and debuggers see of a bundle.

use super::{Bundle, CLOSING, Cause, Extras, FINISHING, Grace, Members, Owned, of};
use crate::intrusive::{List, Ref};
use crate::os::debug_layout::Field;
use crate::scheduler::coroutine::{Coroutine, Waiter, Waiting};
use core::ffi::c_int;
use core::mem::{MaybeUninit, offset_of};

impl Bundle {
    /// Notes the bundle's handle, for [`Bundle::mark`].
    pub(in crate::concurrency) fn set_mark(&self, handle: c_int) {
        self.mark.set(MaybeUninit::new(handle));
    }

    /// What was noted last.
    ///
    /// # Safety
    /// The bundle was given a mark since it was made.
    pub(in crate::concurrency) unsafe fn mark(&self) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { self.mark.get().assume_init() }
    }

    /// Who made it or took it over; `None` when that coroutine has left it behind.
    pub(in crate::concurrency) fn owner(&self) -> Option<Ref<Coroutine>> {
        self.owner.get()
    }

    /// Who is in `bundle_cancel` or `hclose` of it.
    pub(in crate::concurrency) fn canceller(&self) -> Option<Ref<Coroutine>> {
        self.canceller.get().filter(|_| self.is(FINISHING | CLOSING))
    }

    /// Are its coroutines hard-cancelled, so that nothing is launched any more?
    pub(in crate::concurrency) fn is_closing(&self) -> bool {
        self.is(CLOSING)
    }

    /// Returns why its coroutines were hard-cancelled, if they were.
    pub(super) fn cause(&self) -> Cause {
        self.cause.get()
    }

    /// Forgets the cause once all members that were hard-cancelled for it have ended.
    pub(super) fn forget_cause(&self) {
        if self.is_empty() {
            self.cause.set(Cause::Closing);
        }
    }

    /// Returns whether the one that closes it has given it a grace period.
    pub(super) fn has_had_grace(&self) -> bool {
        self.is(FINISHING)
    }

    /// Its coroutines.
    pub(in crate::concurrency) fn members(&self) -> &List<Members> {
        &self.members
    }

    /// Those who wait for it.
    pub(in crate::concurrency) fn waiting(&self) -> &List<Waiting> {
        &self.waiters
    }

    /// Calls `action` with those who wait for the request in a `choose`.
    pub(in crate::concurrency) fn for_each_asker(&self, mut action: impl FnMut(Ref<Waiter>)) {
        let Some(extras) = self.extras.get() else { return };
        let mut next = extras.askers.first();
        while let Some(waiter) = next {
            action(waiter);
            next = extras.askers.after(waiter);
        }
    }

    /// When its coroutines will be hard-cancelled by `bundle_deadline`.
    pub(in crate::concurrency) fn deadline(&self) -> Option<i64> {
        self.extras.get().and_then(|extras: Ref<Extras>| extras.deadline())
    }

    /// The bundle, further out, whose grace period this one has inherited.
    pub(in crate::concurrency) fn inherits_grace_from(&self) -> Option<Ref<Bundle>> {
        let outer = of(self.canceller()?)?;
        (!matches!(self.grace(), Grace::None | Grace::NotFound(_)) && outer.grace() == self.grace())
            .then_some(outer)
    }

    /// For debuggers.
    pub(crate) const LAYOUT: &[Field] = &[
        Field::new(c"bundle.members", offset_of!(Bundle, members)),
        Field::new(c"bundle.in_owner", offset_of!(Bundle, in_owner)),
        Field::new(c"bundle.owner", offset_of!(Bundle, owner)),
    ];
}

/// The first bundle that a coroutine owns.
pub(in crate::concurrency) fn first_owned(coroutine: Ref<Coroutine>) -> Option<Ref<Bundle>> {
    coroutine.owned::<Owned>().first()
}

/// The one behind `bundle`, which the same coroutine owns.
pub(in crate::concurrency) fn next_owned(
    coroutine: Ref<Coroutine>,
    bundle: Ref<Bundle>,
) -> Option<Ref<Bundle>> {
    coroutine.owned::<Owned>().after(bundle)
}
