//! The same model in plain f64: naive, dense, and sharing no line with the engine.

use core::ops::Range;

use half::f16;
use lacuna::config::{Activation, Config, Position};
use lacuna::format::schema::{Id, Tensor};
use lacuna::model::CacheType;
use lacuna::session::WhenFull;

use super::storage::quantise;
use super::{Tiny, Values};

/// Dense weights and the whole past.
pub(crate) struct Reference {
    config: Config,
    values: Values,
    cache: CacheType,
    when_full: WhenFull,
    weights: Vec<(Tensor, Vec<f64>)>,
    /// Per layer and position, as the cache keeps them.
    keys: Vec<Vec<Vec<f64>>>,
    past: Vec<Vec<Vec<f64>>>,
}

impl Reference {
    pub(crate) fn new(tiny: &Tiny, values: Values, cache: CacheType, when_full: WhenFull) -> Self {
        let widen = |(t, w): &(Tensor, Vec<f32>)| {
            let matrix = t.kind != lacuna::format::schema::Kind::Dense;
            let wide = if values == Values::I8 && matrix {
                let (q, scales) = quantise(t, w);
                let scale = |i: usize| f64::from(scales[i / t.cols]);
                let q = q.iter().enumerate();
                q.map(|(i, q)| f64::from(*q) * scale(i)).collect()
            } else {
                w.iter().map(|v| f64::from(*v)).collect()
            };
            (*t, wide)
        };
        let n = tiny.config.n_layers;
        Reference {
            config: tiny.config,
            values,
            cache,
            when_full,
            weights: tiny.weights.iter().map(widen).collect(),
            keys: vec![Vec::new(); n],
            past: vec![Vec::new(); n],
        }
    }

    fn get(&self, id: Id, layer: usize) -> Option<&[f64]> {
        let line = |t: &Tensor| t.id == id && t.layer == layer;
        let found = self.weights.iter().find(|(t, _)| line(t));
        found.map(|(_, w)| &w[..])
    }

    fn row(&self, id: Id, row: usize, width: usize) -> Vec<f64> {
        let table = self.get(id, 0).expect("the table exists");
        table[row * width..][..width].to_vec()
    }

    fn times(&self, w: Id, b: Option<Id>, layer: usize, x: &[f64]) -> Vec<f64> {
        let w = self.get(w, layer).expect("the matrix exists");
        let mut x = x.to_vec();
        if self.values == Values::I8 {
            let scale = x.iter().fold(0.0f64, |m, v| m.max(v.abs())) / 127.0;
            for v in &mut x {
                *v = (*v / scale).round_ties_even() * scale;
            }
        }
        let mut y: Vec<f64> = w
            .chunks(x.len())
            .map(|row| row.iter().zip(&x).map(|(w, x)| w * x).sum())
            .collect();
        if let Some(b) = b.and_then(|b| self.get(b, layer)) {
            y.iter_mut().zip(b).for_each(|(y, b)| *y += b);
        }
        y
    }

    fn norm(&self, id: Id, layer: usize, x: &[f64]) -> Vec<f64> {
        let gain = self.get(id, layer).expect("the gain exists");
        let mean = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
        let root = (mean + f64::from(self.config.norm_eps)).sqrt();
        x.iter().zip(gain).map(|(x, g)| x / root * g).collect()
    }

    /// A row of keys or values as the cache gives it back.
    fn kept(&self, mut row: Vec<f64>) -> Vec<f64> {
        match self.cache {
            CacheType::F16 => row.iter_mut().for_each(|v| *v = f16::from_f64(*v).to_f64()),
            CacheType::I8 => {
                for head in row.chunks_mut(self.config.head_dim) {
                    let scale = head.iter().fold(0.0f64, |m, v| m.max(v.abs())) / 127.0;
                    let step = |v: f64| (v / scale).round_ties_even() * scale;
                    head.iter_mut()
                        .filter(|_| scale > 0.0)
                        .for_each(|v| *v = step(*v));
                }
            }
            _ => {}
        }
        row
    }

