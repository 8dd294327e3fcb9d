//! Circuits from search to file. The view is skipped, saying so, where there is no Chromium; with LACUNA_REQUIRE_ALL it
//! fails then.

use std::fs;

use super::*;

/// A model that knows nothing, and the circuit of a target that it cannot meet: many nodes, many edges.
fn found(dir: &Path) -> Value {
    let config = Config {
        seq_len: 128,
        ..sparse()
    };
    checkpoint(dir, config, 0.3);
    fs::write(dir.join("a.txt"), "some text to average over. ".repeat(20)).unwrap();
    fs::write(dir.join("b.txt"), "some more text. ".repeat(20)).unwrap();
    let args = "circuit find checkpoint --task var_if -o c --data a.txt --data b.txt --steps 2 --pairs 4 --batch 2 \
                --draws 2 --seeds 2 --loss 0.0001,0.9,0.0002";
    json(dir, &args.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn a_circuit_is_found_exported_checked_and_summed_up() {
    let dir = tempfile::tempdir().unwrap();
    let record = found(dir.path());
    assert_eq!(record["met"], false);
    let what = |i: usize| record["trials"][i]["what"].as_str().unwrap();
    let searches = [
        "learned",
        "learned",
        "attribution",
        "shuffled weights",
        "nonsense",
    ];
    assert_eq!([0, 1, 2, 3, 4].map(what), searches);
    assert_eq!(record["jaccard"].as_array().unwrap().len(), 1);
    assert_eq!(record["zeroed"][0], "blocks.0.attn.hook_v");
    let curve = record["curve"].as_array().unwrap();
    let points = curve
        .iter()
        .map(|p| (p["what"].as_str().unwrap(), p["target"].as_f64().unwrap()));
    let of = |what| [0.0001, 0.9, 0.0002].map(|target| (what, target));
    assert!(
        points.eq([of("learned"), of("attribution")].concat()),
        "{curve:?}"
    );
    // The first target is the circuit's own; any number of nodes does worse than chance's 0.9.
    assert_eq!(curve[0]["size"], record["size"]);
    assert_eq!(curve[0]["cut"], record["trials"][0]["cut"]);
    assert_eq!(
        (&curve[1]["cut"]["met"], &curve[1]["cut"]["nodes"]),
        (&true.into(), &1.into())
    );
    let (nodes, edges) = (&record["size"]["nodes"], &record["size"]["edges"]);
    let listed = record["nodes"].as_array().unwrap().iter();
    let listed: usize = listed
        .map(|s| s["channels"].as_array().unwrap().len())
        .sum();
    assert_eq!(nodes.as_u64().unwrap() as usize, listed);
    assert_eq!(
        names(&dir.path().join("c")),
        [
            "circuit.html",
            "circuit.json",
            "config.json",
            "model.safetensors",
            "train.json"
        ]
    );

    let checked = json(dir.path(), &["circuit", "check", "c"]);
    assert_eq!(checked["same_bits"], true);
    assert!(
        checked["difference"].as_f64().unwrap().abs() < 1e-3,
        "{checked}"
    );
    assert_eq!(&checked["circuit"]["block_nonzeros"], edges);
    assert!(checked["circuit"]["flash"].as_u64() < checked["whole"]["flash"].as_u64());

    ok(
        dir.path(),
        &["circuit", "export", "c", "-o", "c.lacuna", "--values", "i8"],
    );
    ok(
        dir.path(),
        &["run", "c.lacuna", "--prompt", "x", "--tokens", "3"],
    );

    let sum = json(dir.path(), &["circuit", "summary", "c", "c"]);
    let summary = &sum["checkpoints"][0]["summary"];
    assert_eq!(
        (&summary["circuits"], &summary["met"]),
        (&2.into(), &0.into())
    );
}

#[test]
fn circuit_and_model_run_on_a_board_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    found(dir.path());
    for board in super::device::boards() {
        // The ready-made firmware: nothing to compile, the same bits.
        let args = [
            "circuit",
            "check",
            "c",
            "--firmware",
            "prebuilt",
            "--board",
            board.name,
        ];
        if board.name == "qemu-microbit" {
            let no = refused(dir.path(), &args);
            assert!(no.contains("does not fit on qemu-microbit"), "{no}");
            continue;
        }
        let there = &json(dir.path(), &args)["board"];
        assert_eq!(there["name"], board.name);
        assert!(
            there["isas"]
                .as_array()
                .unwrap()
                .contains(&"portable".into())
        );
        let instructions = |of: &str| there[of]["instructions_per_token"].as_u64();
        let circuit = instructions("circuit").unwrap();
        assert!(circuit > 1000, "{there}");
        // A board may be too small for the model.
        assert!(
            instructions("whole").is_none_or(|whole| circuit <= whole),
            "{there}"
        );
    }
    let no = lacuna(dir.path(), &["circuit", "check", "c", "--board", "abacus"]);
    assert!(text(&no.stderr).contains("the boards are"));
}

#[test]
fn what_is_no_circuit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let no = refused(dir.path(), &["circuit", "check", "nowhere"]);
    assert!(no.contains("lacuna circuit find"), "{no}");
    checkpoint(dir.path(), sparse(), 0.3);
    let find = ["circuit", "find", "checkpoint", "-o", "c", "--task"];
    let no = refused(dir.path(), &[&find[..], &["chess"]].concat());
    assert!(no.contains("var_swap"), "{no}");
    // The context of this model is shorter than the prompts.
    let no = refused(dir.path(), &[&find[..], &["var_swap"]].concat());
    assert!(no.contains("--seq-len"), "{no}");
    let no = refused(
        dir.path(),
        &[&find[..], &["var_swap", "--loss", "0"]].concat(),
    );
    assert!(no.contains("--loss"), "{no}");
    let no = refused(
        dir.path(),
        &[&find[..], &["var_swap", "--loss", "0.1,nan"]].concat(),
    );
    assert!(no.contains("--loss"), "{no}");
}

