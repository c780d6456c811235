//! Numbers for objects, as C programs hold them.
//!
//! Handles count from 0 up and are reused in the order in which they were freed, so
//! that a stale handle is found out rather than taken for a new one. Each thread has
//! a region of numbers of its own, so that a handle used on a wrong thread is known
//! by its number alone. Nothing here ever blocks.

use crate::os::debug_layout::Field;
use crate::os::errno::{Errno, Result};
use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr;
use std::sync::Mutex;

/// What all objects of one type have in common. Types are told apart by the address
/// of their `Kind`.
pub(crate) struct Kind {
    /// For dumps.
    pub(crate) name: &'static str,
    /// Ends the object, which must not be used any more when this returns `Ok`. With
    /// an error nothing has happened and the handle stays open.
    pub(crate) close: unsafe fn(object: *mut ()) -> Result<()>,
    /// The interface of the object with the C identifier `type_id`, or null.
    pub(crate) query: unsafe fn(object: *mut (), type_id: *const c_void) -> *mut c_void,
    /// The calling coroutine is about to take the object over (`hown`); may refuse.
    pub(crate) adopt: unsafe fn(object: *mut ()) -> Result<()>,
}

/// A `query` for objects that offer nothing to C.
pub(crate) unsafe fn no_interfaces(_: *mut (), _: *const c_void) -> *mut c_void {
    ptr::null_mut()
}

/// An `adopt` for objects that have no owner.
pub(crate) unsafe fn no_owner(_: *mut ()) -> Result<()> {
    Ok(())
}

struct Entry {
    object: *mut (),
    /// Null while the handle is free or hidden.
    kind: *const Kind,
    /// The next free handle's index, or `NONE`.
    next_free: u32,
    /// The last answer of `query`.
    cached_type: *const c_void,
    cached_interface: *mut c_void,
}

const NONE: u32 = u32::MAX;
const FIRST_SIZE: u32 = 256;
/// So many handles stay free, so that numbers rotate even at the brink of growing.
const RESERVE: u32 = 8;

/// The handles of one thread.
pub(crate) struct HandleTable {
    entries: UnsafeCell<Vec<Entry>>,
    region: Region,
    used: Cell<u32>,
    first_free: Cell<u32>,
    last_free: Cell<u32>,
    /// Where the entries are and how many, for debuggers.
    first: Cell<*const Entry>,
    size: Cell<usize>,
}

impl HandleTable {
    pub(crate) fn new() -> HandleTable {
        HandleTable {
            entries: UnsafeCell::new(Vec::new()),
            region: Region::claim(),
            used: Cell::new(0),
            first_free: Cell::new(NONE),
            last_free: Cell::new(NONE),
            first: Cell::new(ptr::null()),
            size: Cell::new(0),
        }
    }

    /// For debuggers.
    pub(crate) const LAYOUT: &[Field] = &[
        Field::new(c"handles.base", offset_of!(HandleTable, region) + offset_of!(Region, base)),
        Field::new(c"handles.first", offset_of!(HandleTable, first)),
        Field::new(c"handles.size", offset_of!(HandleTable, size)),
        Field::new(c"entry.size", size_of::<Entry>()),
        Field::new(c"entry.object", offset_of!(Entry, object)),
        Field::new(c"entry.kind", offset_of!(Entry, kind)),
        // Address and length.
        Field::new(c"kind.name", offset_of!(Kind, name)),
    ];

