//! What plan and monitor cost on every emulated board, against `benches/field.txt`: more than 2 % over a figure fails.
//!
//! A decoder of 4 blocks, width 256, 1024 neurons, 4 heads, bytes as tokens, 10 % of every matrix present, runs with no
//! probe, with the plan that its export gave it, with every statistic everywhere, and with its monitor, on the firmware that
//! ships inside the binary; the least firmware is built with and without, as the code that each adds. To be expected: the
//! given plan takes at most 5 % of a token where the costs that it was chosen by were counted, on the Cortex-M4F.
//!
//! `LACUNA_BLESS=1 cargo test --release -p lacuna-tools --test cli costs -- --nocapture` writes what it counted; without
//! the first word it compares. Both print the table.
//!
//! A classifier as `train --task classify` makes it by default (two blocks of width 32, windows of 100 samples of 6
//! channels) runs with and without its monitor, for each of the scores that are worth choosing.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use lacuna_tools::data::series::generate::Generator;
use lacuna_tools::device::{self, Board};
use lacuna_tools::report::table;

use super::device::boards;
use super::*;

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/field.txt");
/// Positions of a run; a plan that looks at every one is dear, so fewer show it.
const POSITIONS: u64 = 32;
const FEW: u64 = 4;
/// Tokens of a window of the monitor.
const WINDOW: u64 = 16;

/// Counts by name: board, values, probe and what is counted.
type Figures = BTreeMap<String, u64>;

/// `i8.lacuna` and `f32.lacuna`: with the plan that an export for a Cortex-M4 chooses, calibrated on 40 files.
fn models(dir: &Path) {
    let config = Config {
        dim: 256,
        hidden_dim: 1024,
        n_layers: 4,
        n_heads: 4,
        n_kv_heads: 4,
        head_dim: 64,
        seq_len: 128,
        activation: Activation::Relu,
        gated: false,
        attn_bias: false,
        mlp_bias: false,
        sink: false,
        bigram: false,
        topk: TopK::default(),
        ..sparse()
    };
    checkpoint(dir, config, 0.1);
    known(dir);
    for values in ["i8", "f32"] {
        let file = format!("{values}.lacuna");
        let export = ["export", "checkpoint", "-o", &file, "--values", values];
        ok(dir, &[&export[..], &["--for", "cortex-m4"]].concat());
        let window = WINDOW.to_string();
        let data = ["calibrate", &file, "--data", "known", "-o", &file];
        let by = ["--window", &window, "--alpha", "0.1"];
        ok(dir, &[&data[..], &by].concat());
    }
}

/// Costs of a model on a board.
fn costs(dir: &Path, board: &Board, values: &str, figures: &mut Figures) {
    let file = format!("{values}.lacuna");
    let run = |positions: u64, more: &[&str]| {
        let base = [
            "device",
            &file,
            "--board",
            board.name,
            "--firmware",
            "prebuilt",
        ];
        let tokens = positions.to_string();
        let run = ["--prompt-ids", "1", "--tokens", &tokens, "--prefill", "1"];
        json(dir, &[&base[..], &run, more].concat())
    };
    let mut say = |probe: &str, what: &str, n: u64| {
        figures.insert(format!("{} {values} {probe} {what}", board.name), n);
    };
    let count = |run: &Value, key: &str| run[key].as_u64().unwrap();
    let (bare, few) = (run(POSITIONS, &[]), run(FEW, &[]));
    let per_token = |run: &Value| count(run, "instructions_per_token");
    say("none", "instructions-per-token", per_token(&bare));
    say("none", "state-bytes", count(&bare, "ram_bytes"));
    say("none", "stack-bytes", count(&bare, "stack_bytes"));
    let cases: [(&str, u64, &Value, &[&str]); 3] = [
        ("plan", POSITIONS, &bare, &["--plan", "file"]),
        ("full", FEW, &few, &["--plan", "*:*"]),
        ("monitor", POSITIONS, &bare, &["--monitor"]),
    ];
    for (probe, positions, without, orders) in cases {
        let with = run(positions, orders);
        let more = per_token(&with).saturating_sub(per_token(without));
        match probe {
            "monitor" => say(probe, "instructions-per-window", more * WINDOW),
            _ => say(probe, "instructions-per-token", more),
        }
        say(probe, "probe-bytes", count(&with, "probe_bytes"));
        say(probe, "stack-bytes", count(&with, "stack_bytes"));
    }
}

