//! Descriptors that coroutines wait for.

use crate::plan::FDS;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

/// Descriptors that serve all cases of a thread: the end to read from and its peer.
pub struct Pairs([(OwnedFd, OwnedFd); FDS]);

impl Pairs {
    pub fn new() -> Pairs {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
        Pairs(std::array::from_fn(|_| {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            socketpair(AddressFamily::Unix, SockType::Stream, None, flags).expect("socketpair")
        }))
    }

    /// The descriptor to read from.
    pub fn readable(&self, fd: u8) -> RawFd {
        self.0[usize::from(fd)].0.as_raw_fd()
    }

    /// The one to write to.
    pub fn writable(&self, fd: u8) -> RawFd {
        self.0[usize::from(fd)].1.as_raw_fd()
    }

    /// The next byte, if there is one.
    pub fn read(&self, fd: u8) -> Option<u8> {
        let mut byte = [0];
        let result = nix::unistd::read(&self.0[usize::from(fd)].0, &mut byte);
        (result == Ok(1)).then_some(byte[0])
    }

    pub fn write(&self, fd: u8, byte: u8) {
        nix::unistd::write(&self.0[usize::from(fd)].1, &[byte]).expect("write");
    }

    pub fn drain(&self) {
        (0..FDS).for_each(|fd| while self.read(fd as u8).is_some() {});
    }
}
