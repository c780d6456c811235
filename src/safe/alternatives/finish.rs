//! The end of coroutines.

use super::{Alternative, BundleOf, ClauseOf, Readiness, Settled, State};
use crate::concurrency::owned_bundle::OwnedBundle;
use crate::safe::bundle::Bundle;
use crate::safe::{Result, Scope, TypedBundle};

/// What has coroutines whose end can be waited for: [`Bundle`], [`TypedBundle`] and [`Scope`].
///
/// ```
/// use dill::{Choose, Deadline, Finish};
///
/// fn has_finished(bundle: &impl Finish) -> bool {
///     Choose::new().finished(bundle, |end| end.is_ok()).wait(Deadline::NOW) == Ok(true)
/// }
///
/// assert!(has_finished(&dill::Bundle::new()?));
/// # Ok::<(), dill::Error>(())
/// ```
pub trait Finish: sealed::Finish {}

mod sealed {
    use super::BundleOf;

    pub trait Finish {
        fn bundle(&self) -> BundleOf<'_>;
    }
}

impl sealed::Finish for Bundle {
    fn bundle(&self) -> BundleOf<'_> {
        BundleOf(&self.core)
    }
}

impl<T> sealed::Finish for TypedBundle<T> {
    fn bundle(&self) -> BundleOf<'_> {
        BundleOf(&self.bundle.core)
    }
}

impl sealed::Finish for Scope<'_, '_> {
    fn bundle(&self) -> BundleOf<'_> {
        BundleOf(&self.core)
    }
}

impl<B: sealed::Finish> sealed::Finish for &B {
    fn bundle(&self) -> BundleOf<'_> {
        B::bundle(self)
    }
}

impl Finish for Bundle {}
impl<T> Finish for TypedBundle<T> {}
impl Finish for Scope<'_, '_> {}
impl<B: Finish> Finish for &B {}

/// The end of a bundle's coroutines.
pub struct Finished<'a> {
    bundle: &'a OwnedBundle,
    settled: Settled,
}

impl<'a> Finished<'a> {
    pub(in crate::safe) fn new(bundle: &'a impl Finish) -> Self {
        Finished { bundle: bundle.bundle().0, settled: Settled::default() }
    }
}

/// For `finished(bundle)`.
pub fn finished(bundle: &impl Finish) -> Finished<'_> {
    Finished::new(bundle)
}

impl State for Finished<'_> {
    fn readiness(&self) -> Readiness {
        self.bundle.clause().map_or(Readiness::Over, |clause| Readiness::Clause(ClauseOf(clause)))
    }

    fn settle(&mut self, result: Result<()>) {
        self.settled.0 = Some(result);
    }
}

impl Alternative for Finished<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}
