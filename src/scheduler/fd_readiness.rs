//! Waiting for descriptors.
//!
//! There are two kinds. A descriptor of the *user* (`fdin`, `fdout`) is watched once
//! by level each time that a coroutine waits for it. A descriptor of a library *socket*
//! is registered once, for edges in both directions; the socket tries its system call
//! first and waits only when it knows that it would block.

mod source;
mod user;
mod waiting;

pub(crate) use super::fd_table::{Help, inspection};
pub(crate) use super::poller::RECEIVED_AT_ONCE;
pub(crate) use source::FdSource;
pub(crate) use user::{
    call_when_readable, clean, enroll, enroll_socket, may_be_late, poll_socket, poll_user,
    stop_calling, wait_readable, wait_writable,
};
