//! Model test of cancellation, hard and graceful.
//!
//! A case is a plan: scripts for a random tree of bundles and coroutines (`plan`,
//! `generate`). The library runs it in virtual time (`run`); a reference model, which
//! knows nothing of the library, says what every coroutine must see, when and in which
//! order (`reference`); the two logs must be the same. Beside that, some things must hold
//! whatever the model says (`invariants`).
//!
//! `DILL_MODEL_CASES=500000 cargo test --release --test graceful_model` runs many cases.
//! A failure is shrunk by proptest and printed as a script with both logs. The plan that
//! it was grown from, whole, is run again with `DILL_MODEL_SEED=<seed>`, and all cases up
//! to it with `DILL_MODEL_RUN=<run>`, should an earlier one have left something behind. A
//! case that crashes or hangs prints these numbers, too; with `DILL_MODEL_ISOLATE=1` each
//! case has a process of its own, so that such a case shrinks as well.

mod calls;
mod coverage;
mod ending_calls;
mod ffi;
mod generate;
mod invariants;
mod isolate;
mod log;
mod objects;
mod pairs;
mod plan;
mod reference;
mod regressions;
mod run;
mod run_endings;
mod strategy;

use coverage::Coverage;
use pairs::Pairs;
use plan::Plan;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use std::cell::Cell;
use std::env;
use std::fmt::Write as _;
use strategy::Plans;

/// What is wrong with the run of a plan, in words; `None` when nothing is.
fn judge(plan: &Plan, pairs: &Pairs, coverage: &Coverage) -> Option<String> {
    let expected = reference::predict(plan);
    coverage.add(plan, &expected);
    let (seen, violations) = run::run(plan, pairs);
    let same = seen.len() == expected.len()
        && seen.iter().zip(&expected).all(|(seen, expected)| seen.agrees_with(expected));
    if same && violations.is_empty() {
        return None;
    }
    let mut report = String::new();
    for violation in violations {
        let _ = writeln!(report, "broken: {violation}");
    }
    let _ = writeln!(report, "{:<50}| what the library did", "what the model says");
    for index in 0..expected.len().max(seen.len()) {
        let text = |log: &[log::Entry]| log.get(index).map_or(String::new(), |e| format!("{e:?}"));
        let agree = match (seen.get(index), expected.get(index)) {
            (Some(seen), Some(expected)) => seen.agrees_with(expected),
            _ => false,
        };
        let mark = if agree { ' ' } else { '!' };
        let _ = writeln!(report, "{:<50}|{mark}{}", text(&expected), text(&seen));
    }
    Some(report)
}

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

#[test]
fn the_library_does_what_the_model_says() {
    // SAFETY: the only test of this program, and before any thread of its own.
    unsafe { env::set_var("DILL_CLOCK", "virtual") };
    isolate::report_seed_on_death();
    let isolated = env::var_os("DILL_MODEL_ISOLATE").is_some();
    let seed = number("DILL_MODEL_SEED");
    let run = number("DILL_MODEL_RUN");
    let cases =
        if seed.is_some() { 1 } else { number("DILL_MODEL_CASES").unwrap_or(20_000) as u32 };
    let config = Config {
        cases,
        failure_persistence: None, // seeds are replayed by number
        max_shrink_iters: 100_000,
        ..Config::default()
    };
    let pairs = Pairs::new();
    let coverage = Coverage::default();
    for (what, plan) in regressions::all() {
        if let Some(report) = judge(&plan, &pairs, &coverage) {
            panic!("{what}\n{plan:?}\n{report}");
        }
    }
    let mut runner = TestRunner::new(config);
    let plans = Plans { seed, run: Cell::new(run), cases: Cell::new(0) };
    let result = runner.run(&plans, |plan| {
        isolate::expect_life();
        let judgement = if isolated {
            isolate::in_child(|| judge(&plan, &pairs, &coverage))
        } else {
            judge(&plan, &pairs, &coverage)
        };
        judgement.map_or(Ok(()), |report| Err(TestCaseError::fail(report)))
    });
    match result {
        Ok(()) if cases >= 20_000 && !isolated => {
            println!("{coverage}");
            let missing = coverage.missing();
            assert!(missing.is_empty(), "no case had: {missing:?}");
        }
        Ok(()) => {}
        Err(TestError::Fail(report, plan)) => {
            let run = plans.run.get().unwrap_or_default();
            panic!("run {run}, {plan:?}\n{report}")
        }
        Err(abort) => panic!("{abort}"),
    }
}
