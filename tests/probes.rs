//! Probes: they change no bit, see every site once, and what they report survives the wire.

mod tiny;

use lacuna::config::Config;
use lacuna::model::CacheType;
use lacuna::num::{Fnv64, Rng};
use lacuna::probe::record::{
    Error, Frame, LOGITS_PER_FRAME, MAX_FRAME, Record, VERSION, decode, encode, floats, frames,
};
use lacuna::probe::{
    DEFAULT_EPS, Hook, LogitDigest, Probe, Site, SiteDigests, SiteStats, SiteSummary,
    SparsityProbe, hoyer,
};
use lacuna::session::{Session, WhenFull};
use tiny::{Form, Memory, RICH, Tiny, bits, options, tokens};

/// Keeps everything it sees.
#[derive(Default)]
struct Keep(Vec<(Site, Vec<f32>)>);

impl Probe for Keep {
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.0.push((site, x.to_vec()));
    }
}

/// Logits of nine tokens, and the probe afterwards.
fn run<P: Probe>(probe: P) -> (Vec<Vec<u32>>, P) {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    let options = options(&RICH, CacheType::F32, WhenFull::Error);
    let mut memory = Memory::new(&RICH, &options.limits);
    let mut probe = probe;
    let mut session = Session::with_probe(file.model(), memory.get(), options, &mut probe).unwrap();
    let logits = tokens(&RICH, 9, 1)
        .iter()
        .map(|t| bits(session.step(*t).unwrap()))
        .collect();
    (logits, probe)
}

#[test]
fn a_probe_changes_no_bit_and_sees_every_site_once_in_order() {
    let (unprobed, _) = run(lacuna::probe::NoProbe);
    let (probed, keep) = run(Keep::default());
    assert_eq!(probed, unprobed);
    let sites = Site::count(RICH.n_layers);
    assert_eq!(keep.0.len(), 9 * sites);
    for (i, (site, _)) in keep.0.iter().enumerate() {
        assert_eq!(Some(*site), Site::from_index(i % sites, RICH.n_layers));
    }
    let logits = keep.0.iter().filter(|(s, _)| s.hook == Hook::Logits);
    assert!(logits.map(|(_, x)| bits(x)).eq(unprobed));
}

#[test]
fn values_are_seen_after_sparsification_with_the_width_of_their_site() {
    let c: Config = RICH;
    for (site, x) in run(Keep::default()).1.0 {
        let (width, kept) = match site.hook {
            Hook::AttnIn => (c.dim, c.topk.attn_in),
            Hook::Q => (c.q_dim(), c.topk.q),
            Hook::K => (c.kv_dim(), c.topk.k),
            Hook::V => (c.kv_dim(), c.topk.v),
            Hook::Z => (c.q_dim(), c.q_dim()),
            Hook::AttnOut => (c.dim, c.topk.attn_out),
            Hook::MlpIn => (c.dim, c.topk.mlp_in),
            Hook::MlpPost => (c.hidden_dim, c.topk.mlp_neuron),
            Hook::MlpOut => (c.dim, c.topk.mlp_out),
            Hook::Logits => (c.vocab_size, c.vocab_size),
            _ => (c.dim, c.dim),
        };
        assert_eq!(x.len(), width, "{site}");
        assert!(x.iter().filter(|v| **v != 0.0).count() <= kept, "{site}");
    }
}

#[test]
fn probes_compose_and_count_what_passes() {
    let n = RICH.n_layers;
    let mut stats = vec![SiteStats::NEW; Site::count(n)];
    let mut digests = vec![0; Site::count(n)];
    let sparsity = SparsityProbe::new(n, DEFAULT_EPS, &mut stats).unwrap();
    let sites = SiteDigests::new(n, &mut digests).unwrap();
    let (_, (sparsity, (sites, (digest, keep)))) =
        run((sparsity, (sites, (LogitDigest::new(), Keep::default()))));

    let mut all = Fnv64::new();
    for (site, summary) in sparsity.summaries() {
        let seen: Vec<_> = keep.0.iter().filter(|(s, _)| *s == site).collect();
        if site.hook == Hook::Logits {
            seen.iter().for_each(|(_, x)| all.update_f32(x));
        }
        let mut last = Fnv64::new();
        last.update_f32(&seen[8].1);
        assert_eq!(sites.values()[site.index(n)], last.finish());

        let share = |of: fn(f32) -> bool| -> Vec<f32> {
            let count = |x: &[f32]| x.iter().filter(|v| of(**v)).count() as f32;
            seen.iter()
                .map(|(_, x)| count(x) / x.len() as f32)
                .collect()
        };
        let expected = [
            share(|v| v == 0.0),
            share(|v| v.abs() <= DEFAULT_EPS),
            seen.iter().map(|(_, x)| hoyer(x).unwrap()).collect(),
        ];
        for ((name, found), values) in summary.named().into_iter().zip(expected) {
            let least = values.iter().copied().fold(f32::INFINITY, f32::min);
            let most = values.iter().copied().fold(0.0, f32::max);
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 9.0;
            assert_eq!((found.n, found.min, found.max), (9, least, most), "{name}");
            assert!((f64::from(found.mean) - mean).abs() < 1e-7, "{site} {name}");
        }
    }
    assert_eq!(digest.value(), all.finish());
}

