//! What happens where the system refuses to wait.
//!
//! A scheduler that went on as if nothing had happened would use up its processor and serve no
//! descriptor. So every call that waits for one fails with the system's error, and one line on
//! the standard error output says why. Timers go on as usual.

use super::fd_table::FdTable;
use super::run::Run;
use crate::os::errno::{Errno, Result};
use crate::os::output::Output;
use crate::os::syscalls;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;

/// After so long a poller that has failed is asked again.
const RETRY: Duration = Duration::from_millis(10);

/// Looks at the outcome of a wait for descriptors that was to last no longer than `timeout`.
#[inline(always)]
pub(super) fn note_wait(run: &Run, fds: &FdTable, result: Result<()>, timeout: Option<Duration>) {
    if let Err(error) = result {
        note_failed_wait(run, fds, error, timeout);
    }
}

#[cold]
#[inline(never)]
fn note_failed_wait(run: &Run, fds: &FdTable, error: Errno, timeout: Option<Duration>) {
    // Without a poller this is a child that a signal handler has forked just before the wait,
    // which found the descriptors of the parent's poller closed. The next wait makes another.
    if fds.own_poller().is_some() {
        fail_waits(run, fds, error, timeout);
    }
}

/// Ends all waits for descriptors with `error`. If that wakes no coroutine, sleeps instead of
/// the poller, for a short time.
#[cold]
#[inline(never)]
pub(super) fn fail_waits(run: &Run, fds: &FdTable, error: Errno, timeout: Option<Duration>) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Relaxed) {
        say("libdill: the system refuses to wait for descriptors: ", error, "");
    }
    fds.fail_waits(run, error);
    if run.ready.is_empty() {
        sleep_before_retry(timeout);
    }
}

/// Sleeps until the poller is to be asked again, but no longer than `timeout`.
pub(super) fn sleep_before_retry(timeout: Option<Duration>) {
    sleep(Some(timeout.map_or(RETRY, |timeout| timeout.min(RETRY))));
}

/// Sleeps on nothing but time, or, if there is no limit, until a signal comes.
pub(super) fn sleep(timeout: Option<Duration>) {
    if timeout == Some(Duration::ZERO) {
        return;
    }
    if let Err(error) = syscalls::sleep(timeout) {
        // It would look at the clock without end instead.
        say("libdill: the system refuses to sleep: ", error, "; the process ends");
        std::process::abort();
    }
}

/// Writes a line to the standard error output.
fn say(what: &str, error: Errno, then: &str) {
    let mut out = Output::new(libc::STDERR_FILENO);
    out.text(what)
        .text(error.desc())
        .text(" (errno ")
        .number(error as i64)
        .text(")")
        .text(then)
        .text("\n");
    // Where that can't be written there is no other place to say it.
    let _ = out.finish();
}
