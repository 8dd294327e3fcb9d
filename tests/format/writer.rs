//! The writer refuses what the reader would refuse, and the same model gives the same bytes.

use half::f16;
use lacuna::format::schema::{Id, Tensor};
use lacuna::format::write::{Error, Sink, Written, write};
use lacuna::format::{
    Extra, File, Golden, Kind, Source, Tag, TokenizerBlock, ValueType, Weights, golden,
};
use lacuna::kernels::IsaName;
use lacuna::sparse::{self, Csr, Dense, Layout, Major, Matrix, Stored};

use crate::models::{Buffer, Form, Kept, Model, configs, file, with_extras};

/// A model with one tensor replaced.
struct But<'a>(&'a Model, Id, Option<Weights<'a>>);

impl Source for But<'_> {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        if tensor.id == self.1 {
            return self.2;
        }
        self.0.tensor(tensor)
    }
}

const BARE: Extra<'_> = Extra::new(0, IsaName::Portable);

fn attempt(
    id: Id,
    weights: Option<Weights<'_>>,
) -> Result<Written, Error<core::convert::Infallible>> {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 8);
    let mut kept = Kept::default();
    let result = write(&plain, &But(&model, id, weights), &BARE, &mut kept);
    assert_eq!(result.is_err(), kept.0.is_empty(), "nothing half written");
    result
}

fn dense(major: Major, rows: usize, cols: usize, values: &[f32]) -> Option<Weights<'_>> {
    let (a, b) = match major {
        Major::Output => (rows, cols),
        Major::Input => (cols, rows),
    };
    let stored = Stored::F32(Layout::Dense(
        Dense::trusted(a, b, values).expect("lengths"),
    ));
    Some(Weights::Matrix(
        Matrix::new(major, stored).expect("no scales"),
    ))
}

#[test]
fn wrong_tensors() {
    let zeros = [0.0; 66];
    assert!(matches!(attempt(Id::Wq, None), Err(Error::Missing(t)) if t.id == Id::Wq));
    assert!(attempt(Id::Wq, dense(Major::Input, 6, 6, &zeros[..36])).is_ok());
    let shape = dense(Major::Output, 6, 5, &zeros[..30]);
    assert!(matches!(attempt(Id::Wq, shape), Err(Error::Shape(_))));
    let vector = Some(Weights::Dense(&zeros[..36]));
    assert!(matches!(attempt(Id::Wq, vector), Err(Error::Storage(_))));
    let matrix = dense(Major::Output, 1, 6, &zeros[..6]);
    assert!(matches!(
        attempt(Id::FinalNorm, matrix),
        Err(Error::Storage(_))
    ));
    let short = Some(Weights::Dense(&zeros[..5]));
    assert!(matches!(
        attempt(Id::FinalNorm, short),
        Err(Error::Shape(_))
    ));
    let lookup = dense(Major::Input, 11, 6, &zeros);
    assert!(matches!(
        attempt(Id::Embedding, lookup),
        Err(Error::Storage(_))
    ));
}

#[test]
fn wrong_numbers() {
    let mut values = [0.0; 36];
    values[7] = f32::NAN;
    let refused = |kind, at| sparse::Error { kind, at };
    let value = refused(sparse::Kind::Value, 7);
    let nan = attempt(Id::Wq, dense(Major::Output, 6, 6, &values));
    assert!(matches!(nan, Err(Error::Matrix(_, e)) if e == value));
    let norm = attempt(
        Id::FinalNorm,
        Some(Weights::Dense(&[0.0, f32::INFINITY, 0.0, 0.0, 0.0, 0.0])),
    );
    assert!(matches!(norm, Err(Error::Matrix(t, e)) if t.id == Id::FinalNorm && e.at == 1));

    let starts = [0, 2, 2, 2, 2, 2, 2];
    let half = [f16::ONE, f16::ONE];
    let unsorted = Csr::trusted(6, 6, &starts, &[3, 3], &half).expect("lengths");
    let matrix = Matrix::new(Major::Output, Stored::F16(Layout::Csr(unsorted))).expect("no scales");
    let error = refused(sparse::Kind::Unsorted, 0);
    let wrong = attempt(Id::Wq, Some(Weights::Matrix(matrix)));
    assert!(matches!(wrong, Err(Error::Matrix(_, e)) if e == error));

    let bytes = Dense::new(6, 6, &[1i8; 36]).expect("in range");
    let scales = [1.0, 1.0, f32::NAN, 1.0, 1.0, 1.0];
    let matrix =
        Matrix::trusted(Major::Output, Stored::I8(Layout::Dense(bytes), &scales)).expect("lengths");
    let wrong = attempt(Id::Wq, Some(Weights::Matrix(matrix)));
    assert!(matches!(wrong, Err(Error::Matrix(_, e)) if e == refused(sparse::Kind::Value, 2)));
    assert!(
        wrong
            .expect_err("a scale")
            .to_string()
            .starts_with("tensor layers.0.attention.wq.weight: ")
    );
}

