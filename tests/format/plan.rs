//! The probe plan of a file: what is written is read, and every way it can be wrong.

use lacuna::format::plan::Kind;
use lacuna::format::{self, Extra, File, Tag, ValueType};
use lacuna::kernels::IsaName;
use lacuna::probe::{Hook, HookSet, Layers, Positions, ProbePlan, Rule, Stat, StatSet};

use crate::models::{Buffer, Form, Model, configs, file, seal};

const SPARSE: Rule = Rule {
    hooks: HookSet::of(&[Hook::MlpPost, Hook::LnFinal]),
    layers: Layers { first: 0, last: 3 },
    stats: StatSet::of(&[Stat::Hoyer, Stat::Top10]),
    positions: Positions::Every(8),
};

/// Two rules.
pub(crate) fn fixture() -> ProbePlan {
    let all = Rule {
        hooks: HookSet::ALL,
        layers: Layers::ALL,
        stats: StatSet::of(&[Stat::ZeroShare, Stat::Entropy]),
        positions: Positions::LastPrompt,
    };
    ProbePlan::of(&[SPARSE, all]).expect("two rules")
}

/// What a file whose block holds `bytes` instead of as many others is refused for.
fn refusal(bytes: &[u8], plan: &ProbePlan) -> Option<format::Kind> {
    let [config, ..] = configs();
    let model = Model::new(config, Form::sparse(ValueType::F32), 1);
    let extra = Extra {
        plan: Some(plan),
        ..Extra::new(0, IsaName::Portable)
    };
    let mut whole = file(&model, &extra);
    let at = whole.len() - bytes.len();
    whole[at..].copy_from_slice(bytes);
    seal(&mut whole);
    let buffer = Buffer::new(&whole);
    let error = File::parse(buffer.bytes()).err()?;
    assert!(!error.to_string().is_empty());
    assert!(error.at <= at, "{error}");
    Some(error.kind)
}

fn block(plan: &ProbePlan) -> Vec<u8> {
    let [config, ..] = configs();
    let model = Model::new(config, Form::sparse(ValueType::F32), 1);
    let extra = Extra {
        plan: Some(plan),
        ..Extra::new(0, IsaName::Portable)
    };
    let buffer = Buffer::new(&file(&model, &extra));
    let file = File::parse(buffer.bytes()).expect("a file");
    assert_eq!(file.plan().as_ref(), Some(plan));
    file.block(Tag::PLAN).expect("its block").to_vec()
}

#[test]
fn what_is_written_is_read_and_short() {
    assert_eq!(block(&ProbePlan::new()).len(), 6);
    assert!(block(&fixture()).len() <= 32);
    let longest = Rule {
        hooks: HookSet(u16::MAX),
        layers: Layers::ALL,
        stats: StatSet(u32::MAX),
        positions: Positions::Every(u16::MAX),
    };
    assert_eq!(
        block(&ProbePlan::of(&[longest; 8]).unwrap()).len(),
        6 + 8 * 14
    );
}

#[test]
fn every_byte_is_refused_or_means_something_else() {
    let plan = fixture();
    let good = block(&plan);
    assert_eq!(refusal(&good, &plan), None);
    for at in 0..good.len() {
        for byte in 0..=u8::MAX {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let found = refusal(&bytes, &plan);
            assert!(
                matches!(found, None | Some(format::Kind::Plan(_))),
                "{at} {byte} {found:?}"
            );
        }
    }
}

#[test]
fn one_wrong_field_at_a_time() {
    let plan = fixture();
    let good = block(&plan);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        refusal(&bytes, &plan)
    };
    let kind = |kind| Some(format::Kind::Plan(kind));
    // ε is 5 bytes, then the number of rules, then hooks in 2, layers in 1 and 1.
    assert_eq!(
        with(5, 9),
        kind(Kind::Encoding),
        "more rules than there are"
    );
    assert_eq!(
        with(5, 1),
        kind(Kind::Encoding),
        "bytes behind the last rule"
    );
    assert_eq!(with(8, 4), kind(Kind::Nothing), "blocks 4 to 3");
    assert_eq!(with(4, 0x0b), kind(Kind::Epsilon), "a negative epsilon");
    let mut long = good.clone();
    (long[6], long[7]) = (0x80, 0);
    assert_eq!(
        refusal(&long, &plan),
        kind(Kind::Encoding),
        "two bytes for a zero"
    );
    let (config, mut empty) = (configs()[0], SPARSE);
    empty.stats = StatSet::EMPTY;
    let plan = ProbePlan::of(&[empty]).unwrap();
    let extra = Extra {
        plan: Some(&plan),
        ..Extra::new(0, IsaName::Portable)
    };
    let model = Model::new(config, Form::sparse(ValueType::F32), 1);
    let mut sink = crate::models::Kept::default();
    let written = format::write::write(&config, &model, &extra, &mut sink);
    assert!(written.is_err(), "the writer checks as the reader does");
}
