//! Bundles of coroutines.

use super::join::{self, JoinHandle};
use super::notify::{Notify, sealed};
use super::panics;
use super::{
    AsRawHandle, Deadline, Error, FromRawHandle, Grace, IntoRawHandle, Outcome, RawHandle, Result,
};
use crate::concurrency::cancel::Period;
use crate::concurrency::owned_bundle::{Ended, OwnedBundle};
use crate::concurrency::rest;
use crate::os::errno::Errno;
use core::fmt;
use core::mem;
use core::panic::Location;

/// A bundle of coroutines, which end before the bundle does.
///
/// A coroutine runs until it blocks, and belongs to the thread that launched it. When the bundle
/// is dropped, its coroutines are hard-cancelled, all of them, and then awaited: each of their
/// blocking calls fails with [`Error::Canceled`] until they return. [`Bundle::cancel`] asks them
/// first, and gives them time.
///
/// When a coroutine panics, the others are hard-cancelled, nothing can be launched any more, and
/// the panic goes on in the owner of the bundle: out of [`wait`](Bundle::wait),
/// [`cancel`](Bundle::cancel) or the end of the bundle, whichever is next.
///
/// What coroutines borrow must be `'static`; [`scope`](crate::scope) is for the others.
///
/// ```
/// use redill::{Bundle, Deadline, Grace, Outcome, channel};
///
/// let (tx, rx) = channel::<u32>()?;
/// let (results_tx, results) = channel::<u32>()?;
///
/// let workers = Bundle::new()?;
/// for _ in 0..3 {
///     let (rx, results_tx) = (rx.clone(), results_tx.clone());
///     workers.go(move || {
///         while let Ok(n) = rx.recv(Deadline::NEVER) {
///             results_tx.send(n * n, Deadline::NEVER).unwrap();
///         }
///     })?;
/// }
/// // The graceful request ends the loops, behind all that was sent before.
/// workers.notify(&tx)?;
///
/// tx.send(7, Deadline::NEVER)?;
/// assert_eq!(results.recv(Deadline::NEVER)?, 49);
/// assert_eq!(workers.cancel(Grace::Unlimited)?, Outcome::Finished);
/// # Ok::<(), redill::Error>(())
/// ```
///
/// A bundle belongs to its thread, and so does what runs in it:
///
/// ```compile_fail,E0277
/// let bundle = redill::Bundle::new().unwrap();
/// std::thread::spawn(move || drop(bundle));
/// ```
///
/// ```compile_fail,E0597
/// let bundle = redill::Bundle::new().unwrap();
/// let local = String::from("gone too soon");
/// bundle.go(|| println!("{local}")).unwrap();
/// ```
#[must_use = "a bundle that is dropped cancels its coroutines"]
#[doc(alias = "nursery")]
#[doc(alias = "task group")]
pub struct Bundle {
    pub(super) core: OwnedBundle,
}

impl Bundle {
    /// Makes a bundle without coroutines.
    ///
    /// # Errors
    /// [`Error::Canceled`] when the caller is hard-cancelled, [`Error::OutOfMemory`],
    /// [`Error::Os`] with `EMFILE` when there are too many handles.
    ///
    /// ```
    /// let bundle = redill::Bundle::new()?;
    /// assert!(bundle.is_empty());
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new() -> Result<Bundle> {
        Ok(Bundle { core: OwnedBundle::new().map_err(Error::immediate)? })
    }

