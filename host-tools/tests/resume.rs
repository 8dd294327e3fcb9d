//! A run that is killed at random moments ends with the bytes of one that was not.

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lacuna::num::Rng;
use lacuna_tools::train::state::State;

const KILLS: usize = 8;

fn train(data: &Path, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacuna"));
    command
        .args([
            "--quiet", "train", "--json", "--steps", "240", "--batch", "6",
        ])
        .args([
            "--dim",
            "16",
            "--n-heads",
            "2",
            "--n-layers",
            "1",
            "--seq-len",
            "24",
        ])
        .args(["--topk", "mlp_neuron=16,mlp_in=8,q=9", "--threads", "2"])
        .args(["--windows", "4", "--save-steps", "7", "--sink", "--data"])
        .arg(data)
        .arg("--output")
        .arg(dir)
        .stdout(Stdio::null());
    command
}

fn text(dir: &Path) {
    fs::create_dir(dir).unwrap();
    for i in 0..12 {
        let line = format!("fn item_{i}(x: u32) -> u32 {{ x + {i} }}\n");
        fs::write(dir.join(format!("{i}.rs")), line.repeat(20)).unwrap();
    }
}

fn same(a: &Path, b: &Path) {
    for file in [
        "model.safetensors",
        "config.json",
        "train.json",
        "state.safetensors",
    ] {
        let (a, b) = (
            fs::read(a.join(file)).unwrap(),
            fs::read(b.join(file)).unwrap(),
        );
        assert!(a == b, "{file} differs");
    }
}

#[test]
fn killed_and_resumed_is_the_same_to_the_byte() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    text(&data);
    let (whole, torn) = (root.path().join("whole"), root.path().join("torn"));
    let began = Instant::now();
    assert!(train(&data, &whole).status().unwrap().success());
    let length = began.elapsed().as_secs_f64();

    let seed = std::process::id();
    println!("kills by seed {seed}");
    let mut rng = Rng::new(seed.into());
    let mut resumed_from = Vec::new();
    for _ in 0..KILLS {
        let mut child = train(&data, &torn).spawn().unwrap();
        let wait = length * f64::from(rng.next_f32()) * 0.6;
        std::thread::sleep(Duration::from_secs_f64(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        resumed_from.extend(State::load(&torn).unwrap().map(|s| s.note.step));
    }
    assert!(
        resumed_from.iter().any(|&step| step > 0),
        "no kill came after a save"
    );
    assert!(train(&data, &torn).status().unwrap().success());
    same(&whole, &torn);

    let metrics = fs::read_to_string(torn.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 24, "{metrics}");
    let events = events(&fs::read(torn.join("events.out.tfevents.lacuna")).unwrap());
    let figures: Vec<serde_json::Value> = (metrics.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 1 + figures.len());
    for ((step, scalars), line) in events[1..].iter().zip(&figures) {
        assert_eq!(Some(*step), line["step"].as_u64());
        let figure = |name: &str| line[name].as_f64().unwrap() as f32;
        let expected = [
            ("loss/bits_per_byte", figure("bits_per_byte")),
            ("loss/smoothed", figure("smoothed")),
            ("density", figure("density")),
            ("lr", figure("lr")),
            ("tokens_per_second", figure("tokens_per_second")),
        ];
        assert_eq!(
            *scalars,
            expected.map(|(tag, figure)| (tag.to_owned(), figure))
        );
    }

    let refused = train(&data, &torn)
        .args(["--seed", "2"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && message.contains("other settings"),
        "{message}"
    );
}

/// CRC-32C bit by bit, in TensorFlow's mask.
fn masked(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ ((crc & 1) * 0x82f6_3b78);
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    value
}

/// The fields of a protobuf message: number, and the integer or the bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (integer, length) = match key & 7 {
            0 => (varint(&mut bytes), 0),
            1 => (0, 8),
            2 => (0, varint(&mut bytes) as usize),
            5 => (0, 4),
            other => panic!("wire type {other}"),
        };
        let (content, rest) = bytes.split_at(length);
        bytes = rest;
        found.push((key >> 3, integer, content));
    }
    found
}

/// Step and scalars of each record of a TensorBoard file.
fn events(mut bytes: &[u8]) -> Vec<(u64, Vec<(String, f32)>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(word(8), masked(&bytes[..8]));
        let event = &bytes[12..12 + length];
        assert_eq!(word(12 + length), masked(event));
        let (mut step, mut scalars) = (0, Vec::new());
        for (number, integer, content) in fields(event) {
            match number {
                1 => assert!(f64::from_le_bytes(content.try_into().unwrap()) > 1.6e9),
                2 => step = integer,
                3 => assert_eq!(content, b"brain.Event:2"),
                5 => scalars.extend(fields(content).into_iter().map(|(_, _, value)| {
                    let value = fields(value);
                    let tag = String::from_utf8(value[0].2.to_vec()).unwrap();
                    (tag, f32::from_le_bytes(value[1].2.try_into().unwrap()))
                })),
                other => panic!("field {other}"),
            }
        }
        found.push((step, scalars));
        bytes = &bytes[16 + length..];
    }
    found
}
