//! Emulated boards: the same bits, counts that repeat, sizes as stated, and what is said when something does not fit.

use lacuna::model::{Limits, Model, State};
use lacuna_tools::device::{self, BOARDS, Board, Missing};
use lacuna_tools::memory::Buffer;
use object::{Object, ObjectSymbol};

use super::*;

/// Says what is missing; where everything must be there, fails.
fn skip(missing: &Missing) {
    assert!(
        std::env::var_os("LACUNA_REQUIRE_ALL").is_none(),
        "{missing}: {}",
        missing.install()
    );
    println!("skipped: {missing}; `{}` adds it", missing.install());
}

/// The boards that this machine can emulate and build for.
pub(super) fn boards() -> Vec<&'static Board> {
    let here = |board: &&'static Board| {
        let tree = device::source(board).expect("tests run in the source tree");
        let ready = device::emulator(board).and(device::cargo(board, &tree));
        ready.inspect_err(skip).is_ok()
    };
    BOARDS.iter().filter(here).collect()
}

/// `model.lacuna` in `dir`, exported as `values`.
fn model(dir: &Path, config: Config, values: &str) -> Buffer {
    checkpoint(dir, config, 0.1);
    let args = [
        "export",
        "checkpoint",
        "-o",
        "model.lacuna",
        "--values",
        values,
    ];
    ok(dir, &args);
    Buffer::from(std::fs::read(dir.join("model.lacuna")).unwrap().as_slice())
}

#[test]
fn boards_compute_the_bits_of_every_back_end() {
    let dir = tempfile::tempdir().unwrap();
    for values in ["f32", "f16", "i8"] {
        model(dir.path(), sparse(), values);
        for board in boards() {
            let args = [
                "check",
                "model.lacuna",
                "--board",
                board.name,
                "--prompt",
                "fn",
                "--tokens",
                "6",
                "--temperature",
                "0.7",
                "--top-p",
                "0.9",
                "--firmware",
                "prebuilt",
                "--prefill",
                &board.prefill.min(4).to_string(),
            ];
            let check = json(dir.path(), &args);
            assert_eq!(check["equal"], true, "{check}");
            assert_eq!(check["steps"], 8);
            assert_eq!(check["logits"], 8 * 256);
            assert_eq!(check["site_digests"], 8 * 26);
            assert_eq!(
                check["isas"].as_array().unwrap().len(),
                lacuna::kernels::Isa::available().count()
            );
        }
    }
}

#[test]
fn both_firmwares_print_what_run_prints_and_count_the_same_twice() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = model(dir.path(), sparse(), "f32");
    let common = ["model.lacuna", "--prompt", "fn", "--tokens", "6"];
    // As much RAM as a board, which runs the prompt of this model token by token.
    let run = ["run", "--prefill", "1"];
    let here = json(dir.path(), &[&run[..], &["--probe"], &common].concat());
    let transcript = ok(
        dir.path(),
        &[&["run", "--transcript"][..], &common].concat(),
    );
    for board in boards() {
        for firmware in ["flash", "prebuilt"] {
            let on = ["device", "--board", board.name, "--firmware", firmware];
            let args = [&on[..], &common].concat();
            let there = json(dir.path(), &[&args[..], &["--layers"]].concat());
            for key in [
                "model_id",
                "prompt",
                "tokens",
                "text",
                "digest",
                "ram_bytes",
                "sites",
            ] {
                assert_eq!(here[key], there[key], "{key} on {board}");
            }
            assert_eq!(there["board"], board.name);
            let per_token = there["instructions_per_token"].as_u64().unwrap();
            let layers = there["instructions_per_layer"].as_array().unwrap();
            let blocks: u64 = layers.iter().map(|n| n.as_u64().unwrap()).sum();
            assert!(
                layers.len() == 2 && blocks < per_token && blocks > per_token / 4,
                "{there}"
            );
            assert!(there["flash_bytes"].as_u64().unwrap() > bytes.len() as u64);
            assert!(there["stack_bytes"].as_u64().unwrap() > 100);
            let again = json(dir.path(), &[&args[..], &["--layers"]].concat());
            repeats(there, again, board.name);
            let text = ok(dir.path(), &[&args[..], &["--transcript"]].concat());
            assert_eq!(text, transcript);
        }
    }
}

/// Two runs tell the same, counts up to the instruction or two that lie within one tick of a board's counter.
fn repeats(mut one: Value, mut two: Value, board: &str) {
    let counts = [
        "instructions_per_token",
        "prompt_instructions_per_token",
        "generated_instructions_per_token",
        "instructions_per_layer",
    ];
    for key in counts {
        let take = |run: &mut Value| match run[key].take() {
            Value::Array(counts) => counts,
            count => vec![count],
        };
        let (one, two) = (take(&mut one), take(&mut two));
        assert_eq!(one.len(), two.len());
        for (one, two) in one.iter().zip(&two) {
            let (one, two) = (one.as_u64().unwrap(), two.as_u64().unwrap());
            assert!(
                one > 0 && one.abs_diff(two) <= 2,
                "{key} did not repeat on {board}: {one} {two}"
            );
        }
    }
    // What is derived from the counts.
    for key in ["tokens_per_second", "instructions_per_nonzero"] {
        let (one, two) = (one[key].take(), two[key].take());
        let (one, two) = (one.as_f64().unwrap(), two.as_f64().unwrap());
        assert!((one - two).abs() <= 1e-4 * one, "{key} on {board}");
    }
    assert_eq!(one, two, "{board}");
}

