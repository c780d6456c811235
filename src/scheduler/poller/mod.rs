//! How the scheduler learns that a descriptor is ready.

mod buffer_ring;
mod epoll;
mod interface;
mod io_uring;
pub(super) mod place;

pub(crate) use interface::{
    Buffer, Buffers, Completion, Completions, Direction, Event, Interest, Mode, Operation, Pending,
    Poller, RECEIVED_AT_ONCE, Readiness, Sink,
};

use crate::os::errno::{Errno, Result};
use crate::os::{allocation, settings};
use core::time::Duration;
use epoll::Epoll;
use io_uring::Uring;
use std::os::fd::RawFd;

/// The pollers that there are. No trait object: what is done with an event shall be a part of
/// the loop over the events.
pub(crate) enum SystemPoller {
    Epoll(Epoll),
    Uring(Box<Uring>),
}

impl SystemPoller {
    /// The one that the environment variable `DILL_POLLER` asks for: `epoll`, or `io_uring`
    /// where the system has what that needs. Epoll otherwise.
    pub(super) fn new() -> Result<SystemPoller> {
        if settings::io_uring() {
            match Uring::new() {
                Ok(poller) => return Ok(SystemPoller::Uring(allocation::boxed(poller)?)),
                // Later there may be some.
                Err(error @ (Errno::EMFILE | Errno::ENFILE)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(SystemPoller::Epoll(Epoll::new()?))
    }

    /// Makes the poller of a forked child, without interests, after this one was left to the
    /// parent. `in_use` are the buffers that have not been given back. They stay valid if the
    /// successor carries out operations, too.
    pub(super) fn successor(&self, in_use: &Buffers) -> Result<SystemPoller> {
        if let SystemPoller::Uring(poller) = self
            && let Some(successor) = poller.successor(in_use)
        {
            return Ok(SystemPoller::Uring(allocation::boxed(successor)?));
        }
        Ok(SystemPoller::Epoll(Epoll::new()?))
    }

    /// Takes back the memory of one that was left to the parent. If the process has forked in a
    /// signal handler it may be in the middle of a `wait`; then it stays.
    pub(super) fn dissolve(this: Box<SystemPoller>) {
        let is_in_use = match &*this {
            SystemPoller::Epoll(poller) => poller.is_waiting(),
            // The buffers are its successor's, and the mappings of the queues were not inherited.
            SystemPoller::Uring(_) => true,
        };
        if is_in_use {
            Box::leak(this);
        } else if let SystemPoller::Epoll(poller) = *this {
            poller.dissolve();
        }
    }
}

impl Poller for SystemPoller {
    fn watch(&self, fd: RawFd, token: u64, interest: Interest) -> Result<()> {
        match self {
            SystemPoller::Epoll(poller) => poller.watch(fd, token, interest),
            SystemPoller::Uring(poller) => poller.watch(fd, token, interest),
        }
    }

    fn forget(&self, fd: RawFd) {
        match self {
            SystemPoller::Epoll(poller) => poller.forget(fd),
            SystemPoller::Uring(poller) => poller.forget(fd),
        }
    }

    fn await_edge(&self, fd: RawFd, token: u64, direction: Direction) {
        match self {
            SystemPoller::Epoll(poller) => poller.await_edge(fd, token, direction),
            SystemPoller::Uring(poller) => poller.await_edge(fd, token, direction),
        }
    }

    fn wait(&self, timeout: Option<Duration>, sink: &mut impl Sink) -> Result<()> {
        match self {
            SystemPoller::Epoll(poller) => poller.wait(timeout, sink),
            SystemPoller::Uring(poller) => poller.wait(timeout, sink),
        }
    }

    fn leave_to_parent(&self) {
        match self {
            SystemPoller::Epoll(poller) => poller.leave_to_parent(),
            SystemPoller::Uring(poller) => poller.leave_to_parent(),
        }
    }

    fn completions(&self) -> Option<&dyn Completions> {
        match self {
            SystemPoller::Epoll(poller) => poller.completions(),
            SystemPoller::Uring(poller) => poller.completions(),
        }
    }
}
