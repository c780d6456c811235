//! Happy eyeballs (RFC 8305): a TCP connection to a host with several addresses, some of which
//! may not answer.
//!
//! Queries and attempts are coroutines of a bundle, which report to the caller; what to do next
//! is decided by [`Plan`], which knows neither sockets nor clocks.

#![allow(unsafe_code)] // Arguments of coroutines.

mod plan;

use crate::concurrency::bundle::PrivateBundle;
use crate::concurrency::{handle_close, launch};
use crate::os::allocation;
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock::is_never;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::{Blocked, Interrupt, Slot};
use crate::scheduler::time;
use crate::sockets::ip_address::{self, IpAddress, Mode};
use crate::sockets::storage::Storage;
use crate::sockets::tcp;
use core::cell::RefCell;
use core::ffi::c_int;
use plan::{Family, Plan, Step};
use std::collections::VecDeque;

/// Addresses of each family that are used.
const MOST_ADDRESSES: usize = 16;

/// Connects to the host `name`: the handle of a TCP connection.
///
/// `EINVAL` for the port, `EADDRNOTAVAIL` for a host without addresses; where no address
/// answers, what the last attempt has failed with.
pub(crate) fn connect(name: &[u8], port: c_int, deadline: i64) -> Result<c_int> {
    if !(1..=0xffff).contains(&port) {
        return Err(Errno::EINVAL);
    }
    Context::may_block()?;
    let race = Race { name, port, events: RefCell::default(), waiting: Slot::new() };
    // Two queries and an attempt for each address report once each.
    let reports = 2 + 2 * MOST_ADDRESSES;
    race.events.borrow_mut().try_reserve(reports).map_err(|_| Errno::ENOMEM)?;
    let bundle = PrivateBundle::new()?;
    let outcome = race.run(&bundle, deadline);
    // Ends the losers. None of them uses the race any more after that.
    drop(bundle);
    for event in race.events.into_inner() {
        if let Event::Connected(late) = event {
            let _ = handle_close::close(late);
        }
    }
    outcome
}

struct Race<'a> {
    name: &'a [u8],
    port: c_int,
    /// What the coroutines have reported.
    events: RefCell<VecDeque<Event>>,
    /// Who waits for the next report.
    waiting: Slot,
}

enum Event {
    Resolved(Family, Result<Vec<IpAddress>>),
    Connected(c_int),
    Failed { attempt: usize, error: Errno },
}

/// What a coroutine is launched with.
struct Task<'a> {
    race: *const Race<'a>,
    work: Work,
}

enum Work {
    Resolve(Family),
    Connect { attempt: usize, address: IpAddress },
}

impl Race<'_> {
    fn run(&self, bundle: &PrivateBundle, deadline: i64) -> Result<c_int> {
        let mut plan = Plan::new();
        self.launch(bundle, Work::Resolve(Family::Ipv6))?;
        self.launch(bundle, Work::Resolve(Family::Ipv4))?;
        loop {
            let event = self.events.borrow_mut().pop_front();
            let now = time::now();
            match event {
                Some(Event::Connected(connection)) => return Ok(connection),
                Some(Event::Resolved(family, found)) => plan.resolved(family, found, now),
                Some(Event::Failed { attempt, error }) => plan.failed(attempt, error, now),
                None => match plan.next(now) {
                    Step::Connect { attempt, address } => {
                        self.launch(bundle, Work::Connect { attempt, address })?;
                    }
                    Step::Wait(until) => self.wait(until, deadline)?,
                    Step::Fail(error) => return Err(error),
                },
            }
        }
    }

    fn launch(&self, bundle: &PrivateBundle, work: Work) -> Result<()> {
        let task = Box::into_raw(allocation::boxed(Task { race: self, work })?);
        launch::launch_privately(bundle, perform, task.cast())
            // SAFETY: made above; no coroutine has got it.
            .inspect_err(|_| drop(unsafe { Box::from_raw(task) }))
    }

    /// Waits for a report, or until `until` (negative: no longer than the deadline).
    fn wait(&self, until: i64, deadline: i64) -> Result<()> {
        let context = Context::may_block()?;
        let current = context.current();
        let overall =
            !is_never(deadline) && (until < 0 || deadline.cast_unsigned() <= until.cast_unsigned());
        self.waiting.put(current.waiter_ref());
        current.will_block(Blocked::Waiter, Interrupt::Any);
        context.arm_deadline(current, if overall { deadline } else { until });
        match context.park() {
            (_, 0) => Ok(()),
            (_, errno) if errno == Errno::ETIMEDOUT as c_int && !overall => Ok(()),
            (_, errno) => Err(Errno::from_raw(errno)),
        }
    }

    fn report(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
        if let Some(waiter) = self.waiting.get()
            && let Some(context) = Context::existing()
        {
            waiter.complete(context, 0);
        }
    }

    fn resolve(&self, family: Family) -> Result<Vec<IpAddress>> {
        let mode = match family {
            Family::Ipv4 => Mode::Ipv4,
            Family::Ipv6 => Mode::Ipv6,
        };
        let mut found = allocation::filled(IpAddress::NONE, MOST_ADDRESSES)?;
        let count = ip_address::remotes(&mut found, self.name, self.port, mode, -1)?;
        found.truncate(count);
        Ok(found)
    }
}

/// What each coroutine runs.
extern "C" fn perform(task: *mut ()) {
    // SAFETY: `launch` gave the task away; the race waits for all coroutines before it ends.
    let (task, race) = unsafe {
        let task = Box::from_raw(task.cast::<Task<'_>>());
        let race = &*task.race;
        (task, race)
    };
    race.report(match task.work {
        Work::Resolve(family) => Event::Resolved(family, race.resolve(family)),
        Work::Connect { attempt, address } => match tcp::connect(&address, Storage::Own, -1) {
            Ok(connection) => Event::Connected(connection),
            Err(error) => Event::Failed { attempt, error },
        },
    });
}
