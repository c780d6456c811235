//! Bundles of tasks with results of one type.

use super::{Bundle, Deadline, Error, Grace, Notify, Outcome, Result};
use crate::concurrency::event::Event;
use crate::scheduler::shared::Shared;
use core::cell::{Cell, RefCell};
use core::fmt;
use std::collections::VecDeque;

/// A bundle of tasks of one kind: each gives a `T`, and the results can be had in the order in
/// which they come.
///
/// Apart from that it is a [`Bundle`]: when it is dropped, what still runs is hard-cancelled, and
/// a panic of a task goes on in the owner.
///
/// ```
/// use redill::{Deadline, TypedBundle};
/// use std::time::Duration;
///
/// let race = TypedBundle::new()?;
/// for ms in [30, 10, 20] {
///     race.go(move || redill::sleep(Duration::from_millis(ms)).map(|()| ms))?;
/// }
/// let mut order = Vec::new();
/// while let Some(result) = race.next(Deadline::NEVER)? {
///     order.push(result?);
/// }
/// assert_eq!(order, [10, 20, 30]);
/// # Ok::<(), redill::Error>(())
/// ```
///
/// It takes tasks of that kind only:
///
/// ```compile_fail,E0271
/// let numbers = redill::TypedBundle::<u32>::new().unwrap();
/// numbers.go(|| "text").unwrap();
/// ```
#[must_use = "a bundle that is dropped cancels its coroutines"]
pub struct TypedBundle<T> {
    // Dropped first, so that nobody is left to add a result.
    pub(super) bundle: Bundle,
    results: Shared<Results<T>>,
}

struct Results<T> {
    queue: RefCell<VecDeque<T>>,
    running: Cell<usize>,
    /// There is a result, or nothing runs any more.
    news: Event,
}

impl<T> Results<T> {
    /// Has room for the results of all who run: a task that has finished must not fail.
    fn reserve(&self) -> Result<()> {
        let running = self.running.get();
        self.queue.borrow_mut().try_reserve(running).map_err(|_| Error::OutOfMemory)
    }

    fn update(&self) {
        if !self.queue.borrow().is_empty() || self.running.get() == 0 {
            self.news.happen();
        } else {
            self.news.reset();
        }
    }
}

/// Counts a task as running.
struct Running<T>(Shared<Results<T>>);

impl<T> Running<T> {
    fn begin(results: &Shared<Results<T>>) -> Running<T> {
        results.running.set(results.running.get() + 1);
        results.update();
        Running(results.clone())
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.update();
    }
}

