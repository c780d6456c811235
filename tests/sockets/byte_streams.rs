//! What all byte streams have in common.

use crate::kinds::*;
use crate::{moment, pattern, soon, virtual_time};
use redill::{ByteStream, CancelScope, Deadline, Error, Fired, Grace, Outcome, Prefix};
use std::io::IoSlice;

/// More than fits on the way of any kind.
const MUCH: usize = 8 << 20;

fn bytes_arrive_in_order<K: StreamKind>() {
    let (a, b) = K::pair();
    let data = pattern(MUCH);
    redill::scope(|scope| {
        let (a, b, data) = (&a, &b, &data);
        // Both directions at once, each with a coroutine of its own at either end.
        scope.go(move || data.chunks(70_001).for_each(|it| a.send(it, soon()).unwrap()))?;
        scope.go(move || b.send(data, soon()).unwrap())?;
        scope.go(move || {
            let mut received = vec![0; data.len()];
            a.recv_exact(&mut received, soon()).unwrap();
            assert!(received == *data);
        })?;
        let mut received = Vec::new();
        let mut buffer = vec![0; 10_007];
        while received.len() < data.len() {
            let count = b.recv(&mut buffer, soon())?;
            assert!(count > 0);
            received.extend_from_slice(&buffer[..count]);
        }
        assert!(received == *data);
        Ok(())
    })
    .unwrap();
}

fn lists_are_sent_whole<K: StreamKind>() {
    let (a, b) = K::pair();
    let data = pattern(1000);
    let parts: Vec<IoSlice<'_>> =
        (0..100).map(|n| IoSlice::new(&data[n * 10..n * 10 + 10])).collect();
    a.send_vectored(&parts, soon()).unwrap();
    a.send_vectored(&[], soon()).unwrap();
    a.send_vectored(&[IoSlice::new(b""), IoSlice::new(b"!"), IoSlice::new(b"")], soon()).unwrap();
    let mut received = vec![0; 1001];
    b.recv_exact(&mut received, soon()).unwrap();
    assert_eq!(received[..1000], data[..]);
    assert_eq!(received[1000], b'!');
    assert_eq!(b.recv(&mut [], soon()), Ok(0));
    b.recv_exact(&mut [], soon()).unwrap();
}

fn receives_what_is_there<K: StreamKind>() {
    let (a, b) = K::pair();
    a.send(b"abc", soon()).unwrap();
    let mut buffer = [0; 100];
    let mut filled = 0;
    while filled < 3 {
        filled += b.recv(&mut buffer[filled..], soon()).unwrap();
    }
    assert_eq!(&buffer[..filled], b"abc");
    // A buffer smaller than what is there.
    a.send(b"defg", soon()).unwrap();
    for letter in b"defg" {
        let mut one = [0];
        assert_eq!(b.recv(&mut one, soon()), Ok(1));
        assert_eq!(one[0], *letter);
    }
}

fn half_close_ends_one_direction<K: StreamKind>() {
    let (a, b) = K::pair();
    a.send(b"last words", soon()).unwrap();
    K::done(&a);
    assert_eq!(a.send(b"x", soon()), Err(Error::Done));
    let mut buffer = [0; 10];
    b.recv_exact(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer, b"last words");
    for _ in 0..2 {
        assert_eq!(b.recv(&mut buffer, soon()), Ok(0));
        assert_eq!(b.recv_exact(&mut buffer, soon()), Err(Error::Done));
    }
    b.send(b"still here", soon()).unwrap();
    a.recv_exact(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer, b"still here");
    K::done(&b);
    assert_eq!(a.recv(&mut buffer, soon()), Ok(0));
}

fn an_end_within_is_done<K: StreamKind>() {
    let (a, b) = K::pair();
    a.send(b"abc", soon()).unwrap();
    K::done(&a);
    assert_eq!(b.recv_exact(&mut [0; 4], soon()), Err(Error::Done));
}

fn deadlines_hold<K: StreamKind>() {
    let (a, b) = K::pair();
    let mut buffer = [0; 100];
    // A receive that has got nothing can be repeated.
    for deadline in [moment(), moment(), Deadline::NOW] {
        assert_eq!(b.recv(&mut buffer, deadline), Err(Error::TimedOut));
    }
    a.send(b"abc", soon()).unwrap();
    // What is there is received, although the time is over.
    let count = b.recv(&mut buffer, Deadline::NOW).unwrap();
    assert!((1..=3).contains(&count));
    assert_eq!(&buffer[..count], &b"abc"[..count]);
    // One that has begun can't.
    assert_eq!(b.recv_exact(&mut buffer, moment()), Err(Error::TimedOut));

    let (a, _b) = K::pair();
    assert_eq!(a.send(&pattern(MUCH), moment()), Err(Error::TimedOut));
    assert_eq!(a.send(b"x", soon()), Err(Error::Reset));
}

