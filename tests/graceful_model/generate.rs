//! Grows a plan from a seed: mostly sensible uses of the calls, and some noise.

use crate::plan::*;

/// SplitMix64: nothing better is needed, and a plan takes some hundred numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 32).wrapping_mul(limit as u64) >> 32) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn within(&mut self, least: u8, most: u8) -> u8 {
        least + self.below(usize::from(most - least) + 1) as u8
    }

    /// An index, each as likely as its weight says.
    fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (index, &weight) in weights.iter().enumerate() {
            match at.checked_sub(weight) {
                Some(rest) => at = rest,
                None => return index,
            }
        }
        unreachable!("below the sum")
    }
}

/// What a coroutine is like.
#[derive(Clone, Copy)]
enum Role {
    /// Learns of the request from this end, then finishes in its own time.
    Aware(End),
    /// Has never heard of graceful shutdown.
    Unaware,
    /// Works inside of a cancel scope.
    Scoped(Watch),
    /// Inside of such a scope, a part is shielded.
    Shielded(Watch),
    /// Anything.
    Noisy,
}

struct Gardener {
    random: Random,
    scripts: Vec<Script>,
    roles: Vec<Role>,
    most_scripts: usize,
    bundles: u8,
}

/// The seed of a case of a run.
pub fn seed(run: u64, case: u64) -> u64 {
    Random(run ^ case.rotate_left(32)).next()
}

/// The plan of a seed.
pub fn plan(seed: u64) -> Plan {
    let mut random = Random(seed);
    let most_scripts = 3 + random.below(MOST_SCRIPTS - 2);
    let main = Script { bundle: None, polite: false, ops: Vec::new() };
    let mut gardener = Gardener {
        random,
        scripts: vec![main],
        roles: vec![Role::Noisy],
        most_scripts,
        bundles: 0,
    };
    let mut next = 0;
    while next < gardener.scripts.len() {
        gardener.write(next);
        next += 1;
    }
    Plan { seed, scripts: gardener.scripts }
}

impl Gardener {
    fn end(&mut self) -> End {
        End { channel: self.random.below(CHANNELS) as u8, end: self.random.below(2) as u8 }
    }

    fn any_bundle(&mut self) -> B {
        B(self.random.below(usize::from(self.bundles.max(1))) as u8)
    }

    /// A limit for a call of `who`; main never waits without one.
    fn limit(&mut self, who: usize) -> Limit {
        match self.random.weighted(&[4, 6]) {
            0 if who > 0 => Limit::Never,
            _ => Limit::After(self.random.within(1, 6)),
        }
    }

    fn limit_or_now(&mut self, who: usize) -> Limit {
        if self.random.percent(10) { Limit::Now } else { self.limit(who) }
    }

    fn period(&mut self, who: usize) -> Period {
        match self.random.weighted(&[1, 8, 3, 5]) {
            0 => Period::Zero,
            2 if who > 0 => Period::Unlimited,
            3 if who > 0 => Period::Inherit,
            _ if self.random.percent(1) => Period::Invalid,
            _ => Period::Until(self.random.within(1, 8)),
        }
    }

    fn watch(&mut self) -> Watch {
        match self.random.weighted(&[2, 3, 5, 2]) {
            0 => Watch::Nothing,
            1 => Watch::Channel(self.end()),
            2 => Watch::Request,
            _ => Watch::Shield,
        }
    }

    fn scope_limit(&mut self) -> Limit {
        match self.random.weighted(&[6, 3, 1]) {
            0 => Limit::Never,
            1 => Limit::After(self.random.within(1, 6)),
            _ => Limit::Now,
        }
    }

    /// A new coroutine of `bundle`, if there may be one more.
    fn launch(&mut self, bundle: B, role: Role) -> Option<Op> {
        let index = self.scripts.len();
        if index >= self.most_scripts {
            return None;
        }
        let polite = self.random.percent(40);
        self.scripts.push(Script { bundle: Some(bundle), polite, ops: Vec::new() });
        self.roles.push(role);
        Some(Op::Go(bundle, S(index as u8)))
    }

    fn role(&mut self, notified: Option<End>) -> Role {
        match self.random.weighted(&[5, 3, 2, 2, 3]) {
            0 => match notified {
                Some(end) => Role::Aware(end.peer()),
                None => Role::Unaware,
            },
            1 => Role::Unaware,
            2 => Role::Scoped(self.watch()),
            3 => Role::Shielded(self.watch()),
            _ => Role::Noisy,
        }
    }

    /// Makes a bundle with coroutines in it.
    fn plant(&mut self, who: usize, ops: &mut Vec<Op>) -> Option<B> {
        if usize::from(self.bundles) == MOST_BUNDLES {
            return None;
        }
        let bundle = B(self.bundles);
        self.bundles += 1;
        ops.push(Op::Bundle(bundle));
        if self.random.percent(if who > 0 { 35 } else { 3 }) {
            ops.push(Op::Follow(bundle));
        }
        if self.random.percent(12) {
            ops.push(Op::Deadline(bundle, Limit::After(self.random.within(0, 12))));
        }
        let notified = self.random.percent(60).then(|| self.end());
        let early = self.random.percent(70);
        let notify = notified.map(|end| Op::Notify(bundle, end));
        ops.extend(notify.clone().filter(|_| early));
        for _ in 0..self.random.within(1, 3) {
            let role = self.role(notified);
            ops.extend(self.launch(bundle, role));
        }
        ops.extend(notify.filter(|_| !early));
        Some(bundle)
    }

