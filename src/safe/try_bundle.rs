//! Bundles of coroutines that can fail.

use super::failures::{Failure, Failures};
use super::join::{self, JoinHandle};
use super::{Bundle, Deadline, Error, Grace, Notify, Outcome, Result};
use core::fmt;

/// A bundle of coroutines that return a `Result`: the first error ends the others and comes out at
/// the owner.
///
/// When a coroutine returns an error, the others are hard-cancelled, a grace period that runs ends,
/// and nothing can be launched any more. Once all have finished, [`wait`](TryBundle::wait) or
/// [`cancel`](TryBundle::cancel) returns the error, whichever is next. Later errors are dropped, and
/// so is what a coroutine returns after it was hard-cancelled: to be cut is no failure.
///
/// Several things can happen at once. A panic of a coroutine goes before all; then a cancellation of
/// the owner itself, which is [`Error::Canceled`]; then the first error; then
/// [`Outcome::Forced`].
///
/// Of the error type is needed only that it can be made of an [`Error`], for the owner's own
/// failures. [`Error`] itself will do, and so will `Box<dyn std::error::Error>`.
/// [`try_scope`](crate::try_scope) is for coroutines that borrow, and
/// [`TryBundle::isolating`] for servers, where one failure must not end the others.
///
/// ```
/// use redill::{Deadline, Error, TryBundle};
///
/// #[derive(Debug, PartialEq)]
/// enum Trouble {
///     Tank(&'static str),
///     Runtime(Error),
/// }
///
/// impl From<Error> for Trouble {
///     fn from(error: Error) -> Trouble {
///         Trouble::Runtime(error)
///     }
/// }
///
/// let flight = TryBundle::new()?;
/// flight.go(|| {
///     redill::sleep(Deadline::NEVER)?; // `Canceled` when another one has failed
///     Ok(())
/// })?;
/// flight.go(|| Err(Trouble::Tank("empty")))?;
/// assert_eq!(flight.wait(Deadline::NEVER), Err(Trouble::Tank("empty")));
/// # Ok::<(), Error>(())
/// ```
///
/// A coroutine whose errors nobody wants is for a [`Bundle`]; this one needs a `Result`:
///
/// ```compile_fail,E0308
/// let bundle = redill::TryBundle::<redill::Error>::new().unwrap();
/// bundle.go(|| ()).unwrap();
/// ```
///
/// and errors that can be made of an [`Error`]:
///
/// ```compile_fail,E0277
/// redill::TryBundle::<String>::new().unwrap();
/// ```
#[must_use = "a bundle that is dropped cancels its coroutines"]
#[doc(alias = "errgroup")]
pub struct TryBundle<E = Error> {
    // Dropped first, so that no coroutine is left to fail.
    pub(super) bundle: Bundle,
    failures: Failures<E>,
}

