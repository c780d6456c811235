//! What every safe object is made of.

use crate::os::errno::Errno;
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use core::ffi::c_int;
use core::marker::PhantomData;
use core::mem;

/// A handle as C has it.
///
/// ```
/// use redill::AsRawHandle;
///
/// let handle: redill::RawHandle = redill::Bundle::new()?.as_raw_handle();
/// # Ok::<(), redill::Error>(())
/// ```
pub type RawHandle = c_int;

/// Objects that have a handle which C code can use.
///
/// ```
/// use redill::AsRawHandle;
///
/// let bundle = redill::Bundle::new()?;
/// assert!(bundle.as_raw_handle() >= 0);
/// # Ok::<(), redill::Error>(())
/// ```
pub trait AsRawHandle {
    /// The handle. It stays this object's: whoever gets it must not close it.
    fn as_raw_handle(&self) -> RawHandle;
}

/// Objects that can be handed over to C code.
///
/// ```
/// use redill::{Bundle, FromRawHandle, IntoRawHandle};
///
/// let handle = Bundle::new()?.into_raw_handle();
/// // SAFETY: given away just now.
/// drop(unsafe { Bundle::from_raw_handle(handle) });
/// # Ok::<(), redill::Error>(())
/// ```
pub trait IntoRawHandle {
    /// Gives the handle away: whoever gets it has to close it with `hclose`.
    fn into_raw_handle(self) -> RawHandle;
}

/// Objects that can be taken over from C code.
///
/// ```
/// use redill::{Bundle, FromRawHandle, IntoRawHandle};
///
/// let handle = Bundle::new()?.into_raw_handle();
/// // SAFETY: given away just now.
/// let bundle = unsafe { Bundle::from_raw_handle(handle) };
/// bundle.go(|| ())?;
/// # Ok::<(), redill::Error>(())
/// ```
///
/// The compiler can't check the promise:
///
/// ```compile_fail,E0133
/// use redill::{Bundle, FromRawHandle};
///
/// drop(Bundle::from_raw_handle(4711));
/// ```
pub trait FromRawHandle {
    /// Takes a handle over.
    ///
    /// # Safety
    /// The handle is open, of this type, of the calling thread, and nobody else closes it.
    #[allow(unsafe_code)] // a declaration
    unsafe fn from_raw_handle(handle: RawHandle) -> Self;
}

/// An open handle, which it owns: closed when dropped. Neither `Send` nor `Sync`.
#[derive(Debug)]
pub(crate) struct Handle {
    number: c_int,
    /// The scheduler that the number belongs to. Thread-local variables can outlive it.
    scheduler: u64,
    not_send: PhantomData<*mut ()>,
}

impl Handle {
    /// Takes over an open handle of the calling thread.
    #[allow(dead_code)]
    pub(crate) fn new(number: c_int) -> Handle {
        let scheduler = Context::existing().map_or(0, Context::serial);
        Handle { number, scheduler, not_send: PhantomData }
    }

    /// The number, for functions of the core. -1, which is never open, after the end of the
    /// scheduler.
    #[inline]
    pub(crate) fn number(&self) -> c_int {
        if self.is_alive() { self.number } else { -1 }
    }

    #[inline]
    fn is_alive(&self) -> bool {
        Context::existing().is_some_and(|context| context.serial() == self.scheduler)
    }

    /// Gives the handle away.
    pub(crate) fn into_number(self) -> c_int {
        let number = self.number();
        mem::forget(self);
        number
    }

    /// Closes the handle and tells how that went. After an error (the object refuses) it is still
    /// open, but nobody's.
    #[allow(dead_code)] // sockets
    pub(crate) fn close(self) -> Result<(), Errno> {
        handles::close(self.into_number())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.is_alive() {
            // What refuses to be closed has been asked to by its own members.
            let _ = handles::close(self.number);
        }
    }
}
