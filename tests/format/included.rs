//! Models that are part of the program, and the seeds of the fuzzer, which are such files.

use std::path::PathBuf;

use lacuna::format::{Encoding, Extra, File, StaticModel, ValueType};
use lacuna::kernels::IsaName;
use lacuna::sparse::Major;

use crate::models::{Buffer, Form, Model, configs, file, with_extras};
use crate::touch::touch;

const MODEL: StaticModel = lacuna::include_model!("../fuzz/seeds/model/full.lacuna");

/// Memory sized by the file, at compile time.
static SIZED: [u8; MODEL.config.dim] = [0; MODEL.config.dim];

#[test]
fn an_included_model_parses_in_place() {
    let file = File::parse(MODEL.bytes).expect("a model");
    assert_eq!(*file.config(), MODEL.config);
    assert_eq!(file.needs(), MODEL.needs);
    assert_eq!(SIZED.len(), file.config().dim);
    assert_eq!(MODEL.bytes.as_ptr().addr() % 64, 0);
}

#[test]
fn the_const_check_is_the_readers() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 1);
    let good = file(&model, &Extra::new(0, IsaName::Portable));
    for at in (0..good.len()).step_by(if cfg!(miri) { 41 } else { 1 }) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        if let Err(error) = StaticModel::check(&bytes) {
            let read =
                File::parse(Buffer::new(&bytes).bytes()).expect_err("refused while compiling");
            assert!(!error.message().is_empty() && error.at <= bytes.len());
            assert!(!read.message().is_empty());
        }
    }
}

/// Small files that are worth mutating, name and bytes: four with every block and switch, and one of each other encoding.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let [plain, full, learned] = configs();
    let bare = Extra::new(640, IsaName::Portable);
    let write = |config, form, extra: &Extra<'_>| file(&Model::new(config, form, 1), extra);
    let dense = Form::all().next().expect("dense f32");
    let mut seeds = vec![
        (
            "plain".to_owned(),
            write(plain, Form::sparse(ValueType::F32), &bare),
        ),
        ("dense".to_owned(), write(learned, dense, &bare)),
        (
            "full".to_owned(),
            with_extras(&full, |e| write(full, Form::sparse(ValueType::I8), e)),
        ),
        (
            "blocks".to_owned(),
            with_extras(&plain, |e| write(plain, Form::sparse(ValueType::F16), e)),
        ),
    ];
    let others = Form::all().filter(|f| f.value == ValueType::I8 && f.major == Major::Output);
    seeds.extend(
        others
            .filter(|f| f.encoding as u8 > Encoding::CsrU16 as u8)
            .map(|form| (form.encoding.to_string(), write(plain, form, &bare))),
    );
    seeds
}

#[test]
#[cfg_attr(miri, expect(unused_variables, reason = "there is no file system"))]
fn the_fuzzers_seeds_are_current() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/model");
    for (name, bytes) in seeds() {
        touch(&File::parse(Buffer::new(&bytes).bytes()).expect("a seed is a model"));
        #[cfg(not(miri))]
        {
            let path = folder.join(&name).with_extension("lacuna");
            if std::env::var_os("UPDATE_SEEDS").is_some() {
                std::fs::write(&path, &bytes).expect("seeds can be written");
            }
            let kept = std::fs::read(&path).expect("the seed is checked in");
            assert!(
                kept == bytes,
                "{name}: the writer gives other bytes than version 1 did"
            );
        }
    }
}

/// The format is told how much state a model needs; the engine is who knows.
#[test]
#[cfg(not(miri))]
fn golden_models_state_the_memory_they_need() {
    use lacuna::model::{Limits, State};
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut models = 0;
    for entry in std::fs::read_dir(folder).expect("golden models are checked in") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_none_or(|e| e != "lacuna") {
            continue;
        }
        let bytes = Buffer::new(&std::fs::read(&path).expect("a readable model"));
        let file = File::parse(bytes.bytes()).expect("a model");
        let needed = State::len(file.config(), &Limits::new(file.config()));
        assert_eq!(
            file.needs().state_bytes,
            needed as u64,
            "{}",
            path.display()
        );
        models += 1;
    }
    assert!(models > 0, "no model in tests/golden");
}
