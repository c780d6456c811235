//! Handles, and handles for objects of the user's own.

use super::boundary::immediate;
use super::entry;
use super::foreign::{self, dill_hvfs};
use crate::scheduler::handles;
use core::ffi::{c_int, c_void};

/// Makes a handle for an object of your own.
///
/// The object then works with `hclose`, `hown` and `hquery`, and with the functions of
/// every interface that its `query` answers for: an object with a `bsock_vfs`, for
/// example, is a bytestream socket.
///
/// # Parameters
///
/// - `vfs`: the functions of the object.
///
/// # Return value
///
/// The new handle, or -1 with `errno` set to one of the values below.
///
/// # Errors
///
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EINVAL`: `vfs` is `NULL`, or one of its functions is.
/// - `EMFILE`: the thread has used up its handles.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The new handle belongs to the calling thread.
///
/// # Example
///
/// ```c
/// #include <libdillimpl.h>
///
/// static const int counter_type = 0;
///
/// struct counter {
///     struct hvfs vfs;
///     int value;
/// };
///
/// static void *counter_query(struct hvfs *vfs, const void *type) {
///     if(type == &counter_type) return vfs;
///     errno = ENOTSUP;
///     return NULL;
/// }
///
/// static void counter_close(struct hvfs *vfs) {
///     free(vfs);
/// }
///
/// static int counter_make(void) {
///     struct counter *self = (struct counter*)calloc(1, sizeof(*self));
///     if(!self) return -1;
///     self->vfs.query = counter_query;
///     self->vfs.close = counter_close;
///     int h = hmake(&self->vfs);
///     if(h < 0) free(self);
///     return h;
/// }
///
/// static int counter_next(int h) {
///     struct counter *self = (struct counter*)hquery(h, &counter_type);
///     return self ? ++self->value : -1;
/// }
///
/// int main(void) {
///     int h = counter_make();
///     if(counter_next(h) != 1 || counter_next(h) != 2) return 1;
///     return hclose(h) == 0 ? 0 : 1;
/// }
/// ```
///
/// # See also
///
/// `bsock_vfs`, `hclose`, `hown`, `hquery`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_hmake(vfs: *mut dill_hvfs) -> c_int {
    // SAFETY: the table stays valid until its `close` was called: the caller's promise.
    immediate::int(unsafe { foreign::make(vfs) })
}

/// Returns the interface of a handle's object.
///
/// Types are identified by address: take that of any object of static duration for a
/// type of your own. What the result points to is an agreement between those who know
/// the identifier, usually a structure of function pointers. Answers are remembered, so
/// asking again is cheap.
///
/// The library itself asks byte streams for `bsock_type`, whose structure is `bsock_vfs`, message
/// sockets for `msock_type` (`msock_vfs`), and sockets in a `CHSOCK` clause for `input_type`
/// (`input_vfs`).
///
/// # Parameters
///
/// - `h`: the handle.
/// - `type`: the identifier of the wanted interface.
///
/// # Return value
///
/// A pointer to the interface, or `NULL` with `errno` set to one of the values below.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `ENOTSUP`: the object has no such interface.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int ch[2];
/// if(chmake(ch) < 0) return;
/// // A channel is no bytestream socket.
/// if(!hquery(ch[0], bsock_type) && errno == ENOTSUP) puts("as expected");
/// ```
///
/// # See also
///
/// `bsock_type`, `hmake`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_hquery(h: c_int, r#type: *const c_void) -> *mut c_void {
    immediate::pointer(foreign::interface(h, r#type))
}

/// Closes a handle and frees its object.
///
/// What that means depends on the object. A bundle: all its coroutines are cancelled
/// first, then all are awaited; no coroutine of it is alive on return. A channel: see
/// `chmake`; nobody who waits at the other end is disturbed. A socket: the connection is
/// dropped, together with all protocols beneath; data that are still on their way out
/// may be lost, for an orderly end see `tcp_close`.
///
/// It also works in a coroutine that has been cancelled. It waits only for the coroutines
/// of a bundle, which have no reason to take long as none of their calls blocks any more.
///
/// # Parameters
///
/// - `h`: the handle.
///
/// # Return value
///
/// 0, or -1 with `errno` set to one of the values below. Then nothing has happened and
/// the handle, if there is one, is still open.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: somebody else is closing or cancelling the bundle already.
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
///   caller's bundle does.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int ch[2];
/// if(chmake(ch) < 0) return;
/// hclose(ch[0]);
/// hclose(ch[1]);
/// ```
///
/// # See also
///
/// `bundle_cancel`, `chdone`, `hown`, `tcp_close`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_hclose(h: c_int) -> c_int {
    entry::hclose(h)
}

/// Passes a handle on: gives its object a new handle and invalidates the old one.
///
/// A function that takes an object over calls this first, so that the former owner can't
/// use it any more, not even by mistake: the old number is `EBADF` from now on. A bundle
/// then belongs to the calling coroutine, which matters to `bundle_cancel` with
/// `DILL_INHERIT` and to who is inside of whom.
///
/// # Parameters
///
/// - `h`: the handle.
///
/// # Return value
///
/// The new handle, or -1 with `errno` set to one of the values below. With `ECANCELED`,
/// `EMFILE` and `ENOMEM` the object has been closed: the new owner can't have it, and the
/// old one has given it away. With the others nothing has happened.
///
/// # Errors
///
/// - `EBADF`: the handle is not open.
/// - `EBUSY`: somebody is closing or cancelling the bundle.
/// - `ECANCELED`: the coroutine was cancelled.
/// - `EDEADLK`: the caller itself runs in the bundle, at any depth; or whoever is ending the
///   caller's bundle does.
/// - `EMFILE`: the thread has used up its handles.
/// - `ENOMEM`: out of memory.
///
/// # Thread safety
///
/// The handle belongs to the thread that made it. On another one it is `EBADF`.
///
/// # Example
///
/// ```c
/// int b = bundle();
/// int mine = hown(b);
/// if(hclose(b) < 0 && errno == EBADF) puts("the old handle is gone");
/// hclose(mine);
/// ```
///
/// # See also
///
/// `hclose`, `hmake`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dill_hown(h: c_int) -> c_int {
    immediate::int(handles::own(h))
}
