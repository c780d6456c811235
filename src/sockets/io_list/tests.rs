use super::*;

/// Buffers with memory of their own, linked into a list.
struct Fixture {
    memory: Vec<Vec<u8>>,
    list: Vec<IoList>,
}

impl Fixture {
    /// `None` is a buffer without memory: the second number is the length.
    fn new(lengths: &[(bool, usize)]) -> Self {
        let mut memory: Vec<Vec<u8>> = lengths.iter().map(|&(_, n)| vec![0; n]).collect();
        let mut list: Vec<IoList> = memory
            .iter_mut()
            .zip(lengths)
            .map(|(bytes, &(real, length))| {
                let base = if real { bytes.as_mut_ptr() } else { ptr::null_mut() };
                IoList::single(base.cast(), length)
            })
            .collect();
        let elements = list.as_mut_ptr();
        for (index, element) in list.iter_mut().enumerate().take(lengths.len() - 1) {
            element.next = elements.wrapping_add(index + 1);
        }
        Self { memory, list }
    }

    fn check(&self, direction: Direction) -> Result<Cursor> {
        // SAFETY: the list and its memory live as long as the fixture.
        unsafe { Cursor::new(&raw const self.list[0], self.list.last().unwrap(), direction) }
    }

    fn cursor(&self) -> Cursor {
        self.check(Direction::Receive).unwrap()
    }
}

const REAL: bool = true;
const SKIP: bool = false;
const EMPTY_SLOT: libc::iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };

#[test]
fn well_formed_lists_are_summed_up() {
    let cases: [(&[(bool, usize)], usize); 4] = [
        (&[(REAL, 0)], 0),
        (&[(REAL, 5)], 5),
        (&[(REAL, 5), (SKIP, 7), (REAL, 0), (REAL, 1)], 13),
        (&[(SKIP, isize::MAX as usize)], isize::MAX as usize),
    ];
    for (lengths, total) in cases {
        if lengths[0].1 < 100 {
            assert_eq!(Fixture::new(lengths).cursor().remaining(), total);
        } else {
            let huge = IoList::single(ptr::null_mut(), total);
            // SAFETY: the element is alive; no memory belongs to it.
            let cursor =
                unsafe { Cursor::new(&raw const huge, &raw const huge, Direction::Receive) };
            assert_eq!(cursor.map(|cursor| cursor.remaining()).unwrap(), total);
        }
    }
}

fn error(fixture: &Fixture) -> Option<Errno> {
    fixture.check(Direction::Receive).err()
}

#[test]
fn malformed_lists_are_refused() {
    let one = Fixture::new(&[(REAL, 1)]);
    let element = &raw const one.list[0];
    for (first, last) in
        [(ptr::null(), ptr::null()), (element, ptr::null()), (ptr::null(), element)]
    {
        // SAFETY: null or alive.
        let result = unsafe { Cursor::new(first, last, Direction::Receive) };
        assert_eq!(result.err(), Some(Errno::EINVAL));
    }

    for length in 1..20 {
        let shape = vec![(REAL, 1); length];
        for target in 0..length {
            let mut looped = Fixture::new(&shape);
            looped.list[length - 1].next = &raw mut looped.list[target];
            assert_eq!(error(&looped), Some(Errno::EINVAL), "{length} back to {target}");

            let mut marked = Fixture::new(&shape);
            marked.list[target].reserved = 1;
            assert_eq!(error(&marked), Some(Errno::EINVAL), "{target} of {length} marked");
            assert_eq!(marked.list[target].reserved, 1, "the list is left as it was");

            let fixture = Fixture::new(&shape);
            // SAFETY: alive.
            let result = unsafe {
                Cursor::new(
                    &raw const fixture.list[0],
                    &raw const fixture.list[target],
                    Direction::Send,
                )
            };
            assert_eq!(result.is_ok(), target == length - 1, "{target} of {length} as last");
        }
    }

    let foreign = Fixture::new(&[(REAL, 1)]);
    // SAFETY: alive.
    let result = unsafe { Cursor::new(element, &raw const foreign.list[0], Direction::Receive) };
    assert_eq!(result.err(), Some(Errno::EINVAL));
}

