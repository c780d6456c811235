//! What the examples tell, and when.

#![allow(dead_code)] // not every example uses everything

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A story of what happens: printed, and kept for the tests.
#[derive(Clone)]
pub struct Story {
    start: Instant,
    lines: Rc<RefCell<Vec<String>>>,
}

impl Story {
    pub fn begin(title: &str) -> Story {
        println!("{title}");
        Story { start: redill::now(), lines: Rc::default() }
    }

    /// Notes what `who` does now.
    pub fn tell(&self, who: &str, what: impl std::fmt::Display) {
        let line = format!("{:.1} s {who}: {what}", (redill::now() - self.start).as_secs_f64());
        println!("  {line}");
        self.lines.borrow_mut().push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
