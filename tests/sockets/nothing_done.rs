//! A call that did nothing has done nothing: however it ends before its first byte or message, the
//! next call works. `c-tests/nothing_done.c` has all stacks; here is what the Rust API adds.

use crate::kinds::*;
use crate::{moment, soon, virtual_time};
use redill::{
    Bundle, ByteStream, CancelScope, Deadline, Error, Grace, Http, HttpBody, MessageSocket, Result,
    UnixStream, Ws,
};
use std::time::Duration;

/// Ends `call`, which waits, in each way that there is: its own deadline, a scope's, a graceful
/// request, hard cancellation.
fn ends(call: &dyn Fn(Deadline) -> Result<()>) {
    assert_eq!(call(Deadline::NOW), Err(Error::TimedOut));
    assert_eq!(call(moment()), Err(Error::TimedOut));
    let scope = CancelScope::new().deadline(moment());
    assert_eq!(scope.run(|| call(soon())).unwrap().0, Err(Error::Canceled));
    for grace in [Grace::Unlimited, Grace::Now] {
        redill::scope(|scope| {
            let waiting = scope.spawn(|| match grace {
                Grace::Now => call(soon()),
                _ => CancelScope::request().run(|| call(soon()))?.0,
            })?;
            redill::sleep(moment())?;
            scope.cancel(grace)?;
            assert_eq!(waiting.join(soon())?, Err(Error::Canceled));
            Ok(())
        })
        .unwrap();
    }
}

fn streams<K: StreamKind>() {
    let (a, b) = K::pair();
    let exchange = || {
        let mut buffer = [0; 4];
        for (from, to) in [(&a, &b), (&b, &a)] {
            from.send(b"data", soon()).unwrap();
            to.recv_exact(&mut buffer, soon()).unwrap();
            assert_eq!(&buffer, b"data");
        }
    };
    ends(&|deadline| a.recv(&mut [0; 4], deadline).map(drop));
    exchange();
    ends(&|deadline| a.recv_exact(&mut [0; 4], deadline));
    exchange();
    // What can do with less is never too late.
    let late = moment();
    for _ in 0..3 {
        assert_eq!(a.recv(&mut [0; 4], late), Err(Error::TimedOut));
    }
    exchange();
    // Bytes one by one until no more fit in, so that none is cut off.
    let mut sent = 0;
    while a.send(b"x", moment()).is_ok() {
        sent += 1;
    }
    ends(&|deadline| a.send(b"y", deadline));
    b.recv_exact(&mut vec![0; sent], soon()).unwrap();
    exchange();
}

fn messages<K: MessageKind>() {
    let (a, b) = K::pair();
    let exchange = || {
        for (from, to) in [(&a, &b), (&b, &a)] {
            from.send(b"data", soon()).unwrap();
            assert_eq!(to.recv_vec(10, soon()).unwrap(), b"data");
        }
    };
    ends(&|deadline| a.recv_vec(10, deadline).map(drop));
    exchange();
    let mut sent = 0;
    while a.send(b"x", moment()).is_ok() {
        sent += 1;
    }
    ends(&|deadline| a.send(b"y", deadline));
    for _ in 0..sent {
        assert_eq!(b.recv_vec(10, soon()).unwrap(), b"x");
    }
    exchange();
}

macro_rules! rows {
    ($($test:ident: $function:ident::<$kind:ty>;)*) => {
        $(#[test]
        fn $test() {
            virtual_time();
            $function::<$kind>();
        })*
    };
}

// Over local sockets, which take or refuse a few bytes as a whole.
rows! {
    unix: streams::<Unix>;
    tls: streams::<TlsOver<Unix>>;
    of_the_user: streams::<User>;
    boxed: streams::<Boxed>;
    prefix: messages::<PrefixOver<Unix>>;
    suffix: messages::<SuffixOver<Unix>>;
    term: messages::<TermOver<PrefixOver<Unix>>>;
    prefix_over_tls: messages::<PrefixOver<TlsOver<Unix>>>;
    prefix_over_the_users: messages::<PrefixOver<User>>;
    ws: messages::<WsOver<Unix>>;
    ws_over_tls: messages::<WsOver<TlsOver<Unix>>>;
}

