//! What a session can do without blocking or letting anybody else run.

use super::Session;
use super::progress::Occupied;
use crate::os::errno::{Errno, Result};
use crate::sockets::io_list::Cursor;
use crate::sockets::room;
use std::io::{IoSlice, Write as _};

/// Content of a record that is sent where there is room: little enough to fit in whatever the
/// system calls that.
const PIECE: usize = 1024;

impl Session {
    /// Receives what is there. Errors that are found on the way are told by the next receive.
    pub(in crate::protocols::tls) fn receive_unblocked(&self, cursor: &mut Cursor) -> Result<()> {
        match () {
            () if self.receiving.get() => return Err(Errno::EBUSY),
            () if self.ended.get() => return Err(Errno::EPIPE),
            () if self.receive_failed.get() => return Err(Errno::ECONNRESET),
            () => {}
        }
        loop {
            self.take_plaintext(cursor);
            if cursor.remaining() == 0 || !self.digest() {
                return Ok(());
            }
        }
    }

    /// Sends as much as there is room for, and returns how many bytes that was.
    pub(in crate::protocols::tls) fn send_unblocked(
        &self,
        slices: &[IoSlice<'_>],
    ) -> Result<usize> {
        self.output_open()?;
        let _occupied = Occupied::new(&self.sending);
        self.send_pieces(slices).inspect_err(|_| self.send_failed.set(true))
    }

    fn send_pieces(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        let mut sent = 0;
        self.send_at_once()?;
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
            self.send_at_once()?;
        }
        Ok(sent)
    }
}
