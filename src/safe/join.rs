//! Results of coroutines.

use super::{Deadline, Error, Result};
use crate::concurrency::event::Event;
use crate::concurrency::rest;
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
pub struct JoinHandle<T> {
    slot: Shared<Slot<T>>,
}

/// Where the coroutine leaves its result.
struct Slot<T> {
    result: Cell<Option<T>>,
    ended: Event,
}

/// The coroutine's side of a [`Slot`]: when it goes, the coroutine has ended, whether or not
/// there is a result.
struct Promise<T>(Shared<Slot<T>>);

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.ended.happen();
    }
}

/// What a coroutine does for whose result there is a handle.
pub(super) fn task<F: FnOnce() -> T, T>(function: F) -> Result<(impl FnOnce(), JoinHandle<T>)> {
    let slot = Slot { result: Cell::new(None), ended: Event::new() };
    let slot = Shared::new(slot).map_err(Error::immediate)?;
    slot.ended.init();
    let promise = Promise(slot.clone());
    let task = move || {
        let promise = promise;
        promise.0.result.set(Some(function()));
    };
    Ok((task, JoinHandle { slot }))
}

impl<T> JoinHandle<T> {
    /// Waits until the coroutine has finished; its result.
    ///
    /// # Errors
    /// [`Error::TimedOut`] and [`Error::Canceled`]: the result is lost, for those who may want to
    /// try again there is [`JoinHandle::wait`]. [`Error::Panicked`]: there is no result, and the
    /// panic goes to the owner of the bundle.
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
        self.slot.ended.wait(deadline.into().raw()).map_err(Error::of)?;
        self.slot.result.take().ok_or(Error::Panicked)
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
        self.slot.ended.wait(deadline).map_err(Error::of)?;
        rest::take_turn(deadline);
        Ok(())
    }

    pub(super) fn ended(&self) -> &Event {
        &self.slot.ended
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
        self.slot.ended.has_happened()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish()
    }
}
