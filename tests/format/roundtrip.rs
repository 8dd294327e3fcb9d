//! Every form, orientation and switch comes back, and comes back from the same place.

use lacuna::format::{
    Encoding, Extra, File, PAYLOAD_ALIGN, Source, Tag, ValueType, Weights, config, needs, schema,
    total_len,
};
use lacuna::kernels::IsaName;
use lacuna::num::crc32;

use crate::models::{Buffer, Form, Model, configs, file, models, with_extras};
use crate::touch::touch;

/// Parts of a tensor as text, f32 by bits where `Debug` would lose a sign or a digit.
fn shown(weights: Option<Weights<'_>>) -> String {
    match weights.expect("a tensor of the schema") {
        Weights::Matrix(matrix) => format!("{matrix:?}"),
        Weights::Dense(values) => format!(
            "{:?}",
            values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        ),
    }
}

#[test]
fn every_form_comes_back() {
    for model in models(1) {
        let config = model.config;
        let bytes = Buffer::new(&with_extras(&config, |extra| file(&model, extra)));
        let read = File::parse(bytes.bytes()).expect("what was written");
        assert_eq!(*read.config(), config);
        for tensor in schema::tensors(&config) {
            assert_eq!(shown(model.tensor(&tensor)), shown(read.tensor(&tensor)));
        }
        read.verify_model_id().expect("the id that was written");
        touch(&read);
    }
}

#[test]
fn absent_tensors_are_absent() {
    use schema::Id;
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 1);
    let bytes = Buffer::new(&file(&model, &Extra::new(0, IsaName::Portable)));
    let read = File::parse(bytes.bytes()).expect("what was written");
    for (id, layer) in [
        (Id::Head, 0),
        (Id::Bigram, 0),
        (Id::W3, 0),
        (Id::Wq, 1),
        (Id::Wq, usize::MAX),
        (Id::Embedding, 1),
        (Id::AttnNorm, 0),
    ] {
        assert!(read.matrix(id, layer).is_none(), "{id:?} {layer}");
    }
    for (id, layer) in [
        (Id::Bq, 0),
        (Id::FinalNorm, 1),
        (Id::Wq, 0),
        (Id::RopeCos, 0),
    ] {
        assert!(read.dense(id, layer).is_none(), "{id:?} {layer}");
    }
    assert!(read.tokenizer().is_none() && read.golden().is_none() && read.provenance().is_none());
    assert_eq!(read.blocks().count(), 0);
}

#[test]
fn const_functions_agree_with_the_reader() {
    for c in configs() {
        let model = Model::new(c, Form::sparse(ValueType::I8), 3);
        let bytes = file(&model, &Extra::new(u64::MAX, IsaName::Mve));
        let buffer = Buffer::new(&bytes);
        let read = File::parse(buffer.bytes()).expect("what was written");
        // The const functions read any slice, aligned or longer than the file.
        let longer = [&[0xff], &bytes[..], &[1, 2, 3]].concat();
        assert_eq!(config(&longer[1..]), Ok(c));
        assert_eq!(needs(&longer[1..]), Ok(read.needs()));
        assert_eq!(total_len(&longer[1..]), Ok(bytes.len()));
        assert_eq!(total_len(&bytes[..16]), Ok(bytes.len()));
        assert_eq!(read.needs().state_bytes, u64::MAX);
        assert_eq!(read.needs().isa_name(), Some(IsaName::Mve));
        assert!(
            read.needs().has_encoding(Encoding::CsrU16)
                && read.needs().has_encoding(Encoding::Dense)
        );
        assert!(read.needs().has_value(ValueType::I8) && !read.needs().has_value(ValueType::F16));
    }
}

#[test]
fn payloads_are_aligned_and_the_last_byte_belongs_to_somebody() {
    for model in models(2) {
        let bytes = Buffer::new(&with_extras(&model.config, |extra| file(&model, extra)));
        let read = File::parse(bytes.bytes()).expect("what was written");
        let tensors = read.entries().map(|e| (e.offset, e.len));
        let blocks = read.blocks().map(|b| (b.offset, b.len));
        let mut end = 192;
        for (offset, len) in tensors.chain(blocks) {
            assert!(offset % PAYLOAD_ALIGN == 0 && offset >= end && len > 0);
            assert!(end == 192 || offset - end < PAYLOAD_ALIGN);
            end = offset + len;
        }
        assert_eq!(end, bytes.bytes().len());
    }
}

#[test]
fn blocks_come_back() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F16), 4);
    with_extras(&plain, |extra| {
        let bytes = Buffer::new(&file(&model, extra));
        let read = File::parse(bytes.bytes()).expect("what was written");
        assert_eq!(read.tokenizer(), extra.tokenizer);
        assert_eq!(read.golden(), extra.golden);
        assert_eq!(read.provenance(), extra.provenance);
        assert_eq!(read.plan().as_ref(), extra.plan);
        assert_eq!(read.block(Tag(*b"zebr")), Some(&b"stripes"[..]));
        let calibration = read.calibration().expect("a calibration");
        assert_eq!(
            calibration.digest(),
            crc32(read.block(Tag::CALIBRATION).expect("its block"))
        );
        assert_eq!(read.block(Tag(*b"none")), None);
        let tags: Vec<_> = read.blocks().map(|b| b.tag.to_string()).collect();
        assert_eq!(tags, ["cali", "gold", "plan", "prov", "tokn", "zebr"]);
    });
}
