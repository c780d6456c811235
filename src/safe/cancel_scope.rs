//! Stretches of code whose blocking calls end when something happens.

use super::{Deadline, Error, Receiver, Result};
use crate::concurrency::cancel_scope::{self, Inside, Watch};
use core::fmt;
use core::marker::PhantomData;

/// Why a [`CancelScope`] has fired.
///
/// ```
/// use redill::{CancelScope, Deadline, Fired};
///
/// let (_, fired) = CancelScope::new().deadline(Deadline::NOW).run(|| ())?;
/// assert_eq!(fired, Some(Fired::Deadline));
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fired {
    /// Its deadline has passed.
    Deadline,
    /// The request was made, or the channel that it watched is done.
    Request,
}

/// A stretch of code whose blocking calls fail with [`Error::Canceled`] once the scope has fired.
/// It is for code that was not written with any of that in mind.
///
/// A scope fires when its deadline passes, and when what it watches happens; that it had happened
/// before counts, too. Socket operations are not torn: a request interrupts one before its first
/// byte, a deadline at any time. Scopes nest. Hard cancellation reaches everywhere.
///
/// It is a function with a closure rather than a guard, as a guard could be forgotten. What it
/// watches outlives it:
///
/// ```compile_fail,E0505
/// let (tx, rx) = redill::channel::<u8>().unwrap();
/// let scope = redill::CancelScope::done(&rx);
/// drop(rx);
/// scope.run(|| ()).unwrap();
/// ```
///
/// ```
/// use redill::{CancelScope, Deadline, Error, Fired};
/// use std::time::Duration;
///
/// let (result, fired) = CancelScope::new()
///     .deadline(Duration::from_millis(5))
///     .run(|| redill::sleep(Deadline::NEVER))?;
/// assert_eq!(result, Err(Error::Canceled));
/// assert_eq!(fired, Some(Fired::Deadline));
/// redill::yield_now()?; // afterwards all is as before
/// # Ok::<(), Error>(())
/// ```
#[must_use = "it does nothing before it is run"]
#[doc(alias = "move_on_after")]
pub struct CancelScope<'a> {
    watch: Watch,
    deadline: Deadline,
    /// What is watched is the thread's.
    watched: PhantomData<(&'a (), *mut ())>,
}

impl<'a> CancelScope<'a> {
    /// A scope that nothing fires.
    ///
    /// ```
    /// let (sum, fired) = redill::CancelScope::new().run(|| 1 + 1)?;
    /// assert_eq!((sum, fired), (2, None));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new() -> CancelScope<'a> {
        CancelScope { watch: Watch::Nothing, deadline: Deadline::NEVER, watched: PhantomData }
    }

    /// A scope that outer scopes do not reach into. Hard cancellation does.
    ///
    /// ```
    /// use redill::{CancelScope, Deadline, Error};
    ///
    /// let (results, _) = CancelScope::new().deadline(Deadline::NOW).run(|| {
    ///     let shielded = CancelScope::shield().run(redill::yield_now);
    ///     (shielded, redill::yield_now())
    /// })?;
    /// assert_eq!(results, (Ok((Ok(()), None)), Err(Error::Canceled)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn shield() -> CancelScope<'a> {
        CancelScope { watch: Watch::Shield, ..CancelScope::new() }
    }

    /// A scope that fires with the graceful request to the bundle in which the caller runs.
    ///
    /// ```
    /// use redill::{Bundle, CancelScope, Deadline, Fired, Grace, Outcome};
    ///
    /// let bundle = Bundle::new()?;
    /// bundle.go(|| {
    ///     let (_, fired) =
    ///         CancelScope::request().run(|| redill::sleep(Deadline::NEVER)).unwrap();
    ///     assert_eq!(fired, Some(Fired::Request));
    /// })?;
    /// assert_eq!(bundle.cancel(Grace::Unlimited)?, Outcome::Finished);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn request() -> CancelScope<'a> {
        CancelScope { watch: Watch::Request, ..CancelScope::new() }
    }

    /// A scope that fires when nothing more comes on a channel. It receives nothing from it.
    ///
    /// ```
    /// use redill::{CancelScope, Deadline, Fired, channel};
    ///
    /// let (tx, stop) = channel::<()>()?;
    /// let ((), fired) = CancelScope::done(&stop).run(|| drop(tx))?;
    /// assert_eq!(fired, Some(Fired::Request));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn done<T>(channel: &'a Receiver<T>) -> CancelScope<'a> {
        CancelScope { watch: channel.end.watch(), ..CancelScope::new() }
    }

    /// Also fires when the deadline passes. Replaces an earlier one.
    ///
    /// Nobody looks at the clock while the function computes. A blocking call notices a deadline
    /// that has passed meanwhile once it has to wait; [`run`](CancelScope::run) tells of it in any
    /// case.
    ///
    /// ```
    /// use redill::{CancelScope, Deadline, Fired};
    /// use std::time::Duration;
    ///
    /// let ((), fired) = CancelScope::request().deadline(Deadline::NOW).run(|| ())?;
    /// assert_eq!(fired, Some(Fired::Deadline));
    ///
    /// let compute = || std::thread::sleep(Duration::from_millis(5)); // for the coroutine that's no wait
    /// let ((), fired) = CancelScope::new().deadline(Duration::from_millis(1)).run(compute)?;
    /// assert_eq!(fired, Some(Fired::Deadline));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn deadline(self, deadline: impl Into<Deadline>) -> CancelScope<'a> {
        CancelScope { deadline: deadline.into(), ..self }
    }

    /// Calls `function` within the scope. Returns its result, and whether and why the scope has
    /// fired.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when the thread can't have a scheduler. The function has not been
    /// called then.
    ///
    /// ```
    /// let (result, _) = redill::CancelScope::new().run(|| "done")?;
    /// assert_eq!(result, "done");
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn run<R>(self, function: impl FnOnce() -> R) -> Result<(R, Option<Fired>)> {
        self.run_with(|_| function())
    }

    /// Does the same as [`run`](CancelScope::run), for a function that asks inside whether the scope
    /// has fired.
    ///
    /// # Errors
    /// As for [`run`](CancelScope::run).
    ///
    /// ```
    /// use redill::{CancelScope, Deadline, Error, Fired};
    /// use std::time::Duration;
    ///
    /// let (turns, _) = CancelScope::new().deadline(Duration::from_millis(5)).run_with(|scope| {
    ///     let mut turns = 0;
    ///     while scope.fired().is_none() {
    ///         turns += 1; // a computation that waits for nothing
    ///     }
    ///     assert_eq!(scope.fired(), Some(Fired::Deadline));
    ///     assert_eq!(redill::sleep(Deadline::NEVER), Err(Error::Canceled));
    ///     turns
    /// })?;
    /// assert!(turns > 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn run_with<R>(
        self,
        function: impl FnOnce(&EnteredScope<'_>) -> R,
    ) -> Result<(R, Option<Fired>)> {
        let function = |inside: &Inside| function(&EnteredScope { inside });
        let (result, fired) = cancel_scope::within(self.watch, self.deadline.raw(), function)
            .map_err(Error::immediate)?;
        Ok((result, Fired::of(fired)))
    }
}

