//! What a connection can do without blocking.

use super::connection::Connection;
use crate::concurrency::atomicity::{self, RECORDED};
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::sockets::fd_io;
use crate::sockets::io_list::Cursor;
use crate::sockets::object::abilities::{AtOnce, ReadsAhead};
use std::io::IoSlice;

impl AtOnce for Connection {
    fn receive_at_once(&self, list: &mut Cursor) -> Result<()> {
        self.input_open()?;
        let all = list.remaining();
        let result = fd_io::receive_at_once(&self.source, self.ahead(), list);
        if list.remaining() < all {
            atomicity::note_transfer(Context::get()?, RECORDED);
        }
        result.map_err(|error| self.receive_failed(error))
    }

    fn send_at_once(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        self.output_open()?;
        let sent = fd_io::send_slices_at_once(&self.source, slices)
            .inspect_err(|&error| self.send_failed(error))?;
        if sent > 0 {
            atomicity::note_transfer(Context::get()?, RECORDED);
        }
        Ok(sent)
    }
}

impl ReadsAhead for Connection {
    fn peek(&self) -> Option<u8> {
        self.input_open().ok()?;
        self.ahead()?.first()
    }

    fn length_until(&self, last: u8, limit: usize) -> usize {
        match self.ahead() {
            Some(ahead) if !self.input.is_busy() => ahead.length_until(last, limit),
            _ => 0,
        }
    }
}
