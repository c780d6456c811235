//! Coroutines that borrow from the frame that launches them, and that can fail.

use super::failures::{Failures, is_hard_cancelled};
use super::join;
use super::scope::{self, Scope, ScopedJoinHandle};
use super::{Deadline, Error, Grace, Notify, Outcome, Result};
use core::fmt;

/// Calls `function` with a scope whose coroutines may borrow local variables and return a `Result`:
/// the first error ends the others and comes out.
///
/// It is to [`scope`](crate::scope()) what [`TryBundle`](crate::TryBundle) is to
/// [`Bundle`](crate::Bundle). When a coroutine returns an error, the other coroutines are
/// hard-cancelled, and nothing can be launched any more. The function itself goes on until it returns.
/// What a coroutine returns after it was hard-cancelled is no failure.
///
/// # Errors
/// The first error of a coroutine, unless the function has got it already from
/// [`TryScope::wait`] or [`TryScope::cancel`]; otherwise that of the function. A cancellation of the
/// caller goes before both: then it is the function's error, or [`Error::Canceled`].
/// [`Error::OutOfMemory`].
///
/// # Panics
/// With the panic of the function or, if that has none, of a coroutine.
///
/// ```
/// use redill::Error;
///
/// let urls = ["/a", "/b", "/missing", "/c"];
/// let fetch = |url: &str| match url {
///     "/missing" => Err(Error::other("404")),
///     url => redill::yield_now().map(|()| url.len()),
/// };
/// let fetched = redill::try_scope(|scope| {
///     for url in &urls {
///         scope.go(move || fetch(url).map(drop))?;
///     }
///     Ok(())
/// });
/// // `scope.go` has failed for "/c", but this error was the first.
/// assert_eq!(fetched.unwrap_err().to_string(), "404");
/// ```
///
/// What a coroutine borrows must have been there before the scope:
///
/// ```compile_fail,E0373
/// redill::try_scope::<_, _, redill::Error>(|scope| {
///     let inside = String::from("ends before the coroutine");
///     scope.go(|| Ok(println!("{inside}")))?;
///     Ok(())
/// })
/// .unwrap();
/// ```
#[doc(alias = "errgroup")]
pub fn try_scope<'env, F, R, E>(function: F) -> core::result::Result<R, E>
where
    F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> core::result::Result<R, E>,
    E: From<Error> + 'static,
{
    let scope = TryScope { scope: Scope::new()?, failures: Failures::end_all()? };
    let (result, waited) = scope::run(&scope.scope.core, || function(&scope));
    let waited = match scope.failures.take() {
        None => waited,
        Some(_) if waited == Err(Error::Canceled) || is_hard_cancelled() => Err(Error::Canceled),
        Some(error) => return Err(error),
    };
    result.and_then(|value| waited.map(|()| value).map_err(E::from))
}

/// A [`Scope`] of coroutines that can fail. Made by [`try_scope`].
///
/// ```
/// use redill::{Error, TryScope};
///
/// /// Coroutines can be launched from elsewhere, too.
/// fn launch<'scope>(
///     scope: &'scope TryScope<'scope, '_, Error>,
///     text: &'scope str,
/// ) -> redill::Result<()> {
///     scope.go(move || if text.is_empty() { Err(Error::Done) } else { Ok(()) })
/// }
///
/// let text = String::from("borrowed");
/// redill::try_scope(|scope| launch(scope, &text))?;
/// # Ok::<(), Error>(())
/// ```
pub struct TryScope<'scope, 'env: 'scope, E> {
    pub(super) scope: Scope<'scope, 'env>,
    failures: Failures<E>,
}

