//! SOCKS5: connections through a proxy.

#![allow(dead_code)] // Constants for C.

mod clients;
mod proxies;

use core::ffi::c_int;

/// Connect to the address.
pub const DILL_SOCKS5_CONNECT: c_int = 1;
/// Wait for a connection from the address.
pub const DILL_SOCKS5_BIND: c_int = 2;
/// Pass datagrams on.
pub const DILL_SOCKS5_UDP_ASSOCIATE: c_int = 3;

/// It has been done.
pub const DILL_SOCKS5_SUCCESS: c_int = 0;
/// The proxy has failed.
pub const DILL_SOCKS5_GENERAL_FAILURE: c_int = 1;
/// The proxy does not allow that.
pub const DILL_SOCKS5_CONNECTION_NOT_ALLOWED: c_int = 2;
/// The network cannot be reached.
pub const DILL_SOCKS5_NETWORK_UNREACHABLE: c_int = 3;
/// The host cannot be reached.
pub const DILL_SOCKS5_HOST_UNREACHABLE: c_int = 4;
/// The host refuses the connection.
pub const DILL_SOCKS5_CONNECTION_REFUSED: c_int = 5;
/// It has taken too long.
pub const DILL_SOCKS5_TTL_EXPIRED: c_int = 6;
/// The proxy does not know the command.
pub const DILL_SOCKS5_COMMAND_NOT_SUPPORTED: c_int = 7;
/// The proxy does not know such addresses.
pub const DILL_SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED: c_int = 8;
