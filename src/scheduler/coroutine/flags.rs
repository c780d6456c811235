//! Bits that a coroutine keeps: reasons to stop, and what is to be done when it ends.

/// Reasons why blocking calls of a coroutine fail with `ECANCELED`.
pub(crate) mod stop {
    /// Hard-cancelled; for good.
    pub(crate) const CANCELED: u8 = 1;
    /// Inside a close callback, which must not block.
    pub(crate) const CLOSING: u8 = 2;
    /// In a cancel scope whose deadline has passed.
    pub(crate) const SCOPE_DEADLINE: u8 = 4;
    /// In a cancel scope that a request has fired.
    pub(crate) const SCOPE_REQUEST: u8 = 8;

    /// What also forbids to start anything.
    pub(crate) const HARD: u8 = CANCELED | CLOSING;
    /// All of them.
    pub(crate) const ANY: u8 = u8::MAX;
    /// What a call that is under way does not care about.
    pub(in crate::scheduler) const GRACEFUL: u8 = SCOPE_REQUEST;
}

/// Cleanup that is needed when a coroutine ends, besides leaving its bundle.
pub(crate) mod care {
    /// It has the user's memory for a stack, or AddressSanitizer watches it.
    pub(crate) const STACK: u8 = 1;
    /// It has owned bundles.
    pub(crate) const BUNDLES: u8 = 2;
    /// It has entered cancel scopes.
    pub(crate) const SCOPES: u8 = 4;
    /// A member of its bundle has reported an error, of which those who wait for it are told.
    pub(crate) const BUNDLE_ERROR: u8 = 16;
    /// `line` is not zero.
    pub(in crate::scheduler) const LINE: u8 = 8;
    /// It is in the list of hard cancellations that are under way.
    pub(crate) const CANCELLATION: u8 = 32;

    const ALL: [u8; 6] = [STACK, BUNDLES, SCOPES, LINE, BUNDLE_ERROR, CANCELLATION];
    const _: () = {
        let (mut seen, mut index) = (0, 0);
        while index != ALL.len() {
            assert!(seen & ALL[index] == 0, "two flags have one bit");
            seen |= ALL[index];
            index += 1;
        }
    };
}
