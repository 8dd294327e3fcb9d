//! A run as JSON and as a table: the contract that scripts read.

use lacuna::model::{Model, State};
use lacuna::probe::{Site, SiteSummary, Summary};
use lacuna::session::Tokenizer;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Ran, Request};
use crate::inspect::hex;
use crate::plan::Measured;
use crate::report::table;

/// Statistics of every site; in JSON `{site: {statistic: {mean, min, max, n}}}` in the order a token meets the sites.
#[derive(Clone, Debug, Default)]
pub struct Sites(pub Vec<(Site, SiteSummary)>);

impl Serialize for Sites {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Named([(&'static str, Summary); 3]);
        impl Serialize for Named {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_map(self.0)
            }
        }
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (site, summary) in &self.0 {
            map.serialize_entry(&site.to_string(), &Named(summary.named()))?;
        }
        map.end()
    }
}

impl Sites {
    /// One line a site: means, and for the exact-zero share the range.
    pub fn table(&self) -> String {
        let head = ["site", "zero", "least", "most", "|x| ≤ 2⁻¹⁰", "Hoyer"];
        let share = |v: f32| format!("{:.1} %", v * 100.0);
        let rows = self.0.iter().map(|(site, s)| {
            [
                site.to_string(),
                share(s.zero_share.mean),
                share(s.zero_share.min),
                share(s.zero_share.max),
                share(s.le_eps_share.mean),
                format!("{:.3}", s.hoyer.mean),
            ]
        });
        table(head, rows)
    }
}

/// What `lacuna run --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Model id, hex.
    pub model_id: String,
    /// Tokens fed.
    pub prompt: Vec<u32>,
    /// Tokens generated, in order.
    pub tokens: Vec<u32>,
    /// These as text; bytes that are not UTF-8 become U+FFFD. `null` for a model without a tokenizer.
    pub text: Option<String>,
    /// FNV-1a-64 over the bits of all logits, hex.
    pub digest: String,
    /// Positions computed in a second.
    pub tokens_per_second: f64,
    /// The back-end that ran.
    pub isa: String,
    /// `State::len`.
    pub ram_bytes: usize,
    /// Activation sparsity; empty without `--probe`.
    pub sites: Sites,
    /// What a plan found; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Measured>,
}

impl Report {
    /// The figures of a run.
    pub fn new(
        model: &Model<'_>,
        tokenizer: Option<&Tokenizer<'_>>,
        request: &Request<'_>,
        ran: &Ran,
    ) -> Self {
        let text = tokenizer.map(|t| {
            let mut bytes = Vec::new();
            let mut before = request.prompt.last().copied();
            for token in &ran.tokens {
                if Some(*token) != request.stop {
                    bytes.extend_from_slice(t.decode(before, *token));
                }
                before = Some(*token);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            model_id: hex(model.id()),
            prompt: request.prompt.to_vec(),
            tokens: ran.tokens.clone(),
            text,
            digest: format!("{:016x}", ran.digest),
            tokens_per_second: ran.positions as f64 / ran.time.as_secs_f64().max(1e-9),
            isa: request.options.isa.to_string(),
            ram_bytes: State::len(model.config(), &request.options.limits),
            sites: Sites(ran.sites.clone()),
            probe: ran.measured.clone(),
        }
    }
}
