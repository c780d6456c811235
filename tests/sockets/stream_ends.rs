//! Streams that end in the middle of a message: that is never taken for a clean end.

use super::{soon, virtual_time};
use redill::{Error, Http, MessageSocket, Prefix, Suffix, Term, UnixStream};

/// Receives from the socket that `attach` makes of a stream with the first `cut` bytes of `wire`,
/// of which each byte index in `clean` is an end between two messages.
fn cut_everywhere<M: MessageSocket>(
    wire: &[u8],
    clean: &[usize],
    attach: impl Fn(UnixStream) -> M,
) {
    for cut in 0..=wire.len() {
        let (sender, receiver) = UnixStream::pair().unwrap();
        sender.send(&wire[..cut], soon()).unwrap();
        sender.done().unwrap();
        let socket = attach(receiver);
        let error = loop {
            if let Err(error) = socket.recv_vec(100, soon()) {
                break error;
            }
        };
        let expected = if clean.contains(&cut) { Error::Done } else { Error::Reset };
        assert_eq!(error, expected, "after {cut} bytes of {wire:?}");
        if expected == Error::Reset {
            assert_eq!(socket.recv_vec(100, soon()), Err(Error::Reset));
        }
    }
}

#[test]
fn messages_that_are_cut_are_no_clean_end() {
    virtual_time();
    cut_everywhere(b"\0\x02ab\0\0\0\x01c", &[0, 4, 6, 9], |it| Prefix::attach(it, 2).unwrap());
    cut_everywhere(b"ab\n\nc\n", &[0, 3, 4, 6], |it| Suffix::attach(it, b"\n").unwrap());
    cut_everywhere(b"ab\r\n\r\n", &[0, 4, 6], |it| Suffix::attach(it, b"\r\n").unwrap());
    let term = |it| Term::attach(Prefix::attach(it, 1).unwrap(), b"end").unwrap();
    cut_everywhere(b"\x02ab\x03end", &[7], term);
}

#[test]
fn a_request_that_did_not_come_has_no_body() {
    virtual_time();
    let (client, server) = UnixStream::pair().unwrap();
    let http = Http::attach(server).unwrap();
    client.done().unwrap();
    assert_eq!(http.recv_request(soon()).map(|it| it.is_none()), Ok(true));
    assert_eq!(http.recv_body(100, soon()), Err(Error::Reset));
}
