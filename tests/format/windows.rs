//! A classifier's file: its tensors in every form, its names, and what of it is refused.

use lacuna::config::{Config, Input, Output};
use lacuna::format::{Extra, File, Golden, Kind, Names, Sensor, Tag, ValueType, names, schema};
use lacuna::kernels::IsaName;

use crate::models::{Buffer, Form, Model, configs, file, sealed};
use crate::refused::{put, put_u32};
use crate::touch::touch;

fn windows() -> Config {
    let [plain, ..] = configs();
    Config {
        vocab_size: 0,
        tied: false,
        input: Input::Patches {
            channels: 2,
            len: 3,
        },
        causal: false,
        output: Output::Classes(3),
        ..plain
    }
}

/// Names as a file stores them.
fn block(of: &[&[u8]]) -> Vec<u8> {
    let mut bytes = (of.len() as u32).to_le_bytes().to_vec();
    let mut end = 0u32;
    bytes.extend(end.to_le_bytes());
    for name in of {
        end += name.len() as u32;
        bytes.extend(end.to_le_bytes());
    }
    [bytes, of.concat()].concat()
}

/// A file with everything a classifier's may have.
fn whole(form: Form) -> Vec<u8> {
    let config = windows();
    let (labels, channels) = (
        block(&[b"rest", b"", "gehör".as_bytes()]),
        block(&[b"x", b"y"]),
    );
    let prompt: Vec<u32> = (0..config.window_len())
        .map(|i| (i as f32).to_bits())
        .collect();
    let layers = [[1; 8], [2; 8]];
    let golden = Golden::new(&config, &prompt, &[2], 5, &layers).unwrap();
    let extra = Extra {
        golden: Some(golden),
        labels: Some(Names::new(&labels).unwrap()),
        sensor: Some(Sensor {
            rate: 50.0,
            hop: 7,
            channels: Names::new(&channels).unwrap(),
        }),
        ..Extra::new(9, IsaName::Portable)
    };
    file(&Model::new(config, form, 3), &extra)
}

fn plain() -> Vec<u8> {
    whole(Form::sparse(ValueType::I8))
}

/// What is refused of the file once `change` was at it.
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> Kind {
    let mut bytes = plain();
    change(&mut bytes);
    let buffer = Buffer::new(&sealed(bytes));
    File::parse(buffer.bytes())
        .expect_err("a changed file")
        .kind
}

#[test]
fn everything_comes_back_in_every_form() {
    for form in Form::all() {
        let bytes = Buffer::new(&whole(form));
        let read = File::parse(bytes.bytes()).expect("what was written");
        assert_eq!(*read.config(), windows());
        read.verify_model_id().expect("the id that was written");
        touch(&read);
        let names: Vec<String> = schema::tensors(&windows()).map(|t| t.to_string()).collect();
        assert_eq!(
            &names[..4],
            [
                "input.mean",
                "input.scale",
                "patch_embeddings.weight",
                "patch_embeddings.bias"
            ]
        );
        assert_eq!(names.last().map(String::as_str), Some("output.bias"));
        let labels = read.labels().expect("labels");
        assert_eq!(labels.iter().collect::<Vec<_>>(), ["rest", "", "gehör"]);
        assert_eq!(labels.get(3), None);
        let sensor = read.sensor().expect("what windows are made of");
        assert_eq!(
            (sensor.rate, sensor.hop, sensor.channels.get(1)),
            (50.0, 7, Some("y"))
        );
        let window = read.golden().expect("a window").window();
        assert_eq!((window.len(), window[29]), (30, 29.0));
    }
}

