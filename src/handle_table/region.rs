//! The numbers that the threads of a process use for handles.
//!
//! Each thread has a region of numbers of its own, so that a handle used on a wrong thread is known
//! by its number alone. That of the first thread begins at 0, unless the environment variable
//! `DILL_HANDLES` says otherwise.

use crate::os::settings;
use core::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Handle numbers that one thread may use.
pub(super) struct Region {
    pub(super) base: c_int,
    pub(super) size: u32,
    /// Index in `Regions::taken`, when the region is this thread's alone.
    claimed: Option<usize>,
}

/// Where the upper half of all numbers begins. No descriptor is as high: by `fs.nr_open` Linux
/// would allow for higher ones, but not for a table of so many.
const UPPER: u32 = 1 << 30;
/// Numbers of the first thread where it has a part of the upper half.
const FIRST_IN_UPPER: u32 = 1 << 28;
const OTHER_REGION: u32 = 1 << 20;
const MOST_REGIONS: usize = 1 + (UPPER / OTHER_REGION) as usize;

/// How the numbers are shared out among the threads.
#[derive(Clone, Copy)]
enum Layout {
    /// The first thread has the lower half, as all threads in libdill; the others share the upper
    /// one.
    FromZero,
    /// All threads share the upper half, so that no handle is the number of a descriptor.
    High,
}

impl Layout {
    /// As the environment says. By default the first thread counts from 0: to libdill's programs
    /// handles are small numbers, which they may use as indices, for instance.
    fn wanted() -> Layout {
        if settings::high_handles() { Layout::High } else { Layout::FromZero }
    }

    /// First number and size of the region with this index, if there is one.
    fn region(self, index: usize) -> Option<(c_int, u32)> {
        let (first, size, others) = match self {
            Layout::FromZero => (0, UPPER, UPPER),
            Layout::High => (UPPER, FIRST_IN_UPPER, UPPER + FIRST_IN_UPPER),
        };
        if index == 0 {
            return Some((first.cast_signed(), size));
        }
        let base = others.checked_add(u32::try_from(index - 1).ok()?.checked_mul(OTHER_REGION)?)?;
        Some((c_int::try_from(base).ok()?, OTHER_REGION))
    }
}

struct Regions {
    /// Decided when the first thread of the process claims a region.
    layout: Option<Layout>,
    taken: [bool; MOST_REGIONS],
}

static REGIONS: Mutex<Regions> = Mutex::new(Regions { layout: None, taken: [false; MOST_REGIONS] });

fn regions() -> MutexGuard<'static, Regions> {
    REGIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Region {
    /// Claims a region for the calling thread.
    pub(super) fn claim() -> Region {
        let mut regions = regions();
        let layout = *regions.layout.get_or_insert_with(Layout::wanted);
        let free = regions.taken.iter().position(|taken| !taken);
        if let Some(index) = free
            && let Some((base, size)) = layout.region(index)
        {
            regions.taken[index] = true;
            return Region { base, size, claimed: Some(index) };
        }
        // Hundreds of threads with a scheduler at once: they have the second region in common, and
        // wrong-thread use among them is not noticed.
        let (base, size) = layout.region(1).unwrap_or((UPPER.cast_signed(), OTHER_REGION));
        Region { base, size, claimed: None }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(index) = self.claimed {
            regions().taken[index] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_disjoint() {
        for layout in [Layout::FromZero, Layout::High] {
            let mut end = if matches!(layout, Layout::High) { 1 << 30 } else { 0 };
            let mut count = 0;
            while let Some((base, size)) = layout.region(count) {
                assert_eq!(i64::from(base), end);
                end += i64::from(size);
                count += 1;
            }
            assert_eq!(end, 1 << 31, "all positive numbers, and no others");
            assert!((700..=MOST_REGIONS).contains(&count));
        }
    }
}
