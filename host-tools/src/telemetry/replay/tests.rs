use lacuna::probe::record::{Encoder, TOKENS_PER_FRAME};
use lacuna::probe::{Hook, LogitDigest, SiteDigests};
use lacuna::session::{Options, Session};

use super::*;
use crate::memory::Buffer;
use crate::telemetry::{Ledger, Reading};

fn file() -> Buffer {
    Buffer::from(&include_bytes!("../../../../tests/golden/tiny.lacuna")[..])
}

/// What the device computes wrongly: one bit of a digest, and all that follows from it.
#[derive(Clone, Copy)]
struct Fault {
    position: u32,
    site: Site,
    bit: u32,
}

/// The frames of one window, as firmware sends them.
fn window(
    model: &Model<'_>,
    encoder: &mut Encoder,
    number: u32,
    ids: &[u32],
    fault: Option<Fault>,
) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut say = |record: Record<'_>| {
        frames.push(encoder.frame(7, record).expect("it fits").to_vec());
    };
    for (i, some) in ids.chunks(TOKENS_PER_FRAME).enumerate() {
        say(Record::input(number, (i * TOKENS_PER_FRAME) as u32, some));
    }
    let n_layers = model.config().n_layers;
    let mut digests = vec![0; Site::count(n_layers)];
    let probe = (
        SiteDigests::new(n_layers, &mut digests).unwrap(),
        LogitDigest::new(),
    );
    let options = Options::new(model.config());
    let len = lacuna::model::State::len(model.config(), &options.limits);
    let mut arena = Buffer::zeroed(len);
    let mut session = Session::with_probe(*model, &mut arena, options, probe).unwrap();
    let mut wrong = false;
    for (position, id) in (0..).zip(ids) {
        session.step(*id).unwrap();
        for (site, digest) in session.probe().0.iter() {
            let hit = |f: &Fault| f.position == position && f.site == site;
            wrong |= fault.as_ref().is_some_and(hit);
            let mask = fault.map_or(0, |f| 1 << f.bit);
            let digest = if wrong { digest ^ mask } else { digest };
            say(Record::SiteDigest {
                position,
                site,
                digest,
            });
        }
    }
    say(Record::End {
        digest: session.probe().1.value() ^ u64::from(wrong),
        positions: ids.len() as u32,
        stack: 0,
    });
    frames
}

/// The cases of frames, replayed.
fn verdicts(model: &Model<'_>, frames: &[Vec<u8>]) -> Vec<(Case, Verdict)> {
    let (mut ledger, mut reading, mut cases) =
        (Ledger::default(), Reading::default(), Cases::default());
    let mut found = Vec::new();
    let mut done = |case| found.push(case);
    for frame in frames {
        reading.push(frame, &mut ledger, |frame, _, _| {
            cases.take(frame, &mut done)
        });
    }
    cases.finish(&mut done);
    let limits = Limits::new(model.config());
    let judge = |case: Case| {
        let isa = Isa::detect();
        let verdict = replay(&case, isa, model, limits, WhenFull::Error).unwrap();
        (case, verdict)
    };
    found.into_iter().map(judge).collect()
}

const SITE: Site = Site {
    layer: 1,
    hook: Hook::AttnOut,
};

fn encoder(model: &Model<'_>) -> Encoder {
    let mut encoder = Encoder::new(0xd1, 4);
    encoder.model_id = model.id();
    encoder
}

fn ids() -> Vec<u32> {
    (0..10).map(|i| 97 + i).collect()
}

#[test]
fn a_right_device_is_equal_and_a_flipped_bit_is_named() {
    let file = file();
    let model = Model::new(&file).unwrap();
    let mut encoder = encoder(&model);
    let mut frames = window(&model, &mut encoder, 0, &ids(), None);
    let fault = Fault {
        position: 6,
        site: SITE,
        bit: 17,
    };
    frames.extend(window(&model, &mut encoder, 1, &ids(), Some(fault)));
    let found = verdicts(&model, &frames);
    assert_eq!(found.len(), 2);
    assert!(matches!(found[0].1, Verdict::Equal), "{:?}", found[0].1);
    assert_eq!(
        found[0].0.compared(),
        10 * Site::count(model.config().n_layers)
    );
    assert_eq!((found[1].0.window, found[1].0.device), (Some(1), 0xd1));
    let Verdict::Differs(difference) = &found[1].1 else {
        panic!("{:?}", found[1].1);
    };
    assert_eq!((difference.step, difference.site), (Some(6), Some(SITE)));
    let words = difference.to_string();
    assert!(
        words.starts_with("step 6, layer 1, site blocks.1.hook_attn_out,"),
        "{words}"
    );
}

#[test]
fn lost_frames_never_accuse_a_right_device() {
    let file = file();
    let model = Model::new(&file).unwrap();
    let mut encoder = encoder(&model);
    let other: Vec<u32> = ids().into_iter().rev().collect();
    let mut frames = window(&model, &mut encoder, 0, &ids(), None);
    frames.extend(window(&model, &mut encoder, 1, &other, None));
    // The borders of the windows, and places within.
    let half = frames.len() / 2;
    let border = half - 4..half + 4;
    for from in (0..4).chain(border).chain((4..frames.len()).step_by(37)) {
        for len in [1, 3, 200] {
            let mut heard = frames.clone();
            heard.drain(from..(from + len).min(frames.len()));
            for (case, verdict) in verdicts(&model, &heard) {
                assert!(
                    matches!(verdict, Verdict::Equal | Verdict::Nothing),
                    "{from} {len}: window {:?}: {verdict:?}",
                    case.window
                );
            }
        }
    }
}

#[test]
fn other_models_sites_and_digests_are_named() {
    let file = file();
    let model = Model::new(&file).unwrap();
    let mut stranger = Encoder::new(1, 1);
    let frames = window(&model, &mut stranger, 0, &ids(), None);
    assert!(matches!(
        verdicts(&model, &frames)[0].1,
        Verdict::OtherModel
    ));

    let mut encoder = encoder(&model);
    let far = Site {
        layer: 200,
        hook: Hook::Q,
    };
    let tokens = ids();
    let mut frames = Vec::new();
    for record in [
        Record::input(0, 0, &tokens),
        Record::SiteDigest {
            position: 0,
            site: far,
            digest: 1,
        },
        Record::input(1, 0, &tokens),
        Record::SiteDigest {
            position: u32::MAX,
            site: SITE,
            digest: 1,
        },
        Record::input(2, 0, &tokens),
        Record::End {
            digest: 1,
            positions: 10,
            stack: 0,
        },
    ] {
        frames.push(encoder.frame(0, record).unwrap().to_vec());
    }
    let found = verdicts(&model, &frames);
    assert!(matches!(&found[0].1, Verdict::Differs(d) if d.site == Some(far)));
    assert!(matches!(found[1].1, Verdict::Nothing));
    assert_eq!(found[1].0.skipped, 1);
    assert!(matches!(&found[2].1, Verdict::Differs(d) if d.what.starts_with("digest")));
}
