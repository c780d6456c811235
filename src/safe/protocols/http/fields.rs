//! The fields of a head.

use crate::os::allocation::{self, text};
use crate::os::errno::{Errno, Result};

/// The fields of a request or a response, in their order.
///
/// ```
/// use redill::{HttpBody, Deadline, Http, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let (client, server) = (Http::attach(a)?, Http::attach(b)?);
/// let fields = [("Host", "example.org"), ("Connection", "keep-alive, Upgrade")];
/// client.send_request("GET", "/", &fields, HttpBody::Empty, Deadline::NEVER)?;
/// let request = server.recv_request(Deadline::NEVER)?.unwrap();
/// assert_eq!(request.fields.get("host"), Some("example.org"));
/// assert!(request.fields.has_token("connection", "upgrade"));
/// # Ok::<(), redill::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpFields(Vec<(String, Vec<u8>)>);

impl HttpFields {
    /// `ENOMEM`.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.0.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.0.push((text(name)?, allocation::copy(value)?));
        Ok(())
    }

    /// The value of the first field of this name, in whatever case; `None` if there is none or it is not
    /// UTF-8.
    ///
    /// ```
    /// assert_eq!(redill::HttpFields::default().get("Host"), None);
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The value of the first field of this name, in whatever case.
    ///
    /// ```
    /// assert_eq!(redill::HttpFields::default().get_bytes("Host"), None);
    /// ```
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Does a list of words, in the fields of this name, contain `token`? So it is with `Connection:
    /// close`, for instance.
    ///
    /// ```
    /// assert!(!redill::HttpFields::default().has_token("Connection", "close"));
    /// ```
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(|&byte| byte == b','))
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// All fields: names and values.
    ///
    /// ```
    /// assert_eq!(redill::HttpFields::default().iter().count(), 0);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}
