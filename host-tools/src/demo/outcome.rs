//! What the demonstration found: JSON for a script, one table for a person.

use core::fmt::Write;

use serde::Serialize;

use crate::device::Figures;
use crate::report::{bytes, count, percent, table};
use crate::run::Sites;
use crate::train::Summary;

/// Bits per byte on the same validation bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BitsPerByte {
    /// All weights, f32.
    pub dense: f64,
    /// About a tenth of the weights, f32.
    pub sparse: f64,
    /// The sparse model with int8 weights.
    pub int8: f64,
    /// Counts of byte triples of the training bytes.
    pub trigram: f64,
}

/// Speed of one back-end with the file made for it.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// The back-end.
    pub isa: String,
    /// Positions computed in a second, on one thread.
    pub tokens_per_second: f64,
    /// Bytes of the file.
    pub file_bytes: usize,
}

/// One model.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// `dense f32`, `sparse f32` or `sparse i8`.
    pub model: String,
    /// Share of the matrices' weights that is not zero.
    pub density: f64,
    /// On validation bytes, by the engine.
    pub bits_per_byte: f64,
    /// `State::len` at full context.
    pub ram_bytes: usize,
    /// One digest of all back-ends.
    pub digest: String,
    /// Every back-end of this machine.
    pub desktop: Vec<Speed>,
    /// On the board, if it ran there.
    pub instructions_per_token: Option<u64>,
    /// On the board, code and model.
    pub flash_bytes: Option<u64>,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// How well each model predicts.
    pub bits_per_byte: BitsPerByte,
    /// Whether every back-end and board agreed in every bit.
    pub bits_equal: bool,
    /// Dense f32, sparse f32, sparse i8.
    pub models: Vec<Figure>,
    /// `lacuna device --json` of each model that ran on a board.
    pub boards: Vec<Figures>,
    /// Activation sparsity of the sparse f32 model.
    pub sites: Sites,
    /// Dense, sparse.
    pub training: [Summary; 2],
    /// What could not be done, and why.
    pub left_out: Vec<String>,
    /// Wall time of everything.
    pub seconds: f64,
}

impl Outcome {
    /// What the demonstration is to show and does not, and what to do about it; `None` if all is well.
    pub fn failure(&self) -> Option<[&'static str; 2]> {
        let bits = &self.bits_per_byte;
        if !self.bits_equal {
            let step =
                "keep the models with `--keep DIR`, and see where they part with `lacuna check`";
            Some(["bits differ between back-ends or boards", step])
        } else if bits.sparse >= bits.trigram {
            let what = "the sparse model predicts no better than trigrams";
            Some([what, "train it longer, with more `--steps`"])
        } else {
            None
        }
    }

    /// The table.
    pub fn text(&self) -> String {
        let cells = |cell: &dyn Fn(&Figure) -> String| -> [String; 3] {
            let mut cells = self.models.iter().map(cell);
            [(); 3].map(|()| cells.next().unwrap_or_default())
        };
        let mut rows: Vec<[String; 5]> = Vec::new();
        let mut row = |name: String, [a, b, c]: [String; 3], last: String| {
            rows.push([name, a, b, c, last]);
        };
        let none = String::new;
        let trigram = format!("{:.3}", self.bits_per_byte.trigram);
        let bits = cells(&|m| format!("{:.3}", m.bits_per_byte));
        row("bits per byte".to_owned(), bits, trigram);
        row(
            "weights kept".to_owned(),
            cells(&|m| percent(m.density)),
            none(),
        );
        row(
            "RAM".to_owned(),
            cells(&|m| bytes(m.ram_bytes as u64)),
            none(),
        );
        let backends = self.models.first().map_or(0, |m| m.desktop.len());
        for i in 0..backends {
            let isa = &self.models[0].desktop[i].isa;
            let speed = cells(&|m| count(m.desktop[i].tokens_per_second as u64));
            row(format!("tokens/s, {isa}"), speed, none());
            let size = cells(&|m| bytes(m.desktop[i].file_bytes as u64));
            row(format!("file for {isa}"), size, none());
        }
        if let Some(board) = self.boards.first() {
            let of = |n: Option<u64>, show: fn(u64) -> String| n.map_or(none(), show);
            let instructions = cells(&|m| of(m.instructions_per_token, count));
            row(
                format!("instructions/token, {}", board.board),
                instructions,
                none(),
            );
            row(
                format!("flash, {}", board.board),
                cells(&|m| of(m.flash_bytes, bytes)),
                none(),
            );
        }
        let mut head = ["", "", "", "", "trigram"];
        for (head, model) in head[1..].iter_mut().zip(&self.models) {
            *head = &model.model;
        }
        let mut out = table(head, rows);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "\n\nactivation sparsity, sparse f32\n{}",
            self.sites.table()
        );
        let _ = write!(out, "\n\n{}", self.verdict());
        for what in &self.left_out {
            let _ = write!(out, "\nleft out: {what}");
        }
        let _ = write!(out, "\n{:.0} seconds", self.seconds);
        out
    }

    fn verdict(&self) -> String {
        let mut machines: Vec<String> = Vec::new();
        if let Some(model) = self.models.first() {
            machines.extend(model.desktop.iter().map(|s| s.isa.clone()));
        }
        machines.extend(self.boards.first().map(|b| b.board.clone()));
        let equal = if self.bits_equal { "yes" } else { "NO" };
        format!("bits equal: {equal} ({})", machines.join(", "))
    }
}
