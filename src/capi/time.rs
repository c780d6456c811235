//! Time, and waiting for time and descriptors.

use super::boundary::{immediate, unit};
use super::entry;
use crate::scheduler::{fd_readiness, time};
use core::ffi::c_int;

/// Forgets what is known of a file descriptor.
///
/// Call it before a descriptor that `fdin`, `fdout` or `choose` waited for is closed, or
/// handed to code that waits for it by other means: a descriptor with the same number
/// may come to life later. Descriptors inside of library sockets are not concerned.
///
/// # Parameters
///
/// - `fd`: a file descriptor of the system, not a handle.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below. A descriptor that nothing is
/// known of is no error.
///
/// # Errors
///
/// - `EBADF`: `fd` is negative.
/// - `EBUSY`: a coroutine is waiting for the descriptor.
///
/// # Thread safety
///
/// Each thread has knowledge of its own, and forgets its own only.
///
/// # Example
///
/// ```c
/// int fds[2];
/// if(pipe(fds) < 0) return;
/// fdin(fds[0], now() + 10);
/// fdclean(fds[0]);
/// close(fds[0]);
/// close(fds[1]);
/// ```
///
/// # See also
///
/// `choose`, `fdin`, `fdout`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_fdclean(fd: c_int) -> c_int {
    immediate::unit(fd_readiness::clean(fd))
}

/// Waits until a file descriptor can be read from.
///
/// It returns when there is something to read, and also when the descriptor is at its
/// end or in an error state: the read that follows tells. Set the descriptor to
/// non-blocking mode, as what was there may be gone by the time of the read.
///
/// # Parameters
///
/// - `fd`: a file descriptor of the system, not a handle.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the wait fails; 0
///   looks without waiting, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: not a file descriptor.
/// - `EBUSY`: another coroutine is waiting to read from the descriptor, or it belongs to
///   a library socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EMFILE`, `ENFILE`: no file descriptor was left to watch this one with.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the descriptor is of a kind that can't be waited for, such as a regular
///   file.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// Several threads may wait for the same descriptor.
///
/// # Example
///
/// ```c
/// char buf[1024];
/// while(fdin(STDIN_FILENO, -1) == 0) {
///     ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
///     if(n <= 0) break;
/// }
/// ```
///
/// # See also
///
/// `choose`, `fdclean`, `fdout`, `now`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_fdin(fd: c_int, deadline: i64) -> c_int {
    unit(fd_readiness::wait_readable(fd, deadline))
}

/// Waits until a file descriptor can be written to.
///
/// It returns when there is room to write, and also when the descriptor is in an error
/// state: the write that follows tells. Set the descriptor to non-blocking mode, as a
/// write of more than there is room for would block the whole thread.
///
/// # Parameters
///
/// - `fd`: a file descriptor of the system, not a handle.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the wait fails; 0
///   looks without waiting, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: not a file descriptor.
/// - `EBUSY`: another coroutine is waiting to write to the descriptor, or it belongs to a
///   library socket.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EMFILE`, `ENFILE`: no file descriptor was left to watch this one with.
/// - `ENOMEM`: out of memory.
/// - `ENOTSUP`: the descriptor is of a kind that can't be waited for, such as a regular
///   file.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// Several threads may wait for the same descriptor.
///
/// # Example
///
/// ```c
/// const char text[] = "hello\n";
/// if(fdout(STDOUT_FILENO, now() + 1000) == 0)
///     if(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0) return;
/// ```
///
/// # See also
///
/// `choose`, `fdclean`, `fdin`, `now`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_fdout(fd: c_int, deadline: i64) -> c_int {
    unit(fd_readiness::wait_writable(fd, deadline))
}

/// The current time, for making deadlines.
///
/// The clock is monotonic: it never goes back, and setting the time of day does not
/// change it. It starts at some moment in the past, on Linux that of `CLOCK_MONOTONIC`,
/// so points in time can be compared between processes but mean nothing after a reboot.
/// It is right to the millisecond, and cheap enough to be called for every operation.
///
/// # Return value
///
/// The time in milliseconds. It is never 0 or -1, which have a meaning as deadlines.
///
/// # Thread safety
///
/// All threads see the same clock, unless time is virtual: then each has its own.
///
/// # Example
///
/// ```c
/// int ch[2], val;
/// if(chmake(ch) < 0) return;
/// if(chrecv(ch[0], &val, sizeof(val), now() + 100) < 0 && errno == ETIMEDOUT)
///     puts("nobody has sent anything for 100 ms");
/// ```
///
/// # See also
///
/// `msleep`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_now() -> i64 {
    time::now()
}

/// Waits until a point in time.
///
/// With a time that has passed already, 0 included, all coroutines that are ready have a
/// turn, then it returns.
///
/// # Parameters
///
/// - `deadline`: the time to wait for, in milliseconds as given by `now`; -1 waits for
///   ever, that is, until the coroutine is cancelled.
///
/// # Return value
///
/// 0 when the time has come, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `ENOMEM`: no memory for the thread's scheduler.
///
/// # Thread safety
///
/// Blocks the calling coroutine only; the others of its thread go on.
///
/// # Example
///
/// ```c
/// if(msleep(now() + 1000) == 0) puts("one second later");
/// ```
///
/// # See also
///
/// `now`, `yield`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_msleep(deadline: i64) -> c_int {
    entry::msleep(deadline)
}
