//! Random bytes that nobody can predict.

use crate::os::errno::Result;
use crate::os::random;
use core::cell::Cell;

/// Fills `bytes` from the system's source.
pub(super) fn fill(bytes: &mut [u8]) -> Result<()> {
    random::fill(bytes)
}

const MASKS_AT_ONCE: usize = 16;

/// Masking keys, each used once; many are taken with one system call.
pub(super) struct Masks {
    stock: Cell<[[u8; 4]; MASKS_AT_ONCE]>,
    left: Cell<usize>,
}

impl Masks {
    pub(super) const fn new() -> Masks {
        Masks { stock: Cell::new([[0; 4]; MASKS_AT_ONCE]), left: Cell::new(0) }
    }

    pub(super) fn next(&self) -> Result<[u8; 4]> {
        let mut stock = self.stock.get();
        if self.left.get() == 0 {
            fill(stock.as_flattened_mut())?;
            self.left.set(MASKS_AT_ONCE);
            self.stock.set(stock);
        }
        self.left.set(self.left.get() - 1);
        Ok(stock[self.left.get()])
    }
}