    /// Writes the script `who`.
    fn write(&mut self, who: usize) {
        let mut ops = Vec::new();
        let mut own = Vec::new();
        let most = if who == 0 { 3 } else { 2 };
        for _ in 0..self.random.within(u8::from(who == 0), most) {
            if who > 0 && self.random.percent(50) {
                continue;
            }
            own.extend(self.plant(who, &mut ops));
            self.noise(who, &mut ops, 1);
        }
        match self.roles[who] {
            Role::Aware(end) => {
                let limit = self.limit(who);
                ops.push(Op::RecvAll(end, limit));
                if self.random.percent(60) {
                    ops.push(Op::Sleep(self.random.within(1, 5)));
                }
            }
            Role::Unaware => self.work(who, &mut ops, 4),
            Role::Scoped(watch) => {
                let limit = self.scope_limit();
                ops.push(Op::Enter(watch, limit));
                self.work(who, &mut ops, 3);
                ops.push(Op::Leave);
                self.work(who, &mut ops, 1);
            }
            Role::Shielded(watch) => {
                let limit = self.scope_limit();
                ops.push(Op::Enter(watch, limit));
                self.work(who, &mut ops, 1);
                let limit = self.scope_limit();
                ops.push(Op::Enter(Watch::Shield, limit));
                if self.random.percent(5) {
                    ops.push(Op::LeaveOuter);
                }
                self.work(who, &mut ops, 2);
                ops.push(Op::Leave);
                self.work(who, &mut ops, 1);
                ops.push(Op::Leave);
            }
            Role::Noisy => self.noise(who, &mut ops, 4),
        }
        if self.random.percent(15) {
            // Asks all of its bundles first.
            ops.extend(own.iter().map(|&bundle| Op::Request(Some(bundle))));
        }
        while !own.is_empty() {
            let bundle = own.swap_remove(self.random.below(own.len()));
            self.noise(who, &mut ops, 1);
            match self.random.weighted(&[70, 12, 10, 8]) {
                0 => ops.push(Op::Cancel(bundle, self.period(who))),
                1 => ops.push(Op::Wait(bundle, self.limit(who))),
                2 => ops.push(Op::Close(bundle)),
                _ => {}
            }
        }
        self.noise(who, &mut ops, 1);
        self.scripts[who].ops = ops;
    }

    /// Up to `most` operations of an ordinary program.
    fn work(&mut self, who: usize, ops: &mut Vec<Op>, most: u8) {
        for _ in 0..self.random.within(1, most) {
            let op = match self.random.weighted(&[6, 1, 1, 3, 3, 1, 3, 2, 3]) {
                0 => Op::Sleep(self.random.within(1, 5)),
                1 if who > 0 => Op::SleepForever,
                1 | 2 => Op::Yield,
                3 => Op::Send(self.end(), self.limit_or_now(who)),
                4 => Op::Recv(self.end(), self.limit_or_now(who)),
                5 => Op::RecvAll(self.end(), self.limit_or_now(who)),
                6 => self.choose(who),
                7 => Op::FdIn(self.random.below(FDS) as u8, self.limit(who)),
                _ => Op::FdWrite(self.random.below(FDS) as u8),
            };
            ops.push(op);
        }
    }

    fn choose(&mut self, who: usize) -> Op {
        let clauses = (0..self.random.below(4)).map(|_| self.clause()).collect();
        Op::Choose(clauses, self.limit_or_now(who))
    }

    fn clause(&mut self) -> Clause {
        match self.random.weighted(&[8, 16, 12, 1, 8, 6]) {
            0 => Clause::Send(self.end()),
            1 => Clause::Recv(self.end()),
            2 => Clause::Readable(self.random.below(FDS) as u8),
            3 => Clause::Writable(self.random.below(FDS) as u8),
            4 => Clause::Bundle(self.any_bundle()),
            _ => Clause::Request,
        }
    }

    /// Up to `most` operations of any kind, on anything.
    fn noise(&mut self, who: usize, ops: &mut Vec<Op>, most: u8) {
        for _ in 0..self.random.within(0, most) {
            match self
                .random
                .weighted(&[40, 3, 3, 4, 5, 4, 3, 3, 4, 4, 4, 1, 2, 1, 2, 3, 4, 2, 1, 2, 6])
            {
                0 => self.work(who, ops, 1),
                1 => ops.push(Op::Done(self.end())),
                2 => ops.push(Op::CloseEnd(self.end())),
                3 => ops.push(Op::Wait(self.any_bundle(), self.limit(who))),
                4 => ops.push(Op::Cancel(self.any_bundle(), self.period(who))),
                5 => ops.push(Op::Close(self.any_bundle())),
                6 => ops.push(Op::Deadline(self.any_bundle(), self.scope_limit())),
                7 => ops.push(Op::Notify(self.any_bundle(), self.end())),
                8 => ops.push(Op::Own(self.any_bundle())),
                9 => ops.push(Op::Enter(self.watch(), self.scope_limit())),
                10 => ops.push(Op::Leave),
                11 => ops.push(Op::LeaveOuter),
                12 => ops.push(Op::CancelChannel(self.end())),
                13 => ops.push(Op::Channel),
                14 => ops.extend(self.scripts[who].bundle.map(Op::Follow)),
                15 => ops.push(Op::Follow(self.any_bundle())),
                16 => ops.push(Op::Request(Some(self.any_bundle()))),
                17 => ops.push(Op::Request(None)),
                18 => ops.push(Op::Requested),
                19 => ops.push(Op::Fail(self.random.within(1, 3))),
                _ => {
                    let (bundle, role) = (self.any_bundle(), self.role(None));
                    if self.bundles > 0 {
                        ops.extend(self.launch(bundle, role));
                    }
                }
            }
        }
    }
}
