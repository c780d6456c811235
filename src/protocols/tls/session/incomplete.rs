//! The record that is being received.

/// Type, version and length: what comes before the content of a record.
pub(super) const HEADER: usize = 5;

/// How much of a record has been received.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) header: [u8; HEADER],
    /// Bytes of the header that have been received. When it was complete it went to rustls.
    pub(super) known: usize,
    /// Bytes of the content that have not.
    pub(super) missing: usize,
}

impl Record {
    pub(super) const NONE: Record = Record { header: [0; HEADER], known: 0, missing: 0 };
}
