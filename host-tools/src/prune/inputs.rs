//! What the inputs of every matrix look like on text, seen by a probe of the engine.
//!
//! ```text
//! windows ─► engine ─► ln1 → wq wk wv   z → wo   ln2 → w1 w3   post → w2   ln_final → head
//!                      └─ Σ x xᵀ, or its diagonal ─┘           tokens → embedding: how often each is read
//! ```
//!
//! # Invariants
//! - Sums are in f64 and in the order of the tokens: the same on every machine, because the engine's activations are.
//! - A tied embedding is a head: what it adds to the stream is not weighed.
//!
//! # Why
//! A looked-up row is the product of the embedding with a vector of one 1, so Σ x xᵀ is the diagonal of counts, and both
//! methods apply to it as they are.

use lacuna::config::Config;
use lacuna::format::schema::{Id, Tensor};
use lacuna::probe::{Hook, Probe, Site};

/// Σ x xᵀ over tokens.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gram {
    /// Length of x.
    pub(super) dim: usize,
    /// The upper triangle of (dim, dim), row-major; or only the diagonal, (dim,).
    pub(super) sums: Vec<f64>,
}

impl Gram {
    pub(super) fn new(dim: usize, full: bool) -> Gram {
        let sums = vec![0.0; if full { dim * dim } else { dim }];
        Gram { dim, sums }
    }

    pub(super) fn add(&mut self, x: &[f32]) {
        let full = self.sums.len() != self.dim;
        for (i, &a) in x.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            let a = f64::from(a);
            match full {
                false => self.sums[i] += a * a,
                true => {
                    let row = &mut self.sums[i * self.dim..][..self.dim];
                    for (sum, &b) in row[i..].iter_mut().zip(&x[i..]) {
                        *sum += a * f64::from(b);
                    }
                }
            }
        }
    }

    /// Σ x², input by input.
    pub(super) fn squares(&self) -> Vec<f64> {
        let step = if self.sums.len() == self.dim {
            1
        } else {
            self.dim + 1
        };
        self.sums.iter().step_by(step).copied().collect()
    }
}

/// Where the input of a matrix can be seen; `None` of an embedding that is only looked up.
pub(super) fn site(config: &Config, line: &Tensor) -> Option<Site> {
    let hook = match line.id {
        Id::Wq | Id::Wk | Id::Wv => Hook::AttnIn,
        Id::Wo => Hook::Z,
        Id::W1 | Id::W3 => Hook::MlpIn,
        Id::W2 => Hook::MlpPost,
        Id::Head => Hook::LnFinal,
        Id::Embedding if config.tied => Hook::LnFinal,
        _ => return None,
    };
    let layer = line.layer as u8;
    Some(Site { layer, hook })
}

/// A probe that sums at the inputs of some matrices.
#[derive(Debug)]
pub(super) struct Inputs {
    n_layers: usize,
    grams: Vec<Option<Gram>>,
}

impl Inputs {
    /// Sums of nothing yet, for `lines`; `full` beyond the diagonal.
    pub(super) fn new(config: &Config, lines: &[Tensor], full: bool) -> Inputs {
        let mut grams = vec![None; Site::count(config.n_layers)];
        for line in lines {
            if let Some(site) = site(config, line) {
                grams[site.index(config.n_layers)] = Some(Gram::new(line.cols, full));
            }
        }
        let n_layers = config.n_layers;
        Inputs { n_layers, grams }
    }

    /// What was seen at `site`.
    pub(super) fn at(&self, site: Site) -> Option<&Gram> {
        self.grams.get(site.index(self.n_layers))?.as_ref()
    }

    /// Whether anything is looked at.
    pub(super) fn any(&self) -> bool {
        self.grams.iter().any(Option::is_some)
    }
}

impl Probe for Inputs {
    fn observe(&mut self, site: Site, x: &[f32]) {
        let index = site.index(self.n_layers);
        if let Some(Some(gram)) = self.grams.get_mut(index) {
            gram.add(x);
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        let at = |(i, gram): (usize, &Option<Gram>)| {
            let site = gram.is_some().then(|| Site::from_index(i, self.n_layers));
            site.flatten().is_some_and(|s| s.hook == hook)
        };
        self.grams.iter().enumerate().any(at)
    }
}

/// How often each token is read in windows whose last is only predicted.
pub(super) fn counts(windows: &[Vec<u32>], vocabulary: usize) -> Gram {
    let mut gram = Gram::new(vocabulary, false);
    for window in windows {
        for &token in window.split_last().map_or(&[][..], |(_, read)| read) {
            if let Some(sum) = gram.sums.get_mut(token as usize) {
                *sum += 1.0;
            }
        }
    }
    gram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diagonal_is_that_of_all_sums() {
        let (mut full, mut diagonal) = (Gram::new(3, true), Gram::new(3, false));
        for x in [[1.0, 0.0, -2.0], [0.5, 3.0, 0.0]] {
            full.add(&x);
            diagonal.add(&x);
        }
        assert_eq!(full.squares(), [1.25, 9.0, 4.0]);
        assert_eq!(full.squares(), diagonal.squares());
        assert_eq!(full.sums[1..3], [1.5, -2.0]);
    }

    #[test]
    fn tokens_that_are_only_predicted_are_not_counted() {
        let windows = [vec![0, 2, 2, 1], vec![0, 1], vec![]];
        assert_eq!(counts(&windows, 4).squares(), [2.0, 0.0, 2.0, 0.0]);
    }
}
