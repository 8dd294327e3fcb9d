//! Records of devices on the command line: decoded, listened to, replayed, and paid for.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use lacuna::model::{Limits, Model, State};
use lacuna::probe::record::{Encoder, Record};
use lacuna::probe::{Answer, LogitDigest, Site, SiteDigests, Sketch, Stat};
use lacuna::session::{Options, Session};
use lacuna_tools::memory::Buffer;

use super::*;

const TINY: &[u8] = include_bytes!("../../../tests/golden/tiny.lacuna");
const DEVICE: u64 = 0x00c0_ffee;

/// Frames of a device that runs a window of the golden model, with one bit of one digest flipped if `at` says where.
fn window(at: Option<(u32, usize)>) -> Vec<Vec<u8>> {
    let file = Buffer::from(TINY);
    let model = Model::new(&file).unwrap();
    let mut encoder = Encoder::new(DEVICE, 3);
    encoder.model_id = model.id();
    let mut frames = Vec::new();
    let mut say = |record: Record<'_>| frames.push(encoder.frame(5, record).unwrap().to_vec());
    let tokens: Vec<u32> = (97..105).collect();
    say(Record::input(0, 0, &tokens));
    let n_layers = model.config().n_layers;
    let mut digests = vec![0; Site::count(n_layers)];
    let probe = (
        SiteDigests::new(n_layers, &mut digests).unwrap(),
        LogitDigest::new(),
    );
    let mut arena = Buffer::zeroed(State::len(model.config(), &Limits::new(model.config())));
    let options = Options::new(model.config());
    let mut session = Session::with_probe(model, &mut arena, options, probe).unwrap();
    for (position, token) in (0..).zip(&tokens) {
        session.step(*token).unwrap();
        for (i, (site, digest)) in session.probe().0.iter().enumerate() {
            let flip = u64::from(at == Some((position, i))) << 40;
            let digest = digest ^ flip;
            say(Record::SiteDigest {
                position,
                site,
                digest,
            });
        }
    }
    say(Record::End {
        digest: session.probe().1.value(),
        positions: tokens.len() as u32,
        stack: 0,
    });
    frames
}

/// Frames of verdicts and a sketch.
fn verdicts(n: u32) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(DEVICE, 3);
    encoder.model_id = [1; 8];
    let mut frames = Vec::new();
    for index in 0..n {
        let window = Record::Window {
            index,
            positions: 64,
            answer: Answer::Unfamiliar,
            score: 0.5,
            p: 0.01,
            drift: 1.0,
        };
        frames.push(encoder.frame(u64::from(index), window).unwrap().to_vec());
    }
    let site = Site::from_index(1, 2).unwrap();
    let (stat, sketch) = (Stat::Gini, Sketch::EMPTY);
    let sketch = Record::Sketch { site, stat, sketch };
    frames.push(encoder.frame(99, sketch).unwrap().to_vec());
    frames
}

fn lines(stdout: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("a line of JSON");
    stdout.lines().map(parse).collect()
}

#[test]
fn decode_gives_lines_files_and_losses() {
    let dir = tempfile::tempdir().unwrap();
    let mut frames = verdicts(20);
    frames.remove(7);
    // The model id, which no zero can come of.
    frames[3][4] ^= 0x10;
    frames.insert(11, frames[10].clone());
    fs::write(dir.path().join("a.bin"), frames.concat()).unwrap();
    let output = lacuna(dir.path(), &["decode", "a.bin"]);
    assert!(output.status.success());
    let rows = lines(&text(&output.stdout));
    assert_eq!(rows.len(), 19);
    assert_eq!(rows[0]["device"], "0000000000c0ffee");
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["answer"]),
        (&"window".into(), &"unfamiliar".into())
    );
    assert_eq!(rows[18]["site"], "blocks.0.hook_resid_pre");
    assert!(rows[0].get("ticks").is_none());
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("1 broken frames") && stderr.contains("9.5 %"),
        "{stderr}"
    );

    let books = json(dir.path(), &["decode", "a.bin", "--out", "fleet"]);
    let device = &books["devices"][0];
    assert_eq!(
        (&device["accepted"], &device["lost"]),
        (&19.into(), &2.into())
    );
    assert_eq!(
        (&device["duplicates"], &books["broken"]),
        (&1.into(), &1.into())
    );
    let folder = dir
        .path()
        .join("fleet/model=0101010101010101/device=0000000000c0ffee");
    assert_eq!(names(&folder), ["boot=3-0.parquet"]);
    // Again changes nothing; other records under the same name are refused.
    ok(dir.path(), &["decode", "a.bin", "--out", "fleet"]);
    fs::write(dir.path().join("b.bin"), verdicts(5).concat()).unwrap();
    let stderr = refused(dir.path(), &["decode", "b.bin", "--out", "fleet"]);
    assert!(
        stderr.contains("boot=3-0.parquet holds other records"),
        "{stderr}"
    );
    ok(
        dir.path(),
        &["decode", "b.bin", "--out", "fleet", "--replace"],
    );
    assert_eq!(names(&folder), ["boot=3-0.parquet"]);
    ok(
        dir.path(),
        &["decode", "b.bin", "--out", "fleet", "--to", "json"],
    );
    assert_eq!(names(&folder), ["boot=3-0.jsonl", "boot=3-0.parquet"]);
    // The same link in two files is one link.
    let twice = ok(dir.path(), &["-q", "decode", "b.bin", "b.bin"]);
    assert_eq!(lines(&twice).len(), 6);
}