    /// Launches a coroutine that calls `function`. It runs at once, until it blocks for the first
    /// time; then the caller goes on.
    ///
    /// The function lies on the coroutine's own stack: nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Canceled`] when the caller is hard-cancelled, or when the bundle has ended, is
    /// being forced to, or has a coroutine that has panicked; [`Error::OutOfMemory`]. The
    /// function is dropped then.
    ///
    /// ```
    /// use redill::{Bundle, Deadline};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let done = Rc::new(Cell::new(false));
    /// let bundle = Bundle::new()?;
    /// let flag = done.clone();
    /// bundle.go(move || flag.set(true))?;
    /// assert!(done.get());
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[track_caller]
    #[inline]
    #[doc(alias = "start_soon")]
    pub fn go<F: FnOnce() + 'static>(&self, function: F) -> Result<()> {
        // SAFETY: the function borrows nothing that could end before it.
        #[allow(unsafe_code)]
        unsafe { self.core.go(Location::caller(), function) }.map_err(Error::immediate)
    }

    /// As [`Bundle::go`], for a result that is wanted.
    ///
    /// # Errors
    /// As [`Bundle::go`].
    ///
    /// ```
    /// use redill::{Bundle, Deadline};
    ///
    /// let bundle = Bundle::new()?;
    /// let answer = bundle.spawn(|| 6 * 7)?;
    /// assert_eq!(answer.join(Deadline::NEVER)?, 42);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, function: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let at = Location::caller();
        let (task, handle) = join::task(function)?;
        // SAFETY: as in `go`.
        #[allow(unsafe_code)]
        unsafe { self.core.go(at, task) }.map_err(Error::immediate)?;
        Ok(handle)
    }

    /// Waits until the last coroutine has finished.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`]; [`Error::Deadlock`] when the caller runs in the
    /// bundle, [`Error::Busy`] when somebody else waits already.
    ///
    /// # Panics
    /// With the panic of a coroutine of the bundle.
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Error};
    /// use std::time::Duration;
    ///
    /// let bundle = Bundle::new()?;
    /// bundle.go(|| redill::sleep(Duration::from_millis(5)).unwrap())?;
    /// assert_eq!(bundle.wait(Deadline::NOW), Err(Error::TimedOut));
    /// bundle.wait(Deadline::NEVER)?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> Result<()> {
        wait(&self.core, deadline.into())
    }

    /// Ends the bundle gracefully.
    ///
    /// The coroutines are asked to finish: channels registered with [`Bundle::notify`] become
    /// done, cancel scopes that watch for the request fire, [`request`](crate::request)s are
    /// made, and bundles that [follow](Bundle::follow) are asked, too. The caller waits until the
    /// last coroutine has finished or the period is over. What still runs then is hard-cancelled,
    /// all of it first, and awaited. Afterwards nothing runs in the bundle, nothing can be
    /// launched into it, and this function and [`Bundle::wait`] return at once.
    ///
    /// # Errors
    /// [`Error::Canceled`] when the caller itself was hard-cancelled and so did not wait; the
    /// bundle has ended. [`Error::Deadlock`] when the caller runs in the bundle, [`Error::Busy`]
    /// when somebody is ending it already: then nothing has happened.
    ///
    /// # Panics
    /// With the panic of a coroutine of the bundle, when it has ended.
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Error, Grace, Outcome};
    /// use std::time::Duration;
    ///
    /// let bundle = Bundle::new()?;
    /// bundle.go(|| {
    ///     // This one knows nothing of requests.
    ///     assert_eq!(redill::sleep(Deadline::NEVER), Err(Error::Canceled));
    /// })?;
    /// assert_eq!(bundle.cancel(Grace::Within(Duration::from_millis(5)))?, Outcome::Forced);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cancel(&self, grace: impl Into<Grace>) -> Result<Outcome> {
        cancel(&self.core, grace.into())
    }

    /// Hard-cancels the coroutines when the deadline passes, wherever the owner is by then. The
    /// bundle stays open, but launches fail with [`Error::Canceled`] from then on, until a later call
    /// replaces the deadline or removes it with [`Deadline::NEVER`]. One that has passed already
    /// takes effect at once.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Error};
    /// use std::time::Duration;
    ///
    /// let bundle = Bundle::new()?;
    /// bundle.go(|| assert_eq!(redill::sleep(Deadline::NEVER), Err(Error::Canceled)))?;
    /// bundle.deadline(Duration::from_millis(5))?;
    /// bundle.wait(Deadline::NEVER)?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn deadline(&self, deadline: impl Into<Deadline>) -> Result<()> {
        self.core.set_deadline(deadline.into().raw()).map_err(Error::immediate)
    }

    /// Has this bundle get the graceful request whenever the bundle in which the caller runs gets
    /// one, or has got one already. It still ends by its own owner's clock. It may follow several.
    ///
    /// # Errors
    /// [`Error::Unsupported`] in a main coroutine, [`Error::Deadlock`] when the caller runs in
    /// the bundle itself, [`Error::OutOfMemory`].
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Grace, Outcome};
    ///
    /// let outer = Bundle::new()?;
    /// outer.go(|| {
    ///     let inner = Bundle::new().unwrap();
    ///     inner.follow().unwrap();
    ///     inner.go(|| redill::request().unwrap().wait(Deadline::NEVER).unwrap()).unwrap();
    ///     inner.wait(Deadline::NEVER).unwrap();
    /// })?;
    /// assert_eq!(outer.cancel(Grace::Unlimited)?, Outcome::Finished);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn follow(&self) -> Result<()> {
        self.core.follow().map_err(Error::immediate)
    }

    /// Has a channel become done with the graceful request to this bundle, or at once when that
    /// has been made: receivers get what was sent before, and then [`Error::Done`]. Either end
    /// will do.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Error, Grace, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// let bundle = Bundle::new()?;
    /// bundle.go(move || assert_eq!(rx.recv(Deadline::NEVER), Err(Error::Done)))?;
    /// bundle.notify(&tx)?;
    /// bundle.cancel(Grace::Unlimited)?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn notify(&self, channel: &impl Notify) -> Result<()> {
        channel.register(&sealed::Registrar(&self.core)).map_err(Error::immediate)
    }

    /// Does nothing run in it?
    ///
    /// ```
    /// let bundle = redill::Bundle::new()?;
    /// bundle.go(|| drop(redill::yield_now()))?;
    /// assert!(!bundle.is_empty());
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.core.is_empty()
    }
}

