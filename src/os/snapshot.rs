//! Looking at memory that may be in the middle of a change: in a child process, which may
//! crash. And the timer that says when this is necessary. For signal handlers.

use super::{signal_handlers, syscalls};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::time::Duration;

/// What the child may die of without a word.
const FAULTS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGALRM];

/// So many seconds the child may take, should it go round in circles.
const PATIENCE: libc::c_uint = 5;

/// Calls `look` in a copy of the process. True if it came to its end.
pub(crate) fn in_child(look: impl FnOnce()) -> bool {
    // `fork` itself would run handlers of others and take locks. No signal tells of this
    // child's end, and nobody who waits for children of his own finds it.
    // SAFETY: without flags the child gets a copy of everything.
    let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    match child {
        0 => {
            prepare_child();
            look();
            // SAFETY: ends the child without running anybody's handlers.
            unsafe { libc::_exit(0) };
        }
        1.. => await_child(child as libc::pid_t) == 0,
        _ => false,
    }
}

/// As [`in_child`], for a thread that can wait and has to go on: returns what `look` has returned,
/// or `None` when the child has died, was not there, or took longer than `limit`.
pub(crate) fn in_child_within(limit: Duration, look: impl FnOnce() -> u8) -> Option<u8> {
    // SAFETY: no preconditions.
    let parent = unsafe { libc::getpid() };
    // Emulators refuse a child without a signal at its end.
    let child = [0, libc::SIGCHLD].into_iter().find_map(|flags| {
        // SAFETY: with these flags the child gets a copy of everything.
        let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
        (child >= 0).then_some(child as libc::pid_t)
    })?;
    if child == 0 {
        prepare_child();
        // It must not report on a process that has ended in another way meanwhile.
        // SAFETY: system calls without memory.
        let is_orphan = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::getppid() != parent
        };
        let result = if is_orphan { u8::MAX } else { look() };
        // SAFETY: ends the child without running anybody's handlers.
        unsafe { libc::_exit(result.into()) };
    }
    let end = syscalls::monotonic_ns().saturating_add(limit.as_nanos() as u64);
    let mut pause = Duration::from_micros(100);
    loop {
        let mut status = 0;
        // SAFETY: `status` is valid for a write.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::__WALL | libc::WNOHANG) };
        if ended != 0 {
            let is_exit = ended == child && libc::WIFEXITED(status);
            return is_exit.then(|| libc::WEXITSTATUS(status) as u8);
        }
        if syscalls::monotonic_ns() >= end {
            // SAFETY: a child of ours that nothing has waited for yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            return None;
        }
        let _ = syscalls::sleep(Some(pause));
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Has the calling child die unless it ends within `limit`, or sets another limit.
pub(crate) fn limit_child(limit: Duration) {
    let value = libc::timeval {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_usec: limit.subsec_micros().into(),
    };
    let none = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: none, it_value: value };
    // SAFETY: the timer is valid for the call; the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) };
}

fn prepare_child() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the sets and the limit are valid for the calls.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        let mut blocked = MaybeUninit::uninit();
        libc::sigfillset(blocked.as_mut_ptr());
        for signal in FAULTS {
            signal_handlers::set_default(signal);
            libc::sigdelset(blocked.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), ptr::null_mut());
        libc::alarm(PATIENCE);
    }
}

fn await_child(child: libc::pid_t) -> c_int {
    let mut status = -1;
    // SAFETY: `status` is valid for a write.
    while unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) } < 0 {
        if super::errno::Errno::last() != super::errno::Errno::EINTR {
            return -1;
        }
    }
    status
}

/// A timer that sends a signal to the calling thread once. Dropping it stops it.
pub(crate) struct OneShot(c_int);

impl OneShot {
    /// Has the calling thread get `signal`, with `SI_TIMER` for a code, after `delay`.
    pub(crate) fn start(signal: c_int, delay: Duration) -> Option<OneShot> {
        let mut timer: c_int = 0;
        let when = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: super::syscalls::timespec(delay),
        };
        // SAFETY: all zero is a valid event; it, the times and the timer's number are valid
        // for the calls. System calls, as the C library's functions may take locks.
        unsafe {
            let mut event: libc::sigevent = core::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = signal;
            event.sigev_notify_thread_id = libc::gettid();
            let clock = libc::CLOCK_MONOTONIC;
            if libc::syscall(libc::SYS_timer_create, clock, &raw mut event, &raw mut timer) != 0 {
                return None;
            }
            let started = OneShot(timer);
            let none: *mut libc::itimerspec = ptr::null_mut();
            let set = libc::syscall(libc::SYS_timer_settime, timer, 0, &raw const when, none);
            (set == 0).then_some(started)
        }
    }
}

impl Drop for OneShot {
    fn drop(&mut self) {
        // SAFETY: the number of a timer that exists.
        unsafe { libc::syscall(libc::SYS_timer_delete, self.0) };
    }
}
