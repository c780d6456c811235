//! Numbers for objects, as C programs hold them.
//!
//! Handles count up from the beginning of the thread's [`Region`] and are reused in the order in
//! which they were freed, so that a stale handle is found out rather than taken for a new one.
//! Nothing here ever blocks.

mod kind;
mod region;

pub(crate) use kind::{Kind, Opaque, no_interfaces};

use crate::os::debug_layout::Field;
use crate::os::errno::{Errno, Result};
use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr;
use region::Region;

/// 16 bytes: what is rarely needed lies elsewhere.
#[derive(Clone, Copy)]
struct Entry {
    /// The object; of a free handle the index of the next free one.
    object: *mut (),
    /// A `Kind` with the bit below in its address; null while the handle is free or hidden.
    kind: *const Kind,
}

/// In `Entry::kind`: `answers` has an answer of the object.
const ANSWERED: usize = 1;

const _: () = assert!(align_of::<Kind>() > ANSWERED);

impl Entry {
    fn free(next: u32) -> Entry {
        Entry { object: ptr::without_provenance_mut(next as usize), kind: ptr::null() }
    }

    fn has(&self, bit: usize) -> bool {
        self.kind.addr() & bit != 0
    }

    fn mark(&mut self, bit: usize, on: bool) {
        self.kind = self.kind.map_addr(|kind| if on { kind | bit } else { kind & !bit });
    }

    /// Null when the handle is free or hidden.
    fn kind(&self) -> *const Kind {
        self.kind.map_addr(|kind| kind & !ANSWERED)
    }
}

/// The last answer of the `query` of one handle's object.
#[derive(Clone, Copy)]
struct Answer {
    type_id: *const c_void,
    interface: *mut c_void,
}

const FIRST_SIZE: u32 = 256;
/// So many handles stay free, so that numbers rotate even at the brink of growing.
const RESERVE: u32 = 8;

/// The handles of one thread.
#[repr(C)]
pub(crate) struct HandleTable {
    /// Address and length of `entries`, at hand.
    first: Cell<*mut Entry>,
    len: Cell<usize>,
    base: c_int,
    /// The free handles are a list, which never is empty once there are entries.
    first_free: Cell<u32>,
    last_free: Cell<u32>,
    /// So many handles may be opened before the table must grow.
    room: Cell<u32>,
    /// The table can't grow, and the reserve may be used up.
    full: Cell<bool>,
    entries: UnsafeCell<Vec<Entry>>,
    /// As long as `entries`, or shorter where none was asked for yet.
    answers: UnsafeCell<Vec<Answer>>,
    region: Region,
}

impl HandleTable {
    pub(crate) fn new() -> HandleTable {
        let region = Region::claim();
        HandleTable {
            first: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            base: region.base,
            first_free: Cell::new(0),
            last_free: Cell::new(0),
            room: Cell::new(0),
            full: Cell::new(false),
            entries: UnsafeCell::new(Vec::new()),
            answers: UnsafeCell::new(Vec::new()),
            region,
        }
    }

    #[inline(always)]
    fn index(&self, handle: c_int) -> usize {
        handle.wrapping_sub(self.base).cast_unsigned() as usize
    }

