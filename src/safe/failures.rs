//! What happens when a coroutine of a bundle fails.

use super::{Error, Result};
use crate::concurrency::bundle;
use crate::os::allocation;
use crate::scheduler::context::Context;
use crate::scheduler::shared::Shared;
use core::any::Any;
use core::cell::Cell;
use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a coroutine has failed, for the function that
/// [`TryBundle::isolating`](crate::TryBundle::isolating) is given.
///
/// ```
/// use redill::Failure;
///
/// fn describe(failure: &Failure<redill::Error>) -> String {
///     match failure {
///         Failure::Error(error) => format!("failed: {error}"),
///         Failure::Panic(_) => "panicked".into(),
///     }
/// }
/// assert_eq!(describe(&Failure::Error(redill::Error::Reset)), "failed: the peer has broken the connection");
/// ```
pub enum Failure<E> {
    /// It has returned this error.
    Error(E),
    /// It has panicked with this, as in [`std::thread::Result`].
    Panic(Box<dyn Any + Send>),
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Failure::Panic(_) => f.debug_tuple("Panic").finish_non_exhaustive(),
        }
    }
}

/// What is done with the failures of the coroutines of one bundle.
pub(super) struct Failures<E>(Shared<State<E>>);

struct State<E> {
    /// The first error, until the owner has taken it.
    first: Cell<Option<E>>,
    /// There has been one.
    failed: Cell<bool>,
    /// Gets the failures where they stay with the coroutine that has failed.
    handler: Option<Box<dyn Fn(Failure<E>)>>,
}

/// The number that the core, and so C code, gets for an error of Rust's.
const ANY_ERROR: i32 = libc::EIO;

impl<E: 'static> Failures<E> {
    /// The first error ends the other coroutines and goes to the owner.
    pub(super) fn end_all() -> Result<Failures<E>> {
        Failures::new(None)
    }

    /// Each failure goes to `handler`, and the other coroutines go on.
    pub(super) fn isolate(handler: impl Fn(Failure<E>) + 'static) -> Result<Failures<E>> {
        Failures::new(Some(allocation::boxed(handler).map_err(Error::immediate)?))
    }

    fn new(handler: Option<Box<dyn Fn(Failure<E>)>>) -> Result<Failures<E>> {
        let state = State { first: Cell::new(None), failed: Cell::new(false), handler };
        Shared::new(state).map(Failures).map_err(Error::immediate)
    }

    /// What a coroutine does instead of `function`.
    pub(super) fn guard<F>(&self, function: F) -> impl FnOnce() + use<F, E>
    where
        F: FnOnce() -> core::result::Result<(), E>,
    {
        let state = self.0.clone();
        move || state.run(function)
    }

    /// Replaces the result of a call of the owner by the first error of a coroutine, if there is
    /// one. A cancellation of the owner goes before it.
    pub(super) fn settle<T>(
        &self,
        result: Result<T>,
        have_finished: bool,
    ) -> core::result::Result<T, E>
    where
        E: From<Error>,
    {
        if have_finished && !matches!(result, Err(Error::Canceled)) {
            if let Some(error) = self.take() {
                return Err(error);
            }
            if self.0.failed.get() {
                return Err(Error::Failed.into());
            }
        }
        result.map_err(E::from)
    }

    /// Takes the first error.
    pub(super) fn take(&self) -> Option<E> {
        self.0.first.take()
    }
}

impl<E> State<E> {
    fn run(&self, function: impl FnOnce() -> core::result::Result<(), E>) {
        let Some(handler) = &self.handler else {
            if let Err(error) = function() {
                self.report(error);
            }
            return;
        };
        match catch_unwind(AssertUnwindSafe(function)) {
            Ok(Ok(())) => {}
            Ok(Err(_)) if is_hard_cancelled() => {}
            Ok(Err(error)) => handler(Failure::Error(error)),
            Err(panic) => handler(Failure::Panic(panic)),
        }
    }

    fn report(&self, error: E) {
        // A coroutine that was hard-cancelled has not failed: the core refuses that.
        if !self.failed.get() && bundle::fail(ANY_ERROR).is_ok() {
            self.failed.set(true);
            self.first.set(Some(error));
        }
    }
}

/// Returns whether the caller is hard-cancelled.
pub(super) fn is_hard_cancelled() -> bool {
    Context::existing().is_some_and(|context| context.current().is_cancelled())
}
