//! A million records decoded in bounded memory: the program itself is watched while it runs.

use core::time::Duration;
use std::fs;
use std::io::{BufWriter, Write};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use lacuna::probe::record::{Encoder, Record};
use lacuna::probe::{Answer, BINS, Site, Sketch, Stat};

use super::*;

const RECORDS: u32 = 1_000_000;
/// Most resident memory, bytes.
const BOUND: u64 = 192 << 20;
/// Longest time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a device of one boot says: nine sketches, then a verdict, and so on.
fn recording(path: &Path) {
    let mut encoder = Encoder::new(0x00c0_ffee, 1);
    encoder.model_id = [7; 8];
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    for index in 0..RECORDS {
        let (site, value) = (Site::from_index(index as usize % 9, 1), index as f32 * 1e-6);
        let record = match index % 10 {
            9 => Record::Window {
                index,
                positions: 64,
                answer: Answer::Ok,
                score: value,
                p: 0.5,
                drift: 1.0,
            },
            _ => Record::Sketch {
                site: site.unwrap(),
                stat: Stat::Hoyer,
                sketch: Sketch {
                    n: 100,
                    mean: value,
                    m2: 0.1,
                    min: 0.0,
                    max: 1.0,
                    histogram: [6; BINS],
                },
            },
        };
        let frame = encoder.frame(u64::from(index) * 40, record).unwrap();
        file.write_all(frame).unwrap();
    }
    file.flush().unwrap();
}

/// Largest resident size of a process so far, bytes; None where the system does not say, or it has ended.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[test]
fn a_million_records_are_decoded_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    recording(&dir.path().join("log.bin"));
    let said = dir.path().join("said.json");
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args([
            "decode", "log.bin", "--out", "fleet", "--to", "parquet", "--json",
        ])
        .current_dir(dir.path())
        .stdout(fs::File::create(&said).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the binary runs");
    let mut most = None;
    let status = loop {
        most = peak(child.id()).max(most);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "decoding is too slow");
        thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success());
    println!(
        "{RECORDS} records of {} bytes: {:.1} s, {} MiB",
        fs::metadata(dir.path().join("log.bin")).unwrap().len(),
        begun.elapsed().as_secs_f64(),
        most.unwrap_or(0) >> 20
    );
    let books: Value = serde_json::from_slice(&fs::read(&said).unwrap()).unwrap();
    let device = &books["devices"][0];
    assert_eq!(
        (&device["accepted"], &device["lost"], &books["broken"]),
        (&RECORDS.into(), &0.into(), &0.into())
    );
    match most {
        Some(most) => assert!(most < BOUND, "{} MiB", most >> 20),
        None => println!("the resident size is not to be had here: only the books were checked"),
    }
}
