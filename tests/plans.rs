//! Plans of what to measure: what a rule covers, and that a probe sees the same whichever way the tokens run.

mod tiny;

use lacuna::model::CacheType;
use lacuna::probe::{
    At, Hook, HookSet, Layers, NoProbe, PlanProbe, Positions, Probe, ProbePlan, Rule, Site, Sketch,
    Stat, StatSet, TooFewCells, TooManyRules, Values, measure,
};
use lacuna::session::{Options, Session, WhenFull};
use tiny::{Form, Memory, RICH, Tiny, bits, options, tokens};

const CHEAP: StatSet = StatSet::of(&[Stat::ZeroShare, Stat::Hoyer]);

fn rule(hooks: HookSet, stats: StatSet, positions: Positions) -> Rule {
    Rule {
        hooks,
        layers: Layers::ALL,
        stats,
        positions,
    }
}

/// Everything at the end of a prompt where the norms are, some of every third token elsewhere, logits of all.
fn plan() -> ProbePlan {
    ProbePlan::of(&[
        rule(
            HookSet::of(&[Hook::LnFinal]),
            StatSet::ALL,
            Positions::LastPrompt,
        ),
        rule(
            HookSet::of(&[Hook::Logits]),
            StatSet::OF_LOGITS,
            Positions::All,
        ),
        Rule {
            layers: Layers::only(1),
            ..rule(
                HookSet::of(&[Hook::MlpPost]),
                StatSet::ANYWHERE,
                Positions::All,
            )
        },
        rule(HookSet::ALL, CHEAP, Positions::Every(3)),
    ])
    .expect("four rules")
}

/// What of which token a probe was shown.
#[derive(Default)]
struct Shown(Vec<(At, Site, Vec<f32>)>);

impl Probe for Shown {
    fn observe(&mut self, _: Site, _: &[f32]) {
        panic!("a run says of which token a vector is");
    }

    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        self.0.push((at, site, x.to_vec()));
    }
}

fn in_batches(prefill: usize) -> Options {
    let mut options = options(&RICH, CacheType::F32, WhenFull::Error);
    options.limits.prefill = prefill;
    options
}

/// Two prompts of 5 and 3 tokens, one step, and the sketches of `plan` afterwards.
fn run<P: Probe>(options: Options, probe: P) -> Vec<u32> {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    let mut memory = Memory::new(&RICH, &options.limits);
    let mut session = Session::with_probe(file.model(), memory.get(), options, probe).unwrap();
    let tokens = tokens(&RICH, 9, 1);
    session.prompt(&tokens[..5]).unwrap();
    session.prompt(&tokens[5..8]).unwrap();
    bits(session.step(tokens[8]).unwrap())
}

#[test]
fn one_by_one_and_at_once_leave_the_same_sketches() {
    let mut first = None;
    for prefill in [1, 2, 4, 9] {
        let mut cells = vec![Sketch::EMPTY; PlanProbe::cells_len(&plan(), RICH.n_layers)];
        let mut probe = PlanProbe::new(plan(), RICH.n_layers, &mut cells).unwrap();
        let logits = run(in_batches(prefill), &mut probe);
        assert_eq!(logits, run(in_batches(prefill), NoProbe));
        assert_eq!(probe.faulty(), 0);
        let ran = (logits, cells);
        assert_eq!(*first.get_or_insert_with(|| ran.clone()), ran, "{prefill}");
    }
}

#[test]
fn a_sketch_is_of_the_tokens_its_rule_names() {
    let mut shown = Shown::default();
    run(in_batches(1), &mut shown);
    let mut cells = vec![Sketch::EMPTY; PlanProbe::cells_len(&plan(), RICH.n_layers)];
    let mut probe = PlanProbe::new(plan(), RICH.n_layers, &mut cells).unwrap();
    run(in_batches(4), &mut probe);
    let mut counted = 0;
    for (site, stat, found) in probe.cells() {
        let positions = plan().positions_of(site, stat).expect("a rule");
        let mut expected = Sketch::EMPTY;
        for (at, _, x) in shown.0.iter().filter(|s| s.1 == site && positions.has(s.0)) {
            let mut values = Values::EMPTY;
            assert!(
                measure(x, StatSet::of(&[stat]), plan().eps(), &mut values),
                "{at:?}"
            );
            expected.push(stat, values.get(stat).unwrap());
        }
        assert_eq!(*found, expected, "{site} {stat}");
        let n = match (site.hook, site.layer) {
            (Hook::LnFinal, _) => 2,
            (Hook::Logits, _) if StatSet::OF_LOGITS.has(stat) => 9,
            (Hook::MlpPost, 1) => 9,
            _ => 3,
        };
        assert_eq!(found.n, n, "{site} {stat}");
        assert_eq!(probe.cell(site, stat), Some(found));
        counted += 1;
    }
    // 26 sites with two statistics; twelve more at the final norm and one block's neurons, three more at the logits.
    assert_eq!(counted, 26 * 2 + 2 * 12 + 3);
    probe.clear();
    assert!(probe.cells().all(|c| *c.2 == Sketch::EMPTY));
}

#[test]
fn a_run_says_which_token_is_which() {
    for prefill in [1, 4, 9] {
        let mut shown = Shown::default();
        run(in_batches(prefill), &mut shown);
        let of = |hook| {
            shown
                .0
                .iter()
                .filter(move |s| s.1.hook == hook)
                .map(|s| s.0)
        };
        for hook in [Hook::Embed, Hook::LnFinal, Hook::Logits] {
            assert!(
                of(hook).map(|at| at.position).eq(0..9),
                "{prefill} {hook:?}"
            );
            let ends: Vec<u32> = of(hook)
                .filter(|at| at.ends_prompt)
                .map(|at| at.position)
                .collect();
            assert_eq!(ends, [4, 7], "{prefill} {hook:?}");
        }
    }
}

