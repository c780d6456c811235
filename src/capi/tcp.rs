//! TCP connections and listeners.

mod closing;
mod connecting;
mod fromfd;

use crate::sockets::tcp::{CONNECTION_STORAGE, LISTENER_STORAGE};
use core::ffi::c_char;
use core::mem::size_of;

/// Memory for a TCP listener, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_tcp_listener_storage {
    bytes: [c_char; 56],
}

/// Memory for a TCP connection, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_tcp_storage {
    bytes: [c_char; 72],
}

const _: () = assert!(size_of::<dill_tcp_listener_storage>() == LISTENER_STORAGE);
const _: () = assert!(size_of::<dill_tcp_storage>() == CONNECTION_STORAGE);
