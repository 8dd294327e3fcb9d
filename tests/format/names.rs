//! The model id names what is computed, not how it is stored.

use std::collections::BTreeSet;

use lacuna::format::{Extra, File, Kind, ValueType, model_id};
use lacuna::kernels::IsaName;

use crate::models::{Buffer, Form, Model, configs, file, sealed, with_extras};

#[test]
fn storage_does_not_change_the_id() {
    for config in configs().into_iter().take(if cfg!(miri) { 1 } else { 3 }) {
        for value in [ValueType::F32, ValueType::F16, ValueType::I8] {
            let ids: BTreeSet<_> = Form::all()
                .filter(|form| form.value == value)
                .map(|form| model_id(&config, &Model::new(config, form, 7)).expect("whole"))
                .collect();
            assert_eq!(ids.len(), 1, "{value}: one id for four forms");
        }
    }
}

#[test]
fn blocks_do_not_change_the_id() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 7);
    let bare = Buffer::new(&file(&model, &Extra::new(0, IsaName::Portable)));
    let rich = Buffer::new(&with_extras(&plain, |extra| file(&model, extra)));
    let id = |buffer: &Buffer| File::parse(buffer.bytes()).expect("a model").model_id();
    assert_eq!(id(&bare), id(&rich));
}

#[test]
fn weights_values_and_configuration_change_the_id() {
    let mut ids = BTreeSet::new();
    let mut models = 0;
    for config in configs() {
        for value in [ValueType::F32, ValueType::F16, ValueType::I8] {
            for seed in [1, 2] {
                let model = Model::new(config, Form::sparse(value), seed);
                ids.insert(model_id(&config, &model).expect("whole"));
                models += 1;
            }
        }
        let mut other = config;
        other.norm_eps *= 2.0;
        let model = Model::new(other, Form::sparse(ValueType::F32), 1);
        ids.insert(model_id(&other, &model).expect("whole"));
        models += 1;
    }
    assert_eq!(ids.len(), models);
}

#[test]
fn one_weight_bit_changes_the_id() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 7);
    let bytes = file(&model, &Extra::new(0, IsaName::Portable));
    let buffer = Buffer::new(&bytes);
    let entry = File::parse(buffer.bytes())
        .expect("a model")
        .entries()
        .next()
        .expect("a tensor");
    let mut flipped = bytes;
    flipped[entry.offset + entry.len - 4] ^= 1;
    let buffer = Buffer::new(&sealed(flipped));
    let error = File::parse(buffer.bytes())
        .expect("well formed")
        .verify_model_id();
    assert_eq!(error.map_err(|e| (e.kind, e.at)), Err((Kind::ModelId, 24)));
}

/// The id is in files and records already out there: it may never change for a version 1 model.
#[test]
fn the_id_is_frozen() {
    let frozen: [(&[u8], &str); 4] = [
        (
            include_bytes!("../fuzz/seeds/model/plain.lacuna"),
            "ebd866ae62569d2f",
        ),
        (
            include_bytes!("../fuzz/seeds/model/dense.lacuna"),
            "f894147f641dbac0",
        ),
        (
            include_bytes!("../fuzz/seeds/model/full.lacuna"),
            "d30006afbf7c4594",
        ),
        (
            include_bytes!("../fuzz/seeds/model/blocks.lacuna"),
            "84d519b29465c9f0",
        ),
    ];
    for (bytes, id) in frozen {
        let buffer = Buffer::new(bytes);
        let file = File::parse(buffer.bytes()).expect("a model");
        file.verify_model_id()
            .expect("the id in the header is the computed one");
        assert_eq!(format!("{:016x}", u64::from_be_bytes(file.model_id())), id);
    }
}