#[test]
fn what_enters_and_leaves_must_fit() {
    let field = |change: fn(&mut Config)| {
        let mut config = windows();
        change(&mut config);
        config.check().map_err(|e| e.field)
    };
    assert_eq!(field(|_| ()), Ok(()));
    assert_eq!(field(|c| c.causal = true), Ok(()));
    assert_eq!(field(|c| c.vocab_size = 4), Err("vocab_size"));
    assert_eq!(field(|c| c.bigram = true), Err("bigram"));
    assert_eq!(field(|c| c.tied = true), Err("tied"));
    assert_eq!(field(|c| c.output = Output::Lm), Err("output"));
    assert_eq!(
        field(|c| c.output = Output::Classes(0)),
        Err("output.classes")
    );
    assert_eq!(field(|c| c.input = Input::Tokens), Err("output"));
    let patches = |channels, len| Input::Patches { channels, len };
    let mut config = windows();
    for (channels, len, wrong) in [
        (0, 1, "input.channels"),
        (1, 0, "input.len"),
        (65_536, 65_536, "input.channels * input.len"),
    ] {
        config.input = patches(channels, len);
        assert_eq!(config.check().map_err(|e| e.field), Err(wrong));
    }
    let [mut decoder, ..] = configs();
    decoder.causal = false;
    assert_eq!(decoder.check().map_err(|e| e.field), Err("causal"));
}

#[test]
fn configurations_are_refused_by_byte() {
    // +0 family, +4 input, +5 head, +76 channels, +80 samples, +84 classes, from byte 32 on.
    let kind = |at, byte: u8| refusal(put(at, &[byte]));
    assert_eq!(kind(32, 2), Kind::Unknown);
    assert_eq!(kind(36, 0), Kind::Reserved, "a decoder has no channels");
    assert_eq!(
        kind(37, 0),
        Kind::Reserved,
        "a language model has no classes"
    );
    assert_eq!(kind(32 + 88, 1), Kind::Reserved);
    for at in [76, 80, 84] {
        assert!(matches!(refusal(put_u32(32 + at, 0)), Kind::Config(_)));
        assert!(matches!(
            refusal(put_u32(32 + at, u32::MAX)),
            Kind::Config(_)
        ));
    }
    // Another number of classes shows in the lengths of the head's tensors.
    assert_eq!(refusal(put_u32(32 + 84, 4)), Kind::Size);
}

#[test]
fn names_are_refused_by_place() {
    let good = block(&[b"ab", b"c"]);
    assert!(Names::new(&good).is_ok());
    let wrong = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Names::new(&bytes).map_err(|e| (e.kind, e.at)).map(drop)
    };
    use names::Kind::*;
    assert_eq!(wrong(0, 200), Err((Length, 0)));
    assert_eq!(wrong(4, 1), Err((Starts, 4)));
    assert_eq!(wrong(8, 9), Err((Starts, 8)));
    assert_eq!(wrong(12, 1), Err((Starts, 12)));
    assert_eq!(wrong(12, 2), Err((Starts, 12)));
    assert_eq!(wrong(16, 0xff), Err((Text, 16)));
    for len in 0..good.len() {
        assert!(Names::new(&good[..len]).is_err(), "{len}");
    }
}

#[test]
fn blocks_are_refused_by_name() {
    let bytes = plain();
    let buffer = Buffer::new(&bytes);
    let read = File::parse(buffer.bytes()).unwrap();
    let at = |tag| read.blocks().find(|b| b.tag == tag).unwrap().offset;
    let (labels, sensor, golden) = (at(Tag::LABELS), at(Tag::SENSOR), at(Tag::GOLDEN));
    let names = |kind| Kind::Names(kind);
    assert_eq!(
        refusal(put(labels + 8, &[0xff])),
        names(names::Kind::Starts)
    );
    assert_eq!(
        refusal(put(sensor, &f32::NAN.to_le_bytes())),
        names(names::Kind::Rate)
    );
    assert_eq!(refusal(put_u32(sensor + 4, 0)), names(names::Kind::Hop));
    let window = golden + 24 + 16;
    let infinite = put_u32(window, f32::INFINITY.to_bits());
    let wrong = Kind::Golden(lacuna::format::golden::Kind::Window);
    assert_eq!(refusal(infinite), wrong);
    assert_eq!(refusal(put_u32(window + 4 * 30, 3)), wrong, "class 3 of 3");
}
