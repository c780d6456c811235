//! Waiting for the first of several things.

mod arms;

use super::alternatives::{
    Alternative, AsInput, Finish, Finished, Made, Receive, Received, Sent, State, wait_for_index,
};
use super::{Deadline, Error, Request, Result, Sender, TypedBundle};
use crate::os::allocation;
use core::fmt;
use std::os::fd::AsFd;

/// Waits for the first of several things, and does what belongs to it. Of those that can be done
/// at once, the first one counts; nothing happens to the others.
///
/// This is for alternatives whose number is known only when the program runs, and keeps them on
/// the heap. [`choose!`](crate::choose!) does the same for those that are written down.
///
/// ```
/// use redill::{Bundle, Choose, Deadline, channel};
///
/// let mut inputs = Vec::new();
/// let bundle = Bundle::new()?;
/// for name in ["left", "right"] {
///     let (tx, rx) = channel()?;
///     bundle.go(move || drop(tx.send(name.len(), Deadline::NEVER)))?;
///     inputs.push(rx);
/// }
/// let mut choose = Choose::new();
/// for (n, input) in inputs.iter().enumerate() {
///     choose = choose.recv(input, move |length| (n, length));
/// }
/// assert_eq!(choose.wait(Deadline::NEVER)?, (0, Ok(4)));
/// # Ok::<(), redill::Error>(())
/// ```
///
/// What is waited for outlives it:
///
/// ```compile_fail,E0505
/// let (tx, rx) = redill::channel::<u8>().unwrap();
/// let choose = redill::Choose::new().recv(&rx, drop);
/// drop(rx);
/// choose.wait(redill::Deadline::NOW).unwrap();
/// ```
#[must_use = "it does nothing before it waits"]
pub struct Choose<'a, R> {
    arms: Vec<Box<dyn Arm<R> + 'a>>,
    /// There was no memory for one of them.
    failed: bool,
}

/// An alternative and what to do with its output.
trait Arm<R> {
    fn state(&mut self) -> &mut dyn State;
    fn complete(self: Box<Self>) -> R;
}

struct ArmOf<A, F>(A, F);

impl<A: Alternative, F: FnOnce(A::Output) -> R, R> Arm<R> for ArmOf<A, F> {
    fn state(&mut self) -> &mut dyn State {
        &mut self.0
    }

    fn complete(mut self: Box<Self>) -> R {
        let output = self.0.take();
        (self.1)(output)
    }
}