#[test]
fn boards_print_the_frozen_transcripts() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    for name in ["tiny", "tiny-i8"] {
        let expected = std::fs::read_to_string(golden.join(format!("{name}.out"))).unwrap();
        let bytes = Buffer::from(
            std::fs::read(golden.join(format!("{name}.lacuna")))
                .unwrap()
                .as_slice(),
        );
        let model = Model::new(&bytes).unwrap();
        let run = model.file().golden().unwrap();
        let ids: Vec<String> = run.prompt().iter().map(u32::to_string).collect();
        let tokens = run.expected().len().to_string();
        let file = format!("{name}.lacuna");
        for board in boards() {
            let args = [
                "device",
                &file,
                "--board",
                board.name,
                "--transcript",
                "--firmware",
                "prebuilt",
                "--prompt-ids",
                &ids.join(","),
                "--tokens",
                &tokens,
            ];
            assert_eq!(ok(&golden, &args), expected, "{name} on {board}");
        }
    }
}

#[test]
fn flash_reserves_the_stated_ram_and_links_no_allocator() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = model(dir.path(), sparse(), "i8");
    let parsed = Model::new(&bytes).unwrap();
    let stated = json(dir.path(), &["inspect", "model.lacuna"])["needs"]["ram_bytes"].clone();
    for board in boards() {
        let limits = Limits::new(parsed.config());
        let tree = device::source(board).unwrap();
        let firmware = device::build(board, &tree, &parsed, &limits.into()).unwrap();
        let arena = firmware.size.arena.expect("the arena is a static");
        let needed = State::len(parsed.config(), &limits) as u64;
        // A static is padded to its alignment of 16.
        assert_eq!(arena, needed.next_multiple_of(16), "{board}");
        assert_eq!(stated, needed);
        let elf = object::File::parse(firmware.elf.as_slice()).unwrap();
        let names = elf
            .symbols()
            .map(|s| s.name().unwrap_or_default().to_owned());
        let allocators: Vec<_> = names.filter(|n| n.contains("rust_alloc")).collect();
        assert!(allocators.is_empty(), "{board}: {allocators:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let unbounded = Config {
        position: Position::None,
        ..sparse()
    };
    let bytes = model(dir.path(), unbounded, "f32");
    for board in boards() {
        let on = [
            "device",
            "model.lacuna",
            "--board",
            board.name,
            "--context",
            "1000000",
        ];
        let said = refused(dir.path(), &on);
        assert!(
            said.contains("RAM needs") && said.contains(&board.ram.to_string()),
            "{said}"
        );
        let said = refused(dir.path(), &[&on[..], &["--firmware", "prebuilt"]].concat());
        assert!(
            said.contains("heap needs") && said.contains(&board.heap.to_string()),
            "{said}"
        );
        // The linker is the last to look, whatever the host believes about the board.
        let parsed = Model::new(&bytes).unwrap();
        let limits = Limits {
            context: 1_000_000,
            ..Limits::new(parsed.config())
        };
        let believed: &'static Board = Box::leak(Box::new(Board {
            ram: u64::MAX,
            ..*board
        }));
        let tree = device::source(board).unwrap();
        let error = device::build(believed, &tree, &parsed, &limits.into()).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("will not fit in region") || said.contains("do not fit"),
            "{said}"
        );
    }
}

#[test]
fn a_fault_on_the_device_is_an_error_in_its_own_words() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), sparse(), "f32");
    for board in boards() {
        let on = [
            "device",
            "model.lacuna",
            "--board",
            board.name,
            "--firmware",
            "prebuilt",
        ];
        let said = refused(dir.path(), &[&on[..], &["--tokens", "40"]].concat());
        let full = "the device stopped at position 32: all 32 positions are used";
        assert!(said.contains(full), "{said}");
        let said = refused(dir.path(), &[&on[..], &["--prompt-ids", "7,256"]].concat());
        assert!(
            said.contains("position 1: token 256 is not below the vocabulary of 256"),
            "{said}"
        );
        let said = refused(dir.path(), &[&on[..], &["--prefill", "17"]].concat());
        assert!(said.contains("cannot run 17 tokens"), "{said}");
        let said = refused(dir.path(), &[&on[..], &["--timeout", "0"]].concat());
        assert!(said.contains("did not finish within 0 s"), "{said}");
        let long = "x".repeat(3000);
        let said = refused(dir.path(), &[&on[..], &["--prompt", &long]].concat());
        let most = format!("longer than {} bytes", board.line - 1);
        assert!(said.contains(&most), "{said}");
    }
}
