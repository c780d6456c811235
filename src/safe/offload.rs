//! Blocking code.

use super::{Deadline, Error, Result, panics};
use crate::concurrency::offload::{self, Crew, Help};

/// As many as blocking calls that hang may hold up before others have to wait.
static HELPERS: Crew = Crew::new(c"dill-offload", Help::Offload, 256);

/// Calls `function`, which may block its thread, on a helper thread, and waits for its result
/// while other coroutines run.
///
/// A thread can't be interrupted. When the caller is cancelled or its deadline passes, the caller
/// goes on at once, the helper is left alone with the function, and the result is dropped there
/// when it ends. A program that ends does not wait for helpers. The function runs with the signal
/// mask of the calling thread, which programs that it starts inherit.
///
/// # Errors
/// [`Error::TimedOut`], [`Error::Canceled`]; [`Error::Os`] with `EAGAIN` when no thread can be
/// started, with `EMFILE`; [`Error::OutOfMemory`].
///
/// # Panics
/// With the panic of the function.
///
/// ```
/// use redill::{Deadline, Error};
/// use std::time::Duration;
///
/// let size = redill::offload(Deadline::NEVER, || {
///     std::fs::metadata("/dev/null").map(|file| file.len())
/// })??;
/// assert_eq!(size, 0);
///
/// let late = redill::offload(Duration::from_millis(5), || {
///     std::thread::sleep(Duration::from_secs(1));
/// });
/// assert_eq!(late, Err(Error::TimedOut));
/// # Ok::<(), Error>(())
/// ```
///
/// What belongs to a thread can't be used on another one:
///
/// ```compile_fail,E0277
/// let (tx, rx) = redill::channel::<u8>().unwrap();
/// redill::offload(redill::Deadline::NEVER, move || drop(tx)).unwrap();
/// ```
///
/// and what the function borrows could be gone before it ends:
///
/// ```compile_fail,E0597
/// let local = String::from("gone when the caller is cancelled");
/// redill::offload(redill::Deadline::NEVER, || local.len()).unwrap();
/// ```
#[doc(alias = "spawn_blocking")]
#[doc(alias = "to_thread")]
pub fn offload<T: Send + 'static>(
    deadline: impl Into<Deadline>,
    function: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    match offload::offload(&HELPERS, function, deadline.into().raw()).map_err(Error::of)? {
        Ok(value) => Ok(value),
        Err(panic) => panics::resume(panic),
    }
}