    /// The entry of an open handle. Callers use it up before they call anything else of
    /// the table.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    fn entry(&self, handle: c_int) -> Result<&mut Entry> {
        match self.slot(handle) {
            Some(entry) if !entry.kind.is_null() => Ok(entry),
            _ => Err(Errno::EBADF),
        }
    }

    /// As [`HandleTable::entry`], whether or not the handle is open.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    fn slot(&self, handle: c_int) -> Option<&mut Entry> {
        let index = handle.wrapping_sub(self.region.base) as u32 as usize;
        // SAFETY: no reference into the vector outlives a function of this type, none
        // of which calls foreign code while it holds one.
        let entries = unsafe { &mut *self.entries.get() };
        entries.get_mut(index)
    }

    /// The object behind `handle`: `EBADF` when that is not open on this thread,
    /// `ENOTSUP` when the object is of another kind.
    #[inline(always)]
    pub(crate) fn find(&self, handle: c_int, kind: &'static Kind) -> Result<*mut ()> {
        let entry = self.entry(handle)?;
        if ptr::eq(entry.kind, kind) { Ok(entry.object) } else { Err(Errno::ENOTSUP) }
    }

    /// Object and kind of an open handle.
    pub(crate) fn any(&self, handle: c_int) -> Result<(*mut (), &'static Kind)> {
        let entry = self.entry(handle)?;
        // SAFETY: the kind of an open handle is a `&'static Kind`.
        Ok((entry.object, unsafe { &*entry.kind }))
    }

    /// Calls `action` with number, object and kind of each open handle, in the order of
    /// their numbers. It must not open or close any.
    pub(crate) fn for_each(&self, mut action: impl FnMut(c_int, *mut (), &'static Kind)) {
        // SAFETY: nothing changes the vector meanwhile.
        let entries = unsafe { &*self.entries.get() };
        for (index, entry) in entries.iter().enumerate() {
            // SAFETY: the kind of an open handle is a `&'static Kind`.
            if let Some(kind) = unsafe { entry.kind.as_ref() } {
                action(self.region.base + index as c_int, entry.object, kind);
            }
        }
    }

    /// The interface `type_id` of the object: `ENOTSUP` when it has none.
    pub(crate) fn query(&self, handle: c_int, type_id: *const c_void) -> Result<*mut c_void> {
        let entry = self.entry(handle)?;
        if !entry.cached_interface.is_null() && entry.cached_type == type_id {
            return Ok(entry.cached_interface);
        }
        let (object, kind) = self.any(handle)?;
        // SAFETY: the object of an open handle is alive.
        let interface = unsafe { (kind.query)(object, type_id) };
        if interface.is_null() {
            return Err(Errno::ENOTSUP);
        }
        // Looked up again: the query may have been C code that opened handles.
        if let Ok(entry) = self.entry(handle)
            && entry.object == object
        {
            entry.cached_type = type_id;
            entry.cached_interface = interface;
        }
        Ok(interface)
    }

    /// A new handle for `object`.
    #[inline]
    pub(crate) fn open(&self, object: *mut (), kind: &'static Kind) -> Result<c_int> {
        // SAFETY: as in `entry`.
        let entries = unsafe { &mut *self.entries.get() };
        if entries.len() as u32 - self.used.get() <= RESERVE {
            self.grow(entries)?;
        }
        let index = self.first_free.get();
        let entry = &mut entries[index as usize];
        self.first_free.set(entry.next_free);
        if entry.next_free == NONE {
            self.last_free.set(NONE);
        }
        *entry = Entry {
            object,
            kind,
            next_free: NONE,
            cached_type: ptr::null(),
            cached_interface: ptr::null_mut(),
        };
        self.used.set(self.used.get() + 1);
        Ok(self.region.base + index as c_int)
    }

    #[cold]
    fn grow(&self, entries: &mut Vec<Entry>) -> Result<()> {
        let old = entries.len() as u32;
        let new = if old == 0 { FIRST_SIZE } else { old.saturating_mul(2) };
        let new = new.min(self.region.size);
        if new <= old {
            // The brink of the region: use up the reserve, then fail.
            return if self.used.get() < old { Ok(()) } else { Err(Errno::EMFILE) };
        }
        entries.try_reserve_exact((new - old) as usize).map_err(|_| Errno::ENOMEM)?;
        for index in old..new {
            entries.push(Entry {
                object: ptr::null_mut(),
                kind: ptr::null(),
                next_free: if index + 1 < new { index + 1 } else { NONE },
                cached_type: ptr::null(),
                cached_interface: ptr::null_mut(),
            });
        }
        match self.last_free.get() {
            NONE => self.first_free.set(old),
            last => entries[last as usize].next_free = old,
        }
        self.last_free.set(new - 1);
        self.first.set(entries.as_ptr());
        self.size.set(entries.len());
        Ok(())
    }

    /// The object is on its way out: nobody finds it any more, but the number stays taken
    /// until [`HandleTable::release`].
    pub(crate) fn hide(&self, handle: c_int) {
        if let Ok(entry) = self.entry(handle) {
            entry.kind = ptr::null();
            entry.cached_interface = ptr::null_mut();
        }
    }

    /// The object behind a hidden handle has refused to go.
    pub(crate) fn show(&self, handle: c_int, kind: &'static Kind) {
        if let Some(entry) = self.slot(handle) {
            entry.kind = kind;
        }
    }

    /// Frees the number; the object is the caller's business.
    #[inline]
    pub(crate) fn release(&self, handle: c_int) {
        let Some(entry) = self.slot(handle) else { return };
        entry.kind = ptr::null();
        entry.next_free = NONE;
        entry.cached_interface = ptr::null_mut();
        let index = handle.wrapping_sub(self.region.base) as u32;
        match self.last_free.replace(index) {
            NONE => self.first_free.set(index),
            // SAFETY: as in `entry`; the index was stored by this function or `grow`.
            last => unsafe { (&mut *self.entries.get())[last as usize].next_free = index },
        }
        self.used.set(self.used.get() - 1);
    }
}

