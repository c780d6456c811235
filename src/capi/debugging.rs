//! Seeing what runs.

use super::boundary::immediate;
use crate::os::errno::Errno;
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// Writes what all coroutines of the calling thread are doing.
///
/// The text is for people, and its form may change. It shows the bundles and coroutines as
/// a tree: which coroutine made or took over which bundle, and which coroutines run
/// in it. A bundle is named by its handle, and it is said whether it was asked to finish, how
/// much is left of its grace period (what `DILL_INHERIT` means inside), and whether
/// it was hard-cancelled. A coroutine is named by the place of its launch, and it is said
/// whether it runs, is ready or what it is blocked in, when its deadline passes, whether
/// it was cancelled, and in what cancel scopes it is.
///
/// The same text is written to the standard error output, for all threads of the process
/// that use the library, when the process gets the signal that the environment variable
/// DILL_DUMP_SIGNAL names: `USR1`, for example. The handler is installed when the first
/// thread begins to use the library, unless the signal has one already.
///
/// This function has no name without the prefix: it is for debugging, and `dump` is likely
/// to be a name of the program's.
///
/// # Parameters
///
/// - `fd`: the file descriptor to write to, such as 2.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: `fd` is not open for writing.
/// - `ENOMEM`: no memory for the thread's scheduler.
///
/// Any other error of `write`, too. A non-blocking descriptor whose reader takes nothing for a
/// second fails with `EAGAIN`.
///
/// # Thread safety
///
/// Writes about the calling thread only. The function neither blocks the coroutine nor
/// allocates memory. It must not be called by a signal handler.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
///
/// static coroutine void worker(int ch) {
///     int job;
///     while(chrecv(ch, &job, sizeof(job), -1) == 0) continue;
/// }
///
/// int main(void) {
///     int ch[2];
///     if(chmake(ch) < 0) return 1;
///     int b = bundle();
///     for(int i = 0; i != 3; ++i) bundle_go(b, worker(ch[1]));
///     // Shows three coroutines that are blocked in chrecv.
///     dill_dump(2);
///     hclose(b);
///     hclose(ch[0]);
///     hclose(ch[1]);
///     return 0;
/// }
/// ```
///
/// # See also
///
/// `bundle`, `go`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_dump(fd: c_int) -> c_int {
    if fd < 0 {
        return immediate::unit(Err(Errno::EBADF));
    }
    immediate::unit(Context::get().and_then(|context| context.dump(fd)))
}
