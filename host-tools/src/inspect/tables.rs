//! The same as text.

use core::fmt::Write;

use super::{Inspection, TensorLine};
use crate::report::{bytes, count, percent, table};

impl Inspection {
    /// The tensors, one a line, and their sum.
    pub fn table(&self) -> String {
        let head = [
            "tensor",
            "shape",
            "density",
            "stored as",
            "values",
            "nnz",
            "bytes",
        ];
        let rows = self.tensors.iter().map(row);
        let sum = [
            "all".to_owned(),
            count(self.totals.weights as u64),
            percent(self.totals.nonzero as f64 / self.totals.weights.max(1) as f64),
            String::new(),
            String::new(),
            count(self.totals.nonzero as u64),
            count(self.totals.bytes as u64),
        ];
        table(head, rows.chain([sum]))
    }

    /// Everything: header, configuration, needs, tensors, blocks.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut put = |what: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{what:<12}{value}");
        };
        put(
            "file",
            format!("{}, {}", self.file.display(), bytes(self.bytes as u64)),
        );
        put("format", format!("version {}", self.version));
        let verified = if self.model_id_verified {
            "verified"
        } else {
            "DOES NOT match configuration and tensors"
        };
        put("model id", format!("{} ({verified})", self.model_id));
        put("model", self.config_text());
        if let Some(isa) = self.needs.isa {
            put("made for", format!("{isa} (runs on any machine)"));
        }
        put(
            "RAM",
            format!(
                "{} for a context of {} with {} cache",
                bytes(self.needs.ram_bytes as u64),
                self.needs.context,
                self.needs.cache
            ),
        );
        let ram = self.ram.iter().map(|&(context, [f32, f16])| {
            [count(context as u64), bytes(f32 as u64), bytes(f16 as u64)]
        });
        let _ = write!(
            out,
            "\n{}\n",
            table(["context", "f32 cache", "f16 cache"], ram)
        );
        let _ = write!(out, "\n{}\n", self.table());
        let blocks = self
            .blocks
            .iter()
            .map(|b| [b.tag.clone(), bytes(b.bytes as u64), b.what.clone()]);
        let _ = write!(out, "\n{}\n", table(["block", "bytes", "what"], blocks));
        if let Some(plan) = &self.plan {
            let _ = write!(out, "\nprobe plan {plan}\n");
        }
        if let Some(g) = &self.golden {
            let _ = write!(out, "\nself-test digest {}\n", g.digest);
        }
        out
    }

    /// Shape and switches in one line, switches that are off left out.
    fn config_text(&self) -> String {
        let field = |name: &str| self.config[name].to_string().replace('"', "");
        let on = |name: &'static str| (self.config[name] == true).then_some(name);
        let mut words = vec![
            format!("{} blocks of width {}", field("n_layers"), field("dim")),
            format!("{} neurons", field("hidden_dim")),
            format!("{} heads of {}", field("n_heads"), field("head_dim")),
        ];
        if self.config["n_kv_heads"] != self.config["n_heads"] {
            words.push(format!("{} kv heads", field("n_kv_heads")));
        }
        match &self.config["input"] {
            serde_json::Value::Object(patches) => {
                let number =
                    |name: &str| patches.get(name).map_or(String::new(), |n| n.to_string());
                let (channels, len) = (number("channels"), number("len"));
                words.push(format!(
                    "windows of {} patches of {len} samples of {channels} channels",
                    field("seq_len")
                ));
                words.push(format!("{} classes", self.config["output"]["classes"]));
            }
            _ => {
                words.push(format!("{} tokens", field("vocab_size")));
                words.push(format!("context {}", field("seq_len")));
            }
        }
        words.push(format!("position {}", field("position")));
        words.push(field("activation"));
        let switches = ["gated", "attn_bias", "mlp_bias", "sink", "bigram", "tied"];
        words.extend(switches.iter().filter_map(|s| on(s)).map(str::to_owned));
        if let Some(sites) = self.config["topk"].as_object() {
            let kept = sites.iter().filter(|(_, k)| **k != 0);
            words.extend(kept.map(|(site, k)| format!("top {k} of {site}")));
        }
        words.join(", ")
    }
}

fn row(t: &TensorLine) -> [String; 7] {
    let shape = match t.shape {
        [1, n] => n.to_string(),
        [rows, cols] => format!("{rows} × {cols}"),
    };
    let form = match (t.encoding, t.major) {
        (encoding, "input") => format!("{encoding}, input-major"),
        (encoding, _) => encoding.to_owned(),
    };
    [
        t.name.clone(),
        shape,
        percent(t.density),
        form,
        t.values.to_owned(),
        count(t.nnz as u64),
        count(t.bytes as u64),
    ]
}
