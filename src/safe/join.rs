//! Results of coroutines.

use super::{Deadline, Error, Grace, Result};
use crate::concurrency::event::Event;
use crate::concurrency::rest;
use crate::concurrency::task::Task;
use crate::scheduler::shared::Shared;
use core::cell::Cell;
use core::fmt;

/// The result of a coroutine that [`Bundle::spawn`](crate::Bundle::spawn) has launched.
///
/// The coroutine belongs to its bundle: dropping this only forgets the result.
///
/// ```
/// use redill::{Bundle, Deadline};
///
/// let bundle = Bundle::new()?;
/// let handles: Vec<_> =
///     (0..3).map(|n| bundle.spawn(move || n * n)).collect::<redill::Result<_>>()?;
/// let squares: Vec<i32> =
///     handles.into_iter().map(|handle| handle.join(Deadline::NEVER)).collect::<Result<_, _>>()?;
/// assert_eq!(squares, [0, 1, 4]);
/// # Ok::<(), redill::Error>(())
/// ```
#[must_use = "the result is lost; for coroutines without one there is `go`"]
pub struct JoinHandle<T> {
    slot: Shared<Slot<T>>,
}

/// Where the coroutine leaves its result.
struct Slot<T> {
    result: Cell<Option<T>>,
    /// There is none, as the function has returned an error.
    failed: Cell<bool>,
    task: Task,
}

impl<T> Slot<T> {
    fn take(&self) -> Result<T> {
        self.result.take().ok_or_else(|| match self.failed.get() {
            true => Error::Failed,
            false => Error::Panicked,
        })
    }
}

/// The coroutine's side of a [`Slot`]: when it goes, the coroutine has ended, whether or not
/// there is a result.
struct Promise<T>(Shared<Slot<T>>);

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.task.end();
    }
}

fn promise<T>() -> Result<(Promise<T>, JoinHandle<T>)> {
    let slot = Slot { result: Cell::new(None), failed: Cell::new(false), task: Task::new() };
    let slot = Shared::new(slot).map_err(Error::immediate)?;
    slot.task.init();
    Ok((Promise(slot.clone()), JoinHandle { slot }))
}

/// What a coroutine does for whose result there is a handle.
pub(super) fn task<F: FnOnce() -> T, T>(function: F) -> Result<(impl FnOnce(), JoinHandle<T>)> {
    let (promise, handle) = promise()?;
    let task = move || {
        let promise = promise;
        promise.0.task.begin();
        promise.0.result.set(Some(function()));
    };
    Ok((task, handle))
}

/// As [`task`], for a function that can fail. The error is the owner's of the bundle, and the handle
/// gets [`Error::Failed`].
pub(super) fn try_task<F: FnOnce() -> Result<T, E>, T, E>(
    function: F,
) -> Result<(impl FnOnce() -> Result<(), E>, JoinHandle<T>)> {
    let (promise, handle) = promise()?;
    let task = move || {
        let promise = promise;
        promise.0.task.begin();
        match function() {
            Ok(value) => {
                promise.0.result.set(Some(value));
                Ok(())
            }
            Err(error) => {
                promise.0.failed.set(true);
                Err(error)
            }
        }
    };
    Ok((task, handle))
}

impl<T> JoinHandle<T> {
    /// Waits until the coroutine has finished; its result.
    ///
    /// # Errors
    /// [`Error::TimedOut`] and [`Error::Canceled`]: the result is lost, for those who may want to
    /// try again there is [`JoinHandle::wait`]. [`Error::Panicked`]: there is no result, and the
    /// panic goes to the owner of the bundle. [`Error::Failed`]: the same for an error, in a
    /// [`TryBundle`](crate::TryBundle).
    ///
    /// ```
    /// use redill::{Bundle, Deadline};
    ///
    /// let bundle = Bundle::new()?;
    /// let length = bundle.spawn(|| "coroutine".len())?;
    /// assert_eq!(length.join(Deadline::NEVER)?, 9);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn join(self, deadline: impl Into<Deadline>) -> Result<T> {
        self.slot.task.ended().wait(deadline.into().raw()).map_err(Error::of)?;
        self.slot.take()
    }

    /// Ends this coroutine alone, with a grace period; its result.
    ///
    /// The caller waits until the coroutine has finished or the period is over; then the coroutine
    /// is hard-cancelled and awaited. The other coroutines of the bundle are not concerned. What
    /// the coroutine returns when its calls fail tells whether it was cut.
    ///
    /// A request is always made to a whole bundle, so this one makes none. Where the coroutine is to
    /// finish by itself within the period, tell it first, by the means that it has: drop the sender
    /// of its channel, for instance. A coroutine that is to be asked alone gets a bundle of its own.
    ///
    /// # Errors
    /// [`Error::Canceled`] when the caller itself is hard-cancelled, or the deadline of a cancel
    /// scope around it has passed: then the coroutine has been hard-cancelled at once, and its
    /// bundle awaits it. [`Error::Deadlock`] when the caller is the coroutine or runs in a bundle of
    /// it: nothing has happened. [`Error::Panicked`] and [`Error::Failed`] as for
    /// [`JoinHandle::join`].
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Error, Grace, channel};
    /// use std::time::Duration;
    ///
    /// let bundle = Bundle::new()?;
    /// let stubborn = bundle.spawn(|| redill::sleep(Deadline::NEVER))?;
    /// assert_eq!(stubborn.cancel(Grace::Now)?, Err(Error::Canceled));
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// let counter = bundle.spawn(move || rx.iter().count())?;
    /// tx.send(1, Deadline::NEVER)?;
    /// drop(tx);
    /// assert_eq!(counter.cancel(Duration::from_secs(10))?, 1);
    ///
    /// // The bundle goes on.
    /// bundle.go(|| ())?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn cancel(self, grace: impl Into<Grace>) -> Result<T> {
        self.slot.task.cancel(grace.into().period()).map_err(Error::of)?;
        self.slot.take()
    }

    /// Waits until the coroutine has finished. To wait for other things, too, there is the arm
    /// `finished` of [`choose!`](crate::choose).
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// ```
    /// use redill::{Bundle, Deadline, Error};
    ///
    /// let bundle = Bundle::new()?;
    /// let handle = bundle.spawn(|| redill::yield_now().map(|()| 5))?;
    /// assert_eq!(handle.wait(Deadline::NOW), Err(Error::TimedOut));
    /// assert_eq!(handle.join(Deadline::NEVER)?, Ok(5));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        self.slot.task.ended().wait(deadline).map_err(Error::of)?;
        rest::take_turn(deadline);
        Ok(())
    }

    pub(super) fn ended(&self) -> &Event {
        self.slot.task.ended()
    }

    /// Has the coroutine finished?
    ///
    /// ```
    /// let bundle = redill::Bundle::new()?;
    /// assert!(bundle.spawn(|| ())?.is_finished());
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.slot.task.ended().has_happened()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish()
    }
}
