//! Gather and scatter lists.

use crate::sockets::io_list::IoList;
use core::ffi::{c_int, c_void};
use core::mem::{align_of, offset_of, size_of};

/// One buffer of a list, as sent by `bsendl` and filled by `brecvl`.
///
/// The buffers of a list are transferred one after another, as if they were a single
/// one. The list ends with the element whose `iol_next` is `NULL`; the functions that
/// take a list get a pointer to its first and its last element.
#[repr(C)]
pub struct dill_iolist {
    /// The memory of the buffer. `NULL`, when receiving: read `iol_len` bytes and drop
    /// them.
    pub iol_base: *mut c_void,
    /// Its length in bytes.
    pub iol_len: usize,
    /// The next buffer of the list, or `NULL`.
    pub iol_next: *mut dill_iolist,
    /// Reserved; must be 0.
    pub iol_rsvd: c_int,
}

// The same structure under its names in C and in Rust.
const _: () = {
    assert!(size_of::<dill_iolist>() == size_of::<IoList>());
    assert!(align_of::<dill_iolist>() == align_of::<IoList>());
    assert!(offset_of!(dill_iolist, iol_base) == offset_of!(IoList, base));
    assert!(offset_of!(dill_iolist, iol_len) == offset_of!(IoList, len));
    assert!(offset_of!(dill_iolist, iol_next) == offset_of!(IoList, next));
    assert!(offset_of!(dill_iolist, iol_rsvd) == offset_of!(IoList, reserved));
};
