//! Sockets and protocols of the Rust API. What all byte streams have in common, and all message
//! sockets, is tested once, for each of them.
//!
//! Time is virtual: deadlines far away cost nothing.

mod byte_streams;
mod interop;
mod itself;
mod kinds;
mod message_sockets;
#[cfg(feature = "capi")]
mod mixed;
mod nothing_done;
mod protocols;
mod standard_library;
mod stream_ends;
mod transports;

use std::cell::Cell;
use std::io::IoSlice;
use std::sync::Once;
use std::time::Duration;

use redill::{ByteStream, Deadline, Input, MessageSocket, Result};

/// Has the calling thread's time be virtual. To be called before anything else.
pub fn virtual_time() {
    static ONCE: Once = Once::new();
    // SAFETY: all tests call this first, so no other thread reads the environment meanwhile.
    ONCE.call_once(|| unsafe { std::env::set_var("DILL_CLOCK", "virtual") });
}

/// No call of a test that works takes so long.
pub fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// A deadline that passes while everybody waits.
pub fn moment() -> Deadline {
    Deadline::after(Duration::from_millis(50))
}

/// Bytes that don't repeat soon.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// A user's own protocol: turns each byte around.
pub struct Turned<S>(pub S);

impl<S: ByteStream> ByteStream for Turned<S> {
    fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
        let turned: Vec<u8> = buffers.iter().flat_map(|it| it.iter()).map(|byte| !byte).collect();
        self.0.send(&turned, deadline)
    }

    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
        let count = self.0.recv(buffer, deadline)?;
        buffer[..count].iter_mut().for_each(|byte| *byte = !*byte);
        Ok(count)
    }

    fn input(&self) -> Input<'_> {
        self.0.input()
    }
}

/// A stream that gives a byte at a time, however many there are.
pub struct Trickling<S>(pub S);

impl<S: ByteStream> ByteStream for Trickling<S> {
    fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
        buffers.iter().flat_map(|it| it.iter()).try_for_each(|&it| self.0.send(&[it], deadline))
    }

    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
        match buffer.first_mut() {
            Some(first) => self.0.recv(core::slice::from_mut(first), deadline),
            None => Ok(0),
        }
    }
}

/// A user's own message protocol: counts what it has sent and received.
pub struct Counted<S> {
    pub inner: S,
    pub sent: Cell<usize>,
    pub received: Cell<usize>,
}

impl<S> Counted<S> {
    pub fn new(inner: S) -> Counted<S> {
        Counted { inner, sent: Cell::new(0), received: Cell::new(0) }
    }
}

impl<S: MessageSocket> MessageSocket for Counted<S> {
    fn send_vectored(&self, parts: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
        self.inner.send_vectored(parts, deadline)?;
        self.sent.set(self.sent.get() + 1);
        Ok(())
    }

    fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
        let length = self.inner.recv(buffer, deadline)?;
        self.received.set(self.received.get() + 1);
        Ok(length)
    }

    fn input(&self) -> Input<'_> {
        self.inner.input()
    }
}