/// Bytes of the least firmware without its model.
fn code(board: &'static Board, feature: &str) -> u64 {
    let tree = device::source(board).unwrap();
    let target = tree.with_file_name("target");
    let cargo = device::cargo(board, &tree).unwrap();
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--bin", "minimal"])
        .args(["--features", feature, "--target-dir"])
        .arg(&target)
        .current_dir(&tree)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", text(&built.stderr));
    let elf = std::fs::read(target.join(board.triple).join("release/minimal")).unwrap();
    let golden = tree.join("../../tests/golden/tiny.lacuna");
    device::size(&elf).unwrap().flash - std::fs::metadata(golden).unwrap().len()
}

/// The figures as a table for people: a line a board and values.
fn shown(figures: &Figures) -> String {
    let of = |board: &str, values: &str, rest: &str| {
        let name = format!("{board} {values} {rest}");
        figures.get(&name).copied()
    };
    let head = [
        "board",
        "values",
        "token",
        "plan",
        "",
        "full plan",
        "",
        "monitor, a window",
        "a token's",
        "RAM of plan, full, monitor",
    ];
    let mut rows = Vec::new();
    for (board, values) in boards()
        .iter()
        .flat_map(|b| [(b.name, "i8"), (b.name, "f32")])
    {
        let count = |rest: &str| of(board, values, rest);
        let Some(token) = count("none instructions-per-token") else {
            continue;
        };
        let share = |n: u64| format!("{:.2} %", 100.0 * n as f64 / token as f64);
        let [plan, full] = ["plan", "full"]
            .map(|p| count(&format!("{p} instructions-per-token")).unwrap_or_default());
        let window = count("monitor instructions-per-window").unwrap_or_default();
        let bytes = ["plan", "full", "monitor"].map(|p| {
            count(&format!("{p} probe-bytes"))
                .unwrap_or_default()
                .to_string()
        });
        rows.push([
            board.to_owned(),
            values.to_owned(),
            token.to_string(),
            plan.to_string(),
            share(plan),
            full.to_string(),
            share(full),
            window.to_string(),
            share(window / WINDOW),
            bytes.join(", "),
        ]);
    }
    table(head, rows)
}

#[test]
fn plan_and_monitor_cost_what_is_published() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    let mut figures = Figures::new();
    for board in boards() {
        for (name, feature) in [("minimal", ""), ("plan", "plan"), ("monitor", "monitor")] {
            let bytes = code(board, feature);
            figures.insert(format!("{} code {name} bytes", board.name), bytes);
        }
        // The micro:bit has no RAM for a model of this size.
        let values: &[&str] = match board.name {
            "qemu-microbit" => &[],
            "qemu-mps2-an386" => &["i8", "f32"],
            _ => &["i8"],
        };
        for values in values {
            costs(dir.path(), board, values, &mut figures);
        }
    }
    println!("{}", shown(&figures));
    for values in ["i8", "f32"] {
        let of = |probe: &str| format!("qemu-mps2-an386 {values} {probe} instructions-per-token");
        let (Some(plan), Some(token)) = (figures.get(&of("plan")), figures.get(&of("none"))) else {
            continue;
        };
        assert!(plan * 20 <= *token, "{plan} of {token} instructions");
    }
    settle(&figures);
}

