//! Pinned objects that know each other: counted references are too slow for the
//! scheduler, so objects are linked into each other by address.
//!
//! Everything here belongs to one thread (nothing is `Send`), all fields are
//! `Cell`s and only shared references are ever made, so aliasing is never an
//! issue. What remains to be argued is *liveness*, and there is one rule for it:
//!
//! > Whoever frees an object first takes it out of every list, the ready queue,
//! > the timing wheel and the handle table.
//!
//! So whatever is reached through a list, queue, wheel or handle is alive.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// A pointer to an object that is alive by the rule of this module.
#[repr(transparent)]
pub(crate) struct Ref<T>(NonNull<T>);

impl<T> Ref<T> {
    /// # Safety
    /// The object is alive and stays at its address until it has been taken out of
    /// everything that holds a `Ref` to it, and no `&mut` to it exists meanwhile.
    #[inline(always)]
    pub(crate) const unsafe fn new(pointer: NonNull<T>) -> Self {
        Ref(pointer)
    }

    /// # Safety
    /// As for [`Ref::new`], and `pointer` is not null.
    #[inline(always)]
    pub(crate) const unsafe fn from_raw(pointer: *const T) -> Self {
        // SAFETY: by the caller's promise.
        Ref(unsafe { NonNull::new_unchecked(pointer.cast_mut()) })
    }

    #[inline(always)]
    pub(crate) const fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }

    #[inline(always)]
    pub(crate) fn same(self, other: *const T) -> bool {
        ptr::eq(self.0.as_ptr(), other)
    }
}

impl<T> Clone for Ref<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<T> {}

impl<T> Deref for Ref<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: alive by the rule of this module; only shared references exist.
        unsafe { self.0.as_ref() }
    }
}

impl<T> PartialEq for Ref<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Membership in one [`List`]. Null pointers mean: in no list.
#[repr(C)]
pub(crate) struct Link {
    next: Cell<*const Link>,
    previous: Cell<*const Link>,
}

impl Link {
    pub(crate) const fn new() -> Self {
        Link { next: Cell::new(ptr::null()), previous: Cell::new(ptr::null()) }
    }

    #[inline(always)]
    pub(crate) fn is_linked(&self) -> bool {
        !self.next.get().is_null()
    }

    /// Takes the owner out of its list; true when the list is empty now.
    /// Does nothing (and returns false) when it is in none.
    #[inline(always)]
    pub(crate) fn unlink(&self) -> bool {
        let (next, previous) = (self.next.get(), self.previous.get());
        if next.is_null() {
            return false;
        }
        // SAFETY: the neighbours of a linked link are alive: each object unlinks
        // itself before it is freed, and a list empties itself before it is.
        unsafe {
            (*next).previous.set(previous);
            (*previous).next.set(next);
        }
        self.next.set(ptr::null());
        next == previous
    }

    /// As [`Link::unlink`], in a few instructions less, and without forgetting the neighbours:
    /// [`Link::is_linked`] does not tell any more.
    ///
    /// # Safety
    /// `self` is in a list.
    #[inline(always)]
    pub(crate) unsafe fn unlink_quickly(&self) {
        let (next, previous) = (self.next.get(), self.previous.get());
        // SAFETY: as in `unlink`.
        unsafe {
            (*next).previous.set(previous);
            (*previous).next.set(next);
        }
        if cfg!(debug_assertions) {
            self.forget();
        }
    }

    /// Says that it is in no list, after [`Link::unlink_quickly`].
    #[inline(always)]
    pub(crate) fn forget(&self) {
        self.next.set(ptr::null());
    }

    /// # Safety
    /// `self` is in no list and `position` is in one; both stay at their addresses.
    #[inline(always)]
    unsafe fn insert_before(&self, position: &Link) {
        let previous = position.previous.get();
        self.next.set(position);
        self.previous.set(previous);
        // SAFETY: `previous` is the live neighbour of a linked link.
        unsafe { (*previous).next.set(self) };
        position.previous.set(self);
    }
}

