//! What to do next in a race for a connection: RFC 8305, sections 3 to 5, as pure logic.

use crate::os::errno::{Errno, Result};
use crate::sockets::ip_address::IpAddress;
use std::collections::VecDeque;

/// If IPv4 addresses are known first, IPv6 ones are waited for so long, in milliseconds.
const RESOLUTION_DELAY: i64 = 50;

/// An attempt has so long, in milliseconds, before another one is started beside it.
const ATTEMPT_DELAY: i64 = 250;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Ipv6,
    Ipv4,
}

#[derive(PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Start an attempt.
    Connect { attempt: usize, address: IpAddress },
    /// Nothing until this time, or if it is negative, until somebody reports.
    Wait(i64),
    /// There is nothing left to try.
    Fail(Errno),
}

/// What is known of one family of addresses.
#[derive(Default)]
struct Addresses {
    resolved: bool,
    /// Not tried yet.
    left: VecDeque<IpAddress>,
}

pub(super) struct Plan {
    ipv6: Addresses,
    ipv4: Addresses,
    /// Until then IPv4 addresses alone are no reason to begin.
    begin_at: i64,
    attempts: usize,
    under_way: usize,
    next_attempt_at: i64,
    /// Of the latest attempt.
    last_family: Family,
    /// What is told when nothing works.
    error: Errno,
}

impl Plan {
    pub(super) fn new() -> Self {
        Self {
            ipv6: Addresses::default(),
            ipv4: Addresses::default(),
            begin_at: 0,
            attempts: 0,
            under_way: 0,
            next_attempt_at: 0,
            last_family: Family::Ipv4, // so that IPv6 is the first
            error: Errno::EADDRNOTAVAIL,
        }
    }

    /// A query has been answered.
    pub(super) fn resolved(&mut self, family: Family, found: Result<Vec<IpAddress>>, now: i64) {
        let addresses = match family {
            Family::Ipv6 => &mut self.ipv6,
            Family::Ipv4 => &mut self.ipv4,
        };
        addresses.resolved = true;
        match found {
            Ok(found) => addresses.left = found.into(),
            // What an attempt says is of more interest.
            Err(error) if self.attempts == 0 => self.error = error,
            Err(_) => {}
        }
        if family == Family::Ipv4 && !self.ipv6.resolved {
            self.begin_at = now.saturating_add(RESOLUTION_DELAY);
        }
    }

    /// An attempt has failed.
    pub(super) fn failed(&mut self, attempt: usize, error: Errno, now: i64) {
        self.under_way -= 1;
        self.error = error;
        if attempt + 1 == self.attempts {
            // Its successor need not wait any longer.
            self.next_attempt_at = now;
        }
    }

    pub(super) fn next(&mut self, now: i64) -> Step {
        let resolving = !(self.ipv6.resolved && self.ipv4.resolved);
        if self.ipv6.left.is_empty() && self.ipv4.left.is_empty() {
            return if resolving || self.under_way > 0 {
                Step::Wait(-1)
            } else {
                Step::Fail(self.error)
            };
        }
        if self.attempts == 0 && !self.ipv6.resolved && now < self.begin_at {
            return Step::Wait(self.begin_at);
        }
        if self.under_way > 0 && now < self.next_attempt_at {
            return Step::Wait(self.next_attempt_at);
        }
        let Some(address) = self.take_address() else { return Step::Wait(-1) };
        let attempt = self.attempts;
        self.attempts += 1;
        self.under_way += 1;
        self.next_attempt_at = now.saturating_add(ATTEMPT_DELAY);
        Step::Connect { attempt, address }
    }

    /// The families take turns, as far as both have addresses.
    fn take_address(&mut self) -> Option<IpAddress> {
        let order = match self.last_family {
            Family::Ipv4 => [Family::Ipv6, Family::Ipv4],
            Family::Ipv6 => [Family::Ipv4, Family::Ipv6],
        };
        for family in order {
            let addresses = match family {
                Family::Ipv6 => &mut self.ipv6,
                Family::Ipv4 => &mut self.ipv4,
            };
            if let Some(address) = addresses.left.pop_front() {
                self.last_family = family;
                return Some(address);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
