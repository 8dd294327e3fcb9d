//! `lacuna fleet sql`: anything else.

use std::io::{self, Write};

use anyhow::Context;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::arrow::{csv, json};
use futures::StreamExt;

use super::folder::Folder;

/// Run a query of your own
///
/// Tables: `telemetry` has one row a record: device, model, cohort, boot, seq, uptime_ms, received_ms, kind, position, layer,
/// hook, site, stat, n, mean, sd, min, max, histogram, answer, score, p, drift, ticks, text, digest; what a kind of record
/// does not have is null. `records` is the same without cohort and without --model, --site and the like.
///
/// The dialect is DataFusion's: lacuna fleet sql DIR "SELECT device, count(*) FROM telemetry WHERE answer = 'faulty' GROUP BY
/// device". `DESCRIBE telemetry` lists the columns with their types. Statements that write are refused.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: Folder,
    /// The query
    sql: String,
    /// Print one JSON object a line, as rows are computed
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV, as rows are computed
    #[arg(long)]
    csv: bool,
    /// Most rows of the table; --json and --csv print all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be read, a query that is not understood, writes, or needs too much memory.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    if args.folder.printed(core::slice::from_ref(&args.sql))? {
        return Ok(());
    }
    super::wait(args.folder.threads(), async {
        let fleet = args.folder.open(quiet).await?;
        let mut stream = fleet.stream(&args.sql).await?;
        let schema = stream.schema();
        let mut stdout = io::BufWriter::new(io::stdout());
        let mut shown: Vec<RecordBatch> = vec![RecordBatch::new_empty(schema)];
        let (mut rows, mut cut) = (0, false);
        let mut csv = csv::WriterBuilder::new();
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| fleet.explain(e))?;
            if args.json {
                let mut lines = json::LineDelimitedWriter::new(&mut stdout);
                lines
                    .write(&batch)
                    .context("a column has no form in JSON")?;
                lines.finish().context("a column has no form in JSON")?;
            } else if args.csv {
                csv.clone().with_header(rows == 0).build(&mut stdout).write(&batch).context(
                    "a column has no form in CSV; choose its parts, as in histogram[1], or print --json",
                )?;
                csv = csv.with_header(false);
                rows += batch.num_rows();
            } else {
                let room = args.limit - rows;
                cut |= batch.num_rows() > room;
                let part = batch.slice(0, batch.num_rows().min(room));
                rows += part.num_rows();
                shown.push(part);
                if cut {
                    break;
                }
            }
        }
        if !args.json && !args.csv {
            writeln!(stdout, "{}", pretty_format_batches(&shown)?)?;
        }
        stdout.flush()?;
        if cut && !quiet {
            eprintln!(
                "note: the first {rows} rows; --limit shows more, --json and --csv print all"
            );
        }
        Ok(())
    })
}
