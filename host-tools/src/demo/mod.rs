//! The main job in one go: train, export, run here, run on a board, compare.
//!
//! ```text
//! rust-source ─┬► dense  ─┬► f32 ─┐                  ┌► bits per byte (engine, validation bytes)
//!              └► sparse ─┼► f32 ─┼► every back-end ─┼► tokens per second, one digest
//!                         └► i8  ─┘                  └► Cortex-M4F: instructions, flash, RAM, equal bits
//! ```
//!
//! # Invariants
//! - Every figure about a model but the trigram's is of the engine; nothing is taken from the training graph.
//! - `bits_equal` is true only if every back-end and every board that ran agreed in every bit that was compared.
//! - What could not be done is listed by name, never silently absent.
//!
//! # Why
//! One command that a stranger can run before believing anything else.

mod boards;
mod desktop;
mod install;
mod models;
mod outcome;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;

use crate::data::{Corpus, Source};
use crate::device::BOARDS;
use crate::report::Out;
use crate::train;

pub use outcome::{BitsPerByte, Figure, Outcome, Speed};

/// How to run the demonstration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Steps of each training.
    pub steps: u64,
    /// Where checkpoints and models go; a run that was stopped goes on from there.
    pub work: PathBuf,
    /// Install what is missing without asking.
    pub yes: bool,
}

/// Steps that two free cores train side by side in about a minute and a half.
pub const STEPS: u64 = 3000;
/// What the models go on from.
const PROMPT: &str = "pub fn ";
/// Tokens generated on a board.
const BOARD_TOKENS: usize = 16;

/// Runs everything.
///
/// # Errors
/// Data or files that cannot be used, a training that diverged, an engine that refuses a model.
pub fn run(settings: &Settings, out: &Out) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let mut left_out = Vec::new();
    let board = &BOARDS[0];
    let there = install::ready(board, settings.yes, out, &mut left_out);

    let recipe = train::Settings::default();
    out.note("reading rust-source");
    let corpus =
        Corpus::load(&Source::RustSource, recipe.seed).context("the data set cannot be loaded")?;
    let [dense, sparse] = models::train(settings, &corpus, out)?;

    let variants = models::variants(&dense, &sparse);
    let windows = desktop::validation(&corpus, &recipe)?;
    let mut figures = Vec::new();
    let mut bits_equal = true;
    for variant in &variants {
        variant.keep(&settings.work)?;
        let (figure, equal) = desktop::measure(variant, &windows, out)?;
        bits_equal &= equal;
        figures.push(figure);
    }
    let sites = desktop::sites(&variants[1])?;
    let mut ran = Vec::new();
    if there {
        for (variant, figure) in variants.iter().zip(&mut figures) {
            match boards::run(board, variant, out) {
                Ok((on_board, difference)) => {
                    if let Some(difference) = difference {
                        out.note(format_args!("{}: {difference}", variant.name()));
                        bits_equal = false;
                    }
                    figure.instructions_per_token = Some(on_board.instructions_per_token);
                    figure.flash_bytes = Some(on_board.flash_bytes);
                    ran.push(on_board);
                }
                Err(error) => {
                    let why = crate::report::render(&error).replace('\n', " ");
                    left_out.push(format!("{} on {board}: {why}", variant.name()));
                }
            }
        }
    }
    Ok(Outcome {
        bits_per_byte: BitsPerByte {
            dense: figures[0].bits_per_byte,
            sparse: figures[1].bits_per_byte,
            int8: figures[2].bits_per_byte,
            trigram: sparse.summary.trigram_bits_per_byte,
        },
        bits_equal,
        models: figures,
        boards: ran,
        sites,
        training: [dense.summary, sparse.summary],
        left_out,
        seconds: began.elapsed().as_secs_f64(),
    })
}