/// Wants what a plan wants and counts the logits it is shown.
struct Counting(ProbePlan, usize);

impl Probe for Counting {
    fn observe(&mut self, site: Site, _: &[f32]) {
        self.1 += usize::from(site.hook == Hook::Logits);
    }

    fn wants(&self, hook: Hook) -> bool {
        self.0.wants(hook)
    }

    fn wants_at(&self, at: At, hook: Hook) -> bool {
        self.0.wants_at(at, hook)
    }
}

#[test]
fn work_for_tokens_that_nobody_wants_is_spared() {
    let only = |positions| {
        let logits = rule(HookSet::of(&[Hook::Logits]), StatSet::OF_LOGITS, positions);
        let mut probe = Counting(ProbePlan::of(&[logits]).unwrap(), 0);
        run(in_batches(9), &mut probe);
        probe.1
    };
    // The last of a batch has its logits computed in any case.
    assert_eq!(only(Positions::LastPrompt), 3 - 1 + 1);
    assert_eq!(only(Positions::Every(2)), 4 + 2);
    assert_eq!(only(Positions::All), 9);
}

#[test]
fn the_first_rule_has_it_and_logits_alone_have_logits() {
    let plan = plan();
    let site = |layer, hook| Site { layer, hook };
    assert_eq!(plan.stats_at(site(0, Hook::LnFinal)), StatSet::ANYWHERE);
    assert_eq!(
        plan.stats_at(site(0, Hook::Logits)),
        StatSet::OF_LOGITS.or(CHEAP)
    );
    assert_eq!(plan.stats_at(site(0, Hook::MlpPost)), CHEAP);
    assert_eq!(plan.stats_at(site(1, Hook::MlpPost)), StatSet::ANYWHERE);
    let third = At {
        position: 2,
        ends_prompt: false,
    };
    assert_eq!(plan.due_at(site(0, Hook::LnFinal), third), StatSet::EMPTY);
    assert_eq!(plan.due_at(site(0, Hook::Q), third), CHEAP);
    assert_eq!(plan.due_at(site(0, Hook::Q), At::default()), StatSet::EMPTY);
    assert_eq!(plan.positions_of(site(0, Hook::Q), Stat::Gini), None);
    assert!(ProbePlan::new().rules().is_empty() && !ProbePlan::new().wants(Hook::Embed));
}

#[test]
fn every_nth_is_the_nth() {
    let at = |position| At {
        position,
        ends_prompt: position == 7,
    };
    let of =
        |positions: Positions| -> Vec<u32> { (0..10).filter(|p| positions.has(at(*p))).collect() };
    assert_eq!(of(Positions::Every(4)), [3, 7]);
    assert_eq!(of(Positions::LastPrompt), [7]);
    for all in [Positions::All, Positions::Every(0), Positions::Every(1)] {
        assert_eq!(of(all).len(), 10);
    }
}

#[test]
fn what_is_not_finite_is_counted_and_harms_nothing() {
    let plan = ProbePlan::of(&[rule(HookSet::ALL, CHEAP, Positions::All)]).unwrap();
    let mut cells = [Sketch::EMPTY; 30];
    let mut probe = PlanProbe::new(plan.clone(), 1, &mut cells).unwrap();
    let site = Site {
        layer: 0,
        hook: Hook::ResidFinal,
    };
    probe.observe(site, &[1.0, 0.0]);
    let before = *probe.cell(site, Stat::Hoyer).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        probe.observe(site, &[1.0, bad]);
    }
    let elsewhere = Site {
        layer: 1,
        hook: Hook::ResidPre,
    };
    probe.observe(elsewhere, &[1.0]);
    assert_eq!((probe.faulty(), before.n), (2, 1));
    assert_eq!(probe.cell(site, Stat::Hoyer), Some(&before));
    assert_eq!(probe.cells().map(|c| c.2.n).sum::<u32>(), 2);
    let (needed, given) = (30, 29);
    assert_eq!(
        PlanProbe::new(plan, 1, &mut cells[..29]).unwrap_err(),
        TooFewCells { needed, given }
    );
}

#[test]
fn plans_have_a_form_in_words_and_in_bytes() {
    let all = rule(HookSet::ALL, CHEAP, Positions::Every(8));
    let post = HookSet::of(&[Hook::MlpPost, Hook::LnFinal]);
    let mut plan = ProbePlan::of(&[
        Rule {
            layers: Layers { first: 1, last: 3 },
            ..rule(post, StatSet::of(&[Stat::Top10]), Positions::LastPrompt)
        },
        Rule {
            layers: Layers::only(2),
            ..rule(HookSet::of(&[Hook::Q]), CHEAP, Positions::All)
        },
        all,
    ])
    .unwrap();
    assert_eq!(
        plan.to_string(),
        "blocks.1-3.mlp.hook_post|ln_final.hook_normalized:top10@last; blocks.2.attn.hook_q:zero_share,hoyer@all; \
         *:zero_share,hoyer@every=8"
    );
    let mut room = [0; 128];
    let bytes = postcard::to_slice(&plan, &mut room).unwrap();
    assert_eq!(postcard::from_bytes::<ProbePlan>(bytes).unwrap(), plan);
    (0..5).for_each(|_| plan.push(all).unwrap());
    assert_eq!(plan.push(all), Err(TooManyRules));
}