/// Chromium's name, or `None` where there is none.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("LACUNA_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let there = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    let found = named.or_else(|| there.into_iter().find(|file| file.is_file()));
    if found.is_none() {
        assert!(
            std::env::var_os("LACUNA_REQUIRE_ALL").is_none(),
            "no Chromium"
        );
        println!("skipped: no Chromium");
    }
    found
}

#[test]
fn the_view_of_a_circuit_answers_a_click() {
    let Some(chromium) = chromium() else { return };
    let dir = tempfile::tempdir().unwrap();
    let record = found(dir.path());
    let page = fs::read_to_string(dir.path().join("c/circuit.html")).unwrap();
    let names = page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(page.matches("http").count(), names, "only the name of SVG");
    let click = "<script>const first = document.querySelector('.edge').dataset.to;\
                 document.querySelector(`[data-node='${first}']`).dispatchEvent(new MouseEvent('click'));</script>";
    let clicked = dir.path().join("clicked.html");
    fs::write(
        &clicked,
        page.replace("\n</html>", &format!("{click}\n</html>")),
    )
    .unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .arg(format!(
            "--user-data-dir={}",
            dir.path().join("profile").display()
        ))
        .arg("--dump-dom")
        .arg(format!("file://{}", clicked.display()))
        .output()
        .expect("Chromium runs");
    let dom = text(&output.stdout);
    let count = |what: &str| dom.matches(what).count() as u64;
    assert_eq!(
        count("data-node=\""),
        record["size"]["nodes"].as_u64().unwrap(),
        "{dom}"
    );
    assert_eq!(
        count("class=\"edge"),
        record["size"]["edges"].as_u64().unwrap()
    );
    assert_eq!(count("class=\"node chosen\""), 1);
    assert!(dom.contains("<p>reads block "), "{dom}");
    assert!(dom.contains("<mark>"), "the node shows what it fires on");
    assert!(dom.contains("Circuit of var_if"));
    assert!(dom.contains("<table id=\"curve\">") && dom.contains("<polyline"));
}
