//! Coroutines that borrow from the frame that launches them.

use super::bundle;
use super::join::{self, JoinHandle};
use super::notify::{Notify, sealed::Registrar};
use super::{AsRawHandle, Deadline, Error, Grace, Outcome, RawHandle, Result, panics};
use crate::concurrency::bundle::Failure;
use crate::concurrency::cancel::Period;
use crate::concurrency::owned_bundle::{Ended, OwnedBundle};
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Calls `function` with a bundle whose coroutines may borrow local variables: they have ended,
/// all of them, when this returns, however that comes about.
///
/// When the function has returned, its coroutines are awaited; they are hard-cancelled if it has
/// returned an error or has panicked, if one of them has panicked, or if the caller is cancelled
/// meanwhile. Use [`Scope::cancel`] to end them otherwise.
///
/// # Errors
/// That of the function; [`Error::Canceled`] when the caller was cancelled while it waited, by a
/// cancel scope too; [`Error::OutOfMemory`].
///
/// # Panics
/// With the panic of the function or, if that has none, of a coroutine.
///
/// ```
/// use redill::{Deadline, channel};
///
/// let words = vec!["one", "two", "three"];
/// let mut total = 0;
/// let (tx, rx) = channel()?;
/// redill::scope(|scope| {
///     for word in &words {
///         let tx = tx.clone();
///         scope.go(move || drop(tx.send(word.len(), Deadline::NEVER)))?;
///     }
///     drop(tx);
///     total = rx.iter().sum::<usize>();
///     Ok(())
/// })?;
/// assert_eq!(total, 11);
/// # Ok::<(), redill::Error>(())
/// ```
///
/// What a coroutine borrows must have been there before the scope:
///
/// ```compile_fail,E0373
/// redill::scope(|scope| {
///     let inside = String::from("ends before the coroutine");
///     scope.go(|| println!("{inside}"))
/// })
/// .unwrap();
/// ```
///
/// and it stays borrowed until the scope's end:
///
/// ```compile_fail,E0499
/// let mut count = 0;
/// redill::scope(|scope| {
///     scope.go(|| count += 1)?;
///     scope.go(|| count += 1)
/// })
/// .unwrap();
/// ```
///
/// Nothing that borrows from the scope gets out of it:
///
/// ```compile_fail
/// let handle = redill::scope(|scope| scope.spawn(|| 5)).unwrap();
/// ```
#[doc(alias = "open_nursery")]
pub fn scope<'env, F, R>(function: F) -> Result<R>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<R>,
{
    let core = OwnedBundle::new().map_err(Error::immediate)?;
    let scope = Scope { core, scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| function(&scope)));
    let waited = match &result {
        Ok(Ok(_)) => wait_for_all(&scope.core),
        _ => Ok(()),
    };
    // From here on nothing borrows from the frames above, whatever happens next.
    let ended = end(&scope.core);
    match (result, ended) {
        (Err(panic), _) => resume_unwind(panic),
        (_, Some(failure)) => panics::resume(failure),
        (Ok(result), None) => result.and_then(|value| waited.map(|()| value)),
    }
}

/// Waits until nothing runs in the bundle any more.
fn wait_for_all(core: &OwnedBundle) -> Result<()> {
    if core.is_empty() {
        return Ok(());
    }
    core.wait(Deadline::NEVER.raw()).map_err(Error::of)
}

/// Hard-cancels what still runs, and waits for it; the panic of a coroutine, if there was one.
fn end(core: &OwnedBundle) -> Option<Failure> {
    match core.end(Period::Zero) {
        Ok(ended) => ended.and_then(|Ended { failure, .. }| failure),
        // The caller does not run in its own scope, and nobody else can be ending it now: all
        // who have been given the scope run in it. Going on would leave coroutines behind.
        Err(_) => std::process::abort(),
    }
}

