//! The standing questions, asked of an invented fleet whose troubles are known, against sums made by hand.

mod fleet;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Float64Type, UInt32Type};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use fleet::{Invented, wait};
use lacuna_fleet::ask::{Drift, Outliers, Rule, Summary};
use lacuna_fleet::demo::{MODEL, Plan};
use lacuna_fleet::engine::Fleet;
use lacuna_fleet::query::Filter;

const DAY: u64 = 86_400_000;

fn plan() -> Plan {
    Plan {
        devices: 60,
        days: 10,
        hours: 6,
        seed: 3,
    }
}

/// Moments of one statistic by the textbook: all means first, then all squares around the merged mean.
#[derive(Default)]
struct Merged {
    n: f64,
    sum: f64,
    parts: Vec<[f64; 3]>,
    bins: [u64; 16],
}

fn by_hand(files: &[std::path::PathBuf]) -> BTreeMap<(String, String), Merged> {
    let mut all: BTreeMap<(String, String), Merged> = BTreeMap::new();
    for path in files {
        let file = std::fs::File::open(path).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        for batch in reader.build().expect("a reader") {
            let batch = batch.expect("a batch");
            let column = |name: &str| batch.column_by_name(name).expect("a column");
            let kind = column("kind").as_string::<i32>();
            let (site, stat) = (
                column("site").as_string::<i32>(),
                column("stat").as_string::<i32>(),
            );
            let n = column("n").as_primitive::<UInt32Type>();
            let mean = column("mean").as_primitive::<Float64Type>();
            let sd = column("sd").as_primitive::<Float64Type>();
            let bins = column("histogram").as_list::<i32>();
            for row in (0..batch.num_rows()).filter(|&r| kind.value(r) == "sketch") {
                let key = (site.value(row).to_owned(), stat.value(row).to_owned());
                let merged = all.entry(key).or_default();
                let n = f64::from(n.value(row));
                merged.n += n;
                merged.sum += n * mean.value(row);
                merged.parts.push([n, mean.value(row), sd.value(row)]);
                let counts = bins.value(row);
                for (sum, i) in merged.bins.iter_mut().zip(0..) {
                    *sum += u64::from(counts.as_primitive::<UInt32Type>().value(i));
                }
            }
        }
    }
    all
}

#[test]
fn summaries_are_the_sums_made_by_hand() {
    let invented = Invented::new(&plan());
    let (summary, files) = wait(async {
        let fleet = Fleet::open(&invented.settings(false)).await?;
        Ok((Summary::of(&fleet).await?, fleet.files().readable.clone()))
    });
    let [group] = summary.groups.as_slice() else {
        panic!("one model, no cohorts: {:?}", summary.groups);
    };
    assert_eq!(
        (group.model.as_str(), group.cohort.as_str()),
        (MODEL, "all")
    );
    assert_eq!(group.devices, 60);
    assert_eq!(group.frames as u64, invented.truth.records);
    assert_eq!(group.lost as u64, invented.truth.lost);
    assert!(group.lost > 0 && group.repeated == 0 && group.faulty > 0);
    let hand = by_hand(&files);
    assert_eq!(summary.sites.len(), hand.len());
    for row in &summary.sites {
        let merged = &hand[&(row.site.clone(), row.stat.clone())];
        let mean = merged.sum / merged.n;
        let square = |p: &[f64; 3]| p[0] * (p[2] * p[2] + (p[1] - mean) * (p[1] - mean));
        let sd = (merged.parts.iter().map(square).sum::<f64>() / merged.n).sqrt();
        assert_eq!(row.n as f64, merged.n);
        assert_eq!(row.sketches as usize, merged.parts.len());
        assert!((row.mean / mean - 1.0).abs() < 1e-12, "{row:?} {mean}");
        assert!((row.sd / sd - 1.0).abs() < 1e-12, "{row:?} {sd}");
        assert_eq!(row.histogram, merged.bins);
        assert_eq!(row.histogram.iter().sum::<u64>(), row.n as u64);
        let (low, middle, high) = (
            row.q05.expect("5 %"),
            row.q50.expect("50 %"),
            row.q95.expect("95 %"),
        );
        assert!(row.min <= low && low <= middle && middle <= high && high <= row.max);
        assert!(
            (middle - row.mean).abs() < 0.5 * row.sd + 0.1 * row.mean.abs(),
            "{row:?}"
        );
    }
}

