//! Grace periods.

/// The grace period that runs for a bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Grace {
    None,
    /// Ends at this time, in milliseconds.
    Until(i64),
    Unlimited,
    /// One was to be inherited, and none was running: the bundle is awaited without a limit of its
    /// own. The number is that of `Context::periods` at that time.
    NotFound(i64),
}

/// A [`Grace`] in one word: the end, or a negative number.
#[derive(Clone, Copy)]
pub(super) struct PackedGrace(i64);

impl PackedGrace {
    pub(super) const NONE: PackedGrace = PackedGrace(-1);
    const UNLIMITED: i64 = -2;
    /// Minus the number of [`Grace::NotFound`].
    const NOT_FOUND: i64 = -3;

    pub(super) fn new(grace: Grace) -> PackedGrace {
        PackedGrace(match grace {
            Grace::None => Self::NONE.0,
            Grace::Until(end) => end.max(0),
            Grace::Unlimited => Self::UNLIMITED,
            Grace::NotFound(periods) => Self::NOT_FOUND - periods,
        })
    }

    pub(super) fn unpack(self) -> Grace {
        match self.0 {
            end @ 0.. => Grace::Until(end),
            -1 => Grace::None,
            Self::UNLIMITED => Grace::Unlimited,
            other => Grace::NotFound(Self::NOT_FOUND - other),
        }
    }
}