const SITE: Site = Site {
    layer: 254,
    hook: Hook::MlpPost,
};

/// One record of every kind, the longest allowed where lengths vary.
fn records<'a>(logits: &'a [f32], text: &'a str) -> Vec<Record<'a>> {
    let summary = SiteSummary::default();
    vec![
        Record::Hello {
            board: text,
            isa: text,
            ram: u32::MAX,
            flash: u32::MAX,
            context: u32::MAX,
            ticks_per_second: u32::MAX,
        },
        Record::Token {
            index: 0,
            token: 258,
            prompt: true,
        },
        Record::SiteDigest {
            position: 3,
            site: SITE,
            digest: u64::MAX,
        },
        Record::logits(7, u32::MAX, logits),
        Record::Stat {
            site: SITE,
            summary,
        },
        Record::Cost {
            position: 1,
            layer: Some(3),
            ticks: u64::MAX,
        },
        Record::Fault {
            position: 2,
            what: text,
        },
        Record::End {
            digest: 0,
            positions: 9,
            stack: 4096,
        },
    ]
}

fn frame(record: Record<'_>, seq: u32) -> Frame<'_> {
    Frame {
        version: VERSION,
        model_id: [0, 1, 2, 0, 255, 0, 0, 7],
        boot: u32::MAX,
        seq,
        record,
    }
}

const TEXT: &str = "sixty-four bytes of text, which is the most that a record allows";

fn logits() -> Vec<f32> {
    let mut logits: Vec<f32> = (0..LOGITS_PER_FRAME).map(|i| i as f32 - 7.5).collect();
    logits[3] = f32::from_bits(0xffc0_0001);
    logits[4] = -0.0;
    logits
}

fn recording(logits: &[f32]) -> Vec<u8> {
    let mut all = Vec::new();
    for (i, record) in records(logits, TEXT).into_iter().enumerate() {
        let mut buffer = [0xaa; MAX_FRAME];
        let bytes = encode(&frame(record, i as u32), &mut buffer).unwrap();
        assert!(bytes[..bytes.len() - 1].iter().all(|b| *b != 0));
        assert_eq!(bytes.last(), Some(&0));
        all.extend(bytes);
    }
    all
}

#[test]
fn every_record_comes_back_and_frames_are_found_in_noise() {
    assert_eq!(TEXT.len(), 64);
    let logits = logits();
    let mut noisy = b"boot noise\0\0\0".to_vec();
    noisy.extend(recording(&logits));
    noisy.extend(b"cut of");
    let found: Vec<_> = frames(&mut noisy).collect();
    let expected = records(&logits, TEXT);
    assert_eq!(found.len(), expected.len() + 2);
    assert!(found[0].is_err() && found[expected.len() + 1].is_err());
    for (i, (found, expected)) in found[1..].iter().zip(expected).enumerate() {
        assert_eq!(found.as_ref(), Ok(&frame(expected, i as u32)));
        if let Ok(Frame {
            record: Record::Logits { bits: raw, .. },
            ..
        }) = found
        {
            assert_eq!(bits(&floats(raw).collect::<Vec<_>>()), bits(&logits));
        }
    }
}

#[test]
fn short_buffers_and_other_versions_are_refused() {
    let logits = logits();
    for record in records(&logits, TEXT) {
        let mut buffer = [0; MAX_FRAME];
        let len = encode(&frame(record, 0), &mut buffer).unwrap().len();
        for given in 0..len {
            let mut buffer = vec![0; given];
            assert_eq!(
                encode(&frame(record, 0), &mut buffer),
                Err(Error::BufferTooSmall { given })
            );
        }
        let newer = Frame {
            version: 2,
            ..frame(record, 0)
        };
        let len = encode(&newer, &mut buffer).unwrap().len();
        assert_eq!(decode(&mut buffer[..len]), Err(Error::Version(2)));
    }
}

#[test]
fn damaged_frames_are_refused() {
    let logits = logits();
    let whole = recording(&logits);
    for bytes in whole.split_inclusive(|b| *b == 0) {
        for cut in 0..bytes.len() - 1 {
            assert!(decode(&mut bytes[..cut].to_vec()).is_err());
        }
        for at in 0..bytes.len() - 1 {
            for bit in 0..8 {
                let mut damaged = bytes.to_vec();
                damaged[at] ^= 1 << bit;
                assert!(decode(&mut damaged).is_err());
            }
        }
    }
    // Damage anywhere loses frames, never their neighbours' content.
    let mut rng = Rng::new(1);
    for _ in 0..2000 {
        let mut damaged = whole.clone();
        let at = rng.below(damaged.len() as u32) as usize;
        damaged[at] = rng.next_u32() as u8;
        let good = frames(&mut damaged).filter(|f| f.is_ok()).count();
        assert!(good >= 6, "{at} {good}");
    }
    for _ in 0..2000 {
        let n = rng.below(300);
        let mut noise: Vec<u8> = (0..n).map(|_| rng.next_u32() as u8).collect();
        assert!(frames(&mut noise).all(|f| f.is_err()));
    }
}