#[test]
fn decode_refuses_what_is_no_recording() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("m"), TINY).unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    let broken = [&verdicts(2).concat()[..], b"cut"].concat();
    fs::write(dir.path().join("cut"), broken).unwrap();
    for (args, part) in [
        (&["decode", "m"][..], "there is no frame in"),
        (&["decode", "gone"], "cannot read gone"),
        (&["decode", "."], "cannot read ."),
        (&["decode", "empty", "--to", "parquet"], "--out DIR"),
    ] {
        let stderr = refused(dir.path(), args);
        assert!(stderr.contains(part), "{stderr}");
    }
    ok(dir.path(), &["decode", "empty"]);
    ok(dir.path(), &["decode", "cut"]);
    let strict = lacuna(dir.path(), &["decode", "cut", "--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(text(&strict.stderr).contains("1 came broken"));
}

#[test]
fn replay_names_the_first_bit_that_differs() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("m"), TINY).unwrap();
    fs::write(dir.path().join("good"), window(None).concat()).unwrap();
    let good = json(dir.path(), &["replay", "m", "good"]);
    let first = &good["windows"][0];
    assert_eq!(
        (&first["verdict"], &first["window"]),
        (&"equal".into(), &0.into())
    );
    assert!(first["compared"].as_u64().unwrap() > 100);
    assert!(ok(dir.path(), &["replay", "m", "good"]).starts_with("bits equal: yes"));

    // Site 14 of the second block: 1 + 11 + 2.
    fs::write(dir.path().join("bad"), window(Some((5, 14))).concat()).unwrap();
    let site = Site::from_index(14, 2).unwrap();
    let stderr = refused(dir.path(), &["replay", "m", "bad"]);
    let place = format!("position 5, layer 1, site {site}");
    assert!(stderr.contains(&place), "{stderr}");
    let output = lacuna(dir.path(), &["replay", "m", "bad", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let bad = &lines(&text(&output.stdout))[0]["windows"][0];
    assert_eq!((&bad["position"], &bad["layer"]), (&5.into(), &1.into()));
    assert_eq!(bad["site"], site.to_string());

    fs::write(dir.path().join("other"), verdicts(3).concat()).unwrap();
    let stderr = refused(dir.path(), &["replay", "m", "other"]);
    assert!(stderr.contains("no window to compare"), "{stderr}");
}

/// Starts `lacuna`; killed when dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn listen_serves_a_device_over_tcp_and_keeps_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let args = "listen listen:127.0.0.1:0 --json --out fleet --records 21 --seconds 120";
    let child = Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args(args.split(' '))
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut child = Started(child);
    let mut notes = BufReader::new(child.0.stderr.take().unwrap());
    let mut note = String::new();
    notes.read_line(&mut note).unwrap();
    let address = note
        .trim()
        .strip_prefix("listening on ")
        .expect("an address")
        .to_owned();
    // The device speaks, loses its connection in the middle of a frame, and goes on. Connections are read side by side, so
    // it goes on when what it said before has arrived.
    let frames = verdicts(20);
    let mut said = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(&frames[..10].concat()).unwrap();
    stream.write_all(&frames[10][..9]).unwrap();
    drop(stream);
    let mut rows: Vec<String> = said.by_ref().take(10).map(Result::unwrap).collect();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(&frames[10..].concat()).unwrap();
    rows.extend(said.map(Result::unwrap));
    assert!(child.0.wait().unwrap().success());
    let rows = lines(&rows.join("\n"));
    assert_eq!(rows.len(), 21);
    assert!(
        rows.iter()
            .all(|r| r["received_ms"].as_i64() > Some(1_600_000_000_000))
    );
    let folder = dir
        .path()
        .join("fleet/model=0101010101010101/device=0000000000c0ffee");
    assert_eq!(names(&folder), ["boot=3-0.parquet"]);
}

