//! Devices in the field, emulated: plans, monitor and what is kept through a reset, the same bits as here.

use lacuna_tools::device::Board;

use super::device::boards;
use super::*;

/// `m.lacuna`, and `c.lacuna` with a calibration by two windows of 8 tokens of 40 files.
fn models(dir: &Path) {
    checkpoint(dir, sparse(), 0.1);
    let plan = "*:zero_share,hoyer@every=4; unembed.hook_logits:entropy@last";
    let export = ["export", "checkpoint", "-o", "m.lacuna", "--plan", plan];
    ok(dir, &export);
    known(dir);
    let data = ["calibrate", "m.lacuna", "--data", "known", "-o", "c.lacuna"];
    let by = ["--window", "8", "--score", "mahalanobis", "--alpha", "0.1"];
    ok(dir, &[&data[..], &by].concat());
}

/// The boards that can follow orders, and those too small for it.
fn sorted() -> (Vec<&'static Board>, Vec<&'static Board>) {
    boards().into_iter().partition(|b| b.ram > 64 << 10)
}

/// Words that run `verb` on `board`, 21 positions: a bigger context than that is not needed.
fn on<'a>(verb: &'a str, model: &'a str, board: &'a Board) -> Vec<&'a str> {
    let base = [verb, model, "--board", board.name, "--firmware", "prebuilt"];
    let run = ["--context", "24", "--prompt", "fn main", "--tokens", "14"];
    [&base[..], &run].concat()
}

#[test]
fn a_plan_finds_the_same_on_every_board_whoever_gives_it() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    for board in sorted().0 {
        let check = |more: &[&str]| {
            let args = [&on("check", "m.lacuna", board)[..], more].concat();
            let said = json(dir.path(), &args);
            assert_eq!(said["equal"], true, "{said}");
            said["statistics"].as_u64().unwrap()
        };
        // 26 sites have two statistics, the logits a third; reported after 8, 16 and all 21 positions.
        let once = check(&["--plan", "file"]);
        assert_eq!(once, 2 * 26 + 1, "{board}");
        let thrice = check(&["--plan", "file", "--report", "8"]);
        assert_eq!(thrice, 3 * 2 * 26 + 1, "{board}");
        let last = check(&["--plan", "ln_final.hook_normalized:hoyer,gini@last"]);
        assert_eq!(last, 2, "{board}");
        let all = check(&["--plan", "*:*", "--prefill", "4"]);
        assert!(all > 26 * 14, "{board}: {all}");
    }
}

#[test]
fn what_a_plan_finds_is_shown_and_paid_for() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    let Some(board) = sorted().0.first().copied() else {
        return;
    };
    let device = on("device", "m.lacuna", board);
    let run = [
        "run",
        "m.lacuna",
        "--prompt",
        "fn main",
        "--tokens",
        "14",
        "--prefill",
        "1",
    ];
    let here = json(dir.path(), &[&run[..], &["--probe=file"]].concat());
    let there = json(dir.path(), &[&device[..], &["--plan", "file"]].concat());
    assert_eq!(here["probe"], there["probe"]);
    let bare = json(dir.path(), &device);
    let cost = |run: &Value| run["instructions_per_token"].as_u64().unwrap();
    assert!(cost(&there) > cost(&bare));
    let more = [
        "--plan",
        "file",
        "--report",
        "4",
        "--budget",
        "4000",
        "--device-id",
        "c0ffee",
        "--records",
        "r.bin",
    ];
    let paid = json(dir.path(), &[&device[..], &more].concat());
    let dropped = paid["dropped"].as_u64().unwrap();
    assert!(dropped > 0 && dropped < 5 * 53, "{dropped}");
    let rows = ok(dir.path(), &["decode", "r.bin"]);
    let rows: Vec<Value> = rows.lines().map(|l| l.parse().unwrap()).collect();
    assert!(rows.iter().all(|r| r["device"] == "0000000000c0ffee"));
    let sketches = rows.iter().filter(|r| r["kind"] == "sketch").count() as u64;
    // Two statistics of 26 sites are due in each of five reports, a third at the logits in the second.
    assert_eq!(sketches + dropped, 5 * 52 + 1);
}

#[test]
fn a_monitor_says_the_same_on_every_board_and_goes_on_after_a_reset() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    for board in sorted().0 {
        let check = [&on("check", "c.lacuna", board)[..], &["--monitor"]].concat();
        let said = json(dir.path(), &check);
        // Two windows of 8 positions, and one of what is left of the 21.
        assert_eq!(
            (&said["equal"], &said["statistics"]),
            (&true.into(), &3.into())
        );
        let store = format!("{}.bin", board.name);
        let more = ["--monitor", "--window", "5", "--store", &store];
        let device = [&on("device", "c.lacuna", board)[..], &more].concat();
        let run = || {
            let said = json(dir.path(), &device);
            assert_eq!(said["self_test"], "passed", "{board}");
            let windows = said["windows"].as_array().unwrap().iter();
            let index = |w: &Value| w["index"].as_u64().unwrap();
            (
                said["boot"].as_u64().unwrap(),
                windows.map(index).collect::<Vec<_>>(),
            )
        };
        assert_eq!(run(), (1, (0..5).collect()), "{board}");
        assert_eq!(run(), (2, (5..10).collect()), "{board}");
        // A flash of noise holds no state.
        let path = dir.path().join(&store);
        let mut rng = Rng::new(3);
        let noise: Vec<u8> = (0..8192).map(|_| rng.below(256) as u8).collect();
        std::fs::write(&path, noise).unwrap();
        assert_eq!(run(), (1, (0..5).collect()), "{board}");
    }
}

#[test]
fn orders_that_cannot_be_followed_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    let device = ["device", "m.lacuna"];
    let said = refused(dir.path(), &[&device[..], &["--monitor"]].concat());
    assert!(said.contains("lacuna calibrate"), "{said}");
    let said = refused(
        dir.path(),
        &[&device[..], &["--plan", "nowhere:hoyer"]].concat(),
    );
    assert!(said.contains("SITES:STATISTICS@POSITIONS"), "{said}");
    for board in sorted().1 {
        let plan = ["--plan", "*:hoyer@every=8", "--board", board.name];
        for firmware in ["prebuilt", "flash"] {
            let with = [&device[..], &plan, &["--firmware", firmware]].concat();
            let said = refused(dir.path(), &with);
            assert!(
                said.contains(
                    "the stack of a plan or a monitor needs 10240 bytes and there are 6400"
                ) && said.contains("--features plan"),
                "{said}"
            );
        }
    }
}
