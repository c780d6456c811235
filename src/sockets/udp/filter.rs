//! A filter in the system that lets nothing through but what comes from one address. So a
//! datagram from somebody else neither wakes anybody nor takes up room.
//!
//! Connecting the socket would do that too, but then it reports the peer's ICMP messages.

#![allow(unsafe_code)] // A socket option that nix has no name for.

use crate::os::errno::{Errno, Result};
use core::net::SocketAddr;
use core::ptr;
use std::os::fd::{AsRawFd, OwnedFd};

/// Offsets from here on count from the start of the IP header, others from that of UDP's.
const IP_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();
/// Where the source addresses are in it.
const IPV4_SOURCE: u32 = IP_HEADER + 12;
const IPV6_SOURCE: u32 = IP_HEADER + 8;
const SOURCE_PORT: u32 = 0;

const LOAD: u32 = libc::BPF_LD | libc::BPF_ABS;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
const SKIP_UNLESS_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;

/// Where values are, how large they are, and what they must be: in all, at most four words of
/// an address, and a port.
type Expected = [(u32, u32, u32); 5];

/// Has the system drop what does not come from `remote`.
pub(super) fn accept_only(socket: &OwnedFd, remote: SocketAddr) -> Result<()> {
    let mut expected: Expected = [(0, 0, 0); 5];
    let mut count = 0;
    let mut expect = |offset, size, value| {
        expected[count] = (offset, size, value);
        count += 1;
    };
    match remote {
        SocketAddr::V4(address) => expect(IPV4_SOURCE, libc::BPF_W, (*address.ip()).into()),
        // They come as IPv4.
        SocketAddr::V6(address) if address.ip().to_ipv4_mapped().is_some() => return Ok(()),
        SocketAddr::V6(address) => {
            for (offset, word) in (IPV6_SOURCE..).step_by(4).zip(words(address.ip().octets())) {
                expect(offset, libc::BPF_W, word);
            }
        }
    }
    expect(SOURCE_PORT, libc::BPF_H, remote.port().into());
    attach(socket, &expected[..count])
}

fn words(octets: [u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

fn attach(socket: &OwnedFd, expected: &[(u32, u32, u32)]) -> Result<()> {
    let instruction = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut program = [instruction(RETURN, 0); 2 * 5 + 2];
    // The last two are reached when all is as expected, and when something isn't.
    let length = 2 * expected.len() + 2;
    for (index, &(offset, size, value)) in expected.iter().enumerate() {
        program[2 * index] = instruction(LOAD | size, offset);
        program[2 * index + 1] = libc::sock_filter {
            jf: (length - 1 - (2 * index + 2)) as u8, // fits: the program is that short
            ..instruction(SKIP_UNLESS_EQUAL, value)
        };
    }
    program[length - 2] = instruction(RETURN, u32::MAX);
    let program = libc::sock_fprog { len: length as u16, filter: program.as_mut_ptr() };
    // SAFETY: the option takes such a structure, which lives through the call as the program
    // that it points to.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            ptr::from_ref(&program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}
