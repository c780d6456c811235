//! Passing file descriptors over local connections, each with a byte of the stream.

#![allow(unsafe_code)] // System calls with control data.

use super::connection::Connection;
use crate::os::descriptors;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::sockets::fd_io::{EMPTY, attempt, header};
use core::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The byte that goes with a descriptor, as libdill sends it.
const COMPANION: u8 = 0xcc;

/// Room for control messages: the one with the descriptor, and one with the credentials of
/// the peer if the user has asked the system for them.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; 128]);

impl Control {
    const fn new() -> Self {
        Self([MaybeUninit::zeroed(); 128])
    }
}

impl Connection {
    /// Passes the user's descriptor `fd` to the peer. Errors other than a broken connection
    /// leave the connection as it was, as there is nothing that could have been half sent.
    pub(in crate::sockets) fn send_descriptor(&self, fd: RawFd, deadline: i64) -> Result<()> {
        Context::may_block()?;
        if fd < 0 {
            return Err(Errno::EINVAL);
        }
        self.output_open()?;
        let result = self.output.occupy(&self.source, deadline, |call| {
            loop {
                if !self.source.may_write() {
                    call.wait_writable()?;
                }
                if send(self.source.as_raw_fd(), fd)? {
                    return Ok(());
                }
                self.source.write_has_blocked();
            }
        });
        if result == Err(Errno::ECONNRESET) {
            self.send_failed(Errno::ECONNRESET);
        }
        result
    }

    /// Receives a descriptor. `EPROTO` if the next byte came without one, after which nothing
    /// can be received any more.
    pub(in crate::sockets) fn receive_descriptor(&self, deadline: i64) -> Result<OwnedFd> {
        Context::may_block()?;
        self.input_open()?;
        let result = self.input.occupy(&self.source, deadline, |call| {
            loop {
                if !self.source.may_read() {
                    call.wait_readable()?;
                }
                match receive(self.source.as_raw_fd()) {
                    Ok(None) => self.source.read_has_blocked(),
                    Ok(Some(fd)) => return Ok(fd),
                    Err(error) => return Err(error),
                }
            }
        });
        result.map_err(|error| match error {
            Errno::EPIPE | Errno::EPROTO | Errno::ECONNRESET => self.receive_failed(error),
            error => error,
        })
    }
}

/// Sends one descriptor; false if the socket's output is full.
#[inline(never)]
fn send(socket: RawFd, fd: RawFd) -> Result<bool> {
    let mut byte = COMPANION;
    let mut slot = [EMPTY];
    slot[0] = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = Control::new();
    let mut header = header(&mut slot);
    header.msg_control = control.0.as_mut_ptr().cast();
    let size = size_of::<RawFd>() as libc::c_uint;
    // SAFETY: the control data has room for a header and a descriptor, so the first header
    // lies within it; `CMSG_LEN` and `CMSG_SPACE` only compute.
    unsafe {
        header.msg_controllen = libc::CMSG_SPACE(size) as usize;
        let message = libc::CMSG_FIRSTHDR(&raw const header);
        (*message).cmsg_level = libc::SOL_SOCKET;
        (*message).cmsg_type = libc::SCM_RIGHTS;
        (*message).cmsg_len = libc::CMSG_LEN(size) as usize;
        libc::CMSG_DATA(message).cast::<RawFd>().write_unaligned(fd);
    }
    // SAFETY: header, buffer and control data live through the call.
    let sent = attempt(|| unsafe { libc::sendmsg(socket, &raw const header, libc::MSG_NOSIGNAL) })?;
    Ok(sent.is_some())
}

/// Receives one byte and the descriptor that came with it; `None` if there is no input.
#[inline(never)]
fn receive(socket: RawFd) -> Result<Option<OwnedFd>> {
    let mut byte = 0u8;
    let mut slot = [EMPTY];
    slot[0] = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = Control::new();
    let mut header = header(&mut slot);
    let received = attempt(|| {
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = size_of::<Control>();
        // SAFETY: header, buffer and control data live through the call.
        unsafe { libc::recvmsg(socket, &raw mut header, 0) }
    })?;
    match received {
        None => return Ok(None),
        Some(0) => return Err(Errno::EPIPE),
        Some(_) => {}
    }
    let mut first = None;
    // SAFETY: the system has filled in the control data, which the macros walk through.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS
            {
                let data = libc::CMSG_DATA(message).cast::<RawFd>();
                let bytes = (*message).cmsg_len - libc::CMSG_LEN(0) as usize;
                for index in 0..bytes / size_of::<RawFd>() {
                    // Those that nobody has asked for are closed by being dropped.
                    let fd = OwnedFd::from_raw_fd(data.add(index).read_unaligned());
                    first.get_or_insert(fd);
                }
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
    }
    match first {
        // A later `dup2` of the program's to a standard descriptor shall not replace it.
        Some(fd) => descriptors::above_standard_inherited(fd).map(Some),
        // The system could not give us a descriptor number.
        None if header.msg_flags & libc::MSG_CTRUNC != 0 => Err(Errno::EMFILE),
        None => Err(Errno::EPROTO),
    }
}
