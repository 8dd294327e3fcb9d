//! What a run on a board cost, as JSON and as a table.
//!
//! # Invariants
//! - Instructions are ticks of the board's counter times a fixed ratio: they repeat exactly and are of `step` alone.
//! - Flash is the linked firmware, the model included wherever it lies; RAM is `State::len`, statics and stack apart.

use core::time::Duration;

use lacuna::format::schema::Kind;
use lacuna::kernels::Isa;
use lacuna::model::Model;
use lacuna::session::{Options, Tokenizer};
use serde::Serialize;

use super::{Board, Firmware, Job, Report, Window, stream};
use crate::plan::Measured;
use crate::report::{bytes, count, table};
use crate::run::{self, Ran, Request};

/// What `lacuna device --json` prints: a run, and what the board adds.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// What `lacuna run --json` prints; `tokens_per_second` is of the board's own clock, one instruction a cycle.
    #[serde(flatten)]
    pub run: run::Report,
    /// Name of the board.
    pub board: String,
    /// `flash` if the model was linked in, `prebuilt` if it was laid beside the ready-made firmware.
    pub firmware: &'static str,
    /// Mean over all positions.
    pub instructions_per_token: u64,
    /// Tokens of the prompt that run at once.
    pub prefill: usize,
    /// Mean over the positions of the prompt.
    pub prompt_instructions_per_token: u64,
    /// Mean over the positions of generated tokens; 0 if none was fed.
    pub generated_instructions_per_token: u64,
    /// Mean over all positions, per stored weight of the matrices that a token meets.
    pub instructions_per_nonzero: f64,
    /// Mean over all positions of each block; empty unless asked for.
    pub instructions_per_layer: Vec<u64>,
    /// Code, constants and model.
    pub flash_bytes: u64,
    /// The model in it.
    pub model_bytes: u64,
    /// Statics beside the arena, bytes; 0 with the prebuilt firmware, whose heap is one static.
    pub static_ram_bytes: u64,
    /// Memory of the probes: of plan and monitor, or of statistics over the run where there are neither.
    pub probe_bytes: u64,
    /// Deepest stack of a step.
    pub stack_bytes: u32,
    /// How often the device has started.
    pub boot: u32,
    /// How its self-test ended.
    pub self_test: &'static str,
    /// What the monitor said, window by window.
    pub windows: Vec<Window>,
    /// Sketches that the budget had no room for.
    pub dropped: u32,
}

/// Mean, rounded down; 0 of nothing.
fn mean(ticks: impl ExactSizeIterator<Item = u64>, board: &Board) -> u64 {
    let n = ticks.len().max(1) as u64;
    board.instructions(ticks.sum()) / n
}

/// Stored weights of every matrix that a token is multiplied with.
fn stored(model: &Model<'_>) -> usize {
    let tied = model.config().tied;
    let meets = |kind: Kind| kind == Kind::Matrix;
    let matrices = model.file().entries().filter(|e| meets(e.tensor.kind));
    let head = if tied { model.head().nnz() } else { 0 };
    matrices.map(|e| e.nnz).sum::<usize>() + head
}

/// The run of `job` as `lacuna run` knows it.
pub fn ran(board: &Board, model: &Model<'_>, job: &Job, report: &Report) -> Ran {
    let instructions = board.instructions(report.token_ticks.iter().sum());
    Ran {
        tokens: report.seen.tokens.clone(),
        positions: report.token_ticks.len(),
        time: Duration::from_nanos(instructions * board.nanoseconds),
        digest: report.seen.digest,
        sites: report.seen.stats.clone(),
        measured: (job.plan.as_ref()).map(|plan| {
            let sketches = report.seen.sketches.iter().copied();
            Measured::of(plan, 0, sketches, model.config())
        }),
    }
}

