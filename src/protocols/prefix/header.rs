//! The header of a message: its length, in some number of bytes.

use crate::os::errno::{Errno, Result};
use core::ffi::c_int;

/// The longest header. Those of more than 8 bytes have leading zeros.
pub(crate) const LONGEST_HEADER: usize = 32;

/// The length comes with the least significant byte first.
pub(crate) const LITTLE_ENDIAN: c_int = 1;

/// The format of the headers, in the one byte that the C structure has room for: the size,
/// and the byte order in the top bit.
pub(crate) struct Format(u8);

impl Format {
    const LITTLE: u8 = 0x80;

    pub(crate) fn new(header_size: usize, flags: c_int) -> Result<Self> {
        let size = u8::try_from(header_size).map_err(|_| Errno::EINVAL)?;
        if size == 0 || header_size > LONGEST_HEADER {
            return Err(Errno::EINVAL);
        }
        Ok(Self(if flags & LITTLE_ENDIAN == 0 { size } else { size | Self::LITTLE }))
    }

    pub(crate) fn size(&self) -> usize {
        usize::from(self.0 & !Self::LITTLE)
    }

    fn is_little_endian(&self) -> bool {
        self.0 & Self::LITTLE != 0
    }

    /// Writes a message's length into `header`; `EMSGSIZE` if there is no room for it.
    pub(crate) fn encode(&self, length: usize, header: &mut [u8]) -> Result<()> {
        let mut left = length;
        for byte in header.iter_mut().rev() {
            *byte = left as u8;
            left >>= 8;
        }
        if left > 0 {
            return Err(Errno::EMSGSIZE);
        }
        if self.is_little_endian() {
            header.reverse();
        }
        Ok(())
    }

    /// The length that `header` tells; `EMSGSIZE` if no message can be that long.
    pub(crate) fn decode(&self, header: &mut [u8]) -> Result<usize> {
        if self.is_little_endian() {
            header.reverse();
        }
        header
            .iter()
            .try_fold(0usize, |length, byte| length.checked_mul(256)?.checked_add((*byte).into()))
            .ok_or(Errno::EMSGSIZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_survive_in_both_byte_orders() {
        for size in 1..=LONGEST_HEADER {
            for flags in [0, LITTLE_ENDIAN] {
                let format = Format::new(size, flags).unwrap();
                let lengths = 1u128 << (8 * size.min(8));
                for length in [0, 1, 255, 256, 65_535, 65_536, usize::MAX / 2, usize::MAX] {
                    let mut header = vec![0; size];
                    match format.encode(length, &mut header) {
                        Ok(()) => assert_eq!(format.decode(&mut header), Ok(length)),
                        Err(error) => {
                            assert_eq!(error, Errno::EMSGSIZE);
                            assert!(length as u128 >= lengths, "{length} fits into {size} bytes");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_byte_order_is_what_it_says() {
        let mut header = [0; 3];
        Format::new(3, 0).unwrap().encode(0x010203, &mut header).unwrap();
        assert_eq!(header, [1, 2, 3]);
        Format::new(3, LITTLE_ENDIAN).unwrap().encode(0x010203, &mut header).unwrap();
        assert_eq!(header, [3, 2, 1]);
    }

    #[test]
    fn a_length_beyond_memory_is_refused() {
        let format = Format::new(9, 0).unwrap();
        assert_eq!(format.decode(&mut [1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Errno::EMSGSIZE));
        assert_eq!(format.decode(&mut [0, 0, 0, 0, 0, 0, 0, 0, 7]), Ok(7));
    }

    #[test]
    fn header_sizes() {
        assert!(Format::new(0, 0).is_err());
        assert!(Format::new(LONGEST_HEADER + 1, 0).is_err());
        assert!(Format::new(usize::MAX, 0).is_err());
        assert_eq!(Format::new(LONGEST_HEADER, LITTLE_ENDIAN).unwrap().size(), 32);
    }
}
