//! What limits a shutdown: the end of the process, and who has cancelled.

use super::{Error, Result};
use crate::concurrency::{last_resort, reason};
use core::time::Duration;

/// Has the process end when a hard cancellation isn't completed within `timeout`; `None`, which
/// is the default, turns that off.
///
/// It is the third stage of a shutdown, for coroutines that ignore both the request and the hard
/// cancellation: one that computes for ever, blocks the thread, or goes on although every blocking
/// call fails. The process writes to the standard error who is in the way, then what all coroutines
/// do, and ends with `_exit(status)`: nothing is dropped and no handler runs. It ends in any case;
/// if the text can't be written or takes too long, without it, at most five seconds later.
///
/// The setting is one for the whole process. A thread of the library's own watches over all others,
/// in real time, also where the clock is virtual. A forked process inherits the setting.
///
/// # Errors
/// [`Error::Os`] with `EAGAIN` when no thread can be started; [`Error::OutOfMemory`].
///
/// ```
/// use redill::{Bundle, Grace};
/// use std::time::Duration;
///
/// // Ask, and cut after 10 seconds; end the process a second after that if need be.
/// redill::last_resort(Duration::from_secs(1), 3)?;
/// let bundle = Bundle::new()?;
/// bundle.go(|| println!("work"))?;
/// bundle.cancel(Duration::from_secs(10))?;
/// redill::last_resort(None, 0)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub fn last_resort(timeout: impl Into<Option<Duration>>, status: i32) -> Result<()> {
    let timeout = timeout.into().map_or(-1, |timeout| {
        i64::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
    });
    last_resort::set(timeout, status).map_err(Error::immediate)
}

/// Why blocking calls of the running coroutine fail with [`Error::Canceled`] at present; `None`
/// while they don't.
///
/// The text says whether the coroutine was hard-cancelled, and who has closed its bundle or what
/// else was the reason; or which cancel scope has fired. Coroutines are named by the place of their
/// launch. It is for people, and its form may change.
///
/// ```
/// use redill::{Bundle, Deadline};
///
/// let bundle = Bundle::new()?;
/// bundle.go(|| {
///     assert_eq!(redill::cancel_reason(), None);
///     let _ = redill::sleep(Deadline::NEVER);
///     assert_eq!(
///         redill::cancel_reason().unwrap(),
///         "hard-cancelled: its bundle was closed by the main coroutine",
///     );
/// })?;
/// drop(bundle);
/// # Ok::<(), redill::Error>(())
/// ```
#[must_use]
pub fn cancel_reason() -> Option<String> {
    reason::of_cancellation(|text| String::from_utf8_lossy(text).into_owned())
}
