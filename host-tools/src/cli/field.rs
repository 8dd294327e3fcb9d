//! What a device in the field is asked to measure, on the command line.

use std::path::PathBuf;

use lacuna::model::Model;

use super::open;
use crate::calibrate;
use crate::data::series::Set;
use crate::device::{CHANNELS, Job, RECORDINGS, recordings};
use crate::memory::Buffer;
use crate::report::NextStep;

/// What to measure and to say.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FieldArgs {
    /// Carry out a probe plan: SITES:STATISTICS@POSITIONS; …, such as `*:zero_share,hoyer@every=8`; `file` is the plan of
    /// the model file, `*:*` is every statistic everywhere
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// Run the monitor of the model's calibration
    #[arg(long)]
    monitor: bool,
    /// Tokens of a window of the monitor [default: those of the calibration]
    #[arg(long, value_name = "N", requires = "monitor", value_parser = clap::value_parser!(u32).range(1..))]
    window: Option<u32>,
    /// Report the plan's sketches every so many tokens [default: once, at the end]
    #[arg(long, value_name = "N", requires = "plan", value_parser = clap::value_parser!(u32).range(1..))]
    report: Option<u32>,
}

/// What a classifier is shown on a board.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StreamArgs {
    /// For a classifier: stream the recordings of a .ts file, or of a directory of them, through the board in the place of
    /// its golden window, --tokens windows at most
    #[arg(long, value_name = "FILE_TS")]
    series: Option<PathBuf>,
}

impl StreamArgs {
    /// The model's file with the recordings in it; nothing where none were named.
    ///
    /// # Errors
    /// Recordings that are unreadable, or not of the model's sensor.
    pub(super) fn file(&self, model: &Model<'_>) -> anyhow::Result<Option<Buffer>> {
        let Some(path) = &self.series else {
            return Ok(None);
        };
        let set = Set::unlabelled(path)
            .next_step(|| "give --series a .ts file, or a directory of them".to_owned())?;
        let (found, expected) = (set.channels, model.config().channels());
        if found != expected || found > CHANNELS {
            return Err(anyhow::anyhow!(
                "the recordings have {found} channels, the model {expected}, and a board takes at most {CHANNELS}"
            ))
            .next_step(|| "give recordings of the sensor that a classifier was trained for".to_owned());
        }
        let series = set.files.iter().flat_map(|file| &file.series);
        let block = recordings(found, series.map(|s| s.samples.as_slice()));
        Ok(Some(Buffer::from(
            &calibrate::with_block(model, RECORDINGS, &block)?[..],
        )))
    }
}

/// What only a device has.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DeviceArgs {
    /// Bytes that sketches may take on the record channel
    #[arg(long, value_name = "BYTES", requires = "plan")]
    budget: Option<u32>,
    /// Who the device says it is, in hexadecimal
    #[arg(long, value_name = "HEX", default_value = "0", value_parser = hex)]
    device_id: u64,
    /// File that is the device's flash, where the monitor's state survives the run; made if there is none
    #[arg(long, value_name = "FILE", requires = "monitor")]
    store: Option<PathBuf>,
    /// Send the input and a digest of every site too, so that `lacuna replay` can find a bit that differs
    #[arg(long)]
    sites: bool,
}

fn hex(text: &str) -> Result<u64, core::num::ParseIntError> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
}

impl FieldArgs {
    /// Whether a monitor is to run.
    pub(super) const fn monitors(&self) -> bool {
        self.monitor
    }

    /// `job` with these orders.
    ///
    /// # Errors
    /// The model has no such block.
    pub(super) fn of(&self, model: &Model<'_>, job: Job) -> anyhow::Result<Job> {
        let words = self.plan.as_deref();
        let plan = words.map(|words| open::plan(words, model)).transpose()?;
        if self.monitor && model.file().calibration().is_none() {
            return Err(anyhow::anyhow!("the model has no calibration"))
                .next_step(|| "make one with `lacuna calibrate`".to_owned());
        }
        Ok(Job {
            plan,
            own_plan: words == Some("file"),
            monitor: self.monitor,
            window: self.window,
            report: self.report,
            ..job
        })
    }
}

impl DeviceArgs {
    /// `job` on this device.
    pub(super) fn of(&self, job: Job) -> Job {
        Job {
            budget: self.budget,
            device: self.device_id,
            store: self.store.clone(),
            sites: self.sites,
            ..job
        }
    }
}
