//! Plans that once showed a bug of the library, as proptest left them.

use crate::plan::*;

const CH0A: End = End { channel: 0, end: 0 };
const CH0B: End = End { channel: 0, end: 1 };

fn plan(scripts: &[(Option<B>, &[Op])]) -> Plan {
    let script =
        |&(bundle, ops): &(Option<B>, &[Op])| Script { bundle, polite: false, ops: ops.to_vec() };
    Plan { seed: 0, scripts: scripts.iter().map(script).collect() }
}

/// With what each of them is about.
pub fn all() -> Vec<(&'static str, Plan)> {
    vec![
        (
            "hard-cancelled just when the last coroutine has finished and one more is launched, \
             bundle_cancel must not wait for that one",
            plan(&[
                (
                    None,
                    &[
                        Op::Bundle(B(0)),
                        Op::Go(B(0), S(1)),
                        Op::Go(B(0), S(2)),
                        Op::Bundle(B(1)),
                        Op::Go(B(1), S(3)),
                    ],
                ),
                (
                    Some(B(0)),
                    &[
                        Op::Bundle(B(2)),
                        Op::Go(B(2), S(4)),
                        Op::Send(CH0A, Limit::After(1)),
                        Op::Cancel(B(2), Period::Until(1)),
                    ],
                ),
                (Some(B(0)), &[]),
                (Some(B(1)), &[Op::Bundle(B(4)), Op::Go(B(4), S(5)), Op::Go(B(2), S(6))]),
                (Some(B(2)), &[Op::Recv(CH0B, Limit::Never)]),
                (Some(B(4)), &[]),
                (Some(B(2)), &[Op::Sleep(1)]),
            ]),
        ),
        (
            "a deadline of the bundle that passed before bundle_cancel counts, though that finds \
             nobody left",
            plan(&[
                (
                    None,
                    &[
                        Op::Bundle(B(0)),
                        Op::Deadline(B(0), Limit::After(1)),
                        Op::Go(B(0), S(1)),
                        Op::Sleep(2),
                        Op::Cancel(B(0), Period::Until(1)),
                    ],
                ),
                (Some(B(0)), &[Op::FdIn(0, Limit::Never)]),
            ]),
        ),
        (
            "a bundle may follow several, and gets the request from each of them",
            plan(&[
                (
                    None,
                    &[
                        Op::Bundle(B(0)),
                        Op::Go(B(0), S(1)),
                        Op::Bundle(B(1)),
                        Op::Go(B(1), S(2)),
                        Op::Yield,
                        Op::Cancel(B(1), Period::Until(4)),
                    ],
                ),
                (
                    Some(B(0)),
                    &[Op::Bundle(B(2)), Op::Go(B(2), S(3)), Op::Follow(B(2)), Op::Sleep(3)],
                ),
                (Some(B(1)), &[Op::Follow(B(2)), Op::Sleep(3)]),
                (Some(B(2)), &[Op::Enter(Watch::Request, Limit::Never), Op::Sleep(2), Op::Leave]),
            ]),
        ),
    ]
}
