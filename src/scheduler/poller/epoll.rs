//! The poller on epoll.

use super::interface::{Event, Interest, Mode, Poller, Readiness, Sink};
use crate::os::errno::{Errno, Result};
use crate::os::{descriptors, syscalls};
use core::cell::RefCell;
use core::time::Duration;
use nix::sys::epoll::{Epoll as Descriptor, EpollEvent, EpollFlags};
use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd as _, RawFd};

/// Events taken from the kernel in one call. The array is on the heap: this runs on
/// whatever coroutine's stack happens to be current.
const BATCH: usize = 256;

pub(crate) struct Epoll {
    pub(super) descriptor: Descriptor,
    events: RefCell<Box<[libc::epoll_event]>>,
}

impl Epoll {
    pub(crate) fn new() -> Result<Epoll> {
        let mut events = Vec::new();
        events.try_reserve_exact(BATCH).map_err(|_| Errno::ENOMEM)?;
        events.resize(BATCH, libc::epoll_event { events: 0, u64: 0 });
        let descriptor = Descriptor(descriptors::epoll()?);
        Ok(Epoll { descriptor, events: RefCell::new(events.into_boxed_slice()) })
    }

    /// Is it in the middle of [`Poller::wait`]?
    pub(super) fn is_waiting(&self) -> bool {
        self.events.try_borrow_mut().is_err()
    }

    /// Ends one that was left to the parent: what has the number now is somebody else's.
    pub(super) fn dissolve(self) {
        let _ = self.descriptor.0.into_raw_fd();
    }
}

impl Poller for Epoll {
    fn watch(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()> {
        if fd < 0 {
            return Err(Errno::EBADF);
        }
        let mut flags = match interest.mode {
            Mode::OnceByLevel => EpollFlags::EPOLLONESHOT,
            Mode::EveryEdge => EpollFlags::EPOLLET | EpollFlags::EPOLLRDHUP,
        };
        flags.set(EpollFlags::EPOLLIN, interest.readable);
        flags.set(EpollFlags::EPOLLOUT, interest.writable);
        let mut event = EpollEvent::new(flags, token);
        let fd = syscalls::borrow(fd);
        // A one-shot interest is mostly set again and again, an edge interest once.
        let known = match interest.mode {
            Mode::OnceByLevel => self.descriptor.modify(fd, &mut event),
            Mode::EveryEdge => Err(Errno::ENOENT),
        };
        let result = match known {
            Err(Errno::ENOENT) => match self.descriptor.add(fd, event) {
                Err(Errno::EEXIST) => self.descriptor.modify(fd, &mut event),
                result => result,
            },
            result => result,
        };
        result.map_err(|error| match error {
            Errno::EPERM | Errno::ELOOP => Errno::ENOTSUP,
            error => error,
        })
    }

    fn forget(&self, fd: RawFd) {
        if fd >= 0 {
            // Fails when it was closed or never watched: then there is nothing to do.
            let fd: BorrowedFd<'_> = syscalls::borrow(fd);
            let _ = self.descriptor.delete(fd);
        }
    }

    fn wait(&self, timeout: Option<Duration>, sink: &mut impl Sink) -> Result<()> {
        let mut events = self.events.borrow_mut();
        let mut timeout = timeout;
        loop {
            // An interrupted wait is an early one; the caller looks at the clock anyway.
            let count = match syscalls::epoll_wait(&self.descriptor, &mut events, timeout) {
                Err(Errno::EINTR) => 0,
                count => count?,
            };
            for event in &events[..count] {
                sink.ready(translate(*event));
            }
            if count < BATCH {
                return Ok(());
            }
            timeout = Some(Duration::ZERO);
        }
    }

    fn leave_to_parent(&self) {
        // By number, as the owner can't be dropped; by the contract it never is.
        let _ = nix::unistd::close(self.descriptor.0.as_raw_fd());
    }
}

#[inline(always)]
fn translate(event: libc::epoll_event) -> Event {
    let flags = event.events;
    let mut ready = Readiness::of_epoll(flags);
    if flags & ENDED != 0 {
        ready = ready | ended(flags);
    }
    Event { token: event.u64, ready }
}

#[cold]
fn ended(flags: u32) -> Readiness {
    if flags & BROKEN != 0 { Readiness::ALL } else { Readiness::READABLE | Readiness::HANGUP }
}

const BROKEN: u32 = (libc::EPOLLERR | libc::EPOLLHUP).cast_unsigned();
const ENDED: u32 = BROKEN | libc::EPOLLRDHUP.cast_unsigned();