fn cancellation_ends_calls<K: StreamKind>() {
    let (a, _b) = K::pair();
    redill::scope(|scope| {
        let data = pattern(MUCH);
        let a = &a;
        let receiver = scope.spawn(move || a.recv(&mut [0; 10], soon()))?;
        let sender = scope.spawn(move || a.send(&data, soon()))?;
        assert_eq!(scope.cancel(Grace::Now)?, Outcome::Forced);
        assert_eq!(receiver.join(soon())?, Err(Error::Canceled));
        assert_eq!(sender.join(soon())?, Err(Error::Canceled));
        Ok(())
    })
    .unwrap();
}

fn scopes_interrupt_before_the_first_byte<K: StreamKind>() {
    let (a, b) = K::pair();
    for _ in 0..3 {
        let mut buffer = [0; 10];
        let scope = CancelScope::new().deadline(moment());
        let (result, fired) = scope.run(|| b.recv(&mut buffer, soon())).unwrap();
        assert_eq!((result, fired), (Err(Error::Canceled), Some(Fired::Deadline)));
    }
    // Nothing is lost.
    a.send(b"abc", soon()).unwrap();
    let mut buffer = [0; 3];
    b.recv_exact(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer, b"abc");
}

fn one_call_a_direction<K: StreamKind>() {
    let (a, b) = K::pair();
    let data = &pattern(MUCH);
    redill::scope(|scope| {
        let (a, b) = (&a, &b);
        let first = scope.spawn(move || {
            let mut buffer = [0; 3];
            b.recv_exact(&mut buffer, soon()).map(|()| buffer)
        })?;
        assert_eq!(b.recv(&mut [0], soon()), Err(Error::Busy));
        assert_eq!(b.recv_exact(&mut [0], soon()), Err(Error::Busy));
        a.send(b"abc", soon())?;
        // That has done no harm.
        assert_eq!(first.join(soon())?, Ok(*b"abc"));

        let first = scope.spawn(move || a.send(data, soon()))?;
        assert_eq!(a.send(b"x", soon()), Err(Error::Busy));
        let mut received = vec![0; MUCH];
        b.recv_exact(&mut received, soon())?;
        assert!(received == *data);
        first.join(soon())?
    })
    .unwrap();
}

fn a_protocol_comes_and_goes<K: StreamKind>() {
    let (a, b) = K::pair();
    let (a, b) = (Prefix::attach(a, 2).unwrap(), Prefix::attach(b, 2).unwrap());
    a.send(b"message", soon()).unwrap();
    let a = a.detach().unwrap();
    a.send(b"bytes", soon()).unwrap();
    assert_eq!(b.recv_vec(100, soon()).unwrap(), b"message");
    // Once more: what was beneath is what it was.
    let b = Prefix::attach(b.detach().unwrap(), 2).unwrap().detach().unwrap();
    let mut buffer = [0; 5];
    b.recv_exact(&mut buffer, soon()).unwrap();
    assert_eq!(&buffer, b"bytes");
    b.send(b"x", soon()).unwrap();
    assert_eq!(a.recv(&mut buffer, soon()), Ok(1));
}

fn the_peer_notices_a_drop<K: StreamKind>() {
    let (a, b) = K::pair();
    redill::scope(|scope| {
        let reader = scope.spawn(move || b.recv(&mut [0; 10], soon()))?;
        drop(a);
        // An end without goodbye: where the kind can tell, it is a reset.
        assert!(matches!(reader.join(soon())?, Ok(0) | Err(Error::Reset)));
        Ok(())
    })
    .unwrap();
}

macro_rules! suite {
    ($($(#[$attribute:meta])* $name:ident: $kind:ty;)*) => {
        $($(#[$attribute])* mod $name {
            use super::*;
            suite!(@tests $kind; bytes_arrive_in_order lists_are_sent_whole
                receives_what_is_there half_close_ends_one_direction an_end_within_is_done
                deadlines_hold cancellation_ends_calls scopes_interrupt_before_the_first_byte
                one_call_a_direction a_protocol_comes_and_goes the_peer_notices_a_drop);
        })*
    };
    (@tests $kind:ty; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            virtual_time();
            super::$test::<$kind>();
        })*
    };
}

suite! {
    tcp: Tcp;
    unix: Unix;
    tls_over_tcp: TlsOver<Tcp>;
    tls_over_unix: TlsOver<Unix>;
    tls_over_tls: TlsOver<TlsOver<Unix>>;
    #[cfg(feature = "capi")]
    of_c: crate::mixed::Raw;
    of_the_user: User;
    tls_over_the_users: TlsOver<User>;
    boxed: Boxed;
}

#[test]
fn a_byte_at_a_time() {
    virtual_time();
    receives_what_is_there::<TlsOverUser>();
    half_close_ends_one_direction::<TlsOverUser>();
    a_protocol_comes_and_goes::<TlsOverUser>();
}
