use std::path::Path;

use super::generate::{Generator, PEOPLE};
use super::ts::{self, Wrong};
use super::*;

const HEAD: &str = "# two channels\n@problemName p\n@timeStamps false\n@missing true\n@univariate false\n\
                    @dimensions 2\n@equalLength false\n@classLabel true a b\n@data\n";

fn wrong(text: &str) -> (usize, Wrong) {
    let e = ts::parse(text.as_bytes()).unwrap_err();
    (e.line, e.wrong)
}

#[test]
fn samples_come_out_as_a_sensor_gives_them() {
    let table =
        ts::parse(format!("{HEAD}1,2,3:4,5,6:b\n\n# later\n7 , -8:?,1e-3:a\r\n").as_bytes());
    let table = table.unwrap();
    assert_eq!(
        (table.channels, table.classes),
        (2, vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(table.series[0].samples, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(table.series[1].samples, [7.0, 1e-3, -8.0, 1e-3]);
    assert_eq!([table.series[0].class, table.series[1].class], [1, 0]);
}

#[test]
fn missing_values_are_those_before_them() {
    let table = ts::parse(format!("{HEAD}?,1,?,NaN,2:5,?,?,?,?:a").as_bytes()).unwrap();
    let first: Vec<f32> = table.series[0].samples.iter().step_by(2).copied().collect();
    assert_eq!(first, [1.0, 1.0, 1.0, 1.0, 2.0]);
    assert_eq!(
        wrong(&format!("{HEAD}?,?:1,2:a")),
        (10, Wrong::AllMissing(0))
    );
    let strict = HEAD.replace("@missing true", "@missing false");
    assert_eq!(wrong(&format!("{strict}1:?:a")), (10, Wrong::Missing));
}

#[test]
fn univariate_files_and_files_without_classes_are_read() {
    let table = ts::parse(b"@univariate true\n@classLabel false\n@data\n1,2\n3\n").unwrap();
    assert_eq!((table.channels, table.series.len()), (1, 2));
    assert!(table.classes.is_empty());
}

#[test]
fn hostile_text_is_refused_by_line() {
    let at = |line: &str| wrong(&format!("{HEAD}{line}"));
    assert_eq!(at("1:2:c"), (10, Wrong::Class("c".to_owned())));
    assert_eq!(at("1:2"), (10, Wrong::Class("2".to_owned())));
    assert_eq!(
        at("1:2:3:a"),
        (
            10,
            Wrong::Channels {
                found: 3,
                expected: 2
            }
        )
    );
    let short = Wrong::Length {
        channel: 1,
        found: 1,
        expected: 2,
    };
    assert_eq!(at("1,2:3:a"), (10, short));
    for bad in ["x", "inf", "1e99", "", "0x10", "(1"] {
        assert_eq!(
            at(&format!("{bad}:1:a")),
            (10, Wrong::Number(bad.to_owned()))
        );
    }
    assert_eq!(at(""), (9, Wrong::Empty));
    assert_eq!(wrong("1,2:a"), (1, Wrong::Header));
    assert_eq!(
        wrong("@missing maybe"),
        (1, Wrong::Switch("maybe".to_owned()))
    );
    assert_eq!(wrong("@dimensions 0"), (1, Wrong::Count("0".to_owned())));
    assert_eq!(wrong("@timeStamps true"), (1, Wrong::TimeStamps));
    assert_eq!(wrong("@targetLabel true"), (1, Wrong::Target));
    assert_eq!(wrong("@classLabel true"), (1, Wrong::NoClasses));
    assert_eq!(
        wrong("\n@classLabel true a b a"),
        (2, Wrong::Twice("a".to_owned()))
    );
    assert_eq!(wrong("# nothing\n@missing false\n"), (2, Wrong::NoData));
    assert_eq!(ts::parse(b"@data\n\xff").unwrap_err().wrong, Wrong::Utf8);
    assert_eq!(ts::parse(b"").unwrap_err().wrong, Wrong::NoData);
}

#[test]
fn damaged_bytes_never_panic() {
    let good = format!("{HEAD}1,2,3:4,5,6:b\n7,8:9,1e-3:a\n").into_bytes();
    for at in 0..good.len() {
        let _ = ts::parse(&good[..at]);
        for byte in [0, b':', b',', b'@', b'\n', b'?', 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Ok(table) = ts::parse(&bytes) {
                assert!(
                    table
                        .series
                        .iter()
                        .all(|s| s.samples.iter().all(|v| v.is_finite()))
                );
            }
        }
    }
}

fn written(dir: &Path) -> Set {
    for (name, text) in Generator::default().files() {
        std::fs::write(dir.join(name), text).unwrap();
    }
    Set::load(dir).unwrap()
}

#[test]
fn whole_files_are_held_out_and_normalised_by_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let set = written(dir.path());
    assert_eq!((set.files.len(), set.channels), (PEOPLE, 6));
    assert_eq!(set.fold("person2").unwrap(), 1);
    assert_eq!(set.fold("person2.ts").unwrap(), 1);
    assert_eq!(set.fold("2").unwrap(), 1);
    assert!(matches!(set.fold("0"), Err(Error::Fold { .. })));
    let all = set.scale(&[]);
    let some = set.scale(&[1]);
    assert_ne!(all, some, "the held-out person has no say");
    let mut sums = vec![(0.0f64, 0.0f64, 0u32); 6];
    for (_, series) in set.recordings(&[0, 2, 3]) {
        for sample in series.samples.chunks_exact(6) {
            for (c, (sum, squares, n)) in sums.iter_mut().enumerate() {
                let x = f64::from((sample[c] - some.mean[c]) * some.scale[c]);
                (*sum, *squares, *n) = (*sum + x, *squares + x * x, *n + 1);
            }
        }
    }
    for (sum, squares, n) in sums {
        let n = f64::from(n);
        assert!((sum / n).abs() < 1e-4 && (squares / n - 1.0).abs() < 1e-3);
    }
}

#[test]
fn windows_overlap_by_their_hop_and_short_series_give_none() {
    let series = Series {
        class: 0,
        samples: (0..20).map(|i| i as f32).collect(),
    };
    let found: Vec<_> = windows(&series, 2, 4, 3).map(|w| w[0]).collect();
    assert_eq!(found, [0.0, 6.0, 12.0]);
    assert_eq!(windows(&series, 2, 11, 1).count(), 0);
    assert_eq!(windows(&series, 2, 10, 7).count(), 1);
}

#[test]
fn sets_that_do_not_fit_together_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Set::load(dir.path()), Err(Error::NoFiles(_))));
    std::fs::write(dir.path().join("a.ts"), format!("{HEAD}1:2:a\n")).unwrap();
    let one = HEAD.replace("@dimensions 2", "@dimensions 1");
    std::fs::write(dir.path().join("b.ts"), format!("{one}1:a\n")).unwrap();
    assert!(matches!(Set::load(dir.path()), Err(Error::Channels { .. })));
    std::fs::write(dir.path().join("b.ts"), "@data\n1\n").unwrap();
    assert!(matches!(Set::load(dir.path()), Err(Error::NoClasses(_))));
    std::fs::write(dir.path().join("b.ts"), "nothing").unwrap();
    let error = format!(
        "{:#}",
        anyhow::Error::from(Set::load(dir.path()).unwrap_err())
    );
    assert!(
        error.contains("b.ts") && error.contains("line 1"),
        "{error}"
    );
}

#[test]
fn generated_people_differ_and_repeat() {
    let (a, b) = (Generator::default().files(), Generator::default().files());
    assert!(a == b);
    let other = Generator {
        seed: 2,
        ..Generator::default()
    };
    assert!(a != other.files());
}

#[test]
fn real_recordings_are_read_where_they_are_at_hand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for (name, files, channels, classes, series) in [
        ("motion/watch", 7, 6, 7, 98),
        ("motion/basic_motions", 2, 6, 4, 80),
        ("audio", 2, 12, 9, 640),
    ] {
        let dir = root.join(name);
        if !dir.is_dir() {
            println!("skipped: {} is not here", dir.display());
            continue;
        }
        let set = Set::load(&dir).unwrap();
        let found: usize = set.files.iter().map(|f| f.series.len()).sum();
        assert_eq!(
            (set.files.len(), set.channels, set.classes.len(), found),
            (files, channels, classes, series),
            "{name}"
        );
    }
}