#[test]
fn lengths_must_not_overflow() {
    const MAX: usize = isize::MAX as usize;
    for (a, b) in [(usize::MAX, 1), (usize::MAX, usize::MAX), (MAX, 1), (0, MAX + 1)] {
        let mut fixture = Fixture::new(&[(SKIP, 0), (SKIP, 0)]);
        (fixture.list[0].len, fixture.list[1].len) = (a, b);
        assert_eq!(error(&fixture), Some(Errno::EINVAL), "{a} + {b}");
    }
}

#[test]
fn sending_needs_memory() {
    let fixture = Fixture::new(&[(REAL, 1), (SKIP, 1)]);
    assert!(fixture.check(Direction::Receive).is_ok());
    assert_eq!(fixture.check(Direction::Send).err(), Some(Errno::EINVAL));
    // An empty buffer needs none.
    assert!(Fixture::new(&[(REAL, 1), (SKIP, 0)]).check(Direction::Send).is_ok());
}

#[test]
fn copies_into_every_split() {
    let shape = [(REAL, 3), (SKIP, 2), (REAL, 0), (REAL, 4), (SKIP, 0), (REAL, 1)];
    let source: Vec<u8> = (1..=12).collect();
    for split in 0..=10 {
        let fixture = Fixture::new(&shape);
        let mut cursor = fixture.cursor();
        assert_eq!(cursor.copy_from(&source[..split]), split);
        assert_eq!(cursor.remaining(), 10 - split);
        assert_eq!(cursor.copy_from(&source[split..]), 10 - split);
        assert_eq!(cursor.remaining(), 0);
        assert_eq!(cursor.copy_from(&source), 0);
        assert_eq!(fixture.memory[0], [1, 2, 3]);
        assert_eq!(fixture.memory[1], [0, 0], "skipped");
        assert_eq!(fixture.memory[3], [6, 7, 8, 9]);
        assert_eq!(fixture.memory[5], [10]);
    }
}

#[test]
fn gathers_up_to_the_next_skip() {
    let fixture = Fixture::new(&[(REAL, 3), (REAL, 0), (REAL, 4), (SKIP, 2), (REAL, 5), (REAL, 6)]);
    let mut cursor = fixture.cursor();
    let mut slots = [EMPTY_SLOT; 8];
    assert_eq!(cursor.gather(&mut slots, 1000), (2, 7));
    assert_eq!(slots[0].iov_base, fixture.list[0].base);
    assert_eq!((slots[0].iov_len, slots[1].iov_len), (3, 4));
    assert_eq!(cursor.gather(&mut slots[..1], 1000), (1, 3));
    assert_eq!(cursor.skip_length(), None);
    for (limit, gathered) in [(0, (0, 0)), (2, (1, 2)), (3, (1, 3)), (5, (2, 5)), (7, (2, 7))] {
        assert_eq!(cursor.gather(&mut slots, limit), gathered);
    }

    cursor.advance(5);
    assert_eq!(cursor.gather(&mut slots, 1000), (1, 2));
    assert_eq!(slots[0].iov_base, fixture.list[2].base.wrapping_byte_add(2));

    cursor.advance(2);
    assert_eq!(cursor.skip_length(), Some(2));
    assert_eq!(cursor.gather(&mut slots, 1000), (0, 0));
    cursor.advance(1);
    assert_eq!(cursor.skip_length(), Some(1));
    cursor.advance(1);
    assert_eq!(cursor.gather(&mut slots, 1000), (2, 11));
    cursor.advance(11);
    assert_eq!(cursor.remaining(), 0);
    assert_eq!(cursor.gather(&mut slots, 1000), (0, 0));
}