impl<'scope, E: From<Error> + 'static> TryScope<'scope, '_, E> {
    /// Launches a coroutine: see [`TryBundle::go`](crate::TryBundle::go).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use std::cell::Cell;
    ///
    /// let count = Cell::new(0);
    /// redill::try_scope::<_, _, redill::Error>(|scope| {
    ///     scope.go(|| Ok(count.set(count.get() + 1)))?;
    ///     Ok(scope.go(|| Ok(count.set(count.get() + 1)))?)
    /// })?;
    /// assert_eq!(count.get(), 2);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[track_caller]
    pub fn go<F>(&'scope self, function: F) -> Result<()>
    where
        F: FnOnce() -> core::result::Result<(), E> + 'scope,
    {
        self.scope.go(self.failures.guard(function))
    }

    /// As [`TryScope::go`], for a value that is wanted: see
    /// [`TryBundle::spawn`](crate::TryBundle::spawn).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Error};
    ///
    /// let text = String::from("17");
    /// let number = redill::try_scope(|scope| {
    ///     let parsed = scope.spawn(|| text.parse::<u8>().map_err(Error::other))?;
    ///     parsed.join(Deadline::NEVER)
    /// })?;
    /// assert_eq!(number, 17);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, function: F) -> Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> core::result::Result<T, E> + 'scope,
        T: 'scope,
    {
        let (task, handle) = join::try_task(function)?;
        self.go(task)?;
        Ok(ScopedJoinHandle::new(handle))
    }

    /// Waits until the last coroutine has finished: see
    /// [`TryBundle::wait`](crate::TryBundle::wait).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Error};
    ///
    /// redill::try_scope(|scope| {
    ///     scope.go(|| Err(Error::Reset))?;
    ///     // Taken here, so it does not come out of the scope.
    ///     assert_eq!(scope.wait(Deadline::NEVER), Err(Error::Reset));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> core::result::Result<(), E> {
        let waited = self.scope.wait(deadline);
        self.failures.settle(waited, self.is_empty())
    }

    /// Ends the coroutines gracefully: see [`TryBundle::cancel`](crate::TryBundle::cancel).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Error, Grace, Outcome};
    ///
    /// redill::try_scope::<_, _, Error>(|scope| {
    ///     scope.go(|| redill::sleep(Deadline::NEVER))?;
    ///     assert_eq!(scope.cancel(Grace::Now)?, Outcome::Forced);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cancel(&self, grace: impl Into<Grace>) -> core::result::Result<Outcome, E> {
        let ended = self.scope.cancel(grace);
        self.failures.settle(ended, self.is_empty())
    }

    /// Asks the coroutines to finish and goes on: see
    /// [`Bundle::request`](crate::Bundle::request).
    ///
    /// ```
    /// use redill::{Deadline, Error};
    ///
    /// redill::try_scope::<_, _, Error>(|scope| {
    ///     scope.go(|| redill::request()?.wait(Deadline::NEVER))?;
    ///     scope.request();
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn request(&self) {
        self.scope.request();
    }

    /// Hard-cancels the coroutines when the deadline passes: see
    /// [`Bundle::deadline`](crate::Bundle::deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Error};
    /// use std::time::Duration;
    ///
    /// redill::try_scope::<_, _, Error>(|scope| {
    ///     scope.deadline(Duration::from_millis(2))?;
    ///     scope.go(|| redill::sleep(Deadline::NEVER))?; // cut, but not failed
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn deadline(&self, deadline: impl Into<Deadline>) -> Result<()> {
        self.scope.deadline(deadline)
    }

    /// Gets the graceful request with the caller's own bundle: see
    /// [`Bundle::follow`](crate::Bundle::follow).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::Error;
    ///
    /// let followed = redill::try_scope::<_, _, Error>(|scope| Ok(scope.follow()?));
    /// assert_eq!(followed, Err(Error::Unsupported)); // in a main coroutine
    /// ```
    pub fn follow(&self) -> Result<()> {
        self.scope.follow()
    }

    /// Makes a channel become done with the graceful request: see
    /// [`Bundle::notify`](crate::Bundle::notify).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Error, Grace, Outcome, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// redill::try_scope::<_, _, Error>(|scope| {
    ///     scope.notify(&tx)?;
    ///     scope.go(|| Ok(assert_eq!(rx.iter().count(), 0)))?;
    ///     assert_eq!(scope.cancel(Grace::Unlimited)?, Outcome::Finished);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn notify(&self, channel: &impl Notify) -> Result<()> {
        self.scope.notify(channel)
    }

    /// Returns whether no coroutine runs in it.
    ///
    /// ```
    /// redill::try_scope::<_, _, redill::Error>(|scope| Ok(assert!(scope.is_empty())))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scope.is_empty()
    }
}

impl<E> fmt::Debug for TryScope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryScope").field("scope", &self.scope).finish_non_exhaustive()
    }
}
