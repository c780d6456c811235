//! Where the objects of protocols live: in blocks of our own, each as long as its handle is
//! open or a call inside has not returned.
//!
//! A call on a protocol waits in calls on the socket beneath, which may be anybody's code.
//! Meanwhile the handle may be closed, so a call holds the object itself. The memory that a
//! caller of a `_mem` function provides could be gone by then; it stays unused.

#![allow(unsafe_code)] // Counted references to objects behind handles.

use crate::handle_table::Kind;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ops::Deref;

/// An object and those who hold it.
#[repr(C)]
pub(super) struct Shared<T> {
    holders: Cell<usize>,
    closed: Cell<bool>,
    value: T,
}

/// A hold on an object, which is alive that long.
pub(super) struct Held<T>(Ref<Shared<T>>);

/// Makes a handle for an object.
pub(super) fn open<T>(value: T, kind: &'static Kind) -> Result<c_int> {
    let context = Context::get()?;
    let object = Shared { holders: Cell::new(1), closed: Cell::new(false), value };
    let object = context.objects.allocate(object)?;
    let handle = handles::open(context, object.as_ptr().cast(), kind);
    if handle.is_err() {
        drop(Held(object));
    }
    handle
}

impl<T> Held<T> {
    /// The object that a handle stands for.
    ///
    /// # Safety
    /// Handles of this kind are made by [`open`] for a `T`.
    pub(super) unsafe fn find(handle: c_int, kind: &'static Kind) -> Result<Held<T>> {
        let object = Context::get()?.handles.find(handle, kind)?;
        // SAFETY: by the caller's promise; the object of an open handle is alive.
        Ok(unsafe { Self::hold(object.cast()) })
    }

    /// The object around its field at `offset`.
    ///
    /// # Safety
    /// `field` is that field of a live object.
    pub(super) unsafe fn around<F>(field: *mut F, offset: usize) -> Held<T> {
        let offset = offset_of!(Shared<T>, value) + offset;
        // SAFETY: by the caller's promise.
        unsafe { Self::hold(field.wrapping_byte_sub(offset).cast()) }
    }

    /// The object that a handle of this kind stands for.
    ///
    /// # Safety
    /// It is alive, and was made by [`open`] for a `T`.
    pub(super) unsafe fn of(object: *mut ()) -> Held<T> {
        // SAFETY: by the caller's promise.
        unsafe { Self::hold(object.cast()) }
    }

    /// # Safety
    /// The object is alive.
    unsafe fn hold(object: *mut Shared<T>) -> Held<T> {
        // SAFETY: by the caller's promise, and it stays so while somebody is counted.
        let object = unsafe { Ref::from_raw(object) };
        object.holders.set(object.holders.get() + 1);
        Held(object)
    }

    /// Takes over the handle's own hold: the object's handle goes.
    ///
    /// # Safety
    /// Called once, by the `close` of the object's kind.
    pub(super) unsafe fn close(object: *mut ()) -> Held<T> {
        // SAFETY: the object of a handle that is being closed is alive; its hold is ours now.
        let held = unsafe { Held(Ref::<Shared<T>>::from_raw(object.cast())) };
        held.0.closed.set(true);
        held
    }

    /// Fails with `EBADF` if the handle has been closed meanwhile.
    pub(super) fn alive(&self) -> Result<()> {
        if self.0.closed.get() { Err(Errno::EBADF) } else { Ok(()) }
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let holders = self.0.holders.get() - 1;
        self.0.holders.set(holders);
        if holders == 0
            && let Ok(context) = Context::get()
        {
            // SAFETY: allocated by `open`, and this was the last one to hold it.
            unsafe { context.objects.free(self.0) };
        }
    }
}

/// The address of an object's field, for `query` functions.
///
/// # Safety
/// `object` is a live object of this type and has a field at `offset`.
pub(super) unsafe fn field<T>(object: *mut (), offset: usize) -> *mut c_void {
    object.wrapping_byte_add(offset_of!(Shared<T>, value) + offset).cast()
}