/// A scope that is entered, as [`CancelScope::run_with`] hands it to its function.
///
/// ```
/// redill::CancelScope::request().run_with(|scope| assert_eq!(scope.fired(), None))?;
/// # Ok::<(), redill::Error>(())
/// ```
pub struct EnteredScope<'a> {
    inside: &'a Inside,
}

impl EnteredScope<'_> {
    /// Returns whether and why the scope has fired. Looks at the clock.
    ///
    /// ```
    /// use redill::{CancelScope, Fired, channel};
    ///
    /// let (tx, stop) = channel::<()>()?;
    /// CancelScope::done(&stop).run_with(|scope| {
    ///     assert_eq!(scope.fired(), None);
    ///     drop(tx);
    ///     assert_eq!(scope.fired(), Some(Fired::Request));
    /// })?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn fired(&self) -> Option<Fired> {
        Fired::of(self.inside.fired())
    }
}

impl fmt::Debug for EnteredScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnteredScope").field("fired", &self.fired()).finish()
    }
}

impl Fired {
    fn of(fired: cancel_scope::Fired) -> Option<Fired> {
        match fired {
            cancel_scope::Fired::No => None,
            cancel_scope::Fired::ByDeadline => Some(Fired::Deadline),
            cancel_scope::Fired::ByRequest => Some(Fired::Request),
        }
    }
}

impl Default for CancelScope<'_> {
    fn default() -> Self {
        CancelScope::new()
    }
}

impl fmt::Debug for CancelScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope")
            .field("watch", &self.watch)
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// Calls `function`, all of whose blocking calls have to be done by the deadline.
///
/// # Errors
/// [`Error::TimedOut`] when the deadline made it fail with [`Error::Canceled`]; otherwise that
/// of the function.
///
/// ```
/// use redill::{Deadline, Error};
/// use std::time::Duration;
///
/// let result = redill::timeout(Duration::from_millis(5), || redill::sleep(Deadline::NEVER));
/// assert_eq!(result, Err(Error::TimedOut));
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "fail_after")]
pub fn timeout<R>(
    deadline: impl Into<Deadline>,
    function: impl FnOnce() -> Result<R>,
) -> Result<R> {
    match CancelScope::new().deadline(deadline).run(function)? {
        (Err(Error::Canceled), Some(Fired::Deadline)) => Err(Error::TimedOut),
        (result, _) => result,
    }
}
