//! Probes: they change no bit and see every site once.

mod tiny;

use lacuna::config::Config;
use lacuna::model::CacheType;
use lacuna::num::Fnv64;
use lacuna::probe::{
    DEFAULT_EPS, Hook, LogitDigest, Probe, Site, SiteDigests, SiteStats, SparsityProbe, hoyer,
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
