//! The poller on epoll.

use super::{Buffers, Event, Interest, Mode, Poller, Readiness, Sink};
use crate::os::allocation;
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use core::cell::RefCell;
use core::time::Duration;
use nix::sys::epoll::{Epoll as Descriptor, EpollCreateFlags, EpollEvent, EpollFlags};
use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd as _, RawFd};

/// Events taken from the kernel in one call. The array is on the heap: this runs on
/// whatever coroutine's stack happens to be current.
const BATCH: usize = 256;

pub(crate) struct Epoll {
    pub(super) descriptor: Descriptor,
    events: RefCell<Box<[EpollEvent]>>,
}

impl Epoll {
    pub(crate) fn new() -> Result<Epoll> {
        let mut events = Vec::new();
        events.try_reserve_exact(BATCH).map_err(|_| Errno::ENOMEM)?;
        events.resize(BATCH, EpollEvent::empty());
        let descriptor = Descriptor::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Epoll { descriptor, events: RefCell::new(events.into_boxed_slice()) })
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

    fn wait(&self, timeout: Option<Duration>, sink: &mut dyn Sink) {
        let mut events = self.events.borrow_mut();
        let mut timeout = timeout;
        loop {
            // An interrupted wait is an early one; the caller looks at the clock anyway.
            let count = syscalls::epoll_wait(&self.descriptor, &mut events, timeout).unwrap_or(0);
            for event in &events[..count] {
                sink.ready(translate(*event));
            }
            if count < BATCH {
                return;
            }
            timeout = Some(Duration::ZERO);
        }
    }

    fn leave_to_parent(&self) {
        // By number, as the owner can't be dropped; by the contract it never is.
        let _ = nix::unistd::close(self.descriptor.0.as_raw_fd());
    }

    fn successor(&self, _: &Buffers) -> Result<Box<dyn Poller>> {
        Ok(allocation::boxed(Epoll::new()?)?)
    }

    fn dissolve(self: Box<Self>) {
        if self.events.try_borrow_mut().is_err() {
            Box::leak(self);
            return;
        }
        // What has the number now is somebody else's.
        let _ = self.descriptor.0.into_raw_fd();
    }
}

#[inline]
fn translate(event: EpollEvent) -> Event {
    let flags = event.events();
    let mut ready = Readiness::NONE;
    if flags.contains(EpollFlags::EPOLLIN) {
        ready = ready | Readiness::READABLE;
    }
    if flags.contains(EpollFlags::EPOLLOUT) {
        ready = ready | Readiness::WRITABLE;
    }
    if flags.intersects(ENDED) {
        ready = ready | ended(flags);
    }
    Event { token: event.data(), ready }
}

#[cold]
fn ended(flags: EpollFlags) -> Readiness {
    if flags.intersects(BROKEN) { Readiness::ALL } else { Readiness::READABLE | Readiness::HANGUP }
}

const BROKEN: EpollFlags = EpollFlags::EPOLLERR.union(EpollFlags::EPOLLHUP);
const ENDED: EpollFlags = BROKEN.union(EpollFlags::EPOLLRDHUP);
