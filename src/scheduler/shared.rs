//! Counted references to objects of the cache: like `Rc`, but running out of memory is an error,
//! and in a steady state nothing is allocated.

#![allow(unsafe_code)] // Memory that is owned by counting.

use super::context::Context;
use crate::object_cache::ObjectCache;
use crate::os::errno::{Errno, Result};
use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, offset_of};
use core::ops::Deref;
use core::ptr::NonNull;
use std::alloc::Layout;

/// A counted reference. The object stays at its address. Neither `Send` nor `Sync`.
pub(crate) struct Shared<T> {
    object: NonNull<Counted<T>>,
    owned: PhantomData<Counted<T>>,
}

struct Counted<T> {
    count: Cell<usize>,
    value: T,
}

impl<T> Shared<T> {
    /// An object with one reference. `ENOMEM`; then the value is dropped.
    pub(crate) fn new(value: T) -> Result<Shared<T>> {
        let object = Self::allocate(Context::get()?)?;
        // SAFETY: fresh memory of this layout.
        unsafe { object.write(Counted { count: Cell::new(1), value }) };
        Ok(Shared { object, owned: PhantomData })
    }

    /// The value, if this is the only reference.
    pub(crate) fn into_inner(self) -> core::result::Result<T, Self> {
        if self.counted().count.get() > 1 {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: nobody else has the object, which is not used any more.
        unsafe {
            let value = (&raw const (*this.object.as_ptr()).value).read();
            Self::free_memory(this.object);
            Ok(value)
        }
    }

    /// Are both references to the same object?
    #[cfg(feature = "sockets")]
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.object == other.object
    }

    fn allocate(context: &Context) -> Result<NonNull<Counted<T>>> {
        let layout = Layout::new::<Counted<T>>();
        if layout.align() <= ObjectCache::ALIGNMENT {
            return Ok(context.objects.allocate_bytes(layout.size())?.cast());
        }
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { std::alloc::alloc(layout) }.cast()).ok_or(Errno::ENOMEM)
    }

    /// The object's address, which stands for this reference: see [`Shared::from_raw`].
    #[cfg(feature = "sockets")]
    pub(crate) fn into_raw(self) -> NonNull<T> {
        NonNull::from(&ManuallyDrop::new(self).counted().value)
    }

    /// The reference that an address stands for.
    ///
    /// # Safety
    /// The address came from [`Shared::into_raw`], and stands for no reference any more.
    #[cfg(feature = "sockets")]
    pub(crate) unsafe fn from_raw(address: NonNull<T>) -> Shared<T> {
        // SAFETY: by the caller's promise the value of a `Counted`.
        let object = unsafe { address.byte_sub(offset_of!(Counted<T>, value)).cast() };
        Shared { object, owned: PhantomData }
    }

    /// Another reference, beside that which an address stands for.
    ///
    /// # Safety
    /// The address came from [`Shared::into_raw`], and still stands for a reference.
    #[cfg(feature = "sockets")]
    pub(crate) unsafe fn hold(address: NonNull<T>) -> Shared<T> {
        // SAFETY: by the caller's promise; the reference that there was is not given up.
        let there = ManuallyDrop::new(unsafe { Shared::from_raw(address) });
        Shared::clone(&there)
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: alive as long as there is a reference.
        unsafe { self.object.as_ref() }
    }

    #[inline(never)]
    fn free(&mut self) {
        // SAFETY: this was the last reference. A value whose `drop` panics leaks its memory.
        unsafe {
            self.object.drop_in_place();
            Self::free_memory(self.object);
        }
    }

    /// # Safety
    /// The object came from `allocate`; its memory is not used any more.
    unsafe fn free_memory(object: NonNull<Counted<T>>) {
        let layout = Layout::new::<Counted<T>>();
        // SAFETY: by the caller's promise.
        unsafe {
            match Context::existing() {
                _ if layout.align() > ObjectCache::ALIGNMENT => {
                    std::alloc::dealloc(object.as_ptr().cast(), layout);
                }
                Some(context) => context.objects.free_bytes(object.cast(), layout.size()),
                // A thread-local variable that outlives the scheduler.
                None => ObjectCache::free_to_system(object.cast(), layout.size()),
            }
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        let count = &self.counted().count;
        count.set(count.get() + 1);
        Shared { object: self.object, owned: PhantomData }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as in `counted`.
        unsafe { &self.object.as_ref().value }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let count = &self.counted().count;
        count.set(count.get() - 1);
        if count.get() == 0 {
            self.free();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn the_value_is_dropped_with_the_last_reference() {
        let witness = Rc::new(());
        let first = Shared::new(witness.clone()).unwrap();
        let second = first.clone();
        drop(first);
        assert_eq!(Rc::strong_count(&witness), 2);
        assert!(Rc::ptr_eq(&second, &witness));
        drop(second);
        assert_eq!(Rc::strong_count(&witness), 1);
    }

    #[test]
    #[cfg(feature = "sockets")]
    fn an_address_stands_for_a_reference() {
        let witness = Rc::new(());
        let address = Shared::new((7u8, witness.clone())).unwrap().into_raw();
        // SAFETY: the address stands for the only reference.
        let second = unsafe { Shared::hold(address) };
        assert_eq!(second.0, 7);
        // SAFETY: as above; it does not any more.
        drop(unsafe { Shared::from_raw(address) });
        assert_eq!(Rc::strong_count(&witness), 2);
        drop(second);
        assert_eq!(Rc::strong_count(&witness), 1);
    }

    #[test]
    fn any_alignment_will_do() {
        #[repr(align(256))]
        struct Aligned(u8);
        let aligned = Shared::new(Aligned(7)).unwrap();
        assert_eq!(&raw const *aligned as usize % 256, 0);
        assert_eq!(aligned.0, 7);
    }
}
