//! Would somebody wait for his own end?

use super::{Bundle, CLOSING, FINISHING, FOREIGN, of};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use core::ptr;

/// Returns whether `coroutine` is `other` or runs in a bundle that `other` owns, at any depth.
pub(in crate::concurrency) fn runs_within(
    coroutine: Ref<Coroutine>,
    other: Ref<Coroutine>,
) -> bool {
    let mut next = Some(coroutine);
    while let Some(ancestor) = next {
        if ancestor == other {
            return true;
        }
        next = of(ancestor).and_then(|bundle| bundle.owner.get());
    }
    false
}

impl Bundle {
    /// Checks whether the caller may end the bundle. `EDEADLK` when it runs in it, or when a
    /// coroutine that runs in it is ending a bundle in which the caller runs: each would wait for
    /// the other's end. `EBUSY` when another coroutine is ending it already.
    pub(in crate::concurrency) fn check_closable(&self, context: &Context) -> Result<()> {
        let caller = context.current();
        if of(caller).is_some() && self.would_deadlock(context, caller) {
            return Err(Errno::EDEADLK);
        }
        self.check_unattended()
    }

    /// Fails with `EBUSY` when a coroutine is ending the bundle.
    pub(super) fn check_unattended(&self) -> Result<()> {
        if self.is(FINISHING | CLOSING) { Err(Errno::EBUSY) } else { Ok(()) }
    }

    /// Would `caller`, if it waited for the end of this bundle, wait for its own? Takes a few
    /// instructions where the caller is the owner, however deep it is nested.
    #[inline(always)]
    pub(super) fn would_deadlock(&self, context: &Context, caller: Ref<Coroutine>) -> bool {
        let is_safe = self.owner.get() == Some(caller) && context.foreign_endings.is_empty();
        !is_safe && self.would_deadlock_slow(context, caller)
    }

    /// An owner does not run in its own bundle. So the end of this one awaits the caller's only
    /// where a coroutine that runs here is ending a bundle that is another's.
    #[inline(never)]
    fn would_deadlock_slow(&self, context: &Context, caller: Ref<Coroutine>) -> bool {
        let endings = &context.foreign_endings;
        if self.owner.get() == Some(caller)
            && !endings.may_have(|canceller| self.contains(canceller))
        {
            return false;
        }
        self.is_awaiting(caller)
    }

    /// Notes that the bundle is ended by a coroutine that does not own it.
    #[cold]
    #[inline(never)]
    pub(super) fn note_foreign_canceller(&self, context: &Context, canceller: Ref<Coroutine>) {
        if !self.is(FOREIGN) {
            self.add_state(FOREIGN);
            context.foreign_endings.add(canceller);
        }
    }

    /// The end is complete.
    #[cold]
    #[inline(never)]
    pub(super) fn forget_foreign_canceller(&self, context: &Context) {
        if let Some(canceller) = self.canceller.get() {
            context.foreign_endings.remove(canceller);
        }
    }

    /// Can the last coroutine of this bundle not end before `coroutine` does: because it runs
    /// here at any depth, or because of somebody who runs here and is ending a bundle that in
    /// the same sense awaits it?
    #[inline(never)]
    fn is_awaiting(&self, coroutine: Ref<Coroutine>) -> bool {
        // Mostly there are owners only.
        let mut next = Some(coroutine);
        while let Some(bundle) = next.and_then(of) {
            if bundle.same(self) {
                return true;
            }
            let (owner, canceller) = (bundle.owner.get(), bundle.canceller.get());
            if canceller.is_some() && canceller != owner {
                return self.is_found_from(bundle);
            }
            next = owner;
        }
        false
    }

    /// Searches all bundles whose ends await that of `first`, each of them once, without memory
    /// of its own: there may be very many, and the stack may be very small.
    #[cold]
    #[inline(never)]
    fn is_found_from(&self, first: Ref<Bundle>) -> bool {
        first.found_next.set(first.as_ptr());
        let (mut bundle, mut last) = (first, first);
        let is_found = loop {
            if bundle.same(self) {
                break true;
            }
            let waiting = [bundle.owner.get(), bundle.canceller.get()];
            for found in waiting.into_iter().flatten().filter_map(of) {
                if found.found_next.get().is_null() {
                    last.found_next.set(found.as_ptr());
                    found.found_next.set(found.as_ptr());
                    last = found;
                }
            }
            match bundle.after() {
                Some(next) => bundle = next,
                None => break false,
            }
        };
        let mut next = Some(first);
        while let Some(bundle) = next {
            next = bundle.after();
            bundle.found_next.set(ptr::null());
        }
        is_found
    }

    /// The bundle found next.
    fn after(&self) -> Option<Ref<Bundle>> {
        let next = self.found_next.get();
        // SAFETY: the bundles were found from owner to owner and canceller, which are alive as
        // their bundles are; nothing else happens meanwhile.
        (!ptr::eq(next, self)).then(|| unsafe { Ref::from_raw(next) })
    }
}
