//! What the coroutines saw, in the order in which they saw it.

use crate::plan::S;
use std::fmt;

/// In `Entry::op`: the bundles that a script leaves open are closed at its end.
pub const AT_END: u8 = u8::MAX;
/// In `Entry::errno`: nothing is promised.
pub const ANY: i32 = i32::MIN;

/// The outcome of one operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub script: u8,
    /// Index of the operation in the script, or `AT_END`.
    pub op: u8,
    /// When it returned, in milliseconds from the start of the case.
    pub time: i64,
    pub result: i32,
    pub errno: i32,
    /// The message or the byte received; the bundle closed at the end.
    pub value: u32,
}

impl Entry {
    /// Is this what `expected` says?
    pub fn agrees_with(&self, expected: &Entry) -> bool {
        let errno = if expected.errno == ANY { ANY } else { self.errno };
        Entry { errno, ..*self } == *expected
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "t={:<4} {:?}:", self.time, S(self.script))?;
        if self.op == AT_END {
            write!(f, "end")?
        } else {
            write!(f, "{}", self.op)?
        }
        write!(f, " -> {}", self.result)?;
        match self.errno {
            ANY => {}
            0 => write!(f, " (0)")?,
            errno => write!(f, " ({})", name(errno))?,
        }
        if self.value != 0 { write!(f, " value {:#x}", self.value) } else { Ok(()) }
    }
}

fn name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}