/// `w-SCORE.lacuna`: a classifier with seeded weights, a tenth of them present, calibrated on people who were made up.
fn classifiers(dir: &Path, scores: &[&str]) {
    let config = Config {
        dim: 32,
        hidden_dim: 128,
        n_heads: 2,
        n_kv_heads: 2,
        head_dim: 16,
        vocab_size: 0,
        seq_len: 10,
        activation: Activation::Gelu,
        gated: false,
        sink: false,
        bigram: false,
        input: Input::Patches {
            channels: 6,
            len: 10,
        },
        causal: false,
        output: lacuna::config::Output::Classes(4),
        topk: TopK {
            attn_in: 8,
            mlp_in: 8,
            mlp_neuron: 32,
            ..TopK::default()
        },
        ..sparse()
    };
    let path = checkpoint(dir, config, 0.1);
    let names = |of: &str, n: usize| (0..n).map(|i| format!("{of}{i}")).collect();
    let sensor = checkpoint::Sensor {
        classes: names("class", 4),
        channels: names("channel", 6),
        rate: 50.0,
        hop: 50,
    };
    let mut model = Checkpoint::load(&path).unwrap();
    model.sensor = Some(sensor);
    model.save(&path).unwrap();
    let export = ["export", "checkpoint", "-o", "w.lacuna", "--values", "i8"];
    ok(dir, &[&export[..], &["--for", "cortex-m4"]].concat());
    let made = Generator {
        people: 40,
        recordings: 1,
        samples: 150,
        ..Generator::default()
    };
    std::fs::create_dir(dir.join("people")).unwrap();
    for (name, text) in made.files() {
        std::fs::write(dir.join("people").join(name), text).unwrap();
    }
    for score in scores {
        let file = format!("w-{score}.lacuna");
        let to = ["calibrate", "w.lacuna", "--series", "people", "-o", &file];
        ok(
            dir,
            &[&to[..], &["--alpha", "0.05", "--score", score]].concat(),
        );
    }
}

#[test]
fn a_classifiers_monitor_costs_what_is_published() {
    const SCORES: [&str; 4] = ["last-layer", "nearest", "outputs", "max-softmax"];
    let dir = tempfile::tempdir().unwrap();
    classifiers(dir.path(), &SCORES);
    let mut figures = Figures::new();
    let mut rows = Vec::new();
    for board in boards().into_iter().filter(|b| b.ram > 64 << 10) {
        let run = |file: &str, more: &[&str]| {
            let on = ["device", file, "--board", board.name, "--firmware"];
            let windows = ["prebuilt", "--tokens", "8"];
            json(dir.path(), &[&on[..], &windows, more].concat())
        };
        let count = |run: &Value, key: &str| run[key].as_u64().unwrap();
        let bare = run("w.lacuna", &[]);
        let (window, file) = (
            count(&bare, "instructions_per_token"),
            count(&bare, "model_bytes"),
        );
        let mut say = |probe: &str, what: &str, n: u64| {
            figures.insert(format!("{} classifier {probe} {what}", board.name), n);
        };
        say("none", "instructions-per-window", window);
        say("none", "state-bytes", count(&bare, "ram_bytes"));
        for score in SCORES {
            let with = run(&format!("w-{score}.lacuna"), &["--monitor"]);
            let more = count(&with, "instructions_per_token").saturating_sub(window);
            let (ram, flash) = (
                count(&with, "probe_bytes"),
                count(&with, "model_bytes") - file,
            );
            say(score, "instructions-per-window", more);
            say(score, "probe-bytes", ram);
            say(score, "block-bytes", flash);
            let share = format!("{:.2} %", 100.0 * more as f64 / window as f64);
            let row = [window, more, ram, flash].map(|n| n.to_string());
            let [window, more, ram, flash] = row;
            let (board, score) = (board.name.to_owned(), score.to_owned());
            rows.push([board, score, window, more, share, ram, flash]);
        }
    }
    let head = [
        "board",
        "score",
        "a window",
        "its monitor",
        "",
        "RAM",
        "block",
    ];
    println!("{}", table(head, rows));
    settle(&figures);
}

/// Writes `figures` among those that are published, or compares.
fn settle(figures: &Figures) {
    let text = std::fs::read_to_string(FIGURES).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    let mut known: Figures = lines
        .map(|l| l.rsplit_once(' ').unwrap())
        .map(|(name, n)| (name.to_owned(), n.parse().unwrap()))
        .collect();
    if std::env::var_os("LACUNA_BLESS").is_some() {
        let mut text =
            "# board, values or code, probe (what it adds), what is counted\n".to_owned();
        known.extend(figures.clone());
        for (name, n) in &known {
            writeln!(text, "{name} {n}").unwrap();
        }
        return std::fs::write(FIGURES, text).unwrap();
    }
    for (name, n) in figures {
        let before = known
            .get(name)
            .unwrap_or_else(|| panic!("{name} is new; bless it"));
        assert!(n * 100 <= before * 102, "{name}: {n}, and was {before}");
    }
}
