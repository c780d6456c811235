//! How a protocol tells `choose` of its input.

use crate::concurrency::input::{self, InputVfs};
use core::ffi::{c_int, c_void};
use core::mem::size_of;

/// Identifies the interface by which a socket tells of its input: an object that
/// implements it answers `hquery(h, input_type)` with a pointer to its
/// `struct input_vfs`. It is optional; without it `CHSOCK` fails with `ENOTSUP`. A
/// protocol that buffers nothing may pass the query on to the socket beneath it.
#[unsafe(no_mangle)]
pub static mut dill_input_type: *const c_void = input::type_id();

/// An answer of `struct input_vfs`: ask the socket beneath, whose handle is in `beneath`.
pub const DILL_INPUT_BENEATH: c_int = 0;

/// An answer of `struct input_vfs`: the next receive would not block before its first
/// byte, because input is buffered or because it fails at once.
pub const DILL_INPUT_BUFFERED: c_int = 1;

/// An answer of `struct input_vfs`: ask the system about the file descriptor in `beneath`.
pub const DILL_INPUT_FD: c_int = 2;

/// Where the input of a socket is, for the `CHSOCK` clause of `choose`. A protocol of your
/// own puts this structure into its object and returns a pointer to it when it is queried
/// for `input_type`.
#[repr(C)]
#[allow(dead_code)] // For C; the library itself uses `InputVfs`.
pub struct dill_input_vfs {
    /// Returns `INPUT_BUFFERED`; or `INPUT_BENEATH` or `INPUT_FD`, and stores in `beneath`
    /// who is to be asked instead; or -1 with `errno` set. Must not block.
    pub input: Option<unsafe extern "C" fn(vfs: *mut dill_input_vfs, beneath: *mut c_int) -> c_int>,
}

const _: () = {
    assert!(size_of::<dill_input_vfs>() == size_of::<InputVfs>());
    assert!(DILL_INPUT_BENEATH == input::HANDLE);
    assert!(DILL_INPUT_BUFFERED == input::BUFFERED);
    assert!(DILL_INPUT_FD == input::DESCRIPTOR);
};
