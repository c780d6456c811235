//! Connections of a socket to itself, in a network of the test's own in which the system can't
//! choose another port. They are refused.

use super::{soon, virtual_time};
use redill::{Error, TcpStream};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

const PORT: u16 = 40_000;
const INSIDE: &str = "DILL_TEST_OWN_NETWORK";
/// Exit status where no such network can be had.
const NO_NETWORK: i32 = 77;

/// Sets the network up.
fn make_network() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: all zeros are a valid `ifreq`, and the call gets one that is alive.
    let result = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{PORT} {PORT}"))
}

#[test]
fn a_connection_to_itself_is_refused() {
    if std::env::var_os(INSIDE).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "itself::a_connection_to_itself_is_refused"]).env(INSIDE, "1");
        // SAFETY: only asks for the number.
        let map = format!("0 {} 1", unsafe { libc::getuid() });
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(move || {
                if libc::unshare(libc::CLONE_NEWNET) == 0 {
                    return Ok(());
                }
                if libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) == 0 {
                    let file = libc::open(c"/proc/self/uid_map".as_ptr(), libc::O_WRONLY);
                    if libc::write(file, map.as_ptr().cast(), map.len()) > 0 {
                        return Ok(());
                    }
                }
                libc::_exit(NO_NETWORK)
            });
        }
        let output = command.output().unwrap();
        let skipped = output.status.code() == Some(NO_NETWORK);
        assert!(output.status.success() || skipped, "{output:?}");
        return;
    }
    if let Err(error) = make_network() {
        println!("no network of the test's own: {error}");
        std::process::exit(NO_NETWORK);
    }
    virtual_time();
    let refused = Some(Error::Os(libc::ECONNREFUSED));
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(TcpStream::connect((host, PORT), soon()).err(), refused, "{host}");
    }
}
