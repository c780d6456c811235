//! Host names to addresses.
//!
//! The C library's `getaddrinfo` is asked, as it alone knows all that can be configured on a
//! machine: the hosts file, search domains, name services other than DNS. It blocks, so a few
//! helper threads call it. The coroutine waits for an eventfd, and what it asked is forgotten
//! when its deadline passes or it is cancelled: the helper goes on alone, for nobody.

mod helpers;
mod lookup;

use crate::os::allocation::{self, Shared};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock;
use crate::scheduler::context::{Context, OutsideWork};
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_readiness::FdSource;
use core::mem;
use core::net::SocketAddr;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Characters in the longest name: what DNS allows, and a dot at the end. Nothing that a hosts
/// file could reasonably hold is longer.
const LONGEST_NAME: usize = 254;

/// Which addresses are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Any,
    Ipv4,
    Ipv6,
}

/// The addresses of host `name`, with port 0, the best ones of each family first. A name
/// without any is a success too.
///
/// `ENAMETOOLONG`, `ETIMEDOUT`, `ECANCELED`; `EAGAIN` when no thread can be started, `ENOMEM`,
/// `EMFILE`, `ENFILE`.
pub(super) fn resolve(name: &[u8], family: Family, deadline: i64) -> Result<Vec<SocketAddr>> {
    let context = Context::may_block()?;
    if name.len() > LONGEST_NAME {
        return Err(Errno::ENAMETOOLONG);
    }
    // Of a string from C only its end is a NUL; and nobody has the empty name.
    let name = allocation::c_string(name)?;
    if name.is_empty() {
        return Ok(Vec::new());
    }
    if deadline >= 0 && clock::now() >= deadline {
        return Err(Errno::ETIMEDOUT);
    }
    let question = Question::ask(context, name, family)?;
    question.wait(deadline)
}

/// What a helper is asked.
struct Query {
    name: CString,
    family: Family,
    state: Mutex<State>,
}

enum State {
    /// Somebody waits for this eventfd, which is open as long as the state is this one.
    Asked(RawFd),
    /// Nobody waits any more.
    Abandoned,
    Answered(Result<Vec<SocketAddr>>),
}

impl Query {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_abandoned(&self) -> bool {
        matches!(*self.state(), State::Abandoned)
    }

    /// Called by a helper.
    fn answer(&self) {
        if self.is_abandoned() {
            return;
        }
        let answer = lookup::addresses(&self.name, self.family);
        let mut state = self.state();
        // With the lock held, so that the number still means the same file.
        if let State::Asked(fd) = *state {
            *state = State::Answered(answer);
            lookup::signal(fd);
        }
    }
}

/// The side of the coroutine that waits.
struct Question {
    query: Shared<Query>,
    answered: FdSource,
    /// In virtual time nothing happens before the helper has answered.
    _outside: OutsideWork,
}

impl Question {
    #[inline(never)] // the stack of a waiting coroutine needs nothing of this
    fn ask(context: &'static Context, name: CString, family: Family) -> Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let fd = OwnedFd::from(EventFd::from_flags(flags)?);
        let state = Mutex::new(State::Asked(fd.as_raw_fd()));
        let query = Shared::new(Query { name, family, state })?;
        let answered = FdSource::register(fd)?;
        let question = Self { query, answered, _outside: context.outside_work() };
        // When this fails the question is abandoned, as at every other end.
        helpers::submit(&question.query)?;
        Ok(question)
    }

    fn wait(self, deadline: i64) -> Result<Vec<SocketAddr>> {
        loop {
            // First: what is answered after that is a new edge.
            self.answered.read_has_blocked();
            if let Some(answer) = self.take_answer() {
                return answer;
            }
            self.answered.wait_readable(deadline, Interrupt::Any)?;
        }
    }

    fn take_answer(&self) -> Option<Result<Vec<SocketAddr>>> {
        let mut state = self.query.state();
        match mem::replace(&mut *state, State::Abandoned) {
            State::Answered(answer) => Some(answer),
            other => {
                *state = other;
                None
            }
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // Before the eventfd is closed.
        *self.query.state() = State::Abandoned;
        helpers::withdraw(&self.query);
    }
}
