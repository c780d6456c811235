//! Random bytes that no one can predict.

use super::errno::{Errno, Result};
use super::refusal::Optional;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// Fills `bytes` from the system's source: by `getrandom`, or from the device where that is
/// refused.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    static GETRANDOM: Optional = Optional::new();
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        let (place, room) = (rest.as_mut_ptr().cast(), rest.len());
        let filled = GETRANDOM.or_older(
            // SAFETY: `room` bytes can be written to `place`.
            || Errno::result(unsafe { libc::getrandom(place, room, 0) }),
            // SAFETY: `room` bytes can be written to `place`.
            || unsafe { read_device(place, room) },
        );
        match filled {
            Err(Errno::EINTR) => {}
            filled => done += filled?.unsigned_abs(),
        }
    }
    Ok(())
}

/// Returns whether libraries that ask the system for random bytes themselves can get them.
/// `EIO` if not. They read from the device, which they keep open, where there is no `getrandom`
/// (`ENOSYS`) or it is not permitted (`EPERM`); after another error rustls's fail, and the standard
/// library panics.
#[cfg(feature = "tls")]
pub(crate) fn serves_libraries() -> Result<()> {
    // SAFETY: asks for nothing.
    match Errno::result(unsafe { libc::getrandom(core::ptr::null_mut(), 0, 0) }) {
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(_) => Err(Errno::EIO),
    }
}

/// Reads from the device, which does not stay open: its number might be a standard descriptor's.
///
/// # Safety
/// `room` bytes can be written to `place`.
#[cold]
unsafe fn read_device(place: *mut libc::c_void, room: usize) -> Result<isize> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: the name is a string; a new descriptor has no other owner.
    let device = unsafe {
        let number = Errno::result(libc::open(c"/dev/urandom".as_ptr(), flags))?;
        OwnedFd::from_raw_fd(number)
    };
    // SAFETY: the caller's buffer.
    match Errno::result(unsafe { libc::read(device.as_raw_fd(), place, room) })? {
        // Not the device.
        0 => Err(Errno::EIO),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_gives_what_the_call_gives() {
        let (mut first, mut second) = ([0u8; 64], [0u8; 64]);
        fill(&mut first).unwrap();
        // SAFETY: an array of so many bytes.
        let count = unsafe { read_device(second.as_mut_ptr().cast(), second.len()) };
        assert_eq!(count, Ok(64));
        assert_ne!(first, [0; 64]);
        assert_ne!(second, [0; 64]);
        assert_ne!(first, second);
    }
}
