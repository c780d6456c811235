//! What a socket written in Rust can do.

use crate::os::errno::Result;
use crate::sockets::object::Input;
use std::io::IoSlice;

/// A byte stream.
pub(crate) trait Stream {
    /// Sends all of the buffers.
    fn send(&self, buffers: &[IoSlice<'_>], deadline: i64) -> Result<()>;
    /// Receives at least one byte; 0 is the end of the stream.
    fn receive(&self, buffer: &mut [u8], deadline: i64) -> Result<usize>;
    /// Fills the buffer; `EPIPE` if the stream ends before that.
    fn receive_exact(&self, buffer: &mut [u8], deadline: i64) -> Result<()>;
    /// Where its input is.
    fn input(&self) -> Input;
}

/// A message socket.
pub(crate) trait Messages {
    /// Sends the parts as one message.
    fn send(&self, parts: &[IoSlice<'_>], deadline: i64) -> Result<()>;
    /// Receives a message; its length.
    fn receive(&self, buffer: &mut [u8], deadline: i64) -> Result<usize>;
    /// Where its input is.
    fn input(&self) -> Input;
}
