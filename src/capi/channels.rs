//! Channels and `choose`.

use super::boundary::immediate;
use super::entry;
use crate::concurrency::channel::{self, Buffer, Channel};
use crate::concurrency::choose::{Clause, Operation};
use crate::os::errno::{Errno, Result};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::NonNull;

/// Clause of `choose`: send the message in `val`.
pub const DILL_CHSEND: c_int = 1;

/// Clause of `choose`: receive a message into `val`.
pub const DILL_CHRECV: c_int = 2;

/// Clause of `choose`: wait until the file descriptor `ch` can be read from.
pub const DILL_CHFDIN: c_int = 3;

/// Clause of `choose`: wait until the file descriptor `ch` can be written to.
pub const DILL_CHFDOUT: c_int = 4;

/// Clause of `choose`: wait until the next receive from the socket `ch`, or the next
/// accept if it is a listener, would not block before its first byte. Input that a
/// protocol has buffered counts; what is only TLS's own business (a session ticket, a part
/// of a record) does not.
pub const DILL_CHSOCK: c_int = 5;

/// Clause of `choose`: wait until the last coroutine of the bundle `ch` has finished. An
/// empty bundle is ready at once.
pub const DILL_CHBUNDLE: c_int = 6;

/// Clause of `choose`: wait until the bundle in which the caller runs has got a graceful request;
/// from then on the clause is ready. `ch` is -1. In the main coroutine it never is.
pub const DILL_CHREQUEST: c_int = 7;

/// One of the operations that `choose` selects from.
#[repr(C)]
pub struct dill_chclause {
    /// What to do: `CHSEND`, `CHRECV`, `CHFDIN`, `CHFDOUT`, `CHSOCK`, `CHBUNDLE` or `CHREQUEST`.
    pub op: c_int,
    /// The handle of the channel, socket or bundle; or the file descriptor; -1 for `CHREQUEST`.
    pub ch: c_int,
    /// The message to send, or where to put the one received. `NULL` for what is no
    /// operation on a channel.
    pub val: *mut c_void,
    /// Its size in bytes. 0 for what is no operation on a channel.
    pub len: usize,
}

impl dill_chclause {
    fn clause(&self) -> Clause {
        let operation = match self.op {
            DILL_CHSEND => Some(Operation::Send),
            DILL_CHRECV => Some(Operation::Receive),
            DILL_CHFDIN => Some(Operation::FdIn),
            DILL_CHFDOUT => Some(Operation::FdOut),
            DILL_CHSOCK => Some(Operation::Socket),
            DILL_CHBUNDLE => Some(Operation::Bundle),
            DILL_CHREQUEST => Some(Operation::Request),
            _ => None,
        };
        let buffer = Buffer { address: self.val.cast(), len: self.len };
        Clause { operation, handle: self.ch, buffer }
    }
}

/// Memory for a channel, for `chmake_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_chstorage {
    bytes: [c_char; 144],
}

const _: () = assert!(size_of::<Channel>() <= size_of::<dill_chstorage>());

/// # Safety
/// `chv` is null or has room for two handles.
unsafe fn make(memory: Option<NonNull<Channel>>, chv: *mut c_int) -> Result<()> {
    let chv = NonNull::new(chv.cast::<[c_int; 2]>()).ok_or(Errno::EINVAL)?;
    let handles = channel::make(memory)?;
    // SAFETY: by the caller's promise.
    unsafe { chv.write(handles) };
    Ok(())
}

/// Makes a channel.
///
/// A channel has two ends. What is sent to one end is received from the other, in both
/// directions. It stores nothing: the sender waits until somebody receives. Any number
/// of coroutines may use the same end; they are served in the order in which they came.
///
/// Each end is closed with `hclose`, and the channel is gone when both are. Closing one
/// end wakes nobody at the other; call `chdone` first to do that. When the second end is
/// closed, calls that still wait on the channel fail with `EPIPE`.
///
/// # Parameters
///
/// - `chv`: where the handles of the two ends go.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `chv` is `NULL`.
/// - `EMFILE`: the thread has used up its handles.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handles belong to the calling thread: a channel doesn't connect threads.
///
/// # Example
///
/// ```c
/// #include <libdill.h>
/// #include <stdio.h>
///
/// static coroutine void producer(int ch) {
///     for(int i = 0; i != 10; ++i)
///         if(chsend(ch, &i, sizeof(i), -1) < 0) return;
///     chdone(ch);
/// }
///
/// int main(void) {
///     int ch[2], val;
///     if(chmake(ch) < 0) return 1;
///     int b = go(producer(ch[0]));
///     while(chrecv(ch[1], &val, sizeof(val), -1) == 0) printf("%d\n", val);
///     hclose(b);
///     hclose(ch[0]);
///     hclose(ch[1]);
///     return 0;
/// }
/// ```
///
/// # See also
///
/// `chdone`, `chmake_mem`, `choose`, `chrecv`, `chsend`, `hclose`
///
/// cbindgen:ptrs-as-arrays=[[chv;2]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_chmake(chv: *mut c_int) -> c_int {
    // SAFETY: the room for the handles is the caller's promise.
    immediate::unit(unsafe { make(None, chv) })
}

