//! How long coroutines go on before the scheduler looks at timers and descriptors.
//!
//! Two budgets are counted down, as a look at the clock costs as much as what is counted: one of
//! switches, and one of operations that succeed without a wait.

use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use crate::os::cycles;
use core::cell::Cell;
use core::ptr;

/// Switches between two looks at the cycle counter, which costs as much as a switch.
const LARGEST_BUDGET: i32 = 128;
/// Operations that may succeed without a wait since the poller was asked, before it is asked
/// whether others have waited for too long.
const TURN: i32 = 64;
/// The same in virtual time, where they are always given way to then: what happens shall not
/// depend on the speed of the machine. So many that only a peer that never tires gets there.
const VIRTUAL_TURN: i32 = 1 << 20;

fn turn(is_real_time: bool) -> i32 {
    if is_real_time { TURN } else { VIRTUAL_TURN }
}

/// After so much time, as the cycle counter has it, the poller is asked although coroutines are
/// ready: a quarter of a millisecond, or less.
#[inline(always)]
fn poll_interval() -> u64 {
    cycles::per_millisecond() / 4
}

/// What is left of a scheduler's budgets, and when they were given.
#[repr(C)]
pub(super) struct Budget {
    /// Switches left until the poller is asked; none ever with AddressSanitizer.
    switches: Cell<i32>,
    /// Operations left, see [`Context::has_turn`](super::context::Context::has_turn).
    operations: Cell<i32>,
    /// The budget of switches given last, and the cycle counter then.
    granted: Cell<i32>,
    granted_at: Cell<u64>,
    /// The cycle counter when the poller was asked last.
    polled_at: Cell<u64>,
}

impl Budget {
    pub(super) const fn new() -> Budget {
        Budget {
            switches: Cell::new(0),
            operations: Cell::new(0),
            granted: Cell::new(1),
            granted_at: Cell::new(0),
            polled_at: Cell::new(0),
        }
    }

    /// Spends one switch. Returns false when that was one too many.
    #[inline(always)]
    pub(super) fn spend(&self) -> bool {
        let left = self.switches.get() - 1;
        self.switches.set(left);
        left >= 0
    }

    /// Returns whether more switches were wanted than granted.
    pub(super) fn is_used_up(&self) -> bool {
        self.switches.get() < 0
    }

    /// Makes the next switch take the slow way, which announces or checks something.
    pub(super) fn limit(&self) {
        self.switches.set(0);
    }

    /// Counts as used up from now on.
    pub(super) fn use_up(&self) {
        self.switches.set(-1);
    }

    /// Returns whether the poller was not asked for so long that it is time.
    #[inline(always)]
    pub(super) fn poll_is_due(&self, now: u64) -> bool {
        self.since_poll(now) >= poll_interval()
    }

    /// Returns for how many cycles the poller was not asked.
    #[inline(always)]
    pub(super) fn since_poll(&self, now: u64) -> u64 {
        now.wrapping_sub(self.polled_at.get())
    }

    /// Notes that the poller was asked.
    pub(super) fn note_poll(&self) {
        self.polled_at.set(cycles::now());
    }

    /// Sets the number of switches until the next look at the cycle counter so that it
    /// comes in time at the speed of the last ones.
    pub(super) fn grant(&self, now: u64) {
        let granted = self.granted.get();
        let elapsed = now.wrapping_sub(self.granted_at.replace(now));
        // What the last grant took is known only when it was used up.
        let next = match self.is_used_up() {
            true if elapsed > poll_interval() => (granted / 2).max(1),
            true => (granted * 2).min(LARGEST_BUDGET),
            false => granted,
        };
        debug_assert!((1..=LARGEST_BUDGET).contains(&next));
        self.granted.set(next);
        // The switch that is under way is the first of them.
        self.switches.set(next - 1);
    }

    /// After [`Budget::grant`], for a switch that is tried again and spends its share then.
    pub(super) fn grant_again(&self) {
        self.switches.set(self.granted.get());
    }

    /// Spends one operation. Returns false when that was one too many.
    #[inline(always)]
    pub(super) fn spend_operation(&self) -> bool {
        let left = self.operations.get().wrapping_sub(1);
        self.operations.set(left);
        left >= 0
    }

    /// Grants a turn of operations, in real or in virtual time.
    pub(super) fn begin_turn(&self, is_real_time: bool) {
        self.operations.set(turn(is_real_time));
    }
}

/// The failures of one coroutine between which no other one has run.
pub(super) struct Failures {
    /// The coroutine, compared by its address.
    of: Cell<*const Coroutine>,
    /// The budget of switches after the last failure: it changes with every switch.
    switches: Cell<i32>,
    granted_at: Cell<u64>,
    count: Cell<i32>,
    /// The count after which the time is looked at.
    limit: Cell<i32>,
}

impl Failures {
    pub(super) const fn new() -> Failures {
        Failures {
            of: Cell::new(ptr::null()),
            switches: Cell::new(0),
            granted_at: Cell::new(0),
            count: Cell::new(0),
            limit: Cell::new(TURN),
        }
    }

    /// Counts a failure of a call. Returns whether there were enough in a row to look at the time,
    /// see [`Failures::is_turn_over`].
    #[inline(always)]
    pub(super) fn count(&self, of: Ref<Coroutine>, budget: &Budget) -> bool {
        let is_in_a_row = self.of.get() == of.as_ptr().cast_const()
            && self.switches.get() == budget.switches.get()
            && self.granted_at.get() == budget.granted_at.get();
        if !is_in_a_row {
            self.of.set(of.as_ptr());
            self.note(budget);
            self.count.set(0);
            self.limit.set(TURN);
        }
        let count = self.count.get().saturating_add(1);
        self.count.set(count);
        count > self.limit.get()
    }

    /// As [`Failures::count`], for a failure of a launch, which spends switches itself.
    pub(super) fn count_launch(&self, of: Ref<Coroutine>, budget: &Budget) -> bool {
        self.note(budget);
        self.count(of, budget)
    }

    fn note(&self, budget: &Budget) {
        self.switches.set(budget.switches.get());
        self.granted_at.set(budget.granted_at.get());
    }

    /// Returns whether the turn is over, as far as the number of failures goes.
    pub(super) fn is_turn_over(&self, is_real_time: bool) -> bool {
        let (count, turn) = (self.count.get(), turn(is_real_time));
        self.limit.set(turn.max(count.saturating_add(TURN)));
        count > turn
    }
}

/// The last look around of a launch. Addresses to compare with; they may be out of date.
pub(super) struct LaunchTurn {
    /// The coroutine that launched, and the one that headed the ready queue then.
    launcher: Cell<*const Coroutine>,
    next: Cell<*const Coroutine>,
}

impl LaunchTurn {
    pub(super) const fn new() -> LaunchTurn {
        LaunchTurn { launcher: Cell::new(ptr::null()), next: Cell::new(ptr::null()) }
    }

    /// Notes a look around. Returns whether only launches have happened since the last one: a
    /// chain of coroutines each of which launches the next before it blocks. In any other
    /// order those that were ready have run, as a launch puts its parent behind them.
    pub(super) fn repeats(&self, launcher: Ref<Coroutine>, next: Option<Ref<Coroutine>>) -> bool {
        let next = next.map_or(ptr::null(), |next| next.as_ptr().cast_const());
        let launcher = launcher.as_ptr().cast_const();
        let same_next = self.next.replace(next) == next && !next.is_null();
        self.launcher.replace(launcher) != launcher && same_next
    }
}