#[test]
fn the_same_files_give_the_same_bits_and_more_threads_nearly() {
    let invented = Invented::new(&plan());
    let ask = |threads| {
        wait(async {
            let mut settings = invented.settings(true);
            settings.threads = threads;
            Summary::of(&Fleet::open(&settings).await?).await
        })
    };
    let (once, again, four) = (ask(1), ask(1), ask(4));
    assert_eq!(once.sites, again.sites);
    assert_eq!(once.groups, four.groups);
    assert_eq!(once.sites.len(), four.sites.len());
    for (a, b) in once.sites.iter().zip(&four.sites) {
        assert_eq!(
            (a.n, a.histogram, a.min, a.max),
            (b.n, b.histogram, b.min, b.max)
        );
        assert!((a.mean / b.mean - 1.0).abs() < 1e-12 && (a.sd / b.sd - 1.0).abs() < 1e-12);
    }
}

#[test]
fn the_odd_device_is_found_and_nobody_else() {
    let invented = Invented::new(&plan());
    let outliers = wait(async {
        let fleet = Fleet::open(&invented.settings(true)).await?;
        Outliers::of(&fleet, Rule::default()).await
    });
    assert_eq!(outliers.comparisons, 60 * 12);
    let devices: BTreeSet<&str> = outliers.found.iter().map(|o| o.device.as_str()).collect();
    assert_eq!(
        devices,
        BTreeSet::from([invented.truth.saturated.as_str()]),
        "{}",
        outliers.text()
    );
    let sites: BTreeSet<&str> = outliers.found.iter().map(|o| o.site.as_str()).collect();
    assert!(
        sites.iter().all(|s| s.ends_with("mlp.hook_post")),
        "{sites:?}"
    );
    assert!(outliers.found.iter().all(|o| o.z < -3.5 && o.q <= 0.05));
}

#[test]
fn the_drifting_cohort_is_found_and_no_other() {
    let invented = Invented::new(&plan());
    let drift = wait(async {
        let fleet = Fleet::open(&invented.settings(true)).await?;
        Drift::of(&fleet, DAY).await
    });
    assert_eq!(drift.trends.len(), 3 * 12);
    for trend in &drift.trends {
        let moving = trend.cohort == invented.truth.drifting;
        assert_eq!(trend.points.len(), 10);
        assert_eq!(trend.devices, 20, "{}/{}", trend.site, trend.stat);
        let [low, high] = trend.interval.expect("twenty devices give an interval");
        let per_day = trend.per_day.expect("a slope");
        assert!(low <= per_day && per_day <= high);
        if moving {
            assert!(low > 0.0 && trend.q < 0.05, "{trend:?}");
        } else {
            assert!(trend.q > 0.05, "{trend:?}");
        }
    }
    let alarms = |cohort: &str| -> i64 {
        let of = drift.answers.iter().filter(|a| a.cohort == cohort);
        of.map(|a| a.drifting).sum()
    };
    assert!(alarms(&invented.truth.drifting) > 0);
    assert_eq!(alarms("bench") + alarms("field-north"), 0);
    assert!(
        drift
            .answers
            .iter()
            .all(|a| a.windows == a.ok + a.unfamiliar + a.drifting + a.faulty)
    );
}

#[test]
fn filters_choose_and_losses_stay_counted() {
    let invented = Invented::new(&plan());
    let summary = wait(async {
        let mut settings = invented.settings(true);
        settings.filter = Filter {
            cohort: Some("bench".into()),
            site: Some("blocks.*.mlp.hook_post".into()),
            stat: Some("top10".into()),
            ..Filter::default()
        };
        Summary::of(&Fleet::open(&settings).await?).await
    });
    assert_eq!(summary.groups.len(), 1);
    assert_eq!(summary.groups[0].cohort, "bench");
    let sites: Vec<_> = summary.sites.iter().map(|s| s.site.as_str()).collect();
    assert_eq!(sites, ["blocks.0.mlp.hook_post", "blocks.1.mlp.hook_post"]);
}
