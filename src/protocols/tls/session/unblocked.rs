//! What a session can do without blocking or letting anybody else run.

use super::Session;
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::Occupied;
use crate::sockets::io_list::Cursor;
use crate::sockets::object::abilities::{AtOnce, Digests};
use crate::sockets::room;
use std::io::{IoSlice, Write as _};

/// Content of a record that is sent where there is room: little enough to fit in whatever the
/// system calls that.
const PIECE: usize = 1024;

/// Records that are no input and are processed by one query for that.
const DIGESTED_AT_ONCE: usize = 64;

impl Digests for Session {
    /// Takes what is there out of the stream below, up to a record that a receive has something
    /// to tell of: others, such as session tickets, are no input.
    fn digest(&self) -> bool {
        if self.receiving.get() {
            return false;
        }
        let _occupied = Occupied::new(&self.receiving);
        let mut taken = false;
        for _ in 0..DIGESTED_AT_ONCE {
            if self.receives_at_once() {
                break;
            }
            let before = self.record.get();
            match self.read_record_at_once() {
                Ok(true) => taken = true,
                Ok(false) => return taken || self.record.get() != before,
                Err(error) => self.failure.set(Some(error)),
            }
        }
        taken
    }
}

impl AtOnce for Session {
    /// Errors that are found on the way are told by the next receive.
    fn receive_at_once(&self, list: &mut Cursor) -> Result<()> {
        match () {
            () if self.receiving.get() => return Err(Errno::EBUSY),
            () if self.ended.get() => return Err(Errno::EPIPE),
            () if self.receive_failed.get() => return Err(Errno::ECONNRESET),
            () => {}
        }
        loop {
            self.take_plaintext(list);
            if list.remaining() == 0 || !self.digest() {
                return Ok(());
            }
        }
    }

    fn send_at_once(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        self.output_open()?;
        let _occupied = Occupied::new(&self.sending);
        self.send_pieces(slices).inspect_err(|_| self.send_failed.set(true))
    }
}

impl Session {
    fn send_pieces(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        let mut sent = 0;
        self.flush_at_once()?;
        for piece in slices.iter().flat_map(|slice| slice.chunks(PIECE)) {
            // A record that is encrypted can't be taken back.
            if self.connection.borrow().wants_write() || !room::is_there(self.below.get())? {
                break;
            }
            match self.connection.borrow_mut().writer().write(piece) {
                Ok(taken) if taken == piece.len() => {
                    self.room.used(taken);
                    sent += taken;
                }
                _ => return Err(Errno::ECONNRESET),
            }
            self.flush_at_once()?;
        }
        Ok(sent)
    }
}
