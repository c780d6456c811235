//! Which outcomes the cases had: a generator that misses some tests less than it seems.

use crate::log::{AT_END, Entry};
use crate::plan::*;
use libc::{EBADF, EBUSY, ECANCELED, EDEADLK, EINVAL, ENOTSUP, EPERM, EPIPE, ETIMEDOUT};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How often each operation had each outcome (errno, 0 for success).
#[derive(Default)]
pub struct Coverage(RefCell<BTreeMap<(&'static str, i32), u64>>);

/// What twenty thousand cases must have shown: the rarest comes up once in some thousand.
const EXPECTED: &[(&str, &[i32])] = &[
    ("Sleep", &[0, ECANCELED]),
    ("SleepForever", &[ECANCELED]),
    ("Yield", &[0, ECANCELED]),
    ("Send", &[0, EPIPE, ETIMEDOUT, ECANCELED, EBADF]),
    ("Recv", &[0, EPIPE, ETIMEDOUT, ECANCELED, EBADF]),
    ("RecvAll", &[0, EPIPE, ETIMEDOUT, ECANCELED, EBADF]),
    ("Done", &[0, EPIPE, EBADF]),
    ("CloseEnd", &[0, EBADF]),
    ("Choose", &[0, EPIPE, ETIMEDOUT, ECANCELED, EBADF, EBUSY, EDEADLK]),
    ("FdIn", &[0, ETIMEDOUT, ECANCELED, EBUSY]),
    ("FdWrite", &[0, ECANCELED]),
    ("Channel", &[0, ECANCELED]),
    ("Bundle", &[0, ECANCELED]),
    ("Go", &[0, ECANCELED, EBADF]),
    ("Own", &[0, ECANCELED, EBADF, EBUSY, EDEADLK]),
    ("Wait", &[EPERM, 0, ETIMEDOUT, ECANCELED, EBADF, EBUSY, EDEADLK]),
    ("Cancel", &[EPERM, 0, ETIMEDOUT, ECANCELED, EBADF, EBUSY, EDEADLK, EINVAL]),
    ("Close", &[0, EBADF, EBUSY, EDEADLK]),
    ("CancelChannel", &[ENOTSUP, EBADF]),
    ("Deadline", &[0, EBADF]),
    ("Notify", &[0, EBADF]),
    ("Request", &[0, EBADF, ENOTSUP]),
    ("Requested", &[0]),
    ("Fail", &[0, ECANCELED, ENOTSUP]),
    ("Follow", &[0, ENOTSUP, EDEADLK]),
    ("Enter", &[0, EBADF]),
    ("Leave", &[0, ECANCELED, ETIMEDOUT]),
    ("LeaveOuter", &[EINVAL]),
    ("end", &[0, EBUSY, EDEADLK]),
];

impl Coverage {
    pub fn add(&self, plan: &Plan, log: &[Entry]) {
        let mut counts = self.0.borrow_mut();
        for entry in log {
            let op = match entry.op {
                AT_END => "end",
                op => name(&plan.scripts[usize::from(entry.script)].ops[usize::from(op)]),
            };
            // An error that a member has reported.
            let told = matches!(op, "Wait" | "Cancel") && entry.result > 0;
            let failed = entry.result < 0 || told || (op == "Choose" && entry.errno > 0);
            *counts.entry((op, if failed { entry.errno } else { 0 })).or_default() += 1;
        }
    }

    /// Expected outcomes that no case had.
    pub fn missing(&self) -> Vec<String> {
        let counts = self.0.borrow();
        let all = EXPECTED.iter().flat_map(|(op, errnos)| errnos.iter().map(|&errno| (*op, errno)));
        all.filter(|outcome| !counts.contains_key(outcome)).map(describe).collect()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        for (&outcome, count) in self.0.borrow().iter() {
            writeln!(f, "{count:9} {}", describe(outcome))?;
        }
        Ok(())
    }
}

fn describe((op, errno): (&str, i32)) -> String {
    match errno {
        0 => format!("{op}: success"),
        errno => format!("{op}: {:?}", nix::errno::Errno::from_raw(errno)),
    }
}

fn name(op: &Op) -> &'static str {
    match op {
        Op::Sleep(_) => "Sleep",
        Op::SleepForever => "SleepForever",
        Op::Yield => "Yield",
        Op::Send(..) => "Send",
        Op::Recv(..) => "Recv",
        Op::RecvAll(..) => "RecvAll",
        Op::Done(_) => "Done",
        Op::CloseEnd(_) => "CloseEnd",
        Op::Choose(..) => "Choose",
        Op::FdIn(..) => "FdIn",
        Op::FdWrite(_) => "FdWrite",
        Op::Channel => "Channel",
        Op::Bundle(_) => "Bundle",
        Op::Go(..) => "Go",
        Op::Own(_) => "Own",
        Op::Wait(..) => "Wait",
        Op::Cancel(..) => "Cancel",
        Op::Close(_) => "Close",
        Op::CancelChannel(_) => "CancelChannel",
        Op::Deadline(..) => "Deadline",
        Op::Notify(..) => "Notify",
        Op::Follow(_) => "Follow",
        Op::Request(_) => "Request",
        Op::Requested => "Requested",
        Op::Fail(_) => "Fail",
        Op::Enter(..) => "Enter",
        Op::Leave => "Leave",
        Op::LeaveOuter => "LeaveOuter",
    }
}
