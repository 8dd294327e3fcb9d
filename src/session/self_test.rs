//! Does this machine compute the bits that the exporter's did?

use super::{Error, Session, TestError, argmax};
use crate::format::Golden;
use crate::kernels::Isa;
use crate::model::{CacheType, forward};
use crate::num::Fnv64;
use crate::probe::{Hook, LogitDigest, Probe, Site};

/// The digest of one site over a run.
struct SiteDigest {
    site: Site,
    digest: Fnv64,
}

impl Probe for SiteDigest {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if site == self.site {
            self.digest.update_f32(x);
        }
    }
}

impl<P: Probe> Session<'_, P> {
    /// Repeats the file's golden run and compares tokens and digests; the session is empty afterwards, unless
    /// there is nothing to repeat, and the probe sees nothing of it.
    ///
    /// A run that differs is repeated for one block after the other, to say where it parts, with no memory of its own.
    ///
    /// # Errors
    /// [`TestError`], and what [`Session::step`] may meet.
    pub fn self_test(&mut self) -> Result<(), Error> {
        let golden = self.model.file().golden().ok_or(TestError::NoGolden)?;
        let limits = self.state.limits();
        if limits.cache != CacheType::F32 || limits.context < golden.positions() {
            return Err(TestError::Limits.into());
        }
        let result = self.repeat(&golden);
        self.clear();
        result
    }

    /// Runs a few tokens by these kernels and by the portable ones and compares the logits, for a file without a golden
    /// run or for limits that cannot repeat it; the session is empty afterwards, and the probe sees nothing of it.
    ///
    /// # Errors
    /// [`TestError::Kernels`], and what [`Session::step`] may meet.
    pub fn kernels_test(&mut self) -> Result<(), Error> {
        let ours = self.digest_by(self.isa);
        let portable = ours.and_then(|_| self.digest_by(Isa::Portable));
        self.clear();
        if ours? == portable? {
            Ok(())
        } else {
            Err(TestError::Kernels.into())
        }
    }

    /// The digest of the logits of the first tokens of the vocabulary.
    fn digest_by(&mut self, isa: Isa) -> Result<u64, Error> {
        const TOKENS: usize = 8;
        let most = self.state.limits().context.min(TOKENS);
        let mut probe = LogitDigest::new();
        self.clear();
        for token in 0..most.min(self.model.config().vocab_size) as u32 {
            forward(isa, &self.model, &mut self.state, token, &mut probe)?;
        }
        Ok(probe.value())
    }

    fn repeat(&mut self, golden: &Golden<'_>) -> Result<(), Error> {
        let n_layers = self.model.config().n_layers;
        let logits = Site {
            layer: 0,
            hook: Hook::Logits,
        };
        let (digest, wrong) = self.digest_of(golden, logits)?;
        if digest == golden.logits() && wrong.is_none() {
            return Ok(());
        }
        for layer in 0..=n_layers {
            let site = if layer < n_layers {
                Site {
                    layer: layer as u8,
                    hook: Hook::ResidPre,
                }
            } else {
                Site {
                    layer: 0,
                    hook: Hook::ResidFinal,
                }
            };
            let (digest, _) = self.digest_of(golden, site)?;
            if Some(digest) != golden.layer(layer) {
                return Err(TestError::Layer { layer }.into());
            }
        }
        Err(match wrong {
            Some(index) if digest == golden.logits() => TestError::Token { index },
            _ => TestError::Logits,
        }
        .into())
    }

    /// The digest of `site` over the golden run, and the first greedy token that is not the golden one.
    fn digest_of(
        &mut self,
        golden: &Golden<'_>,
        site: Site,
    ) -> Result<(u64, Option<usize>), Error> {
        let mut probe = SiteDigest {
            site,
            digest: Fnv64::new(),
        };
        self.clear();
        let mut wrong = None;
        let tokens = golden.prompt().iter().chain(golden.expected());
        for (at, token) in tokens.enumerate() {
            let generated = at.checked_sub(golden.prompt().len());
            if let Some(index) = generated
                && wrong.is_none()
                && argmax(self.logits()) != *token
            {
                wrong = Some(index);
            }
            if at < golden.positions() {
                forward(self.isa, &self.model, &mut self.state, *token, &mut probe)?;
            }
        }
        Ok((probe.digest.finish(), wrong))
    }
}
