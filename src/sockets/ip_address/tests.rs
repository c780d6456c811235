#![allow(unsafe_code)] // Compares with the C library.

use super::*;
use std::ffi::{CStr, CString};

unsafe extern "C" {
    fn inet_pton(family: libc::c_int, text: *const libc::c_char, out: *mut u8) -> libc::c_int;
    fn inet_ntop(
        family: libc::c_int,
        address: *const u8,
        out: *mut libc::c_char,
        length: libc::socklen_t,
    ) -> *const libc::c_char;
}

fn parsed_by_c(family: libc::c_int, text: &str) -> Option<Vec<u8>> {
    let text = CString::new(text).unwrap();
    let mut out = vec![0; if family == libc::AF_INET { 4 } else { 16 }];
    // SAFETY: `out` is large enough for an address of the family.
    let result = unsafe { inet_pton(family, text.as_ptr(), out.as_mut_ptr()) };
    (result == 1).then_some(out)
}

fn printed_by_c(ip: IpAddr) -> String {
    let (family, octets) = match ip {
        IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
    };
    let mut out = [0; MAX_TEXT];
    // SAFETY: both buffers are as large as the function is told.
    let text = unsafe {
        inet_ntop(family, octets.as_ptr(), out.as_mut_ptr(), MAX_TEXT as libc::socklen_t);
        CStr::from_ptr(out.as_ptr())
    };
    text.to_str().unwrap().to_owned()
}

fn text_of(address: &IpAddress) -> String {
    let text = address.text().unwrap();
    CStr::from_bytes_with_nul(text.with_nul()).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn literals_are_those_of_the_c_library() {
    let texts = [
        "1.2.3.4",
        "0.0.0.0",
        "255.255.255.255",
        "256.0.0.1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "0x1.2.3.4",
        "1",
        "",
        ".",
        ":",
        "::",
        "::1",
        "1::",
        "::1:2:3:4",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::8::9",
        "::ffff:1.2.3.4",
        "::1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4",
        "::1.2.3.4:5",
        "12345::",
        "::g",
        "::1%lo",
        "[::1]",
        "FE80::ABCD",
        "0:0:0:0:0:0:0:0",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:1.2.3.4",
        "localhost",
        "+1.2.3.4",
        "1:::2",
        "::01.2.3.4",
        "00001::",
    ];
    for text in texts {
        let ours = literal(text.as_bytes());
        let v4 = parsed_by_c(libc::AF_INET, text);
        let v6 = parsed_by_c(libc::AF_INET6, text);
        let theirs = v4.or(v6);
        let ours = ours.map(|ip| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        });
        assert_eq!(ours, theirs, "{text:?}");
    }
    assert_eq!(literal(b"1.2.3.4\xff"), None);
}

#[test]
fn text_is_that_of_the_c_library() {
    let texts = [
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::1:2",
        "::1:0",
        "::1.2.3.4",
        "::0.1.0.0",
        "::ffff:1.2.3.4",
        "::ffff:0:1.2.3.4",
        "::fffe:1.2.3.4",
        "1::",
        "1:0:0:2::3",
        "1:0:2:3:4:5:6:7",
        "0:1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:0",
        "1::2:0:0:0:3",
        "64:ff9b::1.2.3.4",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
    ];
    for text in texts {
        let ip: IpAddr = text.parse().unwrap();
        let address = IpAddress::from(SocketAddr::new(ip, 1));
        assert_eq!(text_of(&address), printed_by_c(ip), "{text:?}");
    }
}

#[test]
fn layout_is_the_kernels() {
    let v4 = IpAddress::from(SocketAddr::from(([1, 2, 3, 4], 0x1234)));
    assert_eq!(v4.family(), libc::AF_INET);
    assert_eq!(v4.socket_length(), Ok(16));
    assert_eq!(v4.0[2..8], [0x12, 0x34, 1, 2, 3, 4]);
    let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 7, 9);
    let address = IpAddress::from(SocketAddr::from(v6));
    assert_eq!(address.socket_length(), Ok(28));
    assert_eq!(address.decode(), Ok(v6.into()));
    assert_eq!(address.0[8..10], [0xfe, 0x80]);
    assert_eq!(address.0[28..], [0; 4]);
}

#[test]
fn ports_are_checked() {
    for (port, result) in
        [(-1, Err(Errno::EINVAL)), (0, Ok(0)), (65535, Ok(65535)), (65536, Err(Errno::EINVAL))]
    {
        for name in [None, Some(&b"127.0.0.1"[..]), Some(b"lo")] {
            let address = local(name, port, Mode::Ipv4);
            assert_eq!(address.and_then(|address| address.port()), result, "{name:?} {port}");
        }
        let address = remote(b"::1", port, Mode::PreferIpv4, -1);
        assert_eq!(address.and_then(|address| address.port()), result);
        let mut address = local(None, 7, Mode::Ipv6).unwrap();
        assert_eq!(address.set_port(port), result.map(drop));
        assert_eq!(address.port(), result.or(Ok(7)));
    }
    assert_eq!(IpAddress::NONE.clone().set_port(1), Err(Errno::EAFNOSUPPORT));
}

