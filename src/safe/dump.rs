//! Seeing what runs.

use super::{Error, Result};
use crate::scheduler::context::Context;
use std::os::fd::{AsFd, AsRawFd as _};

/// Writes what all coroutines of the calling thread are doing: the tree of bundles and coroutines,
/// where each was launched, and what it is blocked in. The text is for people, and its form
/// may change.
///
/// The same is written to the standard error output for all threads when the process gets the
/// signal that the environment variable `DILL_DUMP_SIGNAL` names, such as `USR1`.
///
/// # Errors
/// What writing to `to` fails with. [`Error::Os`] mostly.
///
/// ```
/// use redill::{Bundle, Deadline};
/// use std::io::Read as _;
///
/// let (mut reader, writer) = std::io::pipe()?;
/// let bundle = Bundle::new()?;
/// bundle.go(|| {
///     let _ = redill::sleep(Deadline::NEVER);
/// })?;
/// redill::dump(&writer)?;
/// drop(writer);
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert!(text.contains("main: running"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dump(to: impl AsFd) -> Result<()> {
    let written = Context::get().and_then(|context| context.dump(to.as_fd().as_raw_fd()));
    written.map_err(Error::immediate)
}