/// Waits for the coroutines, and goes on with the panic of one of them.
pub(super) fn wait(core: &OwnedBundle, deadline: Deadline) -> Result<()> {
    let waited = core.wait(deadline.raw());
    if let Some(failure) = core.take_failure() {
        panics::resume(failure);
    }
    waited.map_err(Error::of)
}

/// Ends the coroutines, and goes on with the panic of one of them.
pub(super) fn cancel(core: &OwnedBundle, grace: Grace) -> Result<Outcome> {
    let Some(ended) = core.end(grace.period()).map_err(Error::of)? else {
        return Ok(Outcome::Finished);
    };
    if let Some(failure) = ended.failure {
        panics::resume(failure);
    }
    rest::take_turn(-1); // an empty bundle needs no wait
    match ended.outcome {
        Ok(()) => Ok(Outcome::Finished),
        Err(Errno::ETIMEDOUT) => Ok(Outcome::Forced),
        Err(error) => Err(Error::of(error)),
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // Where that is refused the bundle is leaked: one of its own coroutines has dropped it.
        if let Ok(Some(Ended { failure: Some(failure), .. })) = self.core.end(Period::Zero) {
            panics::resume_or_pass_up(failure);
        }
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bundle").field(&self.core.number()).finish()
    }
}

impl AsRawHandle for Bundle {
    fn as_raw_handle(&self) -> RawHandle {
        self.core.number()
    }
}

impl IntoRawHandle for Bundle {
    fn into_raw_handle(self) -> RawHandle {
        let number = self.core.number();
        mem::forget(self);
        number
    }
}

/// Panics when the handle is no bundle's.
impl FromRawHandle for Bundle {
    #[allow(unsafe_code)]
    unsafe fn from_raw_handle(handle: RawHandle) -> Self {
        // SAFETY: by the caller's promise.
        match unsafe { OwnedBundle::from_handle(handle) } {
            Ok(core) => Bundle { core },
            Err(error) => panic!("not a bundle's handle: {error}"),
        }
    }
}
