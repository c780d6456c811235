//! How long hard cancellations may take, and what happens then.

use crate::os::output::Output;
use crate::scheduler::cancellations::now;
use core::ffi::c_int;
use core::time::Duration;

#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// In milliseconds; negative: none.
    pub(super) timeout: i64,
    /// What the process ends with.
    pub(super) status: c_int,
}

impl Limit {
    /// Returns how long a hard cancellation may still take that began at `since`, in nanoseconds.
    pub(super) fn time_left(self, since: u64) -> Duration {
        let timeout = self.timeout.max(0).unsigned_abs().saturating_mul(1_000_000);
        let end = since.saturating_add(timeout);
        Duration::from_nanos(end.saturating_sub(now()))
    }

    /// Writes that the limit was exceeded.
    pub(super) fn write(self, out: &mut Output) {
        out.text("libdill: a hard cancellation has not been completed within ");
        out.number(self.timeout).text(" ms; the process ends with status ");
        out.number((self.status & 0xff).into()).text("\n");
    }
}
