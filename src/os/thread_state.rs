//! What the system says of a thread of another process. For children that look at their parent's
//! memory: see `snapshot`.

use super::output::Output;
use core::ffi::CStr;
use core::mem::MaybeUninit;

/// Returns whether a thread of the parent process is blocked in a system call rather than running.
/// `None` where the system does not say.
pub(crate) fn is_blocked_in_parent(thread: libc::pid_t) -> Option<bool> {
    // SAFETY: no preconditions.
    let process = unsafe { libc::getppid() };
    let mut path = Output::in_memory();
    path.text("/proc/").number(process.into()).text("/task/").number(thread.into());
    path.text("/stat\0");
    let path = CStr::from_bytes_until_nul(path.bytes()).ok()?;
    let mut stat = [MaybeUninit::<u8>::uninit(); 256];
    // SAFETY: the path is a string, and the buffer is valid for as many writes.
    let read = unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let read = libc::read(fd, stat.as_mut_ptr().cast(), stat.len());
        libc::close(fd);
        usize::try_from(read).ok()?
    };
    // SAFETY: so many bytes were read into the buffer.
    let stat = unsafe { core::slice::from_raw_parts(stat.as_ptr().cast::<u8>(), read) };
    // The state follows the thread's name, which may contain anything.
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    match stat.get(name_end + 2)? {
        b'R' => Some(false),
        b'S' | b'D' => Some(true),
        _ => None,
    }
}
