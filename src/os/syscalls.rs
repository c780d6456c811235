//! System calls that nix does not wrap, or not with the precision needed here.

use super::errno::{Errno, Result};
use super::refusal::{Optional, is_refusal};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use nix::sys::epoll::Epoll;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};

/// `MADV_GUARD_INSTALL` of Linux 6.13: makes pages fault without splitting the mapping.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Reserves address space that is committed only page by page, on first touch.
pub(crate) fn map_stacks(len: usize) -> Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
    let address = unsafe {
        libc::mmap(ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if address == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // Huge pages would make one touched page cost 2 MiB. Older kernels may refuse; no harm.
    // SAFETY: the range was mapped just now.
    unsafe { libc::madvise(address, len, libc::MADV_NOHUGEPAGE) };
    Ok(address.cast())
}

/// Unmaps what [`map_stacks`] mapped.
///
/// # Safety
/// The range came from `map_stacks` and nothing in it is used any more.
pub(crate) unsafe fn unmap_stacks(address: *mut u8, len: usize) {
    // SAFETY: by the caller's promise.
    let result = unsafe { libc::munmap(address.cast(), len) };
    debug_assert_eq!(result, 0);
}

/// Turns `[address, address + len)` into a guard that faults on every access, by splitting the
/// mapping where there is no other way. `ENOMEM`.
///
/// # Safety
/// The range lies in a mapping of [`map_stacks`] and holds no data.
pub(crate) unsafe fn guard(address: *mut u8, len: usize) -> Result<()> {
    if !SPLITTING.load(Relaxed) {
        // SAFETY: by the contract of this function, which is the same.
        match unsafe { install_guard(address, len) } {
            Ok(()) => return Ok(()),
            Err(error) if is_refusal(error) => SPLITTING.store(true, Relaxed),
            // There is no memory for the page table; there may be later.
            Err(_) => {}
        }
    }
    // SAFETY: by the contract of this function, nothing is lost.
    let result = unsafe { libc::mprotect(address.cast(), len, libc::PROT_NONE) };
    Errno::result(result).map(drop).map_err(|_| Errno::ENOMEM)
}

/// The system has no guards that leave the mapping whole.
static SPLITTING: AtomicBool = AtomicBool::new(false);

/// Returns whether [`guard`] is known to split mappings, of which a process can have some 65,000.
pub(crate) fn guards_split_mappings() -> bool {
    SPLITTING.load(Relaxed)
}

/// Makes a guard that leaves the mapping whole. Fails where the system knows no such guards, or
/// takes the request for advice and says yes to whatever it doesn't know, as emulators do.
///
/// # Safety
/// The range lies in a mapping of [`map_stacks`] and holds no data.
unsafe fn install_guard(address: *mut u8, len: usize) -> Result<()> {
    /// Guards have been seen to work in this process.
    static SEEN: AtomicBool = AtomicBool::new(false);
    // SAFETY: by the contract of this function.
    Errno::result(unsafe { libc::madvise(address.cast(), len, MADV_GUARD_INSTALL) })?;
    if !SEEN.load(Relaxed) {
        if !is_guarded(address) {
            return Err(Errno::EINVAL);
        }
        SEEN.store(true, Relaxed);
    }
    Ok(())
}

/// Returns the bytes that the process may map at most (`RLIMIT_AS`, `RLIMIT_DATA`);
/// `usize::MAX` without a limit.
pub(crate) fn address_space_limit() -> usize {
    let limit_of = |resource| {
        let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: 0 };
        // SAFETY: `limit` is valid for a write.
        unsafe { libc::getrlimit(resource, &raw mut limit) };
        // `RLIM_INFINITY` is the largest number.
        usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
    };
    limit_of(libc::RLIMIT_AS).min(limit_of(libc::RLIMIT_DATA))
}

/// Is a write to the page of `address`, which holds nothing, a fault?
fn is_guarded(address: *mut u8) -> bool {
    // SAFETY: the system writes the time there, or says that it can't.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, address) };
    Errno::result(result).is_err_and(|error| error == Errno::EFAULT)
}

/// Gives the pages of a range back to the system; guards in it stay.
///
/// # Safety
/// The range lies in a mapping of [`map_stacks`] and its content is not needed.
pub(crate) unsafe fn release_pages(address: *mut u8, len: usize) {
    // SAFETY: by the caller's promise.
    unsafe { libc::madvise(address.cast(), len, libc::MADV_DONTNEED) };
}

/// Size of a memory page in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// `CLOCK_MONOTONIC` in nanoseconds.
pub(crate) fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for a write; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// `Duration` as the kernel wants it.
pub(crate) fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Sleeps on nothing but time; `None` waits for a signal only. Ends early on a signal. Fails
/// where every system call that sleeps is refused.
pub(crate) fn sleep(timeout: Option<Duration>) -> Result<()> {
    static PPOLL: Optional = Optional::new();
    static POLL: Optional = Optional::new();
    let time = timeout.map(timespec);
    let slept = PPOLL.or_older(
        || {
            let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: no descriptors; `time` is null or points to a live timespec.
            Errno::result(unsafe { libc::ppoll(ptr::null_mut(), 0, time, ptr::null()) })
        },
        || {
            POLL.or_older(
                // SAFETY: no descriptors.
                || Errno::result(unsafe { libc::poll(ptr::null_mut(), 0, milliseconds(timeout)) }),
                || nanosleep(time.unwrap_or(timespec(Duration::from_secs(3600)))),
            )
        },
    );
    match slept {
        Err(error) if is_refusal(error) => Err(error),
        _ => Ok(()),
    }
}

