//! What a case does: a script for each coroutine. The real run and the reference model
//! both follow it.

use std::fmt;

/// Timers end at multiples of this many milliseconds, so that events tie often.
/// Descriptors become ready in between, each script at a residue of its own: nobody can
/// tell in which order a descriptor and something else of the same moment are noticed.
pub const GRID: i64 = 16;
pub const MOST_SCRIPTS: usize = 15;
pub const MOST_BUNDLES: usize = 10;
pub const CHANNELS: usize = 3;
pub const FDS: usize = 2;
/// How many messages `RecvAll` takes at most.
pub const MOST_RECEIVED: u32 = 6;
/// How deep scopes nest.
pub const MOST_SCOPES: usize = 4;

/// A bundle of the plan. A bundle inside of another one has the higher number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct B(pub u8);

/// A script, that is the one coroutine that runs it. 0 runs in the main coroutine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct S(pub u8);

/// One end of a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub channel: u8,
    pub end: u8,
}

impl End {
    pub fn peer(self) -> End {
        End { channel: self.channel, end: 1 - self.end }
    }
}

/// When a call gives up, or a scope or a bundle ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Never,
    /// It has passed already.
    Now,
    /// At the n-th multiple of `GRID` from now.
    After(u8),
}

impl Limit {
    /// The deadline on a clock that shows `now`; `None` for never. `Now` is long ago.
    pub fn deadline(self, now: i64) -> Option<i64> {
        match self {
            Limit::Never => None,
            Limit::Now => Some(0),
            Limit::After(n) => Some((now / GRID + i64::from(n)) * GRID),
        }
    }
}

/// The argument of `bundle_cancel`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Period {
    Zero,
    /// Until the n-th multiple of `GRID` from now.
    Until(u8),
    Unlimited,
    Inherit,
    /// A number that means nothing.
    Invalid,
}

impl Period {
    pub fn milliseconds(self, now: i64) -> i64 {
        match self {
            Period::Zero => 0,
            Period::Until(n) => (now / GRID + i64::from(n)) * GRID - now,
            Period::Unlimited => -1,
            Period::Inherit => -2,
            Period::Invalid => -3,
        }
    }
}

/// What a cancel scope watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    Nothing,
    Channel(End),
    Request,
    Shield,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clause {
    Send(End),
    Recv(End),
    Readable(u8),
    /// The other end of the pair, which never fills up.
    Writable(u8),
    Bundle(B),
    /// The request to the bundle of the script.
    Request,
}

/// One call, or a short fixed sequence of calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    Sleep(u8),
    SleepForever,
    Yield,
    Send(End, Limit),
    Recv(End, Limit),
    /// Receives until that fails.
    RecvAll(End, Limit),
    Done(End),
    CloseEnd(End),
    Choose(Vec<Clause>, Limit),
    /// At the script's own residue: `fdin`, then reads one byte.
    FdIn(u8, Limit),
    /// At the script's own residue writes one byte, then sleeps until the grid.
    FdWrite(u8),
    /// `chmake`, then closes both ends.
    Channel,
    Bundle(B),
    Go(B, S),
    Own(B),
    Wait(B, Limit),
    Cancel(B, Period),
    Close(B),
    /// `bundle_cancel` of a channel.
    CancelChannel(End),
    Deadline(B, Limit),
    Notify(B, End),
    /// `bundle_request`; without a bundle that of the script.
    Request(Option<B>),
    Requested,
    /// `bundle_fail` with this error.
    Fail(u8),
    Follow(B),
    Enter(Watch, Limit),
    Leave,
    /// Tries to leave the scope around the innermost one.
    LeaveOuter,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// The bundle in which it runs; `None` for main.
    pub bundle: Option<B>,
    /// Ends at the first `ECANCELED` outside of all scopes instead of trying on.
    pub polite: bool,
    pub ops: Vec<Op>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub scripts: Vec<Script>,
}

/// The script of the main coroutine.
pub const MAIN: usize = 0;

impl Plan {
    /// The next moment after `now` that belongs to `script` alone.
    pub fn own_moment(script: usize, now: i64) -> i64 {
        let residue = script as i64 + 1;
        let at = now / GRID * GRID + residue;
        if at > now { at } else { at + GRID }
    }

    /// The message of a send: unique in the plan.
    pub fn message(script: usize, op: usize, clause: usize) -> u32 {
        (script as u32) << 16 | (op as u32) << 8 | clause as u32
    }
}

const _: () = assert!(MOST_SCRIPTS < GRID as usize);

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "plan grown from seed {}", self.seed)?;
        for (index, script) in self.scripts.iter().enumerate() {
            if index > 0 && script.ops.is_empty() {
                continue;
            }
            write!(f, "{:?}", S(index as u8))?;
            if let Some(bundle) = script.bundle {
                write!(f, " in {bundle:?}")?;
            }
            writeln!(f, "{}:", if script.polite { ", polite" } else { "" })?;
            for (number, op) in script.ops.iter().enumerate() {
                writeln!(f, "  {number:2} {op:?}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for B {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl fmt::Debug for S {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.0 == 0 { write!(f, "main") } else { write!(f, "s{}", self.0) }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ch{}{}", self.channel, if self.end == 0 { "a" } else { "b" })
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Limit::Never => write!(f, "never"),
            Limit::Now => write!(f, "now"),
            Limit::After(n) => write!(f, "+{n}"),
        }
    }
}
