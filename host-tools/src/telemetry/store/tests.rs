use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use lacuna::probe::record::{Encoder, Record, decode};
use lacuna::probe::{Hook, Site, Sketch, Stat};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::telemetry::Row;

/// Bytes of `n` sketches of `device` in its `boot`.
fn said(device: u64, boot: u32, n: u32) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(device, boot);
    encoder.model_id = [0xab; 8];
    let site = Site {
        layer: 1,
        hook: Hook::MlpPost,
    };
    let mut say = |i| {
        let mut sketch = Sketch::EMPTY;
        sketch.push(Stat::Gini, 0.25);
        sketch.push(Stat::Gini, 0.75);
        let stat = Stat::Gini;
        encoder
            .frame(i, Record::Sketch { site, stat, sketch })
            .unwrap()
            .to_vec()
    };
    (0..n).map(|i| say(u64::from(i))).collect()
}

fn fill(store: &mut Store, frames: &[Vec<u8>]) {
    for frame in frames {
        let mut bytes = frame.clone();
        store.push(&decode(&mut bytes).unwrap(), 0, None).unwrap();
    }
}

fn store(dir: &Path, format: Format, existing: Existing) -> Store {
    Store::new(dir.to_owned(), format, existing, None)
}

fn read(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(reader.schema().fields(), schema().fields());
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// Every file below `dir`, hidden ones included.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn parquet_comes_back_where_a_query_looks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Format::Parquet, Existing::Refuse);
    fill(&mut store, &said(0xff, 3, 5000));
    store.finish().unwrap();
    let path = dir
        .path()
        .join("model=abababababababab/device=00000000000000ff/boot=3-0.parquet");
    assert_eq!(store.files, [path.as_path()]);
    let batches = read(&path);
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        5000
    );
    let first = &batches[0];
    let text = |name: &str| first[name].as_string::<i32>().value(7).to_owned();
    let number = |name: &str| first[name].as_primitive::<Float64Type>().value(7);
    assert_eq!(text("device"), "00000000000000ff");
    assert_eq!(text("site"), "blocks.1.mlp.hook_post");
    assert_eq!(
        (text("kind"), text("stat")),
        ("sketch".into(), "gini".into())
    );
    assert_eq!((number("mean"), number("sd")), (0.5, 0.25));
    assert_eq!(first["seq"].as_primitive::<UInt32Type>().value(7), 7);
    assert!(first["answer"].is_null(7) && first["received_ms"].is_null(7));
    let counts = first["histogram"].as_list::<i32>().value(7);
    let counts = counts.as_primitive::<UInt32Type>();
    assert_eq!((counts.len(), counts.values().iter().sum::<u32>()), (16, 2));
}

#[test]
fn lines_say_what_the_columns_say() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Format::Json, Existing::Refuse);
    fill(&mut store, &said(1, 1, 3));
    store.finish().unwrap();
    let text = fs::read_to_string(&store.files[0]).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    let names: Vec<String> = schema().fields().iter().map(|f| f.name().clone()).collect();
    let full = Row {
        uptime_ms: Some(0),
        received_ms: Some(0),
        position: Some(0),
        layer: Some(0),
        hook: Some(""),
        site: Some(String::new()),
        stat: Some(""),
        n: Some(0),
        mean: Some(0.0),
        sd: Some(0.0),
        min: Some(0.0),
        max: Some(0.0),
        histogram: Some([0; 16]),
        answer: Some(""),
        score: Some(0.0),
        p: Some(0.0),
        drift: Some(0.0),
        ticks: Some(0),
        text: Some(String::new()),
        digest: Some(String::new()),
        ..Row::default()
    };
    let full = serde_json::to_value(&full).unwrap();
    let keys = full.as_object().unwrap();
    assert!(names.iter().all(|n| keys.contains_key(n)) && keys.len() == names.len());
    assert!(
        lines[0]
            .as_object()
            .unwrap()
            .keys()
            .all(|k| names.contains(k))
    );
    assert_eq!(
        (&lines[2]["seq"], &lines[2]["stat"]),
        (&2.into(), &"gini".into())
    );
}

#[test]
fn nothing_appears_before_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Json, Format::Parquet] {
        let mut store = store(dir.path(), format, Existing::Refuse);
        fill(&mut store, &said(1, 1, 10_000));
        assert!(
            files(dir.path())
                .iter()
                .all(|name| name.starts_with(".lacuna-"))
        );
        drop(store);
        assert_eq!(files(dir.path()), [""; 0]);
    }
}

#[test]
fn the_same_records_twice_are_one_file_and_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let write = |n, existing| {
        let mut store = store(dir.path(), Format::Parquet, existing);
        fill(&mut store, &said(1, 1, n));
        store.finish()
    };
    write(5, Existing::Refuse).unwrap();
    write(5, Existing::Refuse).unwrap();
    assert_eq!(files(dir.path()), ["boot=1-0.parquet"]);
    assert!(matches!(write(6, Existing::Refuse), Err(Error::Exists(_))));
    write(6, Existing::Beside).unwrap();
    assert_eq!(
        files(dir.path()),
        ["boot=1-0+2.parquet", "boot=1-0.parquet"]
    );
    write(7, Existing::Replace).unwrap();
    let path = dir
        .path()
        .join("model=abababababababab/device=0000000000000001/boot=1-0.parquet");
    assert_eq!(read(&path)[0].num_rows(), 7);
}

#[test]
fn many_devices_keep_few_files_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Format::Parquet, Existing::Refuse);
    let all: Vec<_> = (0..OPEN as u64 * 2)
        .map(|device| said(device, 1, 2))
        .collect();
    for n in 0..2 {
        for frames in &all {
            fill(&mut store, &frames[n..=n]);
            assert!(store.open.len() <= OPEN);
        }
    }
    store.finish().unwrap();
    // Each had to make room between its two frames.
    assert_eq!(store.files.len(), OPEN * 4);
}

#[test]
fn files_are_finished_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let rotate = Some(Duration::from_millis(1));
    let mut store = Store::new(
        dir.path().to_owned(),
        Format::Json,
        Existing::Refuse,
        rotate,
    );
    let frames = said(1, 1, 3);
    fill(&mut store, &frames[..2]);
    std::thread::sleep(Duration::from_millis(5));
    store.tick().unwrap();
    assert_eq!(files(dir.path()), ["boot=1-0.jsonl"]);
    fill(&mut store, &frames[2..]);
    store.finish().unwrap();
    assert_eq!(files(dir.path()), ["boot=1-0.jsonl", "boot=1-2.jsonl"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let mut store = store(&path, Format::Json, Existing::Refuse);
    let mut bytes = said(1, 1, 1)[0].clone();
    let error = store
        .push(&decode(&mut bytes).unwrap(), 0, None)
        .unwrap_err();
    assert!(error.to_string().contains("file/model="), "{error}");
}