#[test]
fn mode_chooses_the_family() {
    use Mode::{Ipv4, Ipv6, PreferIpv4, PreferIpv6};
    type Outcome = Result<libc::c_int>;
    type Case = (Option<&'static [u8]>, [Outcome; 4]);
    const V4: Outcome = Ok(libc::AF_INET);
    const V6: Outcome = Ok(libc::AF_INET6);
    const NO_DEVICE: Outcome = Err(Errno::ENODEV);
    let cases: [Case; 5] = [
        (None, [V4, V6, V4, V6]),
        (Some(b"1.2.3.4"), [V4, NO_DEVICE, V4, V4]),
        (Some(b"::1"), [NO_DEVICE, V6, V6, V6]),
        (Some(b"no such interface"), [NO_DEVICE; 4]),
        (Some(b""), [NO_DEVICE; 4]),
    ];
    for (name, families) in cases {
        for (mode, family) in [Ipv4, Ipv6, PreferIpv4, PreferIpv6].into_iter().zip(families) {
            let address = local(name, 1, mode);
            assert_eq!(address.map(|address| address.family()), family, "{name:?} {mode:?}");
        }
    }
    for (raw, mode) in [(0, PreferIpv4), (1, Ipv4), (2, Ipv6), (3, PreferIpv4), (4, PreferIpv6)] {
        assert_eq!(Mode::from_raw(raw), Ok(mode));
    }
    assert_eq!(Mode::from_raw(5), Err(Errno::EINVAL));
    assert_eq!(Mode::from_raw(-1), Err(Errno::EINVAL));
}

#[test]
fn families_are_preferred_not_required() {
    let v4 = Some(SocketAddr::from(([1, 2, 3, 4], 0)));
    let v6 = Some(SocketAddr::from(([1, 2, 3, 4, 5, 6, 7, 8], 0)));
    assert_eq!(Mode::PreferIpv4.pick(v4, v6), v4);
    assert_eq!(Mode::PreferIpv4.pick(None, v6), v6);
    assert_eq!(Mode::PreferIpv6.pick(v4, v6), v6);
    assert_eq!(Mode::PreferIpv6.pick(v4, None), v4);
    assert_eq!(Mode::Ipv4.pick(None, v6), None);
    assert_eq!(Mode::Ipv6.pick(v4, None), None);
}

#[test]
fn interface_has_an_address() {
    let address = local(Some(b"lo"), 5555, Mode::Ipv4).unwrap();
    assert_eq!(address.decode(), Ok(SocketAddr::from(([127, 0, 0, 1], 5555))));
}

#[test]
fn literal_of_the_wrong_family_is_no_remote_address() {
    let mut found = [IpAddress::NONE; 2];
    assert_eq!(remotes(&mut found, b"::1", 1, Mode::Ipv4, -1), Ok(0));
    assert_eq!(remote(b"::1", 1, Mode::Ipv4, -1), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(remote(b"1.2.3.4", 1, Mode::Ipv6, -1), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(remotes(&mut found, b"1.2.3.4", 1, Mode::PreferIpv6, -1), Ok(1));
    assert_eq!(found[0].family(), libc::AF_INET);
    assert_eq!(remotes(&mut [], b"1.2.3.4", 1, Mode::Ipv4, -1), Err(Errno::EINVAL));
}

#[test]
fn equality_is_of_address_and_port() {
    let make = |text: &str, port| remote(text.as_bytes(), port, Mode::PreferIpv4, -1).unwrap();
    assert_eq!(make("1.2.3.4", 1).same(&make("1.2.3.4", 1), false), Ok(true));
    assert_eq!(make("1.2.3.4", 1).same(&make("1.2.3.4", 2), false), Ok(false));
    assert_eq!(make("1.2.3.4", 1).same(&make("1.2.3.4", 2), true), Ok(true));
    assert_eq!(make("1.2.3.4", 1).same(&make("1.2.3.5", 1), true), Ok(false));
    assert_eq!(make("::1.2.3.4", 1).same(&make("1.2.3.4", 1), true), Ok(false));
    assert_eq!(IpAddress::NONE.same(&IpAddress::NONE, true), Err(Errno::EAFNOSUPPORT));
}

#[test]
fn garbage_is_an_error_everywhere() {
    let garbage = IpAddress([0xff; SIZE]);
    assert_eq!(garbage.family(), 0xffff);
    assert_eq!(garbage.decode(), Err(Errno::EAFNOSUPPORT));
    assert_eq!(garbage.socket_length(), Err(Errno::EAFNOSUPPORT));
    assert_eq!(garbage.port(), Err(Errno::EAFNOSUPPORT));
    assert_eq!(garbage.text().map(drop), Err(Errno::EAFNOSUPPORT));
}