/// A bundle whose coroutines may borrow what outlives `'scope`. Made by [`scope`].
///
/// ```
/// use redill::Scope;
///
/// /// Coroutines can be launched from elsewhere, too.
/// fn launch<'scope>(scope: &'scope Scope<'scope, '_>, text: &'scope str) -> redill::Result<()> {
///     scope.go(move || println!("{text}"))
/// }
///
/// let text = String::from("borrowed");
/// redill::scope(|scope| launch(scope, &text))?;
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    pub(super) core: OwnedBundle,
    // Invariant in both, as in the standard library: the lifetimes are exactly these.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Launches a coroutine: see [`Bundle::go`](crate::Bundle::go).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// let mut seen = false;
    /// redill::scope(|scope| scope.go(|| seen = true))?;
    /// assert!(seen);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn go<F: FnOnce() + 'scope>(&'scope self, function: F) -> Result<()> {
        // SAFETY: `scope` ends its coroutines before `'scope` does, and what the function borrows
        // lasts longer.
        #[allow(unsafe_code)]
        unsafe { self.core.go(Location::caller(), function) }.map_err(Error::immediate)
    }

    /// Launches a coroutine whose result is wanted: see [`Bundle::spawn`](crate::Bundle::spawn).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::Deadline;
    ///
    /// let text = String::from("borrowed");
    /// let length = redill::scope(|scope| {
    ///     scope.spawn(|| text.len())?.join(Deadline::NEVER)
    /// })?;
    /// assert_eq!(length, 8);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, function: F) -> Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        let at = Location::caller();
        let (task, handle) = join::task(function)?;
        // SAFETY: as in `go`.
        #[allow(unsafe_code)]
        unsafe { self.core.go(at, task) }.map_err(Error::immediate)?;
        Ok(ScopedJoinHandle { handle, scope: PhantomData })
    }

    /// Waits until the last coroutine has finished: see [`Bundle::wait`](crate::Bundle::wait).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use redill::Deadline;
    ///
    /// redill::scope(|scope| {
    ///     scope.go(|| redill::yield_now().unwrap())?;
    ///     scope.wait(Deadline::NEVER)
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> Result<()> {
        bundle::wait(&self.core, deadline.into())
    }

    /// Ends the coroutines gracefully: see [`Bundle::cancel`](crate::Bundle::cancel).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Grace, Outcome};
    ///
    /// redill::scope(|scope| {
    ///     scope.go(|| drop(redill::sleep(Deadline::NEVER)))?;
    ///     assert_eq!(scope.cancel(Grace::Now)?, Outcome::Forced);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn cancel(&self, grace: impl Into<Grace>) -> Result<Outcome> {
        bundle::cancel(&self.core, grace.into())
    }

    /// Hard-cancels the coroutines when the deadline passes: see
    /// [`Bundle::deadline`](crate::Bundle::deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::Deadline;
    /// use std::time::Duration;
    ///
    /// redill::scope(|scope| {
    ///     scope.deadline(Duration::from_millis(2))?;
    ///     scope.go(|| assert!(redill::sleep(Deadline::NEVER).is_err()))
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn deadline(&self, deadline: impl Into<Deadline>) -> Result<()> {
        self.core.set_deadline(deadline.into().raw()).map_err(Error::immediate)
    }

    /// Gets the graceful request with the caller's own bundle: see
    /// [`Bundle::follow`](crate::Bundle::follow).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Grace};
    ///
    /// let outer = Bundle::new()?;
    /// outer.go(|| {
    ///     redill::scope(|scope| {
    ///         scope.follow()?;
    ///         scope.go(|| redill::request().unwrap().wait(Deadline::NEVER).unwrap())
    ///     })
    ///     .unwrap();
    /// })?;
    /// outer.cancel(Grace::Unlimited)?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn follow(&self) -> Result<()> {
        self.core.follow().map_err(Error::immediate)
    }

    /// Has a channel become done with the graceful request: see
    /// [`Bundle::notify`](crate::Bundle::notify).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Grace, Outcome, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// redill::scope(|scope| {
    ///     scope.notify(&tx)?;
    ///     scope.go(|| assert_eq!(rx.iter().count(), 0))?;
    ///     assert_eq!(scope.cancel(Grace::Unlimited)?, Outcome::Finished);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn notify(&self, channel: &impl Notify) -> Result<()> {
        channel.register(&Registrar(&self.core)).map_err(Error::immediate)
    }

    /// Does nothing run in it?
    ///
    /// ```
    /// redill::scope(|scope| {
    ///     assert!(scope.is_empty());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.core.is_empty()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.core.number()).finish()
    }
}

impl AsRawHandle for Scope<'_, '_> {
    fn as_raw_handle(&self) -> RawHandle {
        self.core.number()
    }
}

/// The result of a coroutine that [`Scope::spawn`] has launched.
///
/// ```
/// use redill::Deadline;
///
/// let numbers = [1, 2, 3, 4];
/// let sum = redill::scope(|scope| {
///     let (left, right) = numbers.split_at(2);
///     let left = scope.spawn(|| left.iter().sum::<i32>())?;
///     let right = scope.spawn(|| right.iter().sum::<i32>())?;
///     Ok(left.join(Deadline::NEVER)? + right.join(Deadline::NEVER)?)
/// })?;
/// assert_eq!(sum, 10);
/// # Ok::<(), redill::Error>(())
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    pub(super) handle: JoinHandle<T>,
    scope: PhantomData<&'scope mut &'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the coroutine has finished; its result. See [`JoinHandle::join`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// let sum = redill::scope(|scope| scope.spawn(|| 1 + 1)?.join(redill::Deadline::NEVER))?;
    /// assert_eq!(sum, 2);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn join(self, deadline: impl Into<Deadline>) -> Result<T> {
        self.handle.join(deadline)
    }

    /// Waits until the coroutine has finished. See [`JoinHandle::wait`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// redill::scope(|scope| scope.spawn(|| 1 + 1)?.wait(redill::Deadline::NEVER))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> Result<()> {
        self.handle.wait(deadline)
    }

    /// Has the coroutine finished?
    ///
    /// ```
    /// redill::scope(|scope| {
    ///     assert!(scope.spawn(|| ())?.is_finished());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
