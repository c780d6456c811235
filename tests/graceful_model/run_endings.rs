//! The calls of the real run that end a bundle, or hand it over.

use crate::ffi::{self, call};
use crate::plan::*;
use crate::run::{NO_HANDLE, Run};
use core::ffi::c_int;

impl Run<'_> {
    pub fn own(&self, me: usize, bundle: B) -> (c_int, c_int) {
        let index = usize::from(bundle.0);
        // A cancelled coroutine waits in here, as the owner.
        let owner = self.owners[index].replace(Some(me));
        let cancelled = self.invariants.ending(me, bundle, 0, self.now());
        // SAFETY: no conditions.
        let outcome = call(|| unsafe { ffi::dill_hown(self.bundle(bundle)) });
        match outcome {
            (-1, libc::ECANCELED) => {
                self.bundles[index].set(NO_HANDLE);
                self.owners[index].set(None);
                self.invariants.ended(me, bundle, self.now());
                outcome
            }
            (-1, _) => {
                self.owners[index].set(owner);
                self.invariants.not_ended(bundle, cancelled);
                outcome
            }
            (handle, errno) => {
                self.bundles[index].set(handle);
                self.invariants.not_ended(bundle, cancelled);
                (0, errno)
            }
        }
    }

    pub fn close(&self, me: usize, bundle: B) -> (c_int, c_int) {
        // SAFETY: no conditions.
        self.end_bundle(me, bundle, 0, |handle| unsafe { ffi::dill_hclose(handle) })
    }

    /// `bundle_cancel` or `hclose`, which take `period` at most.
    pub fn end_bundle(
        &self,
        me: usize,
        bundle: B,
        period: i64,
        end: impl FnOnce(c_int) -> c_int,
    ) -> (c_int, c_int) {
        let index = usize::from(bundle.0);
        let before = self.invariants.ending(me, bundle, period, self.now());
        let outcome = call(|| end(self.bundle(bundle)));
        match outcome {
            (-1, libc::EBADF | libc::EDEADLK | libc::EBUSY | libc::EINVAL) => {
                self.invariants.not_ended(bundle, before);
            }
            _ => {
                self.bundles[index].set(NO_HANDLE);
                self.owners[index].set(None);
                self.invariants.ended(me, bundle, self.now());
            }
        }
        outcome
    }
}
