//! What limits a shutdown: deadlines from above, the end of the process, and who has cancelled.

use super::boundary::immediate;
use crate::concurrency::{last_resort, reason, time_left};
use crate::os::errno::Errno;
use core::ffi::{c_char, c_int};

/// Returns the nearest of all deadlines that are on the caller.
///
/// These are the deadlines of its cancel scopes, up to a shield; the deadline of the bundle in
/// which it runs and the end of the grace period that runs there; and those of the bundle in which
/// the owner of that one runs, and so on up. Where the one that waits in `bundle_cancel` is in a
/// cancel scope, the deadline of that scope counts, too. When one of them passes, the caller's
/// blocking calls will fail, or it is hard-cancelled soon.
///
/// It is what to hand to code that takes a deadline and knows nothing of bundles: a request to
/// another process, for example. Code that waits with the functions of this library doesn't need
/// it, as its calls are ended anyway.
///
/// A time for one's own clean-up can be kept back:
/// `bundle_cancel(b, dill_left(dill_deadline() - 500))`.
///
/// # Return value
///
/// The deadline, in milliseconds as given by `now`, or -1 if there is none. Where a cancel scope
/// has passed its deadline, or the caller or an owner above it was hard-cancelled, it is the time
/// now.
///
/// # Thread safety
///
/// Looks at the calling thread's bundles only.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
/// #include <stdio.h>
///
/// static coroutine void worker(void) {
///     // At most 10 seconds from now.
///     printf("%d seconds are left\n", (int)(dill_left(dill_deadline()) / 1000));
/// }
///
/// int main(void) {
///     int b = bundle();
///     if(b < 0 || bundle_deadline(b, now() + 10000) < 0) return 1;
///     bundle_go(b, worker());
///     return bundle_cancel(b, 20000) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_deadline`, `cancel_enter`, `dill_left`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_deadline() -> i64 {
    time_left::nearest_deadline().unwrap_or(-1)
}

/// Makes a period of a deadline.
///
/// `bundle_cancel` takes a period, most other functions take deadlines. This function is
/// `deadline - now()` without its traps: a deadline that has passed gives no negative period, which
/// would mean something else, and no deadline gives no limit.
///
/// # Parameters
///
/// - `deadline`: the time, in milliseconds as given by `now`; negative if there is none.
///
/// # Return value
///
/// The milliseconds from now to the deadline: 0 if it has passed, and -1 if it is negative.
///
/// # Thread safety
///
/// Uses the clock of the calling thread.
///
/// # Example
///
/// ```c
/// int64_t deadline = now() + 10000;
/// int b = bundle();
/// if(b < 0) return;
/// // ... a part of the ten seconds is used otherwise ...
/// bundle_cancel(b, dill_left(deadline));
/// ```
///
/// # See also
///
/// `bundle_cancel`, `dill_deadline`, `now`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_left(deadline: i64) -> i64 {
    time_left::period_until(deadline)
}

/// Returns why the last call of the calling coroutine has failed, in words.
///
/// Something is known after `ECANCELED`: whether the coroutine was hard-cancelled, and who has
/// closed its bundle or what else was the reason; or which cancel scope has fired. A coroutine
/// is named by the place of its launch, as in
///
/// - `hard-cancelled: its bundle was closed by the coroutine launched at server.c:120`
/// - `hard-cancelled: the deadline of its bundle has passed`
/// - `the bundle was asked to finish by the main coroutine`
/// - `the deadline of the cancel scope has passed`
///
/// The text is for people: for a log, after `strerror(errno)`. Its form may change. It is made when
/// this function is called, from the state of the coroutine at that time, and a call that succeeds
/// costs nothing.
///
/// The function looks at `errno` to know how the last call has failed, and does not change it. So
/// call it before anything else that sets `errno`.
///
/// # Return value
///
/// The text, or `NULL` if no more is known than `errno` says. It stays until the coroutine's next
/// call that blocks, fails, or asks again.
///
/// # Thread safety
///
/// Each thread has a text of its own.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
/// #include <stdio.h>
/// #include <string.h>
///
/// static coroutine void worker(int ch) {
///     int job;
///     while(chrecv(ch, &job, sizeof(job), -1) == 0) continue;
///     const char *reason = dill_reason();
///     fprintf(stderr, "chrecv: %s%s%s\n", strerror(errno), reason ? ": " : "",
///         reason ? reason : "");
/// }
///
/// int main(void) {
///     int ch[2];
///     if(chmake(ch) < 0) return 1;
///     // Says "hard-cancelled: its bundle was closed by the main coroutine".
///     return hclose(go(worker(ch[0]))) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `cancel_leave`, `dill_dump`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_reason() -> *const c_char {
    reason::of_failure(Errno::last_raw())
}

/// Ends the process when a hard cancellation is not completed in time.
///
/// It is the third stage of a shutdown, for coroutines that ignore both the request and the hard
/// cancellation: one that computes for ever, blocks in a call of another library, or goes on
/// although every blocking call fails. So a process that is told to stop ends within the sum of its
/// bounds, whatever its coroutines do.
///
/// A hard cancellation begins when `hclose` or `bundle_cancel` cancels the coroutines of a bundle,
/// in any thread, when the deadline of a bundle passes, or when a coroutine in Rust panics. It is
/// completed when all of those coroutines have ended and, for `hclose` and `bundle_cancel`, the
/// caller goes on. If that takes longer than `timeout`, the process writes to the standard error
/// output who is in the way, then what all coroutines do, as `dill_dump` shows it, and ends with
/// `_exit(status)`: no handler of `atexit` runs and no stream is flushed. It ends in any case. If
/// the text can't be written or takes too long, it ends without it, at most five seconds later.
///
/// A thread of the library's own, `dill-watchdog`, sees to that, independent of all schedulers. It
/// is started by the first call that needs it, blocks all signals, sleeps while nothing is being
/// cancelled, and stays. The text is written by a child process with a copy of the memory.
///
/// The time is the system's monotonic one, also with DILL_CLOCK=virtual. A process made by `fork`
/// inherits the setting, and its first hard cancellation starts such a thread there; what was under
/// way at the fork does not count in it. A hard cancellation that began while the setting was off
/// isn't watched.
///
/// # Parameters
///
/// - `timeout`: how long a hard cancellation may take, in milliseconds; it replaces an earlier one,
///   for what is under way, too. -1, which is the default, turns the limit off.
/// - `status`: the exit status of the process.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below; then nothing has changed.
///
/// # Errors
///
/// - `EAGAIN`: no thread can be started at present; or the system's own error where it refuses
///   threads.
/// - `EINVAL`: `timeout` is negative, but not -1.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The setting is one for the whole process. Any thread may change it.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
///
/// static coroutine void computes(void) {
///     for(volatile int i = 0; i != 1000; ++i) continue;
/// }
///
/// int main(void) {
///     // Ask, and cut after 10 seconds; end the process a second after that if need be.
///     if(dill_last_resort(1000, 3) < 0) return 1;
///     return bundle_cancel(go(computes()), 10000) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bundle_cancel`, `bundle_deadline`, `dill_dump`, `hclose`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_last_resort(timeout: i64, status: c_int) -> c_int {
    immediate::unit(last_resort::set(timeout, status))
}
