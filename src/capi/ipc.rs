//! Local sockets (`AF_UNIX`).

mod closing;
mod connecting;
mod fromfd;
mod pair;
mod passing;

use crate::sockets::ipc::{CONNECTION_STORAGE, LISTENER_STORAGE, PAIR_STORAGE};
use core::ffi::c_char;
use core::mem::size_of;

/// Memory for a local listener, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipc_listener_storage {
    bytes: [c_char; 24],
}

const _: () = assert!(size_of::<dill_ipc_listener_storage>() == LISTENER_STORAGE);

/// Memory for a local connection, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipc_storage {
    bytes: [c_char; 72],
}

const _: () = assert!(size_of::<dill_ipc_storage>() == CONNECTION_STORAGE);

/// Memory for two local connections, for the functions whose names end in `_mem`.
///
/// cbindgen:field-names=[_]
#[repr(C)]
pub struct dill_ipc_pair_storage {
    bytes: [c_char; 144],
}

const _: () = assert!(size_of::<dill_ipc_pair_storage>() == PAIR_STORAGE);