/// Makes a channel, in memory of the caller's.
///
/// Works as `chmake`.
///
/// # Parameters
///
/// - `mem`: memory for the channel, which must stay in place until both ends have been
///   closed. It needs no alignment, but it is used only when it is aligned as a pointer.
///
/// # Errors
///
/// Those of `chmake`, and `EINVAL` if `mem` is `NULL`.
///
/// # Example
///
/// ```c
/// struct chstorage mem;
/// int ch[2];
/// if(chmake_mem(&mem, ch) < 0) return;
/// hclose(ch[0]);
/// hclose(ch[1]);
/// ```
///
/// # See also
///
/// `chmake`
///
/// cbindgen:ptrs-as-arrays=[[chv;2]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_chmake_mem(mem: *mut dill_chstorage, chv: *mut c_int) -> c_int {
    let Some(memory) = NonNull::new(mem.cast::<Channel>()) else {
        return immediate::unit(Err(Errno::EINVAL));
    };
    // C gives the structure no alignment.
    let memory = Some(memory).filter(|memory| memory.is_aligned());
    // SAFETY: as in `dill_chmake`; the memory is the caller's promise, too.
    immediate::unit(unsafe { make(memory, chv) })
}

/// Sends a message to a channel.
///
/// If somebody waits to receive at the other end, the message is copied and the call
/// returns at once; the receiver goes on when it is its turn. Otherwise the call waits
/// for a receiver. Sizes must match, else both sides fail with `EMSGSIZE`.
///
/// # Parameters
///
/// - `ch`: one end of the channel.
/// - `val`: the message. May be `NULL` if `len` is 0.
/// - `len`: its size in bytes.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the call fails; 0
///   sends only if somebody is waiting to receive, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below. Then the message has not been
/// received by anybody.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `val` is `NULL` though `len` is not 0.
/// - `EMSGSIZE`: the receiver wanted a message of another size. It fails, too.
/// - `ENOTSUP`: the handle is no channel.
/// - `EPIPE`: `chdone` was called on this end, before or during the call, or both ends
///   were closed during the call.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int ch[2], val = 42;
/// if(chmake(ch) < 0) return;
/// if(chsend(ch[0], &val, sizeof(val), now() + 100) < 0) perror("chsend");
/// ```
///
/// # See also
///
/// `chdone`, `chmake`, `choose`, `chrecv`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_chsend(
    ch: c_int,
    val: *const c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    channel::send(ch, val.cast_mut().cast(), len, deadline)
}

/// Receives a message from a channel.
///
/// If somebody waits to send at the other end, the message is copied and the call returns
/// at once; the sender goes on when it is its turn. Otherwise the call waits for a
/// sender. Sizes must match, else both sides fail with `EMSGSIZE`.
///
/// # Parameters
///
/// - `ch`: one end of the channel.
/// - `val`: where the message goes. May be `NULL` if `len` is 0.
/// - `len`: its size in bytes.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the call fails; 0
///   receives only if somebody is waiting to send, -1 waits for ever.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below. Then no message has been lost.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `val` is `NULL` though `len` is not 0.
/// - `EMSGSIZE`: the message of the sender has another size. It fails, too.
/// - `ENOTSUP`: the handle is no channel.
/// - `EPIPE`: `chdone` was called on the other end, before or during the call, or both
///   ends were closed during the call.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int ch[2], val;
/// if(chmake(ch) < 0) return;
/// if(chrecv(ch[1], &val, sizeof(val), now() + 100) < 0) perror("chrecv");
/// ```
///
/// # See also
///
/// `chdone`, `chmake`, `choose`, `chsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_chrecv(
    ch: c_int,
    val: *mut c_void,
    len: usize,
    deadline: i64,
) -> c_int {
    channel::receive(ch, val.cast(), len, deadline)
}

