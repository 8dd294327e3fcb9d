//! `lacuna eval --series`: the part of `eval` that knows recordings.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lacuna::format::Tag;
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model};
use lacuna::session::Options;
use serde::Serialize;
use serde_json::Value;

use super::open;
use crate::data::series::Set;
use crate::eval::series::{self, Interval, Person, interval};
use crate::memory::Buffer;
use crate::report::{NextStep, Out, percent, table};
use crate::train::classify::window_samples;

/// One model on the people it did not learn from.
#[derive(Debug, Serialize)]
struct Line {
    model: PathBuf,
    /// Value type, density and window, what models are compared by.
    kind: String,
    bytes: usize,
    people: Vec<Person>,
}

/// All models of a kind, over people.
#[derive(Debug, Serialize)]
struct Kind {
    kind: String,
    accuracy: Interval,
    nearest: Interval,
}

/// Scores `models` on the recordings in `dir`.
///
/// # Errors
/// Unreadable models or recordings, or some that do not fit together.
pub(super) fn run(
    models: &[PathBuf],
    dir: &Path,
    isa: Isa,
    repack: open::RepackArgs,
    out: &Out,
) -> anyhow::Result<()> {
    let set = Set::load(dir)
        .next_step(|| "give --series a directory of .ts files with classes".to_owned())?;
    let mut lines = Vec::new();
    for path in models {
        let buffer = open::model(path)?;
        let mut forms = Buffer::zeroed(0);
        let model = open::parse(path, &buffer)?;
        let (model, _) = repack.apply(model, isa, &mut forms, out)?;
        let said = provenance(&model);
        let files = held_out(&said, &set)
            .with_context(|| format!("{} was trained on other recordings", path.display()))
            .next_step(|| "give --series the directory it was trained with".to_owned())?;
        let hop = match model.file().sensor() {
            Some(sensor) => sensor.hop as usize,
            None => (window_samples(model.config()) / 2).max(1),
        };
        let options = Options {
            limits: Limits::new(model.config()),
            isa,
            ..Options::new(model.config())
        };
        let bar = out.progress(
            series::count(&set, &files, model.config(), hop) as u64,
            "windows",
        );
        let people = series::score(&model, &set, &files, hop, options, &mut || bar.inc(1))
            .with_context(|| format!("{} cannot be scored", path.display()))
            .next_step(|| "score models on recordings like those they learned from".to_owned())?;
        bar.finish_and_clear();
        lines.push(Line {
            model: path.clone(),
            kind: kind(&said, window_samples(model.config())),
            bytes: buffer.len(),
            people,
        });
    }
    let kinds = kinds(&lines);
    let value = serde_json::json!({ "models": lines, "kinds": kinds });
    out.result(&value, || text(&lines, &kinds))
}

fn provenance(model: &Model<'_>) -> Value {
    let text = model.file().block(Tag::PROVENANCE).unwrap_or_default();
    serde_json::from_slice(text).unwrap_or_default()
}

/// The checkpoint's own provenance, below what pruning wrote about it.
fn trained(said: &Value) -> &Value {
    let mut at = &said["checkpoint"];
    while at["from"].is_object() {
        at = &at["from"];
    }
    at
}

/// Files that the model did not learn from; all where its file does not say.
fn held_out(said: &Value, set: &Set) -> Result<Vec<usize>, crate::data::series::Error> {
    match trained(said)["data"]["hold_out"].as_array() {
        Some(names) if !names.is_empty() => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|name| set.fold(name)).collect()
        }
        _ => Ok((0..set.files.len()).collect()),
    }
}

/// Files of `set` whose names are those of files that `model` learned from.
pub(super) fn learned_from(model: &Model<'_>, set: &Set) -> Vec<usize> {
    let said = provenance(model);
    let data = &trained(&said)["data"];
    let names = |key: &str| data[key].as_array().cloned().unwrap_or_default();
    let (all, held_out) = (names("files"), names("hold_out"));
    let learned = |name: &str| {
        let is = |v: &Value| v.as_str() == Some(name);
        all.iter().any(is) && !held_out.iter().any(is)
    };
    (0..set.files.len())
        .filter(|i| learned(&set.files[*i].name))
        .collect()
}

fn kind(said: &Value, samples: usize) -> String {
    let values = said["values"].as_str().unwrap_or("unknown");
    match said["density"].as_f64() {
        Some(density) => {
            let percent = density * 100.0;
            format!("{values}, {percent:.0} % dense, windows of {samples}")
        }
        None => format!("{values}, windows of {samples}"),
    }
}

fn kinds(lines: &[Line]) -> Vec<Kind> {
    let mut names: Vec<&String> = Vec::new();
    for line in lines {
        if !names.contains(&&line.kind) {
            names.push(&line.kind);
        }
    }
    let over = |kind: &String, of: fn(&Person) -> f64| {
        let its = lines
            .iter()
            .filter(|l| l.kind == *kind)
            .flat_map(|l| &l.people);
        interval(&its.map(of).collect::<Vec<_>>())
    };
    let one = |kind: &String| Kind {
        kind: kind.clone(),
        accuracy: over(kind, Person::accuracy),
        nearest: over(kind, Person::nearest),
    };
    names.into_iter().map(one).collect()
}

fn text(lines: &[Line], kinds: &[Kind]) -> String {
    let rows = lines.iter().flat_map(|line| {
        line.people.iter().map(|p| {
            [
                line.model.display().to_string(),
                p.file.clone(),
                p.windows.to_string(),
                percent(p.accuracy()),
                format!("{} of {}", p.recordings_right, p.recordings),
                percent(p.nearest()),
            ]
        })
    });
    let heads = [
        "model",
        "person",
        "windows",
        "accuracy",
        "recordings",
        "nearest neighbour",
    ];
    let shown = |i: Interval| match i.half {
        Some(half) => format!("{} ± {}", percent(i.mean), percent(half)),
        None => percent(i.mean),
    };
    let means = kinds.iter().map(|k| {
        [
            k.kind.clone(),
            k.accuracy.n.to_string(),
            shown(k.accuracy),
            shown(k.nearest),
        ]
    });
    format!(
        "{}\n\n{}\n± is the 95 % interval of the mean over people",
        table(heads, rows),
        table(["models", "people", "accuracy", "nearest neighbour"], means)
    )
}
