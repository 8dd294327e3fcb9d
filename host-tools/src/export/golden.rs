//! The run that every device repeats: BOS, then what greedy decoding gives. Of windows, see [`super::window`].

use lacuna::config::Config;
use lacuna::format::{self, Golden};
use lacuna::kernels::Isa;
use lacuna::model::{self, Limits, Model, State, forward};
use lacuna::num::Fnv64;
use lacuna::probe::{Hook, LogitDigest, Probe, Site};
use lacuna::session::argmax;

use crate::memory::Buffer;

/// Why a golden run could not be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine does not read the file.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// The engine does not run the model.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// The run does not make a block.
    #[error(transparent)]
    Block(#[from] format::golden::Error),
}

/// A recorded run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) prompt: Vec<u32>,
    pub(super) expected: Vec<u32>,
    pub(super) logits: u64,
    pub(super) layers: Vec<[u8; 8]>,
}

impl Run {
    pub(super) fn block(&self, config: &Config) -> Result<Golden<'_>, Error> {
        let block = Golden::new(
            config,
            &self.prompt,
            &self.expected,
            self.logits,
            &self.layers,
        )?;
        Ok(block)
    }
}

/// The residual stream entering each block and leaving the last one, over all positions.
pub(super) struct Stream(Vec<Fnv64>);

impl Stream {
    pub(super) fn new(config: &Config) -> Stream {
        Stream(vec![Fnv64::new(); config.n_layers + 1])
    }

    pub(super) fn digests(&self) -> Vec<[u8; 8]> {
        self.0.iter().map(|d| d.finish().to_le_bytes()).collect()
    }
}

impl Probe for Stream {
    fn observe(&mut self, site: Site, x: &[f32]) {
        let place = match site.hook {
            Hook::ResidPre => usize::from(site.layer),
            Hook::ResidFinal => self.0.len() - 1,
            _ => return,
        };
        self.0[place].update_f32(x);
    }

    fn wants(&self, hook: Hook) -> bool {
        matches!(hook, Hook::ResidPre | Hook::ResidFinal)
    }
}

/// Runs the model in `bytes` from BOS (or token 0) for `tokens` greedy tokens, on the portable back-end.
pub(super) fn record(bytes: &[u8], tokens: usize) -> Result<Run, Error> {
    let model = Model::new(bytes)?;
    let config = model.config();
    let limits = Limits::new(config);
    let mut arena = Buffer::zeroed(State::len(config, &limits));
    let mut state = State::new(config, &limits, &mut arena)?;
    let bos = model.file().tokenizer().and_then(|t| t.bos()).unwrap_or(0);
    let mut probe = (LogitDigest::new(), Stream::new(config));
    let mut expected: Vec<u32> = Vec::new();
    for _ in 0..tokens.min(config.seq_len) {
        let token = expected.last().copied().unwrap_or(bos);
        forward(Isa::Portable, &model, &mut state, token, &mut probe)?;
        expected.push(argmax(state.logits()));
    }
    Ok(Run {
        prompt: vec![bos],
        expected,
        logits: probe.0.value(),
        layers: probe.1.digests(),
    })
}
