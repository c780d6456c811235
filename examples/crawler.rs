//! A crawler: fetches pages and what they link to, a few at a time, with results as they come; a
//! page that hangs is given up, and the whole has a deadline, unless ^C ends it before.
//!
//! Run it with `DILL_CLOCK=virtual` to see it all at once.

mod common;

use common::{Story, ms};
use redill::{Deadline, Error, Grace, Result, Signal, TypedBundle, choose};
use std::collections::{BTreeSet, VecDeque};

/// The pages of this little web, how long they take, and their links.
const WEB: &[(&str, u64, &[&str])] = &[
    ("/", 100, &["/news", "/about", "/slow"]),
    ("/news", 300, &["/", "/news/1", "/news/2"]),
    ("/about", 200, &["/", "/nowhere"]),
    ("/slow", 60_000, &[]),
    ("/news/1", 100, &["/news"]),
    ("/news/2", 400, &["/news", "/news/1"]),
];

/// Fetches at once, at most.
const PARALLEL: usize = 3;

/// What a fetch gives: the page, and its links.
type Fetched = (&'static str, Result<Vec<&'static str>>);

fn fetch(page: &'static str) -> Fetched {
    // Each page has a second, whatever the fetch consists of.
    let links = redill::timeout(ms(1000), || {
        let known = WEB.iter().find(|(name, ..)| *name == page);
        let (_, duration, links) = known.ok_or_else(|| Error::other("404"))?;
        redill::sleep(ms(*duration))?;
        Ok(links.to_vec())
    });
    (page, links)
}

pub fn crawl() -> Result<Story> {
    let story = Story::begin("A crawler");
    let deadline = Deadline::after(ms(10_000));
    let signals = redill::signals([Signal::INTERRUPT])?;
    let fetches = TypedBundle::<Fetched>::new()?;
    let mut seen = BTreeSet::from(["/"]);
    let mut waiting = VecDeque::from(["/"]);
    loop {
        while fetches.running() < PARALLEL
            && let Some(page) = waiting.pop_front()
        {
            fetches.go(move || fetch(page))?;
        }
        let fetched = choose! {
            next(fetches) -> fetched => fetched?,
            recv(signals) -> _ => {
                story.tell("crawler", "interrupted");
                None
            }
            deadline(deadline),
        }?;
        let Some((page, links)) = fetched else { break };
        match links {
            Ok(links) => {
                story.tell(page, format_args!("{} links", links.len()));
                waiting.extend(links.into_iter().filter(|link| seen.insert(link)));
            }
            Err(error) => story.tell(page, error),
        }
    }
    fetches.cancel(Grace::Now)?;
    story.tell("crawler", format_args!("{} pages seen", seen.len()));
    Ok(story)
}

#[allow(dead_code)] // a test includes this file
fn main() -> Result<()> {
    crawl().map(drop)
}