impl Figures {
    /// The figures of a run of `job` on `board`.
    pub fn new(
        board: &Board,
        firmware: &Firmware,
        model: &Model<'_>,
        tokenizer: Option<&Tokenizer<'_>>,
        job: &Job,
        report: &Report,
    ) -> Figures {
        let positions = report.token_ticks.len();
        let (prompt, generated) = report.token_ticks.split_at(job.prompt.len().min(positions));
        let all = board.instructions(report.token_ticks.iter().sum());
        let ran = ran(board, model, job, report);
        let request = Request {
            prompt: &job.prompt,
            tokens: job.tokens,
            sampler: job.sampling.sampler(),
            stop: job.stop,
            options: Options {
                limits: job.limits,
                when_full: job.when_full,
                isa: Isa::Portable,
            },
            probe: true,
            plan: None,
        };
        let mut run = run::Report::new(model, tokenizer, &request, &ran);
        run.isa.clone_from(&report.isa);
        run.ram_bytes = report.ram as usize;
        // Recordings travel with a run and are no part of the model.
        let streamed = model
            .file()
            .block(stream::RECORDINGS)
            .map_or(0, <[u8]>::len);
        let model_bytes = (model.file().bytes().len() - streamed) as u64;
        let layers = report.layer_ticks.iter().map(Vec::len).max().unwrap_or(0);
        let layer = |l: usize| {
            let ticks = report
                .layer_ticks
                .iter()
                .filter_map(|at| at.get(l).copied());
            mean(ticks.collect::<Vec<_>>().into_iter(), board)
        };
        Figures {
            run,
            board: board.name.to_owned(),
            firmware: if firmware.holds_model {
                "flash"
            } else {
                "prebuilt"
            },
            instructions_per_token: all / positions.max(1) as u64,
            prefill: job.limits.prefill,
            prompt_instructions_per_token: mean(prompt.iter().copied(), board),
            generated_instructions_per_token: mean(generated.iter().copied(), board),
            instructions_per_nonzero: all as f64 / (positions * stored(model)).max(1) as f64,
            instructions_per_layer: (0..layers).map(layer).collect(),
            flash_bytes: match firmware.holds_model {
                true => firmware.size.flash.saturating_sub(streamed as u64),
                false => firmware.size.flash + model_bytes,
            },
            model_bytes,
            static_ram_bytes: match firmware.size.arena {
                Some(arena) => firmware.size.ram.saturating_sub(arena),
                None => 0,
            },
            probe_bytes: job.demand(model).probes(model),
            stack_bytes: report.stack,
            boot: report.boot,
            self_test: report.self_test.name(),
            windows: report.seen.windows.clone(),
            dropped: report.dropped,
        }
    }

    /// Two columns, what and how much.
    pub fn table(&self) -> String {
        let code = self.flash_bytes.saturating_sub(self.model_bytes);
        let mut rows = vec![
            [
                "instructions per token".to_owned(),
                count(self.instructions_per_token),
            ],
            [
                match self.prefill {
                    1 => "  in the prompt".to_owned(),
                    n => format!("  in the prompt, {n} at once"),
                },
                count(self.prompt_instructions_per_token),
            ],
            [
                "  generated".to_owned(),
                count(self.generated_instructions_per_token),
            ],
            [
                "  per nonzero weight".to_owned(),
                format!("{:.1}", self.instructions_per_nonzero),
            ],
        ];
        for (l, n) in self.instructions_per_layer.iter().enumerate() {
            rows.push([format!("  block {l}"), count(*n)]);
        }
        if !self.instructions_per_layer.is_empty() {
            let blocks: u64 = self.instructions_per_layer.iter().sum();
            let rest = self.instructions_per_token.saturating_sub(blocks);
            rows.push(["  embedding and head".to_owned(), count(rest)]);
        }
        rows.push(["flash".to_owned(), bytes(self.flash_bytes)]);
        rows.push(["  model".to_owned(), bytes(self.model_bytes)]);
        rows.push(["  code, logs and records".to_owned(), bytes(code)]);
        rows.push([
            "RAM of the session".to_owned(),
            bytes(self.run.ram_bytes as u64),
        ]);
        rows.push(["RAM of the probes".to_owned(), bytes(self.probe_bytes)]);
        rows.push(["stack of a step".to_owned(), bytes(self.stack_bytes.into())]);
        table([&self.board, ""], rows)
    }

    /// What plan and monitor have said; nothing where there were none.
    pub fn field(&self) -> String {
        let mut text = String::new();
        if !self.windows.is_empty() {
            let head = ["window", "positions", "answer", "score", "p", "drift"];
            let rows = self.windows.iter().map(|w| {
                [
                    w.index.to_string(),
                    w.positions.to_string(),
                    w.answer.name().to_owned(),
                    format!("{:.3}", w.score),
                    format!("{:.3}", w.p),
                    format!("{:.3}", w.drift),
                ]
            });
            text += &format!(
                "{}\nself-test {}, boot {}\n\n",
                table(head, rows),
                self.self_test,
                self.boot
            );
        }
        if let Some(measured) = &self.run.probe {
            text += &measured.table();
        }
        if self.dropped > 0 {
            text += &format!("\n{} more sketches were over the budget", self.dropped);
        }
        text
    }
}
