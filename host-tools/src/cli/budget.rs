//! `lacuna budget`: how much can be watched for so many bytes a day, or how many bytes a plan takes.

use core::time::Duration;
use std::path::PathBuf;

use anyhow::anyhow;
use lacuna::model::Model;
use serde::Serialize;

use super::open;
use crate::report::{NextStep, Out, bytes, count, table};
use crate::telemetry::budget::{self, Offer, Spending};

/// Find the sampling plan that a link can carry
///
/// A device sums its statistics up in sketches and sends them as a report. A report of more sites and statistics is
/// larger and goes out less often. The table shows how often, for the model's own plan and some smaller ones, from the
/// sizes of real frames; --interval picks the largest plan that keeps it. The plan printed last is the text to pass on.
///
/// The other way round, --plan says how many bytes a day that plan takes, reported every --interval (an hour without it).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file
    model: PathBuf,
    #[command(flatten)]
    link: Link,
    /// Share of the line's time that records may take, with --baud
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, requires = "baud")]
    share: f64,
    /// Longest time between reports, such as 15m, 6h or 1d
    #[arg(long, value_name = "TIME", value_parser = time)]
    interval: Option<Duration>,
    /// Monitor verdicts sent in a day
    #[arg(long, value_name = "N", default_value_t = 24)]
    windows: u64,
    /// Starts of the device in a day
    #[arg(long, value_name = "N", default_value_t = 1)]
    starts: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the link carries.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Link {
    /// Bytes that may be sent in a day
    #[arg(long, value_name = "BYTES")]
    bytes_per_day: Option<u64>,
    /// Bits a second of a serial line
    #[arg(long, value_name = "BAUD")]
    baud: Option<u32>,
    /// No link: say what this plan takes. SITES:STATISTICS@POSITIONS; …, or `file` for that of the model file
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
}

/// Time between reports where none is given and no link decides it.
const HOUR: Duration = Duration::from_secs(3600);

/// What `lacuna budget --json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    spending: Spending,
    offers: Vec<Offer>,
    /// The text of the largest plan that fits.
    plan: Option<String>,
}

/// `90`, `90s`, `15m`, `6h` or `1d`.
fn time(text: &str) -> Result<Duration, String> {
    let unit = |c| match c {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    };
    let (digits, factor) = match text.char_indices().next_back() {
        Some((at, last)) if !last.is_ascii_digit() => (&text[..at], unit(last)),
        _ => (text, Some(1)),
    };
    let n = digits.parse::<u64>().ok().filter(|n| *n > 0);
    let seconds = n.zip(factor).and_then(|(n, f)| n.checked_mul(f));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "write a time such as 90s, 15m, 6h or 1d".to_owned())
}

/// Seconds as the largest fitting unit.
fn every(seconds: Option<f64>) -> String {
    match seconds {
        None => "never".to_owned(),
        Some(s) if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        Some(s) if s < 120.0 => format!("{s:.1} s"),
        Some(s) if s < 7200.0 => format!("{:.1} min", s / 60.0),
        Some(s) if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        Some(s) => format!("{:.1} days", s / 86_400.0),
    }
}

/// Runs the command.
///
/// # Errors
/// An unreadable model; no plan keeps the interval.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    if !(args.share > 0.0 && args.share <= 1.0) {
        return Err(anyhow!("--share {} is no share of a line", args.share))
            .next_step(|| "give a number above 0, at most 1".to_owned());
    }
    let buffer = open::model(&args.model)?;
    let model = open::parse(&args.model, &buffer)?;
    if let Some(words) = &args.link.plan {
        return price(&args, words, &model, &out);
    }
    let baud = args.link.baud.map(|b| budget::of_baud(b, args.share));
    let spending = Spending {
        bytes_per_day: args.link.bytes_per_day.or(baud).unwrap_or(0),
        windows_per_day: args.windows,
        starts_per_day: args.starts,
    };
    let wanted = args.interval.map(|i| i.as_secs_f64());
    let own = model.file().plan();
    let offers = budget::offers(model.config().n_layers, own, spending, wanted);
    let best = offers.iter().find(|o| o.fits);
    let plan = best.map(|o| o.plan.clone());
    if plan.is_none() {
        let least = offers
            .last()
            .map_or(0, |o| o.fixed_bytes_per_day + o.report_bytes);
        return Err(anyhow!(
            "{} a day carry no plan{}",
            bytes(spending.bytes_per_day),
            wanted.map_or(String::new(), |w| format!(" every {}", every(Some(w)))),
        ))
        .next_step(|| {
            format!(
                "allow a longer --interval or fewer --windows; one report a day of the smallest plan takes {} bytes a day",
                count(least)
            )
        });
    }
    let answer = Answer {
        spending,
        plan,
        offers,
    };
    out.result(&answer, || text(&answer))
}

/// What the plan in `words` takes.
///
/// # Errors
/// Words that are no plan, or a file without one.
fn price(args: &Args, words: &str, model: &Model<'_>, out: &Out) -> anyhow::Result<()> {
    let plan = open::plan(words, model)?;
    let spending = Spending {
        bytes_per_day: 0,
        windows_per_day: args.windows,
        starts_per_day: args.starts,
    };
    let interval = args.interval.unwrap_or(HOUR).as_secs_f64();
    let price = budget::price(&plan, model.config().n_layers, spending, interval);
    let offer = &price.plan;
    out.result(&price, || {
        format!(
            "{} a day: {} for starts and windows, and every {} a report of {} with {} sketches of {} sites\n\nplan\n{}",
            bytes(price.bytes_per_day),
            bytes(offer.fixed_bytes_per_day),
            every(Some(interval)),
            bytes(offer.report_bytes),
            count(offer.sketches as u64),
            count(offer.sites as u64),
            offer.plan
        )
    })
}

fn text(answer: &Answer) -> String {
    let head = ["plan", "sites", "sketches", "report", "every", "fits"];
    let rows = answer.offers.iter().map(|o| {
        [
            o.name.to_owned(),
            count(o.sites as u64),
            count(o.sketches as u64),
            bytes(o.report_bytes),
            every(o.interval_s),
            if o.fits { "yes" } else { "no" }.to_owned(),
        ]
    });
    let fixed = answer.offers.first().map_or(0, |o| o.fixed_bytes_per_day);
    format!(
        "{} a day, of which {} for starts and windows\n\n{}\n\nplan\n{}",
        bytes(answer.spending.bytes_per_day),
        bytes(fixed),
        table(head, rows),
        answer.plan.as_deref().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_there_and_back() {
        let seconds = |text| time(text).map(|t| t.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("2d"), Ok(172_800));
        for bad in [
            "",
            "m",
            "0",
            "1w",
            "-1h",
            "99999999999999999999",
            "9999999999999999999d",
            "1µ",
        ] {
            assert!(time(bad).is_err(), "{bad}");
        }
        let said = [0.25, 90.0, 1800.0, 7200.0, 1e6].map(|s| every(Some(s)));
        assert_eq!(said, ["250 ms", "90.0 s", "30.0 min", "2.0 h", "11.6 days"]);
        assert_eq!(every(None), "never");
    }
}