impl<T: 'static> TypedBundle<T> {
    /// Makes a bundle without tasks.
    ///
    /// # Errors
    /// As [`Bundle::new`].
    ///
    /// ```
    /// let numbers = redill::TypedBundle::<u64>::new()?;
    /// assert_eq!(numbers.running(), 0);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn new() -> Result<TypedBundle<T>> {
        let results = Results {
            queue: RefCell::new(VecDeque::new()),
            running: Cell::new(0),
            news: Event::new(),
        };
        let results = Shared::new(results).map_err(Error::immediate)?;
        results.news.init();
        results.update();
        Ok(TypedBundle { bundle: Bundle::new()?, results })
    }

    /// Launches a task: see [`Bundle::go`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, TypedBundle};
    ///
    /// let squares = TypedBundle::new()?;
    /// squares.go(|| 3 * 3)?;
    /// assert_eq!(squares.next(Deadline::NEVER)?, Some(9));
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[track_caller]
    pub fn go<F: FnOnce() -> T + 'static>(&self, task: F) -> Result<()> {
        let running = Running::begin(&self.results);
        self.results.reserve()?;
        self.bundle.go(move || {
            let result = task();
            running.0.queue.borrow_mut().push_back(result);
        })
    }

    /// The result of the next task to finish; `None` when nothing runs any more and all results
    /// have been taken. To wait for other things, too, there is the arm `next` of
    /// [`choose!`](crate::choose).
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// # Panics
    /// With the panic of a task, once the others have been cancelled.
    ///
    /// ```
    /// use redill::{Deadline, Error, TypedBundle};
    ///
    /// let bundle = TypedBundle::new()?;
    /// bundle.go(|| redill::yield_now())?;
    /// assert_eq!(bundle.next(Deadline::NOW), Err(Error::TimedOut));
    /// assert_eq!(bundle.next(Deadline::NEVER)?, Some(Ok(())));
    /// assert_eq!(bundle.next(Deadline::NEVER)?, None);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn next(&self, deadline: impl Into<Deadline>) -> Result<Option<T>> {
        let deadline = deadline.into();
        loop {
            self.results.news.wait(deadline.raw()).map_err(Error::of)?;
            match self.take_result() {
                Some(None) => return self.end(deadline),
                Some(result) => return Ok(result),
                None => {} // another coroutine was faster
            }
        }
    }

    /// A result; `Some(None)` when there will be no other one; `None`: not yet.
    pub(super) fn take_result(&self) -> Option<Option<T>> {
        let result = self.results.queue.borrow_mut().pop_front();
        self.results.update();
        (result.is_some() || self.results.running.get() == 0).then_some(result)
    }

    /// After the last result: one of the tasks may have panicked.
    pub(super) fn end(&self, deadline: Deadline) -> Result<Option<T>> {
        self.bundle.wait(deadline).map(|()| None)
    }

    /// There is a result, or nothing runs any more.
    pub(super) fn news(&self) -> &Event {
        &self.results.news
    }

    /// Ends the tasks: see [`Bundle::cancel`]. Results that have not been taken are still there.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Grace, Outcome, TypedBundle};
    ///
    /// let bundle = TypedBundle::new()?;
    /// bundle.go(|| 1)?;
    /// assert_eq!(bundle.cancel(Grace::Unlimited)?, Outcome::Finished);
    /// assert_eq!(bundle.next(Deadline::NOW)?, Some(1));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn cancel(&self, grace: impl Into<Grace>) -> Result<Outcome> {
        self.bundle.cancel(grace)
    }

    /// Hard-cancels the tasks when the deadline passes: see [`Bundle::deadline`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Error, TypedBundle};
    /// use std::time::Duration;
    ///
    /// let bundle = TypedBundle::new()?;
    /// bundle.go(|| redill::sleep(Deadline::NEVER))?;
    /// bundle.deadline(Duration::from_millis(2))?;
    /// assert_eq!(bundle.next(Deadline::NEVER)?, Some(Err(Error::Canceled)));
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
    /// let bundle = redill::TypedBundle::<()>::new()?;
    /// assert_eq!(bundle.follow(), Err(redill::Error::Unsupported)); // in a main coroutine
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn follow(&self) -> Result<()> {
        self.bundle.follow()
    }

    /// Has a channel become done with the graceful request: see [`Bundle::notify`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use redill::{Deadline, Grace, TypedBundle, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// let bundle = TypedBundle::new()?;
    /// bundle.go(move || rx.iter().count())?;
    /// bundle.notify(&tx)?;
    /// bundle.cancel(Grace::Unlimited)?;
    /// assert_eq!(bundle.next(Deadline::NOW)?, Some(0));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn notify(&self, channel: &impl Notify) -> Result<()> {
        self.bundle.notify(channel)
    }

    /// How many tasks run.
    ///
    /// ```
    /// let bundle = redill::TypedBundle::new()?;
    /// bundle.go(|| drop(redill::sleep(redill::Deadline::NEVER)))?;
    /// bundle.go(|| ())?;
    /// assert_eq!(bundle.running(), 1);
    /// # Ok::<(), redill::Error>(())
    /// ```
    #[must_use]
    pub fn running(&self) -> usize {
        self.results.running.get()
    }
}

impl<T> fmt::Debug for TypedBundle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.results.running.get();
        f.debug_struct("TypedBundle").field("running", &running).finish_non_exhaustive()
    }
}