impl<E: From<Error> + 'static> TryBundle<E> {
    /// Creates a bundle without coroutines.
    ///
    /// # Errors
    /// As [`Bundle::new`].
    ///
    /// ```
    /// let bundle = redill::TryBundle::<redill::Error>::new()?;
    /// assert!(bundle.is_empty());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new() -> Result<TryBundle<E>> {
        let failures = Failures::end_all()?;
        Ok(TryBundle { bundle: Bundle::new()?, failures })
    }

    /// Creates a bundle in which a failure of one coroutine does not concern the others.
    ///
    /// When a coroutine returns an error or panics, `handler` is called with that, in this
    /// coroutine, as the last thing that it does; the others go on, and the owner hears nothing of
    /// it. So a server survives what one connection brings upon itself. Errors of coroutines that
    /// were hard-cancelled are dropped. A panic of the handler itself ends the bundle like the panic
    /// of a coroutine of any other one.
    ///
    /// # Errors
    /// As [`Bundle::new`].
    ///
    /// ```
    /// use redill::{Deadline, Error, Failure, TryBundle, channel};
    ///
    /// let (log, failures) = channel()?;
    /// let connections = TryBundle::<Error>::isolating(move |failure| {
    ///     let line = match failure {
    ///         Failure::Error(error) => error.to_string(),
    ///         Failure::Panic(_) => "a bug".to_string(),
    ///     };
    ///     log.send(line, Deadline::NEVER).unwrap();
    /// })?;
    /// connections.go(|| Err(Error::Reset))?;
    /// connections.go(|| std::panic::resume_unwind(Box::new("index out of bounds")))?;
    /// connections.go(|| redill::yield_now())?;
    /// assert_eq!(failures.recv(Deadline::NEVER)?, "the peer has broken the connection");
    /// assert_eq!(failures.recv(Deadline::NEVER)?, "a bug");
    /// connections.wait(Deadline::NEVER)?;
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "supervisor")]
    pub fn isolating(handler: impl Fn(Failure<E>) + 'static) -> Result<TryBundle<E>> {
        let failures = Failures::isolate(handler)?;
        Ok(TryBundle { bundle: Bundle::new()?, failures })
    }

    /// Launches a coroutine that calls `function`: see [`Bundle::go`].
    ///
    /// # Errors
    /// As there; [`Error::Canceled`] also when a coroutine has failed.
    ///
    /// ```
    /// use redill::{Deadline, Error, TryBundle};
    ///
    /// let bundle = TryBundle::new()?;
    /// bundle.go(|| Err(Error::Reset))?;
    /// assert_eq!(bundle.go(|| Ok(())), Err(Error::Canceled));
    /// assert_eq!(bundle.wait(Deadline::NEVER), Err(Error::Reset));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn go<F>(&self, function: F) -> Result<()>
    where
        F: FnOnce() -> core::result::Result<(), E> + 'static,
    {
        self.bundle.go(self.failures.guard(function))
    }

    /// As [`TryBundle::go`], for a value that is wanted. Errors go to the owner;
    /// [`JoinHandle::join`] returns [`Error::Failed`] then.
    ///
    /// # Errors
    /// As [`TryBundle::go`].
    ///
    /// ```
    /// use redill::{Deadline, Error, TryBundle};
    ///
    /// let bundle = TryBundle::<Error>::new()?;
    /// let answer = bundle.spawn(|| redill::yield_now().map(|()| 42))?;
    /// assert_eq!(answer.join(Deadline::NEVER)?, 42);
    ///
    /// let failing = bundle.spawn(|| Err::<(), _>(Error::Reset))?;
    /// assert_eq!(failing.join(Deadline::NEVER), Err(Error::Failed));
    /// assert_eq!(bundle.wait(Deadline::NEVER), Err(Error::Reset));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, function: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> core::result::Result<T, E> + 'static,
        T: 'static,
    {
        let (task, handle) = join::try_task(function)?;
        self.go(task)?;
        Ok(handle)
    }

    /// Waits until the last coroutine has finished.
    ///
    /// # Errors
    /// The first error of a coroutine, once all have finished. It is moved out: further calls
    /// return [`Error::Failed`]. Before that [`Error::TimedOut`], [`Error::Canceled`],
    /// [`Error::Deadlock`] and [`Error::Busy`] as from [`Bundle::wait`].
    ///
    /// # Panics
    /// With the panic of a coroutine of the bundle.
    ///
    /// ```
    /// use redill::{Deadline, Error, TryBundle};
    /// use std::time::Duration;
    ///
    /// let bundle = TryBundle::new()?;
    /// bundle.go(|| redill::sleep(Duration::from_millis(5)).and(Err(Error::Protocol)))?;
    /// assert_eq!(bundle.wait(Deadline::NOW), Err(Error::TimedOut));
    /// assert_eq!(bundle.wait(Deadline::NEVER), Err(Error::Protocol));
    /// assert_eq!(bundle.wait(Deadline::NEVER), Err(Error::Failed));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> core::result::Result<(), E> {
        let waited = self.bundle.wait(deadline);
        self.failures.settle(waited, self.is_empty())
    }

    /// Ends the bundle gracefully: see [`Bundle::cancel`]. An error of a coroutine ends the grace
    /// period.
    ///
    /// # Errors
    /// The first error of a coroutine, as from [`TryBundle::wait`]; otherwise as
    /// [`Bundle::cancel`].
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use redill::{Error, Grace, Outcome, TryBundle};
    ///
    /// let bundle = TryBundle::new()?;
    /// bundle.go(|| redill::sleep(redill::Deadline::NEVER))?;
    /// bundle.go(|| {
    ///     redill::request()?.wait(redill::Deadline::NEVER)?;
    ///     Err(Error::other("can't save the work"))
    /// })?;
    /// let error = bundle.cancel(Grace::Unlimited).unwrap_err();
    /// assert_eq!(error.to_string(), "can't save the work");
    ///
    /// let idle = TryBundle::<Error>::new()?;
    /// assert_eq!(idle.cancel(Grace::Now)?, Outcome::Finished);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cancel(&self, grace: impl Into<Grace>) -> core::result::Result<Outcome, E> {
        let ended = self.bundle.cancel(grace);
        self.failures.settle(ended, self.is_empty())
    }

    /// Asks the coroutines to finish and goes on: see [`Bundle::request`].
    ///
    /// ```
    /// use redill::{Deadline, Error, TryBundle};
    ///
    /// let bundle = TryBundle::<Error>::new()?;
    /// bundle.go(|| redill::request()?.wait(Deadline::NEVER))?;
    /// bundle.request();
    /// bundle.wait(Deadline::NEVER)?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn request(&self) {
        self.bundle.request();
    }

    /// Hard-cancels the coroutines when the deadline passes: see [`Bundle::deadline`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Error, TryBundle};
    /// use std::time::Duration;
    ///
    /// let bundle = TryBundle::<Error>::new()?;
    /// bundle.go(|| redill::sleep(Deadline::NEVER))?;
    /// bundle.deadline(Duration::from_millis(2))?;
    /// bundle.wait(Deadline::NEVER)?; // cut, but not failed
    /// # Ok::<(), Error>(())
    /// ```
    pub fn deadline(&self, deadline: impl Into<Deadline>) -> Result<()> {
        self.bundle.deadline(deadline)
    }

    /// Gets the graceful request with the caller's own bundle: see [`Bundle::follow`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// let bundle = redill::TryBundle::<redill::Error>::new()?;
    /// assert_eq!(bundle.follow(), Err(redill::Error::Unsupported)); // in a main coroutine
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn follow(&self) -> Result<()> {
        self.bundle.follow()
    }

    /// Makes a channel become done with the graceful request: see [`Bundle::notify`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Error, Grace, Outcome, TryBundle, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// let bundle = TryBundle::<Error>::new()?;
    /// bundle.go(move || Ok(assert_eq!(rx.iter().count(), 0)))?;
    /// bundle.notify(&tx)?;
    /// assert_eq!(bundle.cancel(Grace::Unlimited)?, Outcome::Finished);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn notify(&self, channel: &impl Notify) -> Result<()> {
        self.bundle.notify(channel)
    }

    /// Returns whether no coroutine runs in it.
    ///
    /// ```
    /// let bundle = redill::TryBundle::<redill::Error>::new()?;
    /// bundle.go(|| redill::yield_now())?;
    /// assert!(!bundle.is_empty());
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bundle.is_empty()
    }
}

impl<E> fmt::Debug for TryBundle<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryBundle").field("bundle", &self.bundle).finish_non_exhaustive()
    }
}
