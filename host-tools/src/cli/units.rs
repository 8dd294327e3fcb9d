//! What `calibrate` and `monitor` run a model over, on the command line: text or recordings, by unit.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use lacuna::model::{Limits, Model};
use lacuna::session::{Options, Tokenizer};

use super::eval_series::learned_from;
use super::run::isa;
use crate::calibrate::{self, Shown, UnitKind};
use crate::data::series::Set;
use crate::data::{self, Document, Source};
use crate::report::{NextStep, Out};

/// Windows of a unit of text at most, unless asked otherwise: files of text are long.
const MOST: usize = 32;

/// Data by unit
#[derive(Debug, clap::Args)]
pub(super) struct UnitArgs {
    /// Text file, or directory of text; repeatable [default: what `lacuna train` holds out of `rust-source`]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Use only the files that `lacuna train --seed N` held out of the data
    #[arg(long, value_name = "N")]
    held_out: Option<u64>,
    /// For a classifier: a .ts file, or a directory of them, one file a person
    #[arg(long, value_name = "DIR_OF_TS", conflicts_with_all = ["data", "held_out"])]
    series: Option<PathBuf>,
    /// File of --series to leave out, by name or by number from 1; repeatable
    #[arg(long, value_name = "FILE|N", requires = "series")]
    hold_out: Vec<String>,
    /// What is exchangeable: `file`, `person` (a directory of texts, a .ts file), `recording` (a series of a .ts file) or
    /// `window:N` (N windows in a row); the last two promise nothing for a file or person that is not among the data
    #[arg(long, value_name = "UNIT", default_value = "file", value_parser = unit)]
    pub(super) unit: UnitKind,
    /// Windows of a unit at most [default: 32 of text, all of recordings]
    #[arg(long, value_name = "N")]
    most: Option<usize>,
}

fn unit(text: &str) -> Result<UnitKind, String> {
    match text.split_once(':') {
        None if text == "file" => Ok(UnitKind::File),
        None if text == "person" => Ok(UnitKind::Person),
        None if text == "recording" => Ok(UnitKind::Recording),
        Some(("window", n)) => match n.parse() {
            Ok(n) if n > 0 => Ok(UnitKind::Stretch(n)),
            _ => Err(format!("`{n}` is no number of windows")),
        },
        _ => Err("a unit is `file`, `person`, `recording` or `window:N`".to_owned()),
    }
}

/// A model and what its windows are.
pub(super) struct Cutting<'a> {
    pub(super) model: &'a Model<'a>,
    tokenizer: Option<Tokenizer<'a>>,
    /// Tokens of a window, or patches of a classifier's.
    pub(super) window: usize,
    /// How to run it.
    pub(super) options: Options,
}

impl<'a> Cutting<'a> {
    /// Windows of `window` tokens, or those that a classifier of windows takes.
    ///
    /// # Errors
    /// A model of text without a tokenizer, instructions that this machine does not have.
    pub(super) fn new(
        path: &Path,
        model: &'a Model<'a>,
        window: usize,
        name: Option<&str>,
    ) -> anyhow::Result<Self> {
        let config = model.config();
        let mut options = Options {
            limits: Limits::new(config),
            isa: isa(name)?,
            ..Options::new(config)
        };
        if config.window_len() > 0 {
            return Ok(Self {
                model,
                tokenizer: None,
                window: config.seq_len,
                options,
            });
        }
        // Whole contexts, a window at once.
        options.limits.prefill = window.min(64);
        let tokenizer = Tokenizer::new(model.file())
            .with_context(|| format!("{} has no tokenizer", path.display()))
            .next_step(|| "only models of text can be run on text".to_owned())?;
        Ok(Self {
            model,
            tokenizer: Some(tokenizer),
            window,
            options,
        })
    }

    /// Whether the model takes windows of samples.
    pub(super) fn samples(&self) -> bool {
        self.tokenizer.is_none()
    }

    fn texts(&self, documents: Vec<Document>, kind: UnitKind, most: usize) -> Vec<Shown> {
        let size = (self.window, self.options.limits.context);
        let cut = |t| calibrate::texts(t, documents, kind, size, most);
        self.tokenizer.as_ref().map(cut).unwrap_or_default()
    }

