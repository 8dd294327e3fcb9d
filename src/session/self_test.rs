//! Does this machine compute the bits that the exporter's did?
//!
//! # Why
//! A test of any model links what runs windows: all products of several positions at once, some 75 KB on a Cortex-M. A firmware
//! whose model takes tokens asks with `self_test_tokens`, which knows that there are none while it is compiled.

use super::{Error, Session, TestError, argmax};
use crate::format::Golden;
use crate::kernels::Isa;
use crate::model::{CacheType, classify, forward};
use crate::num::Fnv64;
use crate::probe::{Hook, Probe, Site};

const LOGITS: Site = Site {
    layer: 0,
    hook: Hook::Logits,
};

/// The digest of one site over a run; the one probe of all tests, as every other would be a copy of all layers in flash.
struct SiteDigest {
    site: Site,
    digest: Fnv64,
}

impl SiteDigest {
    const fn new(site: Site) -> Self {
        let digest = Fnv64::new();
        Self { site, digest }
    }
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
        self.golden_test::<true>()
    }

    /// [`Session::self_test`] of a model of tokens, without what runs windows.
    ///
    /// # Errors
    /// As there, and [`TestError::Windows`] of a model of windows.
    pub fn self_test_tokens(&mut self) -> Result<(), Error> {
        self.refuse_windows()?;
        self.golden_test::<false>()
    }

    fn golden_test<const WINDOWS: bool>(&mut self) -> Result<(), Error> {
        let golden = self.model.file().golden().ok_or(TestError::NoGolden)?;
        let limits = self.state.limits();
        // A session of windows holds a whole one.
        let long = !self.takes_windows::<WINDOWS>() && limits.context < golden.positions();
        if limits.cache != CacheType::F32 || long {
            return Err(TestError::Limits.into());
        }
        let result = self.repeat::<WINDOWS>(&golden);
        self.clear();
        result
    }

    /// Runs a few tokens (of a model of windows, the golden one) by these kernels and by the portable ones and compares the
    /// logits, for a file without a golden run or for limits that cannot repeat it; the session is empty afterwards, and the probe sees nothing of it.
    ///
    /// # Errors
    /// [`TestError::Kernels`], [`TestError::NoGolden`] of a model of windows, and what [`Session::step`] may meet.
    pub fn kernels_test(&mut self) -> Result<(), Error> {
        self.compare::<true>()
    }

    /// [`Session::kernels_test`] of a model of tokens, without what runs windows.
    ///
    /// # Errors
    /// As there, and [`TestError::Windows`] of a model of windows.
    pub fn kernels_test_tokens(&mut self) -> Result<(), Error> {
        self.refuse_windows()?;
        self.compare::<false>()
    }

    fn compare<const WINDOWS: bool>(&mut self) -> Result<(), Error> {
        let ours = self.digest_by::<WINDOWS>(self.isa);
        let portable = ours.and_then(|_| self.digest_by::<WINDOWS>(Isa::Portable));
        self.clear();
        if ours? == portable? {
            Ok(())
        } else {
            Err(TestError::Kernels.into())
        }
    }

    /// The digest of the logits of the first tokens of the vocabulary.
    fn digest_by<const WINDOWS: bool>(&mut self, isa: Isa) -> Result<u64, Error> {
        const TOKENS: usize = 8;
        let most = self.state.limits().context.min(TOKENS);
        let mut probe = SiteDigest::new(LOGITS);
        self.clear();
        if self.takes_windows::<WINDOWS>() {
            // There is no memory to make a window in: only a golden one can be run.
            let golden = self.model.file().golden().ok_or(TestError::NoGolden)?;
            let (model, window) = (&self.model, golden.window());
            classify(isa, model, &mut self.state, window, &mut probe)?;
            return Ok(probe.digest.finish());
        }
        for token in 0..most.min(self.model.config().vocab_size) as u32 {
            forward(isa, &self.model, &mut self.state, token, &mut probe)?;
        }
        Ok(probe.digest.finish())
    }

    /// Whether the model takes windows; where that cannot be, what runs them is not linked.
    fn takes_windows<const WINDOWS: bool>(&self) -> bool {
        WINDOWS && self.model.config().window_len() > 0
    }

    fn refuse_windows(&self) -> Result<(), Error> {
        match self.takes_windows::<true>() {
            true => Err(TestError::Windows.into()),
            false => Ok(()),
        }
    }

    fn repeat<const WINDOWS: bool>(&mut self, golden: &Golden<'_>) -> Result<(), Error> {
        let n_layers = self.model.config().n_layers;
        let (digest, wrong) = self.digest_of::<WINDOWS>(golden, LOGITS)?;
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
            let (digest, _) = self.digest_of::<WINDOWS>(golden, site)?;
            if Some(digest) != golden.layer(layer) {
                return Err(TestError::Layer { layer }.into());
            }
        }
        Err(match wrong {
            Some(_) if digest == golden.logits() && self.takes_windows::<WINDOWS>() => {
                TestError::Class
            }
            Some(index) if digest == golden.logits() => TestError::Token { index },
            _ => TestError::Logits,
        }
        .into())
    }

    /// The digest of `site` over the golden run, and the first greedy token that is not the golden one.
    fn digest_of<const WINDOWS: bool>(
        &mut self,
        golden: &Golden<'_>,
        site: Site,
    ) -> Result<(u64, Option<usize>), Error> {
        let mut probe = SiteDigest::new(site);
        self.clear();
        if self.takes_windows::<WINDOWS>() {
            let (model, window) = (&self.model, golden.window());
            classify(self.isa, model, &mut self.state, window, &mut probe)?;
            let same = golden.expected() == [argmax(self.logits())];
            return Ok((probe.digest.finish(), (!same).then_some(0)));
        }
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
