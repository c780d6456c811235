//! The end of coroutines.

use super::{Alternative, ClauseOf, FinishOf, Readiness, Settled, State};
use crate::concurrency::choose::Clause;
use crate::safe::bundle::Bundle;
use crate::safe::{
    Deadline, JoinHandle, Result, Scope, ScopedJoinHandle, TryBundle, TryScope, TypedBundle,
};

/// What has coroutines whose end can be waited for: [`Bundle`], [`TryBundle`], [`TypedBundle`],
/// [`Scope`] and [`TryScope`] have several, [`JoinHandle`] and [`ScopedJoinHandle`] one.
///
/// ```
/// use redill::{Choose, Deadline, Finish};
///
/// fn has_finished(what: &impl Finish) -> bool {
///     Choose::new().finished(what, |end| end.is_ok()).wait(Deadline::NOW) == Ok(true)
/// }
///
/// let bundle = redill::Bundle::new()?;
/// assert!(has_finished(&bundle));
/// let task = bundle.spawn(redill::yield_now)?;
/// assert!(!has_finished(&task));
/// # Ok::<(), redill::Error>(())
/// ```
///
/// Nothing else can have that:
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl redill::Finish for Mine {}
/// ```
pub trait Finish: sealed::Finish {}

mod sealed {
    use super::FinishOf;

    pub trait Finish {
        fn finish(&self) -> FinishOf<'_>;
    }
}

impl sealed::Finish for Bundle {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Bundle(&self.core)
    }
}

impl<T> sealed::Finish for TypedBundle<T> {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Bundle(&self.bundle.core)
    }
}

impl sealed::Finish for Scope<'_, '_> {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Bundle(&self.core)
    }
}

impl<E> sealed::Finish for TryBundle<E> {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Bundle(&self.bundle.core)
    }
}

impl<E> sealed::Finish for TryScope<'_, '_, E> {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Bundle(&self.scope.core)
    }
}

impl<T> sealed::Finish for JoinHandle<T> {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Event(self.ended())
    }
}

impl<T> sealed::Finish for ScopedJoinHandle<'_, T> {
    fn finish(&self) -> FinishOf<'_> {
        FinishOf::Event(self.handle.ended())
    }
}

impl<B: sealed::Finish> sealed::Finish for &B {
    fn finish(&self) -> FinishOf<'_> {
        B::finish(self)
    }
}

impl Finish for Bundle {}
impl<T> Finish for TypedBundle<T> {}
impl Finish for Scope<'_, '_> {}
impl<E> Finish for TryBundle<E> {}
impl<E> Finish for TryScope<'_, '_, E> {}
impl<T> Finish for JoinHandle<T> {}
impl<T> Finish for ScopedJoinHandle<'_, T> {}
impl<B: Finish> Finish for &B {}

/// The end of coroutines.
pub struct Finished<'a> {
    of: FinishOf<'a>,
    settled: Settled,
}

impl<'a> Finished<'a> {
    pub(in crate::safe) fn new(what: &'a impl Finish) -> Self {
        Finished { of: what.finish(), settled: Settled::default() }
    }
}

/// For `finished(bundle)`.
pub fn finished(what: &impl Finish) -> Finished<'_> {
    Finished::new(what)
}

impl State for Finished<'_> {
    fn readiness(&self) -> Readiness {
        let clause = match self.of {
            FinishOf::Bundle(bundle) => bundle.clause(),
            FinishOf::Event(event) => Some(Clause::of_event(event)),
        };
        clause.map_or(Readiness::Over, |clause| Readiness::Clause(ClauseOf(clause)))
    }

    fn settle(&mut self, result: Result<()>) -> bool {
        self.settled.put(result)
    }
}

impl Alternative for Finished<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}

/// The result of the next task of a bundle.
pub struct Next<'a, T> {
    bundle: &'a TypedBundle<T>,
    /// A result, or the end of them all.
    outcome: Option<Result<Option<T>>>,
}

/// For `next(bundle)`.
pub fn next<T: 'static>(bundle: &TypedBundle<T>) -> Next<'_, T> {
    Next { bundle, outcome: None }
}

impl<T: 'static> State for Next<'_, T> {
    fn readiness(&self) -> Readiness {
        Readiness::Clause(ClauseOf(Clause::of_event(self.bundle.news())))
    }

    fn settle(&mut self, result: Result<()>) -> bool {
        self.outcome = match result {
            Ok(()) => self.bundle.take_result().map(Ok),
            Err(error) => Some(Err(error)),
        };
        // Without one another coroutine was faster.
        self.outcome.is_some()
    }
}

impl<T: 'static> Alternative for Next<'_, T> {
    type Output = Result<Option<T>>;

    fn take(&mut self) -> Self::Output {
        match self.outcome.take().expect("the alternative has been chosen")? {
            Some(result) => Ok(Some(result)),
            None => self.bundle.end(Deadline::NEVER),
        }
    }
}