    fn set(&self, path: &Path) -> anyhow::Result<Set> {
        let set = Set::unlabelled(path)
            .next_step(|| "give --series a .ts file, or a directory of them".to_owned())?;
        let (found, expected) = (set.channels, self.model.config().channels());
        if found != expected {
            return Err(anyhow!(
                "the recordings have {found} channels, the model {expected}"
            ))
            .next_step(|| "give recordings of the sensor it was trained for".to_owned());
        }
        Ok(set)
    }
}

impl UnitArgs {
    /// The data by unit; with `fresh` without the recordings that the model learned from.
    ///
    /// # Errors
    /// Unreadable data, text for a model of recordings or the other way round, nothing that is fresh.
    pub(super) fn shown(
        &self,
        cutting: &Cutting<'_>,
        fresh: bool,
        out: &Out,
    ) -> anyhow::Result<Vec<Shown>> {
        match (&self.series, cutting.samples()) {
            (Some(path), true) => self.recordings(path, cutting, fresh, out),
            (None, false) => self.text(cutting),
            (None, true) => Err(anyhow!("the model takes windows of samples, not text"))
                .next_step(|| "give --series DIR_OF_TS, recordings of its sensor".to_owned()),
            (Some(_), false) => Err(anyhow!("the model takes text, not recordings"))
                .next_step(|| "give text with --data".to_owned()),
        }
    }

    fn text(&self, cutting: &Cutting<'_>) -> anyhow::Result<Vec<Shown>> {
        if self.unit == UnitKind::Recording {
            return Err(anyhow!("text has no recordings"))
                .next_step(|| "choose --unit file, person or window:N".to_owned());
        }
        let source = Source::named(&self.data);
        let all = data::documents(&source).context("there is no data to run the model on")?;
        let own = !matches!(source, Source::Paths(_));
        let seed = self.held_out.or(own.then_some(0));
        let some = seed.map_or(all.clone(), |seed| data::held_out(all, seed));
        Ok(cutting.texts(some, self.unit, self.most.unwrap_or(MOST)))
    }

    fn recordings(
        &self,
        path: &Path,
        cutting: &Cutting<'_>,
        fresh: bool,
        out: &Out,
    ) -> anyhow::Result<Vec<Shown>> {
        let set = cutting.set(path)?;
        let named = self.hold_out.iter().map(|name| set.fold(name));
        let mut left_out = named
            .collect::<Result<Vec<_>, _>>()
            .next_step(|| "name files of --series, or number them from 1".to_owned())?;
        if fresh {
            let learned = learned_from(cutting.model, &set);
            if !learned.is_empty() {
                let names: Vec<&str> = learned
                    .iter()
                    .map(|i| set.files[*i].name.as_str())
                    .collect();
                out.note(format_args!(
                    "left out {}: the model learned from them",
                    names.join(", ")
                ));
            }
            left_out.extend(learned);
        }
        let files = set.others(&left_out);
        if files.is_empty() {
            return Err(anyhow!("no file is left that the model did not learn from")).next_step(|| {
                "what a model learned from is no measure of the familiar: train it with --hold-out FILE for some people, \
                 or give recordings of others"
                    .to_owned()
            });
        }
        let most = self.most.unwrap_or(usize::MAX);
        Ok(calibrate::recordings(
            cutting.model,
            &set,
            &files,
            self.unit,
            most,
        ))
    }

    /// What lies at `path`, by the same unit.
    ///
    /// # Errors
    /// It is unreadable, or not of the model's kind.
    pub(super) fn others(&self, cutting: &Cutting<'_>, path: &Path) -> anyhow::Result<Vec<Shown>> {
        if cutting.samples() {
            let set = cutting.set(path)?;
            let most = self.most.unwrap_or(usize::MAX);
            return Ok(calibrate::recordings(
                cutting.model,
                &set,
                &set.others(&[]),
                self.unit,
                most,
            ));
        }
        let source = Source::Paths(vec![path.to_owned()]);
        let documents = data::documents(&source)
            .with_context(|| format!("{} cannot be read as text", path.display()))
            .next_step(|| "name a text file or a directory of text".to_owned())?;
        Ok(cutting.texts(documents, self.unit, self.most.unwrap_or(MOST)))
    }
}