fn nanosleep(time: libc::timespec) -> Result<libc::c_int> {
    // SAFETY: `time` points to a live timespec; the rest of it is not asked for.
    Errno::result(unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) })
}

/// Whole milliseconds as `poll` takes them, -1 for no limit. Rounded up: waking early would mean
/// waking twice.
fn milliseconds(timeout: Option<Duration>) -> libc::c_int {
    timeout.map_or(-1, |timeout| {
        let rounded = timeout.as_nanos().div_ceil(1_000_000);
        libc::c_int::try_from(rounded).unwrap_or(libc::c_int::MAX)
    })
}

/// What a socket is for, as far as that can be asked of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SocketRole {
    Listener,
    /// A stream whose connection has not been made yet.
    Connecting,
    Other,
}

/// The role of the socket `fd`. For dumps: it leaves no trace but in errno.
pub(crate) fn socket_role(fd: RawFd) -> SocketRole {
    let mut kind: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    let mut option = |name| {
        // SAFETY: `kind` and `len` are valid for writes, and the latter says how much.
        let result = unsafe {
            libc::getsockopt(fd, libc::SOL_SOCKET, name, (&raw mut kind).cast(), &raw mut len)
        };
        if result == 0 { kind } else { 0 }
    };
    if option(libc::SO_ACCEPTCONN) != 0 {
        return SocketRole::Listener;
    }
    if option(libc::SO_TYPE) != libc::SOCK_STREAM {
        return SocketRole::Other;
    }
    let mut address = [0u64; 16];
    let mut len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is valid for a write of so many bytes.
    let result = unsafe { libc::getpeername(fd, address.as_mut_ptr().cast(), &raw mut len) };
    if result == 0 { SocketRole::Other } else { SocketRole::Connecting }
}

/// A descriptor number of the user's, for a call that reports `EBADF` by itself.
pub(crate) fn borrow<'fd>(fd: RawFd) -> BorrowedFd<'fd> {
    debug_assert!(fd >= 0);
    // SAFETY: the number is not -1. It is only passed to system calls that check it,
    // and whether it stays open meanwhile is the business of the user, who owns it.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// `epoll_wait` with nanosecond precision where the kernel has it (Linux 5.11).
pub(crate) fn epoll_wait(
    epoll: &Epoll,
    events: &mut [libc::epoll_event],
    timeout: Option<Duration>,
) -> Result<usize> {
    static EPOLL_PWAIT2: Optional = Optional::new();
    static EPOLL_WAIT: Optional = Optional::new();
    let number = epoll.0.as_raw_fd();
    let room = libc::c_int::try_from(events.len()).unwrap_or(libc::c_int::MAX);
    let events = events.as_mut_ptr();
    let no_mask = ptr::null::<libc::sigset_t>();
    EPOLL_PWAIT2.or_older(
        || {
            let time = timeout.map(timespec);
            let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
            let call = libc::SYS_epoll_pwait2;
            // SAFETY: the array is valid for writes; `time` is null or points to a live timespec.
            let result =
                unsafe { libc::syscall(call, number, events, room, time, no_mask, 0usize) };
            Errno::result(result).map(|count| count as usize)
        },
        || {
            let limit = milliseconds(timeout);
            let count = EPOLL_WAIT.or_older(
                // SAFETY: the array is valid for writes.
                || Errno::result(unsafe { libc::epoll_wait(number, events, room, limit) }),
                // SAFETY: the array is valid for writes; no mask.
                || {
                    let result = unsafe { libc::epoll_pwait(number, events, room, limit, no_mask) };
                    Errno::result(result)
                },
            );
            count.map(|count| count as usize)
        },
    )
}

/// Starts a thread that nobody joins. Not one of the standard library: its birth would abort
/// for want of memory. `name` has at most 15 bytes. Its stack has the size that is usual for
/// threads; `least` bytes where so much address space can't be had, if that is given.
pub(crate) fn start_thread(
    name: &core::ffi::CStr,
    least: Option<usize>,
    enter: extern "C" fn(*mut libc::c_void) -> *mut libc::c_void,
    argument: *const (),
) -> Result<()> {
    let mut thread: libc::pthread_t = 0;
    let argument = argument.cast_mut().cast();
    // SAFETY: `thread` is a place for the result; without attributes. What `enter` does with
    // its argument is its own promise.
    let mut error = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), enter, argument) };
    if error != 0
        && let Some(least) = least
    {
        let mut attributes = core::mem::MaybeUninit::uninit();
        // SAFETY: the attributes are initialised first; the rest as above.
        unsafe {
            if libc::pthread_attr_init(attributes.as_mut_ptr()) == 0 {
                libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), least);
                let attributes = attributes.as_mut_ptr();
                error = libc::pthread_create(&raw mut thread, attributes, enter, argument);
                libc::pthread_attr_destroy(attributes);
            }
        }
    }
    if error != 0 {
        return Err(Errno::from_raw(error));
    }
    // SAFETY: the thread can't have been freed, as it is neither joined nor detached yet; a
    // name that is refused is no harm.
    unsafe {
        libc::pthread_setname_np(thread, name.as_ptr());
        libc::pthread_detach(thread);
    }
    Ok(())
}

/// Makes a [`Wakeup`](super::descriptors::Wakeup) readable through its writer `fd`.
pub(crate) fn signal_event(fd: RawFd) {
    let one = 1u64;
    // It can't fail: the counter, or the pipe, is far from full.
    // SAFETY: eight bytes of a live variable.
    let _ = unsafe { libc::write(fd, (&raw const one).cast(), size_of::<u64>()) };
}