fn heartbeat<K: StreamKind>() {
    let (a, b) = K::pair();
    let (client, server) = (Ws::raw_client(a).unwrap(), Ws::raw_server(b).unwrap());
    let period = Duration::from_secs(30);
    let bundle = Bundle::new().unwrap();
    // Pings are answered by a call that receives.
    bundle
        .go(move || {
            assert_eq!(server.recv_vec(10, period * 5 + period / 2), Err(Error::TimedOut));
            server.send(b"news", soon()).unwrap();
            assert_eq!(server.recv_vec(10, soon()).unwrap(), b"thanks");
        })
        .unwrap();
    let mut idle = 0;
    let news = loop {
        match client.recv_vec(10, period) {
            Err(Error::TimedOut) => client.ping(b"?", soon()).unwrap(),
            news => break news.unwrap(),
        }
        idle += 1;
    };
    assert_eq!((&*news, idle), (&b"news"[..], 5));
    client.send(b"thanks", soon()).unwrap();
    bundle.wait(soon()).unwrap();
}

rows! {
    heartbeat_over_tcp: heartbeat::<Tcp>;
    heartbeat_over_tls: heartbeat::<TlsOver<Tcp>>;
}

const HOST: (&str, &str) = ("Host", "example.org");

#[test]
fn http_between_two_chunks() {
    virtual_time();
    let (a, b) = Unix::pair();
    let client = Http::attach(a).unwrap();
    b.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n", soon()).unwrap();
    client.recv_response(soon()).unwrap();
    let mut buffer = [0; 100];
    assert_eq!(client.recv(&mut buffer, soon()), Ok(4));
    ends(&|deadline| client.recv(&mut [0; 4], deadline).map(drop));
    b.send(b"4", soon()).unwrap();
    ends(&|deadline| client.recv_exact(&mut [0; 4], deadline));
    b.send(b"\r\nmore\r\n0\r\n\r\n", soon()).unwrap();
    assert_eq!(client.recv_body(100, soon()).unwrap(), b"more");
}

#[test]
fn http_requests_are_received_whole_or_not_at_all() {
    virtual_time();
    let (a, b) = Unix::pair();
    let server = Http::attach(a).unwrap();
    ends(&|deadline| server.recv_request(deadline).map(drop));
    // Some send that behind a body.
    b.send(b"\r\n", soon()).unwrap();
    ends(&|deadline| server.recv_request(deadline).map(drop));
    b.send(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n", soon()).unwrap();
    assert_eq!(server.recv_request(soon()).unwrap().unwrap().target, "/first");
    // The line is gone, and the fields don't come.
    b.send(b"GET /second HTTP/1.1\r\n", soon()).unwrap();
    assert_eq!(server.recv_request(moment()).unwrap_err(), Error::TimedOut);
    b.send(b"Host: x\r\n\r\nGET /third HTTP/1.1\r\n\r\n", soon()).unwrap();
    assert_eq!(server.recv_request(soon()).unwrap_err(), Error::Reset);
}

#[test]
fn http_bodies_are_received_whole_or_not_at_all() {
    virtual_time();
    let (a, b) = Unix::pair();
    let server = Http::attach(a).unwrap();
    b.send(b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n", soon()).unwrap();
    server.recv_request(soon()).unwrap().unwrap();
    ends(&|deadline| server.recv_body(100, deadline).map(drop));
    b.send(b"half", soon()).unwrap();
    assert_eq!(server.recv_body(100, moment()), Err(Error::TimedOut));
    b.send(b"rest", soon()).unwrap();
    assert_eq!(server.recv_body(100, soon()), Err(Error::Reset));
}

#[test]
fn http_heads_that_were_not_sent_are_not_there() {
    virtual_time();
    let (a, b): (UnixStream, UnixStream) = Unix::pair();
    let mut filled = 0;
    while a.send(b"x", moment()).is_ok() {
        filled += 1;
    }
    let (client, drained) = (Http::attach(a).unwrap(), vec![0; filled]);
    ends(&|deadline| client.send_request("HEAD", "/lost", &[HOST], HttpBody::Empty, deadline));
    b.recv_exact(&mut drained.clone(), soon()).unwrap();
    let server = Http::attach(b).unwrap();
    client.send_request("GET", "/", &[HOST], HttpBody::Empty, soon()).unwrap();
    assert_eq!(server.recv_request(soon()).unwrap().unwrap().target, "/");
    // The answer is one to the request that was sent, with a body.
    let answer = |deadline| server.send_response(200, "OK", &[], HttpBody::Whole(b"it"), deadline);
    let mut filled = 0;
    while server.get_ref().send(b"x", moment()).is_ok() {
        filled += 1;
    }
    ends(&answer);
    client.get_ref().recv_exact(&mut vec![0; filled], soon()).unwrap();
    answer(soon()).unwrap();
    client.recv_response(soon()).unwrap();
    assert_eq!(client.recv_body(100, soon()).unwrap(), b"it");
}