impl<'a, R> Choose<'a, R> {
    /// No alternative yet.
    ///
    /// ```
    /// use redill::{Choose, Deadline, Error};
    ///
    /// assert_eq!(Choose::<()>::new().wait(Deadline::NOW), Err(Error::TimedOut));
    /// ```
    pub fn new() -> Choose<'a, R> {
        Choose { arms: Vec::new(), failed: false }
    }

    fn arm<A: Alternative + 'a>(mut self, a: A, f: impl FnOnce(A::Output) -> R + 'a) -> Self {
        match (self.arms.try_reserve(1), allocation::boxed(ArmOf(a, f))) {
            (Ok(()), Ok(arm)) => self.arms.push(arm),
            _ => self.failed = true,
        }
        self
    }

    /// Receives a message from a channel, or a signal.
    ///
    /// ```
    /// use redill::{Choose, Deadline, Error, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// drop(tx);
    /// let result = Choose::new().recv(&rx, |message| message).wait(Deadline::NEVER)?;
    /// assert_eq!(result, Err(Error::Done));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn recv<C: Receive>(
        self,
        channel: &'a C,
        then: impl FnOnce(Result<C::Message>) -> R + 'a,
    ) -> Self {
        self.arm(Received::new(channel), then)
    }

    /// Sends the value in `slot`, which is empty afterwards. Otherwise the value stays there. With
    /// an empty slot nothing is sent.
    ///
    /// ```
    /// use redill::{Bundle, Choose, Deadline, channel};
    ///
    /// let (tx, rx) = channel()?;
    /// let bundle = Bundle::new()?;
    /// bundle.go(move || assert_eq!(rx.recv(Deadline::NEVER), Ok("text")))?;
    /// let mut slot = Some("text");
    /// Choose::new().send(&tx, &mut slot, |result| result).wait(Deadline::NEVER)??;
    /// assert_eq!(slot, None);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn send<T>(
        self,
        channel: &'a Sender<T>,
        slot: &'a mut Option<T>,
        then: impl FnOnce(Result<()>) -> R + 'a,
    ) -> Self {
        self.arm(Sent::new(channel, slot), then)
    }

    /// Waits until a receive or an accept on a socket would not block.
    ///
    /// ```
    /// use redill::{AsInput, Choose, Deadline};
    ///
    /// fn wait_for_input(socket: &impl AsInput) -> redill::Result<()> {
    ///     Choose::new().input(socket, |ready| ready).wait(Deadline::NEVER)?
    /// }
    /// ```
    pub fn input(self, socket: &'a impl AsInput, then: impl FnOnce(Result<()>) -> R + 'a) -> Self {
        self.arm(socket.as_input(), then)
    }

    /// Waits until a descriptor is readable.
    ///
    /// ```
    /// use redill::{Choose, Deadline};
    ///
    /// let file = std::fs::File::open("/dev/zero").unwrap();
    /// let (reader, writer) = std::io::pipe().unwrap();
    /// drop(writer);
    /// Choose::new().readable(&reader, |ready| ready).wait(Deadline::NEVER)??;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn readable(
        self,
        descriptor: &'a impl AsFd,
        then: impl FnOnce(Result<()>) -> R + 'a,
    ) -> Self {
        self.arm(super::alternatives::readable(descriptor), then)
    }

    /// Waits until a descriptor is writable.
    ///
    /// ```
    /// use redill::{Choose, Deadline};
    ///
    /// let (reader, writer) = std::io::pipe().unwrap();
    /// Choose::new().writable(&writer, |ready| ready).wait(Deadline::NEVER)??;
    /// # drop(reader);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn writable(
        self,
        descriptor: &'a impl AsFd,
        then: impl FnOnce(Result<()>) -> R + 'a,
    ) -> Self {
        self.arm(super::alternatives::writable(descriptor), then)
    }

    /// Waits until the last coroutine of a bundle has finished, or that of a
    /// [`JoinHandle`](crate::JoinHandle), which can be joined without waiting then.
    ///
    /// ```
    /// use redill::{Bundle, Choose, Deadline};
    ///
    /// let bundle = Bundle::new()?;
    /// bundle.go(|| redill::yield_now().unwrap())?;
    /// Choose::new().finished(&bundle, |result| result).wait(Deadline::NEVER)??;
    /// assert!(bundle.is_empty());
    ///
    /// let slow = bundle.spawn(|| redill::sleep(std::time::Duration::from_millis(5)))?;
    /// let fast = bundle.spawn(|| 7)?;
    /// let first = Choose::new()
    ///     .finished(&slow, |_| "slow")
    ///     .finished(&fast, |_| "fast")
    ///     .wait(Deadline::NEVER)?;
    /// assert_eq!((first, fast.join(Deadline::NOW)), ("fast", Ok(7)));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn finished(self, what: &'a impl Finish, then: impl FnOnce(Result<()>) -> R + 'a) -> Self {
        self.arm(Finished::new(what), then)
    }

    /// Waits for the result of the next task of a bundle: see [`TypedBundle::next`].
    ///
    /// ```
    /// use redill::{Choose, Deadline, TypedBundle};
    ///
    /// let (left, right) = (TypedBundle::new()?, TypedBundle::new()?);
    /// left.go(|| redill::sleep(std::time::Duration::from_millis(5)))?;
    /// right.go(|| "quick")?;
    /// let first = Choose::new()
    ///     .next(&left, |result| result.map(|_| "left"))
    ///     .next(&right, |result| result.map(Option::unwrap))
    ///     .wait(Deadline::NEVER)?;
    /// assert_eq!(first, Ok("quick"));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn next<T: 'static>(
        self,
        bundle: &'a TypedBundle<T>,
        then: impl FnOnce(Result<Option<T>>) -> R + 'a,
    ) -> Self {
        self.arm(super::alternatives::next(bundle), then)
    }

    /// Waits for the graceful request to the bundle in which the caller runs.
    ///
    /// ```
    /// use redill::{Bundle, Choose, Deadline, Grace, Outcome};
    ///
    /// let bundle = Bundle::new()?;
    /// bundle.go(|| {
    ///     let request = redill::request().unwrap();
    ///     Choose::new().request(&request, |made| made).wait(Deadline::NEVER).unwrap().unwrap();
    /// })?;
    /// assert_eq!(bundle.cancel(Grace::Unlimited)?, Outcome::Finished);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn request(self, request: &'a Request, then: impl FnOnce(Result<()>) -> R + 'a) -> Self {
        self.arm(Made::new(request), then)
    }

    /// Waits for the first of the alternatives; what its function returns.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`]: none has happened. [`Error::OutOfMemory`], also
    /// when there was none for one of the alternatives: nobody has waited.
    ///
    /// ```
    /// use redill::{Choose, Deadline, Error, channel};
    ///
    /// let (tx, rx) = channel::<u8>()?;
    /// let result = Choose::new().recv(&rx, drop).wait(Deadline::NOW);
    /// assert_eq!(result, Err(Error::TimedOut));
    /// # drop(tx);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(mut self, deadline: impl Into<Deadline>) -> Result<R> {
        let mut states = Vec::new();
        if self.failed || states.try_reserve_exact(self.arms.len()).is_err() {
            return Err(Error::OutOfMemory);
        }
        states.extend(self.arms.iter_mut().map(|arm| arm.state()));
        let index = wait_for_index(&mut states, deadline.into())?;
        Ok(self.arms.swap_remove(index).complete())
    }
}

impl<R> Default for Choose<'_, R> {
    fn default() -> Self {
        Choose::new()
    }
}

impl<R> fmt::Debug for Choose<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choose").field("alternatives", &self.arms.len()).finish()
    }
}
