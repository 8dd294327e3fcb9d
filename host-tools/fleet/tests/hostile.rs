//! Folders and queries that are wrong: every refusal names the file, the column or the line, and the next step.

mod fleet;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt32Array};
use datafusion::parquet::arrow::ArrowWriter;
use fleet::{Invented, attempt};
use lacuna_fleet::ask::Summary;
use lacuna_fleet::demo::Plan;
use lacuna_fleet::engine::{Fleet, Settings};
use lacuna_fleet::failure::Failure;

const SMALL: Plan = Plan {
    devices: 3,
    days: 2,
    hours: 6,
    seed: 5,
};

fn summary(settings: &Settings) -> Result<Summary, Failure> {
    attempt(async { Summary::of(&Fleet::open(settings).await?).await })
}

/// The failure, which must have a next step.
fn refused(settings: &Settings) -> Failure {
    let failure = summary(settings).expect_err("a refusal");
    assert!(failure.next_step().is_some(), "{failure}");
    failure
}

fn some_file(folder: &Path) -> PathBuf {
    let mut at = folder.to_owned();
    while at.is_dir() {
        let mut inside: Vec<_> = fs::read_dir(&at)
            .expect("a folder")
            .map(|e| e.expect("an entry").path())
            .collect();
        inside.sort();
        at = inside.swap_remove(0);
    }
    at
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

fn text(word: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![word]))
}

#[test]
fn folders_without_telemetry() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let missing = refused(&Settings::new(dir.path().join("nowhere")));
    assert!(matches!(missing, Failure::Folder { .. }), "{missing}");
    fs::write(dir.path().join("notes.txt"), "x").expect("a file");
    let empty = refused(&Settings::new(dir.path()));
    assert!(matches!(empty, Failure::Empty { .. }), "{empty}");
    parquet(
        &dir.path().join("sales.parquet"),
        vec![("device", text("a")), ("price", text("3"))],
    );
    let other = refused(&Settings::new(dir.path()));
    assert!(
        matches!(&other, Failure::NotTelemetry { path, column: "model" } if path.ends_with("sales.parquet")),
        "{other}"
    );
}

#[test]
fn a_column_of_another_type_is_named() {
    let invented = Invented::new(&SMALL);
    let odd = invented.path("telemetry/model=0/odd.parquet");
    fs::create_dir_all(odd.parent().expect("a parent")).expect("a folder");
    let one: ArrayRef = Arc::new(UInt32Array::from(vec![1]));
    let columns = vec![
        ("device", text("00")),
        ("model", text("00")),
        ("boot", Arc::clone(&one)),
        ("seq", one),
        ("kind", text("sketch")),
        ("mean", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
    ];
    parquet(&odd, columns);
    let mixed = refused(&invented.settings(true)).to_string();
    assert!(
        mixed.contains("odd.parquet") && mixed.contains("`mean`") && mixed.contains("Int32"),
        "{mixed}"
    );
    let skipping = Settings {
        skip_unreadable: true,
        ..invented.settings(true)
    };
    let groups = summary(&skipping).expect("the other files").groups;
    assert_eq!(
        groups.iter().map(|g| g.frames as u64).sum::<u64>(),
        invented.truth.records
    );
}

#[test]
fn a_file_cut_anywhere_is_named_or_left_out() {
    let invented = Invented::new(&SMALL);
    let file = some_file(&invented.path("telemetry"));
    let whole = fs::read(&file).expect("a file");
    for length in [
        0,
        3,
        4,
        8,
        whole.len() / 2,
        whole.len() - 9,
        whole.len() - 1,
    ] {
        fs::write(&file, &whole[..length]).expect("a file");
        let failure = refused(&invented.settings(false));
        assert!(
            matches!(&failure, Failure::Damaged { path, .. } if *path == file),
            "{length}: {failure}"
        );
    }
    let skipping = Settings {
        skip_unreadable: true,
        ..invented.settings(false)
    };
    let left_out = attempt(async { Ok(Fleet::open(&skipping).await?.files().left_out.len()) });
    assert_eq!(left_out.ok(), Some(1));
}

#[test]
fn damaged_pages_are_an_error_or_a_number_but_never_a_panic() {
    let invented = Invented::new(&Plan {
        devices: 1,
        days: 1,
        ..SMALL
    });
    let file = some_file(&invented.path("telemetry"));
    let whole = fs::read(&file).expect("a file");
    let mut named = 0;
    for at in (4..whole.len() - 8).step_by(whole.len() / 60 + 1) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        fs::write(&file, &changed).expect("a file");
        match summary(&invented.settings(false)) {
            Ok(_) => {}
            Err(Failure::Damaged { path, .. }) => {
                assert_eq!(path, file);
                named += 1;
            }
            // A flip in the footer may name a column or a type otherwise, or change what a record says.
            Err(other) => assert!(!other.to_string().is_empty()),
        }
    }
    assert!(named > 10, "only {named} flips were noticed");
}

#[test]
fn queries_only_read() {
    let invented = Invented::new(&SMALL);
    let ask = |sql: &str| {
        attempt(async {
            let fleet = Fleet::open(&invented.settings(true)).await?;
            let mut rows = 0;
            fleet
                .each(sql, |batch| {
                    rows += batch.num_rows();
                    Ok(())
                })
                .await?;
            Ok(rows)
        })
    };
    assert_eq!(ask("SELECT DISTINCT device FROM telemetry").ok(), Some(3));
    assert!(ask("DESCRIBE telemetry").is_ok_and(|rows| rows == 26));
    let deep = format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500));
    let long = format!("SELECT 1 -- {}", "x".repeat(70_000));
    let out = invented.path("stolen.csv");
    let copy = format!("COPY (SELECT * FROM telemetry) TO '{}'", out.display());
    for sql in [
        "DROP TABLE records",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO cohorts VALUES ('a', 'b')",
        "SET datafusion.execution.batch_size = 1",
        copy.as_str(),
        "SELECT nothing FROM telemetry",
        "SELECT no_such_function(1)",
        "SELEC 1",
        "",
        deep.as_str(),
        long.as_str(),
    ] {
        let failure = ask(sql).expect_err("a refusal");
        assert!(
            matches!(failure, Failure::Sql { .. }),
            "{sql:.60}: {failure:?}"
        );
        assert!(failure.next_step().is_some());
    }
    assert!(!out.exists());
}

#[test]
fn a_query_beyond_the_memory_says_so() {
    let invented = Invented::new(&SMALL);
    let settings = Settings {
        memory: 1 << 20,
        ..invented.settings(true)
    };
    let failure = attempt(async {
        let fleet = Fleet::open(&settings).await?;
        let sql = "SELECT array_agg(a.device || b.kind) FROM telemetry a CROSS JOIN telemetry b";
        fleet.each(sql, |_| Ok(())).await
    })
    .expect_err("too little memory");
    assert!(matches!(failure, Failure::Memory { .. }), "{failure:?}");
    assert!(failure.to_string().contains("1 MiB"), "{failure}");
}
