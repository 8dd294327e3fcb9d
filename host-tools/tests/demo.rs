//! The demonstration, cut short: everything it prints and writes is there, whatever so few steps have learned.

use std::process::Command;

use lacuna::kernels::Isa;
use serde_json::Value;

#[test]
fn a_short_demonstration_keeps_its_contract() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args([
            "demo", "--steps", "20", "--json", "out.json", "--keep", "kept",
        ])
        .current_dir(dir.path())
        .output()
        .expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("cargo fetch") {
        println!("skipped: {stderr}");
        return;
    }
    let text = std::fs::read_to_string(dir.path().join("out.json")).expect(&stderr);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    for model in ["dense", "sparse", "int8", "trigram"] {
        let bits = found["bits_per_byte"][model].as_f64().expect("a number");
        assert!((1.0..8.5).contains(&bits), "{model} {bits}");
    }
    assert_eq!(found["bits_equal"], true, "{stderr}");
    let models = found["models"].as_array().expect("models");
    assert_eq!(models.len(), 3);
    for model in models {
        let backends = model["desktop"].as_array().expect("back-ends").len();
        assert_eq!(backends, Isa::available().count());
    }
    // A machine without the emulator names what it left out; one with it has run all three.
    let boards = found["boards"].as_array().expect("boards");
    let left_out = found["left_out"].as_array().expect("a list");
    assert!(boards.len() == 3 || !left_out.is_empty(), "{left_out:?}");
    for board in boards {
        for field in ["instructions_per_token", "flash_bytes", "ram_bytes"] {
            assert!(board[field].as_u64().expect("a number") > 0, "{field}");
        }
        for field in ["board", "digest", "text", "isa"] {
            assert!(board[field].is_string(), "{field}");
        }
        assert_eq!(board["tokens"].as_array().expect("tokens").len(), 16);
    }
    for name in ["dense-f32.lacuna", "sparse-f32.lacuna", "sparse-i8.lacuna"] {
        assert!(dir.path().join("kept").join(name).is_file(), "{name}");
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("bits equal: yes"), "{stdout}");
    // So few steps beat no trigram model, and the command must say so.
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("no better than trigrams"), "{stderr}");
}
