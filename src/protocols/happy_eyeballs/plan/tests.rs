use super::*;
use core::net::{IpAddr, SocketAddr};

fn address(text: &str) -> IpAddress {
    SocketAddr::new(text.parse::<IpAddr>().unwrap(), 80).into()
}

fn addresses(texts: &[&str]) -> Result<Vec<IpAddress>> {
    Ok(texts.iter().map(|text| address(text)).collect())
}

fn connect(attempt: usize, text: &str) -> Step {
    Step::Connect { attempt, address: address(text) }
}

#[test]
fn ipv6_begins_at_once() {
    let mut plan = Plan::new();
    assert_eq!(plan.next(1000), Step::Wait(-1));
    plan.resolved(Family::Ipv6, addresses(&["::1"]), 1010);
    assert_eq!(plan.next(1010), connect(0, "::1"));
    assert_eq!(plan.next(1010), Step::Wait(-1));
}

#[test]
fn ipv4_waits_for_ipv6() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv4, addresses(&["127.0.0.1"]), 1000);
    assert_eq!(plan.next(1000), Step::Wait(1050));
    assert_eq!(plan.next(1049), Step::Wait(1050));
    plan.resolved(Family::Ipv6, addresses(&["::1"]), 1049);
    assert_eq!(plan.next(1049), connect(0, "::1"));
    assert_eq!(plan.next(1049), Step::Wait(1299));
    assert_eq!(plan.next(1299), connect(1, "127.0.0.1"));
}

#[test]
fn ipv4_waits_for_no_more_than_the_delay() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv4, addresses(&["127.0.0.1", "127.0.0.2"]), 1000);
    assert_eq!(plan.next(1050), connect(0, "127.0.0.1"));
    // What comes later has its turn.
    plan.resolved(Family::Ipv6, addresses(&["::1"]), 1060);
    assert_eq!(plan.next(1060), Step::Wait(1300));
    assert_eq!(plan.next(1300), connect(1, "::1"));
    assert_eq!(plan.next(1550), connect(2, "127.0.0.2"));
}

#[test]
fn no_ipv6_address_is_no_reason_to_wait() {
    let failures = [addresses(&[]), Err(Errno::ENOMEM)];
    for failure in failures {
        let mut plan = Plan::new();
        plan.resolved(Family::Ipv4, addresses(&["127.0.0.1"]), 1000);
        plan.resolved(Family::Ipv6, failure, 1001);
        assert_eq!(plan.next(1001), connect(0, "127.0.0.1"));
    }
}

#[test]
fn families_take_turns() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv6, addresses(&["::1", "::2", "::3"]), 0);
    plan.resolved(Family::Ipv4, addresses(&["127.0.0.1"]), 0);
    let expected = ["::1", "127.0.0.1", "::2", "::3"];
    for (attempt, text) in expected.iter().enumerate() {
        assert_eq!(plan.next(250 * attempt as i64), connect(attempt, text));
    }
    assert_eq!(plan.next(10_000), Step::Wait(-1));
}

#[test]
fn a_failure_makes_room_for_the_next() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv6, addresses(&["::1", "::2", "::3"]), 0);
    plan.resolved(Family::Ipv4, addresses(&[]), 0);
    assert_eq!(plan.next(0), connect(0, "::1"));
    plan.failed(0, Errno::ECONNREFUSED, 3);
    assert_eq!(plan.next(3), connect(1, "::2"));
    assert_eq!(plan.next(253), connect(2, "::3"));
    // The latest one still has its time.
    plan.failed(1, Errno::ENETUNREACH, 260);
    assert_eq!(plan.next(260), Step::Wait(-1));
    plan.failed(2, Errno::ECONNREFUSED, 270);
    assert_eq!(plan.next(270), Step::Fail(Errno::ECONNREFUSED));
}

#[test]
fn an_earlier_failure_does_not_hurry_the_next() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv6, addresses(&["::1", "::2", "::3"]), 0);
    assert_eq!(plan.next(0), connect(0, "::1"));
    assert_eq!(plan.next(250), connect(1, "::2"));
    plan.failed(0, Errno::ECONNREFUSED, 300);
    assert_eq!(plan.next(300), Step::Wait(500));
}

#[test]
fn attempts_that_failed_wait_for_queries() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv6, addresses(&["::1"]), 0);
    assert_eq!(plan.next(0), connect(0, "::1"));
    plan.failed(0, Errno::ECONNREFUSED, 1);
    assert_eq!(plan.next(1), Step::Wait(-1));
    plan.resolved(Family::Ipv4, Err(Errno::EMFILE), 100);
    assert_eq!(plan.next(100), Step::Fail(Errno::ECONNREFUSED));
}

#[test]
fn without_an_address_it_fails() {
    let mut plan = Plan::new();
    plan.resolved(Family::Ipv6, addresses(&[]), 0);
    assert_eq!(plan.next(0), Step::Wait(-1));
    plan.resolved(Family::Ipv4, addresses(&[]), 0);
    assert_eq!(plan.next(0), Step::Fail(Errno::EADDRNOTAVAIL));
}