/// Says where in `Item` the link of one kind of list lies.
///
/// # Safety
/// `OFFSET` is the offset of a [`Link`] in `Item` that no other adapter uses.
pub(crate) unsafe trait Adapter {
    type Item;
    const OFFSET: usize;
}

/// A circular doubly linked list with the head as its sentinel. It must not move
/// while it is initialised, so it is made in two steps: `new` in place, then `init`.
#[repr(C)]
pub(crate) struct List<A: Adapter> {
    head: Link,
    adapter: PhantomData<A>,
}

impl<A: Adapter> List<A> {
    pub(crate) const fn new() -> Self {
        List { head: Link::new(), adapter: PhantomData }
    }

    /// Makes the list empty, at its final address.
    #[inline(always)]
    pub(crate) fn init(&self) {
        self.head.next.set(&self.head);
        self.head.previous.set(&self.head);
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        ptr::eq(self.head.next.get(), &self.head)
    }

    #[inline(always)]
    pub(crate) fn first(&self) -> Option<Ref<A::Item>> {
        self.item(self.head.next.get())
    }

    /// Is `item`, which is in this list, alone in it?
    #[inline(always)]
    pub(crate) fn is_only(&self, item: Ref<A::Item>) -> bool {
        let link = ptr::from_ref(self.link_of(item));
        ptr::eq(self.head.next.get(), link) && ptr::eq(self.head.previous.get(), link)
    }

    /// The item behind `item`, which is in this list.
    pub(crate) fn after(&self, item: Ref<A::Item>) -> Option<Ref<A::Item>> {
        // SAFETY: OFFSET is where the link lies in the item (the adapter's promise).
        let link = unsafe { item.as_ptr().byte_add(A::OFFSET).cast::<Link>() };
        // SAFETY: the link is part of the live item.
        self.item(unsafe { (*link).next.get() })
    }

    #[inline(always)]
    fn item(&self, link: *const Link) -> Option<Ref<A::Item>> {
        if ptr::eq(link, &self.head) {
            return None;
        }
        // SAFETY: every link in the list but the sentinel is at OFFSET of a live item.
        Some(unsafe { Ref::from_raw(link.byte_sub(A::OFFSET).cast()) })
    }

    /// Appends an item that is in no list of this kind.
    #[inline(always)]
    pub(crate) fn push_back(&self, item: Ref<A::Item>) {
        // SAFETY: OFFSET is where the link lies in the item; items are pinned.
        unsafe {
            let link = item.as_ptr().byte_add(A::OFFSET).cast::<Link>();
            debug_assert!(!(*link).is_linked());
            (*link).insert_before(&self.head);
        }
    }

    /// Moves all items to the end of `target`, in order.
    pub(crate) fn append_to(&self, target: &List<A>) {
        while let Some(item) = self.first() {
            self.link_of(item).unlink();
            target.push_back(item);
        }
    }

    /// Takes the first item out.
    #[inline(always)]
    pub(crate) fn pop_front(&self) -> Option<Ref<A::Item>> {
        let item = self.first()?;
        self.link_of(item).unlink();
        Some(item)
    }

    #[inline(always)]
    fn link_of(&self, item: Ref<A::Item>) -> &Link {
        // SAFETY: OFFSET is where the link lies in the live item.
        unsafe { &*item.as_ptr().byte_add(A::OFFSET).cast::<Link>() }
    }
}

/// Declares the adapter for the link `$field` of `$item`.
macro_rules! adapter {
    ($(#[$doc:meta])* $name:ident, $item:ty, $field:ident) => {
        $(#[$doc])*
        pub(crate) struct $name;
        // SAFETY: the offset is computed from the field, which is a `Link` (checked
        // by the coercion below) and named in no other adapter.
        #[allow(unsafe_code)]
        unsafe impl $crate::intrusive::Adapter for $name {
            type Item = $item;
            const OFFSET: usize = {
                let _: fn(&$item) -> &$crate::intrusive::Link = |item| &item.$field;
                core::mem::offset_of!($item, $field)
            };
        }
    };
}
pub(crate) use adapter;