    fn turned(&self, x: &[f64], position: usize) -> Vec<f64> {
        if self.config.position != Position::Rope {
            return x.to_vec();
        }
        let half = self.config.head_dim / 2;
        let cos = self.row(Id::RopeCos, position, half);
        let sin = self.row(Id::RopeSin, position, half);
        let pairs = x.chunks(2).enumerate();
        pairs
            .flat_map(|(i, p)| {
                let (c, s) = (cos[i % half], sin[i % half]);
                [p[0] * c - p[1] * s, p[0] * s + p[1] * c]
            })
            .collect()
    }

    fn attend(&mut self, layer: usize, x: &[f64]) -> Vec<f64> {
        let q = self.store(layer, x);
        let all = self.keys[layer].len();
        let window = all.saturating_sub(self.config.seq_len)..all;
        let q = self.turned(&q, window.len() - 1);
        self.weigh(layer, &q, window)
    }

    /// Keeps key and value; gives the query, not turned.
    fn store(&mut self, layer: usize, x: &[f64]) -> Vec<f64> {
        let t = self.config.topk;
        let n = top_k(self.norm(Id::AttnNorm, layer, x), t.attn_in);
        let q = top_k(self.times(Id::Wq, Some(Id::Bq), layer, &n), t.q);
        let k = top_k(self.times(Id::Wk, Some(Id::Bk), layer, &n), t.k);
        let v = top_k(self.times(Id::Wv, Some(Id::Bv), layer, &n), t.v);
        // The cache keeps turned keys, or unturned ones where the window slides.
        let slides = self.when_full == WhenFull::Slide;
        let k = if slides {
            k
        } else {
            self.turned(&k, self.keys[layer].len())
        };
        let (k, v) = (self.kept(k), self.kept(v));
        self.keys[layer].push(k);
        self.past[layer].push(v);
        q
    }

    /// What a turned query finds in the positions of `window`.
    fn weigh(&self, layer: usize, q: &[f64], window: Range<usize>) -> Vec<f64> {
        let (c, t) = (self.config, self.config.topk);
        let slides = self.when_full == WhenFull::Slide;
        let mut z = Vec::new();
        for h in 0..c.n_heads {
            let at = h / (c.n_heads / c.n_kv_heads) * c.head_dim;
            let head = |x: &[f64]| x[at..at + c.head_dim].to_vec();
            let q = &q[h * c.head_dim..][..c.head_dim];
            let score = |(place, t): (usize, usize)| {
                let k = &self.keys[layer][t];
                let k = if slides {
                    self.turned(k, place)
                } else {
                    k.clone()
                };
                let dot: f64 = head(&k).iter().zip(q).map(|(k, q)| k * q).sum();
                (dot / (c.head_dim as f64).sqrt()).exp()
            };
            let e: Vec<f64> = window.clone().enumerate().map(score).collect();
            let sink = self.get(Id::Sink, layer).map_or(0.0, |s| s[h].exp());
            let sum = e.iter().sum::<f64>() + sink;
            for i in 0..c.head_dim {
                let values = window.clone().map(|t| self.past[layer][t][at + i]);
                z.push(values.zip(&e).map(|(v, e)| v * e).sum::<f64>() / sum);
            }
        }
        top_k(self.times(Id::Wo, Some(Id::Bo), layer, &z), t.attn_out)
    }

    fn mlp(&self, layer: usize, x: &[f64]) -> Vec<f64> {
        let (c, t) = (self.config, self.config.topk);
        let n = top_k(self.norm(Id::MlpNorm, layer, x), t.mlp_in);
        let mut h = self.times(Id::W1, Some(Id::B1), layer, &n);
        h.iter_mut().for_each(|v| *v = act(c.activation, *v));
        if c.gated {
            let g = self.times(Id::W3, Some(Id::B3), layer, &n);
            h.iter_mut().zip(g).for_each(|(h, g)| *h *= g);
        }
        let h = top_k(h, t.mlp_neuron);
        top_k(self.times(Id::W2, Some(Id::B2), layer, &h), t.mlp_out)
    }