#[test]
fn listen_reads_files_and_names_what_it_cannot_open() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.bin"), verdicts(4).concat()).unwrap();
    let text = ok(dir.path(), &["listen", "a.bin", "--no-follow"]);
    assert!(
        text.contains("0000000000c0ffee") && text.contains("0 broken"),
        "{text}"
    );
    let stderr = refused(dir.path(), &["listen", "gone.bin"]);
    assert!(stderr.contains("cannot read gone.bin"), "{stderr}");
    let stderr = refused(dir.path(), &["listen", "listen:nowhere"]);
    assert!(stderr.contains("cannot listen on nowhere"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn control_c_finishes_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.bin"), verdicts(4).concat()).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args([
            "listen",
            "a.bin",
            "--out",
            "fleet",
            "--json",
            "--seconds",
            "120",
        ])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut child = Started(child);
    let mut stdout = BufReader::new(child.0.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let interrupt = ["-INT", &child.0.id().to_string()].map(str::to_owned);
    assert!(
        Command::new("kill")
            .args(interrupt)
            .status()
            .unwrap()
            .success()
    );
    assert!(child.0.wait().unwrap().success());
    let folder = dir
        .path()
        .join("fleet/model=0101010101010101/device=0000000000c0ffee");
    assert_eq!(names(&folder), ["boot=3-0.parquet"]);
}

#[test]
fn budget_finds_the_largest_plan_that_fits() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("m"), TINY).unwrap();
    let all = json(dir.path(), &["budget", "m", "--bytes-per-day", "100000"]);
    let offers = all["offers"].as_array().unwrap();
    assert_eq!(all["plan"], offers[0]["plan"]);
    let args = "budget m --bytes-per-day 100000 --interval 15m";
    let often = json(dir.path(), &args.split(' ').collect::<Vec<_>>());
    assert_ne!(often["plan"], all["plan"]);
    let text = ok(
        dir.path(),
        &["budget", "m", "--baud", "9600", "--share", "0.1"],
    );
    assert!(
        text.contains("report") && text.contains("\nplan\n"),
        "{text}"
    );
    // The other way round: what that plan takes is what it was offered for.
    let plan = often["plan"].as_str().unwrap();
    let args = ["budget", "m", "--plan", plan, "--interval", "15m"];
    let price = json(dir.path(), &args);
    let bytes = price["bytes_per_day"].as_u64().unwrap();
    assert!(bytes > 20_000 && bytes <= 100_000, "{bytes}");
    assert_eq!(
        (&price["plan"], &price["fits"]),
        (&often["plan"], &true.into())
    );
    let budget = bytes.to_string();
    let again = json(
        dir.path(),
        &[
            "budget",
            "m",
            "--bytes-per-day",
            &budget,
            "--interval",
            "15m",
        ],
    );
    assert_eq!(again["plan"], often["plan"]);
    let text = ok(dir.path(), &["budget", "m", "--plan", "*:hoyer@every=4"]);
    assert!(text.contains("every 60.0 min a report of"), "{text}");
    let stderr = refused(dir.path(), &["budget", "m", "--plan", "nowhere:hoyer"]);
    assert!(stderr.contains("SITES:STATISTICS@POSITIONS"), "{stderr}");
    let stderr = refused(dir.path(), &["budget", "m", "--bytes-per-day", "10"]);
    assert!(stderr.contains("carry no plan"), "{stderr}");
    let output = lacuna(dir.path(), &["budget", "m"]);
    assert_eq!(output.status.code(), Some(2));
}
