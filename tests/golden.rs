//! One transcript for all machines: small trained models, frozen with what they do.
//!
//! The models were trained once; they change only in a commit that says why, with
//!
//! ```text
//! cargo lacuna train -o tiny --dim 32 --hidden-dim 64 --n-layers 2 --n-heads 2 --n-kv-heads 1 --head-dim 16 \
//!     --seq-len 20 --activation relu2 --gated --sink --no-bigram --density 0.2 --per-neuron 2 --steps 6000 --batch 32 \
//!     --topk attn_in=16,q=16,k=8,v=8,attn_out=16,mlp_in=16,mlp_neuron=16,mlp_out=16
//! cargo lacuna export tiny -o tests/golden/tiny.lacuna --for cortex-m4
//! cargo lacuna export tiny -o tests/golden/tiny-i8.lacuna --for cortex-m4 --values i8
//! LACUNA_BLESS=1 cargo test --test golden
//! ```

use std::path::PathBuf;

use lacuna::format::Aligned;
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State};
use lacuna::probe::{DEFAULT_EPS, LogitDigest, Site, SiteStats, SparsityProbe};
use lacuna::session::{Options, Sampler, Session, Tokenizer, Transcript};

static TINY: Aligned<[u8; include_bytes!("golden/tiny.lacuna").len()]> =
    Aligned(*include_bytes!("golden/tiny.lacuna"));
static TINY_I8: Aligned<[u8; include_bytes!("golden/tiny-i8.lacuna").len()]> =
    Aligned(*include_bytes!("golden/tiny-i8.lacuna"));

/// The most a small microcontroller can hold: 64 KiB of model, 8 KiB of state.
const MAX_FILE: usize = 64 * 1024;
const MAX_STATE: usize = 8 * 1024;

fn transcript(bytes: &[u8], isa: Isa) -> String {
    let model = Model::new(bytes).expect("a frozen file");
    let config = *model.config();
    let options = Options {
        isa,
        ..Options::new(&config)
    };
    let mut arena = vec![0u128; State::len(&config, &Limits::new(&config)).div_ceil(16)];
    let arena = zerocopy::IntoBytes::as_mut_bytes(arena.as_mut_slice());
    let mut stats = vec![SiteStats::default(); Site::count(config.n_layers)];
    let sparsity = SparsityProbe::new(config.n_layers, DEFAULT_EPS, &mut stats)
        .expect("as many as there are sites");
    let mut session =
        Session::with_probe(model, arena, options, (LogitDigest::default(), sparsity))
            .expect("an arena that fits");

    session
        .self_test()
        .unwrap_or_else(|e| panic!("{isa:?}: {e}"));
    let golden = model.file().golden().expect("a golden block");
    let prompt: Vec<u32> = golden.prompt().to_vec();
    let mut tokens = Vec::new();
    session
        .generate(
            &prompt,
            golden.expected().len(),
            &mut Sampler::greedy(),
            |token| {
                tokens.push(token);
                core::ops::ControlFlow::Continue(())
            },
        )
        .expect("a run that was done before");
    let (digest, sparsity) = session.probe();
    let sites: Vec<_> = sparsity.summaries().map(|(_, summary)| summary).collect();
    Transcript {
        model_id: model.file().model_id(),
        prompt: &prompt,
        tokens: &tokens,
        tokenizer: Tokenizer::new(model.file()),
        digest: digest.value(),
        n_layers: config.n_layers,
        sites: &sites,
    }
    .to_string()
}

fn check(name: &str, bytes: &[u8]) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("LACUNA_BLESS").is_some() {
        std::fs::write(&file, transcript(bytes, Isa::Portable)).expect("a writable checkout");
    }
    let frozen = std::fs::read_to_string(&file).expect("a frozen transcript");
    for isa in Isa::available() {
        assert_eq!(
            transcript(bytes, isa),
            frozen,
            "{isa:?} prints another transcript than {name}"
        );
    }
}

#[test]
fn f32_is_the_same_everywhere() {
    check("tiny.out", &TINY.0);
}

#[test]
fn int8_is_the_same_everywhere() {
    check("tiny-i8.out", &TINY_I8.0);
}

#[test]
fn they_fit_the_smallest_board() {
    for bytes in [&TINY.0[..], &TINY_I8.0[..]] {
        let model = Model::new(bytes).expect("a frozen file");
        let config = model.config();
        let state = State::len(config, &Limits::new(config));
        assert!(
            bytes.len() <= MAX_FILE && state <= MAX_STATE,
            "{} bytes, state {state}",
            bytes.len()
        );
        assert_eq!(
            model.file().needs().state_bytes as usize,
            state,
            "the file states its own need"
        );
    }
}