#[test]
fn wrong_configurations() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 8);
    let wrong = lacuna::config::Config { dim: 0, ..plain };
    let result = write(&wrong, &model, &BARE, &mut Kept::default());
    assert!(matches!(result, Err(Error::Config(e)) if e.field == "dim"));
}

#[test]
fn wrong_blocks() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 8);
    let refusal = |extra: &Extra<'_>| match write(&plain, &model, extra, &mut Kept::default()) {
        Err(Error::Block(tag, kind)) => (tag.to_string(), kind),
        other => panic!("{other:?}"),
    };
    let raw = |blocks: &[(Tag, &[u8])]| refusal(&Extra { blocks, ..BARE });
    let some: &[u8] = &[1];
    assert_eq!(
        raw(&[(Tag(*b"abcd"), some), (Tag(*b"abcd"), some)]),
        ("abcd".into(), Kind::Tag)
    );
    assert_eq!(raw(&[(Tag(*b"ab1d"), some)]), ("ab1d".into(), Kind::Tag));
    assert_eq!(raw(&[(Tag::TOKENIZER, some)]), ("tokn".into(), Kind::Tag));
    assert_eq!(raw(&[(Tag::DELTA, some)]), ("Delt".into(), Kind::Critical));
    assert_eq!(raw(&[(Tag(*b"abcd"), &[])]), ("abcd".into(), Kind::Size));
    let empty = Extra {
        provenance: Some(""),
        ..BARE
    };
    assert_eq!(refusal(&empty), ("prov".into(), Kind::Size));
    let bytes = Extra {
        tokenizer: Some(TokenizerBlock::BYTES),
        ..BARE
    };
    assert_eq!(refusal(&bytes).0, "tokn", "256 tokens for a model of 11");
    let other = lacuna::config::Config {
        vocab_size: 99,
        ..plain
    };
    let layers = [[0; 8]; 2];
    let run = Golden::new(&other, &[98], &[], 0, &layers).expect("98 is below 99");
    let golden = Extra {
        golden: Some(run),
        ..BARE
    };
    assert_eq!(
        refusal(&golden),
        ("gold".into(), Kind::Golden(golden::Kind::Token))
    );
}

#[test]
fn deterministic_whatever_the_order_of_blocks() {
    let [_, full, _] = configs();
    let model = Model::new(full, Form::sparse(ValueType::I8), 9);
    with_extras(&full, |extra| {
        let mut blocks = extra.blocks.to_vec();
        blocks.reverse();
        let reversed = Extra {
            blocks: &blocks,
            ..*extra
        };
        assert_eq!(file(&model, extra), file(&model, &reversed));
    });
}

#[test]
fn a_sink_can_refuse_at_any_byte() {
    struct Full(usize);
    impl Sink for Full {
        type Error = usize;
        fn write(&mut self, bytes: &[u8]) -> Result<(), usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(self.0)?;
            Ok(())
        }
    }
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F16), 8);
    let len = file(&model, &BARE).len();
    for room in (0..len).step_by(if cfg!(miri) { 201 } else { 7 }) {
        let result = write(&plain, &model, &BARE, &mut Full(room));
        assert!(matches!(result, Err(Error::Sink(_))), "{room}");
    }
    let written = write(&plain, &model, &BARE, &mut Full(len)).expect("exactly enough");
    assert_eq!(written.len, len);
}

#[test]
fn a_file_is_a_source() {
    let [_, full, _] = configs();
    let model = Model::new(full, Form::sparse(ValueType::F32), 9);
    let bare = Buffer::new(&file(&model, &BARE));
    let read = File::parse(bare.bytes()).expect("a model");
    let mut kept = Kept::default();
    let extra = Extra {
        provenance: Some("{}"),
        ..BARE
    };
    let written = write(&full, &read, &extra, &mut kept).expect("a whole source");
    assert_eq!(written.model_id, read.model_id());
    assert_eq!(
        File::parse(Buffer::new(&kept.0).bytes())
            .expect("a model")
            .provenance(),
        Some("{}")
    );
}