    /// Logits of the classes of `window`; forgets everything before it.
    pub(crate) fn classify(&mut self, window: &[f32]) -> Vec<f64> {
        let (c, n) = (self.config, self.config.seq_len);
        self.keys.iter_mut().for_each(Vec::clear);
        self.past.iter_mut().for_each(Vec::clear);
        let table = |id| self.get(id, 0).expect("the table exists");
        let (mean, scale) = (table(Id::InputMean), table(Id::InputScale));
        let normal = |(i, v): (usize, &f32)| {
            let channel = i % c.channels();
            (f64::from(*v) - mean[channel]) * scale[channel]
        };
        let samples: Vec<f64> = window.iter().enumerate().map(normal).collect();
        let patches = samples.chunks(c.patch_dim()).enumerate();
        let embed = |(t, patch): (usize, &[f64])| {
            let mut x = self.times(Id::Patch, Some(Id::PatchBias), 0, patch);
            if c.position == Position::Learned {
                add(&mut x, &self.row(Id::Positions, t, c.dim));
            }
            x
        };
        let mut xs: Vec<Vec<f64>> = patches.map(embed).collect();
        for layer in 0..c.n_layers {
            let qs: Vec<_> = xs.iter().map(|x| self.store(layer, x)).collect();
            for (t, (x, q)) in xs.iter_mut().zip(qs).enumerate() {
                let seen = if c.causal { 0..t + 1 } else { 0..n };
                add(x, &self.weigh(layer, &self.turned(&q, t), seen));
                let out = self.mlp(layer, x);
                add(x, &out);
            }
        }
        let mut pooled = vec![0.0; c.dim];
        for x in &xs {
            add(&mut pooled, &self.norm(Id::FinalNorm, 0, x));
        }
        pooled.iter_mut().for_each(|v| *v /= n as f64);
        self.times(Id::Head, Some(Id::HeadBias), 0, &pooled)
    }

    /// Logits after `token`.
    pub(crate) fn step(&mut self, token: u32) -> Vec<f64> {
        let (c, token) = (self.config, token as usize);
        let mut x = self.row(Id::Embedding, token, c.dim);
        if c.position == Position::Learned {
            add(&mut x, &self.row(Id::Positions, self.keys[0].len(), c.dim));
        }
        for layer in 0..c.n_layers {
            let out = self.attend(layer, &x);
            add(&mut x, &out);
            let out = self.mlp(layer, &x);
            add(&mut x, &out);
        }
        let head = if c.tied { Id::Embedding } else { Id::Head };
        let mut logits = self.times(head, None, 0, &self.norm(Id::FinalNorm, 0, &x));
        if c.bigram {
            add(&mut logits, &self.row(Id::Bigram, token, c.vocab_size));
        }
        logits
    }
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn top_k(mut x: Vec<f64>, k: usize) -> Vec<f64> {
    if k != 0 && k < x.len() {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|a, b| x[*b].abs().total_cmp(&x[*a].abs()).then(a.cmp(b)));
        order[k..].iter().for_each(|i| x[*i] = 0.0);
    }
    x
}

fn act(kind: Activation, v: f64) -> f64 {
    match kind {
        Activation::Gelu => {
            let inner = (2.0 / core::f64::consts::PI).sqrt() * (v + 0.044715 * v.powi(3));
            0.5 * v * (1.0 + inner.tanh())
        }
        Activation::Relu => v.max(0.0),
        Activation::Relu2 => v.max(0.0).powi(2),
        Activation::Silu => v / (1.0 + (-v).exp()),
        other => panic!("no reference for {other:?}"),
    }
}
