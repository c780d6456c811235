//! Owners that ask several bundles at once, and coroutines that fail.
//!
//! Run it with `DILL_CLOCK=virtual` to see it all at once.

mod common;

use common::{Story, ms};
use redill::{Bundle, Deadline, Error, Failure, Grace, Result, TryBundle, choose};

const NEVER: Deadline = Deadline::NEVER;

/// The owner asks all its bundles first and then waits for them in one period. Meanwhile the request
/// of one reaches those who wait for work, without any channel.
pub fn ask_several() -> Result<Story> {
    let story = Story::begin("Asking several");
    let (readers, writers) = (Bundle::new()?, Bundle::new()?);
    for (name, bundle, needed) in [("reader", &readers, 3000), ("writer", &writers, 4000)] {
        let s = story.clone();
        bundle.go(move || {
            redill::request().unwrap().wait(NEVER).unwrap();
            s.tell(name, "asked");
            redill::sleep(ms(needed)).unwrap();
            s.tell(name, "done");
        })?;
    }
    redill::sleep(ms(1000))?;
    let end = redill::now() + ms(5000);
    readers.request();
    writers.request();
    for bundle in [&readers, &writers] {
        let left = end.saturating_duration_since(redill::now());
        story.tell("main", format_args!("{:?}", bundle.cancel(Grace::Within(left))?));
    }
    Ok(story)
}

/// An errgroup: the first error ends the others and comes out, as the type that it is.
pub fn first_error_ends_all() -> Result<Story> {
    #[derive(Debug)]
    #[allow(dead_code)] // what is in them is shown by `Debug`
    enum Fetch {
        Missing(&'static str),
        Runtime(Error),
    }
    impl From<Error> for Fetch {
        fn from(error: Error) -> Fetch {
            Fetch::Runtime(error)
        }
    }
    fn fetch(url: &'static str, takes: u64) -> Result<usize, Fetch> {
        redill::sleep(ms(takes))?;
        if url == "/missing" { Err(Fetch::Missing(url)) } else { Ok(url.len()) }
    }
    let story = Story::begin("The first error ends all");
    for missing in ["/found", "/missing"] {
        // It borrows the story, and has ended when this returns.
        let fetched = redill::try_scope(|scope| {
            scope.go(|| {
                let page = fetch("/slow", 3000);
                story.tell("slow", format_args!("{page:?}"));
                page.map(drop)
            })?;
            let quick = scope.spawn(|| fetch("/quick", 1000))?;
            let other = scope.spawn(move || fetch(missing, 2000))?;
            Ok(quick.join(NEVER)? + other.join(NEVER)?)
        });
        story.tell("main", format_args!("{fetched:?}"));
    }
    Ok(story)
}

/// A server: what one connection fails with is written down, and the others go on.
pub fn failures_stay_where_they_are() -> Result<Story> {
    fn serve(n: u64) -> Result<()> {
        redill::sleep(ms(1000 * n))?;
        match n {
            1 => Err(Error::Reset),
            2 => std::panic::resume_unwind(Box::new("a bug")),
            // It waits for the request beside its work.
            _ => choose! { request() -> made => made, deadline(ms(60_000)) }?,
        }
    }
    let story = Story::begin("Failures stay where they are");
    let log = story.clone();
    let connections = TryBundle::isolating(move |failure| match failure {
        Failure::Error(error) => log.tell("log", error),
        Failure::Panic(_) => log.tell("log", "a panic"),
    })?;
    let mut last = None;
    for n in 1..=3 {
        last = Some(connections.spawn(move || serve(n))?);
    }
    redill::sleep(ms(4000))?;
    story.tell("main", format_args!("{:?}", connections.cancel(ms(10_000))?));
    if let Some(last) = last {
        story.tell("main", format_args!("the third one: {:?}", last.join(NEVER)));
    }
    Ok(story)
}

#[allow(dead_code)] // a test includes this file
fn main() -> Result<()> {
    ask_several()?;
    first_error_ends_all()?;
    failures_stay_where_they_are()?;
    Ok(())
}