/// Says that nothing more will be sent to a channel from this end.
///
/// From now on receiving at the other end fails with `EPIPE`, and so does sending at this
/// one. Calls that wait to do either fail at once. The opposite direction is not
/// concerned. This is how the end of a stream of messages is passed on.
///
/// # Parameters
///
/// - `ch`: one end of the channel.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ENOTSUP`: the handle is no channel.
/// - `EPIPE`: this end is done already.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int ch[2], val;
/// if(chmake(ch) < 0) return;
/// chdone(ch[0]);
/// if(chrecv(ch[1], &val, sizeof(val), -1) < 0 && errno == EPIPE) puts("that was all");
/// ```
///
/// # See also
///
/// `bundle_notify`, `chmake`, `choose`, `chrecv`, `chsend`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_chdone(ch: c_int) -> c_int {
    immediate::unit(channel::done(ch))
}

/// Does whichever of several operations can be done first.
///
/// The clauses are looked at in their order. The first one that can be done, or that is
/// in error, is carried out and ends the call; so earlier clauses have precedence. If
/// there is none, the call waits for the first. Exactly one of the operations takes
/// place, or none: a message is never lost to a clause that was not chosen.
///
/// Clauses on channels send or receive. The others only wait: the descriptor, the socket
/// or the bundle is then ready for the call that follows. `CHREQUEST` is ready once the bundle in
/// which the caller runs has got a graceful request; put it behind the channels that are to be
/// drained first. A descriptor that never blocks, of
/// a regular file for instance, is always ready; it is not an error, as it is for `fdin`.
///
/// A socket is ready when the next receive or accept on it would not block before its first
/// byte, or would fail at once. What a protocol keeps to itself does not count, such as the pings
/// of a WebSocket, which are answered meanwhile, or what stands between the chunks of an HTTP
/// body. There are two exceptions: on byte streams of the program's own all that comes counts, and
/// so does the size of a body's first chunk.
///
/// An end of a channel, a socket or a descriptor may appear in several clauses. With no clause at all the function
/// waits for the deadline.
///
/// # Parameters
///
/// - `clauses`: the operations. May be `NULL` if `nclauses` is 0.
/// - `nclauses`: their number.
/// - `deadline`: the time, in milliseconds as given by `now`, at which the call fails; 0
///   looks without waiting, -1 waits for ever.
///
/// # Return value
///
/// The index of the clause that ended the call, with `errno` set to 0 if its operation has
/// succeeded and to its error otherwise; or -1 with `errno` set if the call as a whole
/// has failed.
///
/// # Errors
///
/// Together with -1:
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `nclauses` is negative, or `clauses` is `NULL` though there are some.
/// - `ENOMEM`: out of memory.
/// - `ETIMEDOUT`: the deadline has passed.
///
/// Together with the index of a clause:
///
/// - `EBADF`: its handle is not open, or its `ch` is no file descriptor.
/// - `EBUSY`: another coroutine waits for the same descriptor or socket already.
/// - `EDEADLK`: the caller itself runs in its bundle, at any depth.
/// - `EINVAL`: its `op` is unknown; or `val` is `NULL` though `len` is not 0; or one of
///   them is set though the operation has no message; or `ch` is not -1 with `CHREQUEST`.
/// - `EMFILE`, `ENFILE`, `ENOMEM`: the system has refused to watch its descriptor.
/// - `EMSGSIZE`: the other side's message has another size. It fails, too.
/// - `ENOTSUP`: its handle is not of a kind that the operation works with.
/// - `EPIPE`: nothing more is sent in that direction: see `chdone`.
///
/// # Thread safety
///
/// The handles belong to the thread that made them. On another one they are `EBADF`.
///
/// # Example
///
/// ```c
/// int jobs[2], stop[2], job;
/// if(chmake(jobs) < 0 || chmake(stop) < 0) return;
/// struct chclause clauses[] = {
///     {CHRECV, stop[0], NULL, 0},
///     {CHRECV, jobs[0], &job, sizeof(job)},
///     {CHFDIN, STDIN_FILENO, NULL, 0}
/// };
/// switch(choose(clauses, 3, now() + 1000)) {
/// case 0:
///     puts("asked to stop");
///     break;
/// case 1:
///     if(errno == 0) printf("job %d\n", job);
///     break;
/// case 2:
///     puts("somebody has typed something");
///     break;
/// default:
///     perror("choose");
/// }
/// ```
///
/// # See also
///
/// `bundle_requested`, `bundle_wait`, `chdone`, `chmake`, `chrecv`, `chsend`, `fdin`, `fdout`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_choose(
    clauses: *mut dill_chclause,
    nclauses: c_int,
    deadline: i64,
) -> c_int {
    let count = match usize::try_from(nclauses) {
        Ok(count) if count == 0 || !clauses.is_null() => Ok(count),
        _ => Err(Errno::EINVAL),
    };
    // SAFETY: the caller promises `nclauses` clauses; the index is below that.
    entry::choose(count, |index| unsafe { (*clauses.add(index)).clause() }, deadline)
}