/// Handle numbers that one thread may use.
struct Region {
    base: c_int,
    size: u32,
    /// Index in `TAKEN`, when the region is this thread's alone.
    claimed: Option<usize>,
}

/// The first thread has the lower half of all numbers; the others share the upper one.
const FIRST_REGION: u32 = 1 << 30;
const OTHER_REGION: u32 = 1 << 20;
const REGIONS: usize = 1 + (FIRST_REGION / OTHER_REGION) as usize;

static TAKEN: Mutex<[bool; REGIONS]> = Mutex::new([false; REGIONS]);

impl Region {
    fn claim() -> Region {
        let mut taken = TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match taken.iter().position(|taken| !taken) {
            Some(0) => {
                taken[0] = true;
                Region { base: 0, size: FIRST_REGION, claimed: Some(0) }
            }
            Some(index) => {
                taken[index] = true;
                let base = FIRST_REGION as c_int + (index as c_int - 1) * OTHER_REGION as c_int;
                Region { base, size: OTHER_REGION, claimed: Some(index) }
            }
            // More than a thousand threads with a scheduler at once: wrong-thread use is
            // not always noticed any more.
            None => Region { base: FIRST_REGION as c_int, size: OTHER_REGION, claimed: None },
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(index) = self.claimed {
            TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[index] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe fn close_nothing(_: *mut ()) -> Result<()> {
        Ok(())
    }

    static PLAIN: Kind =
        Kind { name: "plain", close: close_nothing, query: no_interfaces, adopt: no_owner };
    static OTHER: Kind =
        Kind { name: "other", close: close_nothing, query: no_interfaces, adopt: no_owner };

    fn object() -> *mut () {
        ptr::dangling_mut()
    }

    #[test]
    fn numbers_rotate() {
        let table = HandleTable::new();
        let base = table.open(object(), &PLAIN).unwrap();
        let second = table.open(object(), &PLAIN).unwrap();
        assert_eq!(second, base + 1);
        table.release(base);
        assert_eq!(table.open(object(), &PLAIN).unwrap(), base + 2);
        assert_eq!(table.find(base, &PLAIN), Err(Errno::EBADF));
        assert_eq!(table.find(second, &OTHER), Err(Errno::ENOTSUP));
        assert_eq!(table.find(second, &PLAIN), Ok(object()));
        assert_eq!(table.find(-1, &PLAIN), Err(Errno::EBADF));
    }

    #[test]
    fn a_hidden_handle_is_not_found_but_taken() {
        let table = HandleTable::new();
        let handle = table.open(object(), &PLAIN).unwrap();
        table.hide(handle);
        assert_eq!(table.any(handle).map(drop), Err(Errno::EBADF));
        for _ in 0..FIRST_SIZE {
            assert_ne!(table.open(object(), &PLAIN).unwrap(), handle);
        }
        table.show(handle, &OTHER);
        assert_eq!(table.find(handle, &OTHER), Ok(object()));
        table.hide(handle);
        table.release(handle);
        assert_eq!(table.used.get(), FIRST_SIZE);
    }

    #[test]
    fn grows_and_keeps_every_handle() {
        let table = HandleTable::new();
        let handles: Vec<c_int> =
            (0..5000).map(|_| table.open(object(), &PLAIN).unwrap()).collect();
        for pair in handles.windows(2) {
            assert_eq!(pair[1], pair[0] + 1);
        }
        for &handle in &handles {
            table.release(handle);
            assert_eq!(table.any(handle).map(drop), Err(Errno::EBADF));
        }
        assert_eq!(table.used.get(), 0);
    }

    #[test]
    fn a_handle_of_another_thread_is_not_open() {
        let here = HandleTable::new();
        let handle = here.open(object(), &PLAIN).unwrap();
        std::thread::spawn(move || {
            let there = HandleTable::new();
            there.open(object(), &PLAIN).unwrap();
            assert_eq!(there.find(handle, &PLAIN), Err(Errno::EBADF));
        })
        .join()
        .unwrap();
    }
}