    /// The entry of a handle, open or free. Callers use it up before they call anything
    /// else of the table.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    fn entry_at(&self, index: usize) -> Option<&mut Entry> {
        // SAFETY: `first` and `len` are those of the vector. No reference into it outlives a
        // function of this type, none of which calls foreign code while it holds one.
        (index < self.len.get()).then(|| unsafe { &mut *self.first.get().add(index) })
    }

    /// The entry of an open handle, likewise.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    fn entry(&self, handle: c_int) -> Result<&mut Entry> {
        match self.entry_at(self.index(handle)) {
            Some(entry) if !entry.kind.is_null() => Ok(entry),
            _ => Err(Errno::EBADF),
        }
    }

    /// The object behind `handle`: `EBADF` when that is not open on this thread,
    /// `ENOTSUP` when the object is of another kind.
    #[inline(always)]
    pub(crate) fn find(&self, handle: c_int, kind: &'static Kind) -> Result<*mut ()> {
        match self.find_at_once(handle, kind) {
            Some(object) => Ok(object),
            None => self.find_slowly(handle, kind),
        }
    }

    /// Fast path of [`HandleTable::find`]; may return `None` for a valid handle.
    #[inline(always)]
    pub(crate) fn find_at_once(&self, handle: c_int, kind: &'static Kind) -> Option<*mut ()> {
        let entry = *self.entry_at(self.index(handle))?;
        ptr::eq(entry.kind, kind).then_some(entry.object)
    }

    /// Returns whether a handle can be opened without growing the table.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        self.room.get() > 0
    }

    fn find_slowly(&self, handle: c_int, kind: &'static Kind) -> Result<*mut ()> {
        let entry = self.entry(handle)?;
        if ptr::eq(entry.kind(), kind) { Ok(entry.object) } else { Err(Errno::ENOTSUP) }
    }

    /// Object and kind of an open handle.
    pub(crate) fn any(&self, handle: c_int) -> Result<(*mut (), &'static Kind)> {
        let entry = self.entry(handle)?;
        // SAFETY: the kind of an open handle is a `&'static Kind`.
        Ok((entry.object, unsafe { &*entry.kind() }))
    }

    /// For debuggers.
    pub(crate) const LAYOUT: &[Field] = &[
        Field::new(c"handles.base", offset_of!(HandleTable, base)),
        Field::new(c"handles.first", offset_of!(HandleTable, first)),
        Field::new(c"handles.size", offset_of!(HandleTable, len)),
        Field::new(c"entry.size", size_of::<Entry>()),
        Field::new(c"entry.object", offset_of!(Entry, object)),
        Field::new(c"entry.kind", offset_of!(Entry, kind)),
        Field::new(c"entry.kind_bits", ANSWERED),
        // Address and length.
        Field::new(c"kind.name", offset_of!(Kind, name)),
    ];

    /// Calls `action` with number, object and kind of each open handle, in the order of
    /// their numbers. It must not open or close any.
    pub(crate) fn for_each(&self, mut action: impl FnMut(c_int, *mut (), &'static Kind)) {
        // SAFETY: nothing changes the vector meanwhile.
        let entries = unsafe { &*self.entries.get() };
        for (index, entry) in entries.iter().enumerate() {
            // SAFETY: the kind of an open handle is a `&'static Kind`.
            if let Some(kind) = unsafe { entry.kind().as_ref() } {
                action(self.base + index as c_int, entry.object, kind);
            }
        }
    }

    /// The interface `type_id` of the object: `ENOTSUP` when it has none.
    pub(crate) fn query(&self, handle: c_int, type_id: *const c_void) -> Result<*mut c_void> {
        let entry = self.entry(handle)?;
        if entry.has(ANSWERED)
            && let Some(answer) = self.answer(handle)
            && answer.type_id == type_id
        {
            return Ok(answer.interface);
        }
        let (object, kind) = self.any(handle)?;
        // SAFETY: the object of an open handle is alive.
        let interface = unsafe { (kind.query)(object, type_id) };
        if interface.is_null() {
            return Err(Errno::ENOTSUP);
        }
        self.make_answers();
        // Looked up again: the query may have been C code that opened handles.
        if let Ok(entry) = self.entry(handle)
            && entry.object == object
            && let Some(answer) = self.answer(handle)
        {
            *answer = Answer { type_id, interface };
            entry.mark(ANSWERED, true);
        }
        Ok(interface)
    }

    #[allow(clippy::mut_from_ref)]
    fn answer(&self, handle: c_int) -> Option<&mut Answer> {
        // SAFETY: as in `entry_at`.
        unsafe { &mut *self.answers.get() }.get_mut(self.index(handle))
    }

    /// Makes room for the answers of all handles. Without memory they are not remembered.
    fn make_answers(&self) {
        // SAFETY: as in `entry_at`.
        let answers = unsafe { &mut *self.answers.get() };
        let len = self.len.get();
        if answers.len() < len && answers.try_reserve_exact(len - answers.len()).is_ok() {
            answers.resize(len, Answer { type_id: ptr::null(), interface: ptr::null_mut() });
        }
    }

    /// A new handle for `object`.
    #[inline]
    pub(crate) fn open(&self, object: *mut (), kind: &'static Kind) -> Result<c_int> {
        if !self.has_room() {
            self.grow()?;
        }
        Ok(self.open_at_once(object, kind))
    }

    /// As [`HandleTable::open`], where [`HandleTable::has_room`].
    #[inline(always)]
    pub(crate) fn open_at_once(&self, object: *mut (), kind: &'static Kind) -> c_int {
        debug_assert!(self.has_room());
        self.room.set(self.room.get() - 1);
        let index = self.first_free.get();
        // SAFETY: the list of free handles is not empty, and its indices are good ones.
        let entry = unsafe { &mut *self.first.get().add(index as usize) };
        self.first_free.set(entry.object.addr() as u32);
        *entry = Entry { object, kind };
        self.base + index.cast_signed()
    }

    #[cold]
    #[inline(never)]
    fn grow(&self) -> Result<()> {
        // SAFETY: as in `entry_at`.
        let entries = unsafe { &mut *self.entries.get() };
        let old = entries.len() as u32;
        let most = self.region.size - old;
        if most == 0 {
            // Use up the reserve but for one, then fail.
            if self.full.replace(true) {
                return Err(Errno::EMFILE);
            }
            self.room.set(RESERVE - 1);
            return Ok(());
        }
        // Twice as many, or where there is no memory for that, fewer.
        let mut more = if old == 0 { FIRST_SIZE } else { old }.min(most);
        while entries.try_reserve_exact(more as usize).is_err() {
            if more <= FIRST_SIZE {
                return Err(Errno::ENOMEM);
            }
            more /= 2;
        }
        let new = old + more;
        entries.extend((old..new).map(|index| Entry::free(index + 1)));
        if let Some(last) = entries.get_mut(self.last_free.get() as usize)
            && old > 0
        {
            *last = Entry::free(old);
        }
        self.last_free.set(new - 1);
        self.room.set(new - old - if old == 0 { RESERVE } else { 0 });
        self.first.set(entries.as_mut_ptr());
        self.len.set(new as usize);
        Ok(())
    }

    /// The object is on its way out: it is found no more, but the number stays taken
    /// until [`HandleTable::release`].
    pub(crate) fn hide(&self, handle: c_int) {
        if let Ok(entry) = self.entry(handle) {
            entry.kind = ptr::null();
        }
    }

    /// The object behind a hidden handle has refused to go.
    pub(crate) fn show(&self, handle: c_int, kind: &'static Kind) {
        if let Some(entry) = self.entry_at(self.index(handle)) {
            entry.kind = kind;
        }
    }

    /// Frees the number of an open or hidden handle; the object is the caller's business.
    #[inline(always)]
    pub(crate) fn release(&self, handle: c_int) {
        let index = self.index(handle);
        let Some(entry) = self.entry_at(index) else { return };
        entry.kind = ptr::null();
        let last = self.last_free.replace(index as u32);
        // SAFETY: the last free handle's index, as in `open`.
        unsafe { *self.first.get().add(last as usize) = Entry::free(index as u32) };
        self.room.set(self.room.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe fn close_nothing(_: *mut ()) -> Result<()> {
        Ok(())
    }

    static PLAIN: Kind = Kind::new("plain", close_nothing, no_interfaces);
    static OTHER: Kind = Kind::new("other", close_nothing, no_interfaces);

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
        let used = table.len.get() - (table.room.get() + RESERVE) as usize;
        assert_eq!(used, FIRST_SIZE as usize);
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
        assert_eq!((table.room.get() + RESERVE) as usize, table.len.get());
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
