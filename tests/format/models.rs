//! Tiny models in every form a file can hold, seeded.

use half::f16;
use lacuna::config::{Activation, Config, Input, Output, Position, TopK};
use lacuna::format::schema::{self, Kind, Tensor};
use lacuna::format::write::{Sink, write};
use lacuna::format::{
    Encoding, Entry, Extra, Golden, Source, TokenizerBlock, ValueType, Weights, pack,
};
use lacuna::kernels::IsaName;
use lacuna::num::Rng;
use lacuna::sparse::{Dense, Layout, Major, Matrix, Stored as Parts, Value};

/// A form that every matrix of a model is stored in, as far as its kind allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Form {
    pub(crate) encoding: Encoding,
    pub(crate) value: ValueType,
    pub(crate) major: Major,
}

impl Form {
    /// Sparse, output-major.
    pub(crate) fn sparse(value: ValueType) -> Self {
        Form {
            encoding: Encoding::CsrU16,
            value,
            major: Major::Output,
        }
    }

    /// Every encoding, value type and orientation that this engine reads and writes.
    pub(crate) fn all() -> impl Iterator<Item = Form> {
        let values = [ValueType::F32, ValueType::F16, ValueType::I8];
        let majors = [Major::Output, Major::Input];
        let encodings = Encoding::ALL.into_iter();
        encodings
            .flat_map(move |encoding| majors.map(|major| pack::Form { encoding, major }))
            .filter(|form| form.may_hold(Kind::Matrix))
            .flat_map(move |pack::Form { encoding, major }| {
                values.map(|value| Form {
                    encoding,
                    value,
                    major,
                })
            })
    }
}

/// Three configurations that turn every switch on and off.
pub(crate) fn configs() -> [Config; 3] {
    let plain = Config {
        dim: 6,
        hidden_dim: 9,
        n_layers: 1,
        n_heads: 2,
        n_kv_heads: 2,
        head_dim: 3,
        vocab_size: 11,
        seq_len: 5,
        norm_eps: 1e-5,
        position: Position::None,
        activation: Activation::Gelu,
        gated: false,
        attn_bias: false,
        mlp_bias: false,
        sink: false,
        bigram: false,
        tied: true,
        input: Input::Tokens,
        causal: true,
        output: Output::Lm,
        topk: TopK::default(),
    };
    let full = Config {
        n_layers: 2,
        n_heads: 4,
        head_dim: 2,
        position: Position::Rope,
        activation: Activation::Silu,
        gated: true,
        attn_bias: true,
        mlp_bias: true,
        sink: true,
        bigram: true,
        tied: false,
        topk: TopK {
            attn_in: 1,
            q: 2,
            k: 3,
            v: 4,
            attn_out: 5,
            mlp_in: 6,
            mlp_neuron: 7,
            mlp_out: 4,
        },
        ..plain
    };
    let learned = Config {
        n_layers: 3,
        n_kv_heads: 1,
        position: Position::Learned,
        activation: Activation::Relu2,
        mlp_bias: true,
        ..plain
    };
    [plain, full, learned]
}

/// One stored tensor.
#[derive(Debug)]
enum Stored {
    Dense(Vec<f32>),
    Matrix(Entry, Buffer),
}

/// A model that owns its weights.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) config: Config,
    tensors: Vec<(Tensor, Stored)>,
}

impl Model {
    /// Logical weights depend on `seed` and the value type alone, not on encoding and orientation.
    pub(crate) fn new(config: Config, form: Form, seed: u64) -> Self {
        let tensors = schema::tensors(&config)
            .enumerate()
            .map(|(i, t)| {
                let mut rng = Rng::new(seed * 1000 + i as u64);
                let logical: Vec<i8> = (0..t.rows * t.cols)
                    .map(|_| match rng.next_u32() % 3 {
                        0 => (rng.next_u32() % 255) as i8,
                        _ => 0,
                    })
                    .map(|q| q.max(-127))
                    .collect();
                (t, stored(t, form, &logical))
            })
            .collect();
        Self { config, tensors }
    }
}

/// Every configuration in every form; under Miri, which is slow, six that leave out no encoding and no value type.
pub(crate) fn models(seed: u64) -> impl Iterator<Item = Model> {
    configs()
        .into_iter()
        .flat_map(move |config| Form::all().map(move |form| Model::new(config, form, seed)))
        .step_by(if cfg!(miri) { 7 } else { 1 })
}

fn stored(t: Tensor, form: Form, logical: &[i8]) -> Stored {
    let f32s: Vec<f32> = logical.iter().map(|&q| f32::from(q) / 64.0).collect();
    if t.kind == Kind::Dense {
        return Stored::Dense(f32s);
    }
    let f16s: Vec<f16> = logical.iter().map(|&q| f16::from_f32(q.into())).collect();
    let scales: Vec<f32> = (0..t.rows).map(|row| 0.5 + row as f32).collect();
    fn dense<'a, V: Value>(t: Tensor, values: &'a [V]) -> Layout<'a, V> {
        Layout::Dense(Dense::new(t.rows, t.cols, values).unwrap())
    }
    let plain = match form.value {
        ValueType::F32 => Parts::F32(dense(t, &f32s)),
        ValueType::F16 => Parts::F16(dense(t, &f16s)),
        _ => Parts::I8(dense(t, logical), &scales),
    };
    let plain = Matrix::new(Major::Output, plain).unwrap();
    let mut form = pack::Form {
        encoding: form.encoding,
        major: form.major,
    };
    if !form.may_hold(t.kind) {
        form.major = Major::Output;
    }
    if !form.may_hold(t.kind) {
        form.encoding = Encoding::CsrU16;
    }
    let mut scratch = Buffer::new(&vec![0; pack::scratch_len(&plain, form.major)]);
    let line = pack::line(t, &plain, form, scratch.bytes_mut()).unwrap();
    let mut bytes = Buffer::new(&vec![0xff; line.len]);
    let packed = pack::pack(t, &plain, form, scratch.bytes_mut(), bytes.bytes_mut());
    assert_eq!(packed, Ok(line));
    Stored::Matrix(line, bytes)
}

impl Source for Model {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        Some(match &self.tensors.iter().find(|(t, _)| t == tensor)?.1 {
            Stored::Dense(values) => Weights::Dense(values),
            Stored::Matrix(entry, bytes) => Weights::Matrix(entry.view(bytes.bytes()).unwrap()),
        })
    }
}

/// Bytes at a 64-aligned address, as a file must lie.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    words: Vec<[u32; 16]>,
    len: usize,
}

impl Buffer {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut words = vec![[0; 16]; bytes.len().div_ceil(64)];
        zerocopy::IntoBytes::as_mut_bytes(&mut words[..])[..bytes.len()].copy_from_slice(bytes);
        Self {
            words,
            len: bytes.len(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &zerocopy::IntoBytes::as_bytes(&self.words[..])[..self.len]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut zerocopy::IntoBytes::as_mut_bytes(&mut self.words[..])[..self.len]
    }
}

/// A sink that keeps everything.
#[derive(Debug, Default)]
pub(crate) struct Kept(pub Vec<u8>);

impl Sink for Kept {
    type Error = core::convert::Infallible;
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The file of a model.
pub(crate) fn file(model: &Model, extra: &Extra<'_>) -> Vec<u8> {
    let mut kept = Kept::default();
    let written = write(&model.config, model, extra, &mut kept).expect("a well-formed model");
    assert_eq!(written.len, kept.0.len());
    kept.0
}

/// Strings of an 11-token vocabulary, one after the other, and where each starts.
pub(crate) const STRINGS: &[u8] = b"<unk><s></s> aabbabbab";
pub(crate) const STARTS: [u32; 12] = [0, 5, 8, 12, 13, 14, 15, 16, 17, 19, 20, 22];

/// Scores and order for [`STRINGS`].
pub(crate) fn order() -> (Vec<f32>, Vec<u16>) {
    let string = |t: u16| &STRINGS[STARTS[t as usize] as usize..STARTS[t as usize + 1] as usize];
    let mut sorted: Vec<u16> = (0..11).collect();
    sorted.sort_by_key(|&t| (string(t), t));
    ((0..11).map(|t| -(t as f32)).collect(), sorted)
}

/// Extras with every block this version knows and one it does not.
pub(crate) fn with_extras<T>(config: &Config, then: impl FnOnce(&Extra<'_>) -> T) -> T {
    use lacuna::format::tokenizer::{Bpe, Vocabulary};
    let (scores, sorted) = order();
    let bpe = Bpe::new(&STARTS, &scores, &sorted, STRINGS, true, true).expect("sorted");
    let layers: Vec<[u8; 8]> = (0..=config.n_layers as u64).map(u64::to_le_bytes).collect();
    let plan = crate::plan::fixture();
    then(&Extra {
        tokenizer: Some(TokenizerBlock::new(Vocabulary::Bpe(bpe), Some(1), Some(2)).unwrap()),
        golden: Some(Golden::new(config, &[1, 4], &[5, 6, 10], 77, &layers).unwrap()),
        calibration: Some(crate::calibration::fixture(config)),
        plan: Some(&plan),
        provenance: Some("{\"seed\":1}"),
        blocks: &[(lacuna::format::Tag(*b"zebr"), b"stripes")],
        ..Extra::new(1234, IsaName::Armv7em)
    })
}

/// Makes the checksum good.
pub(crate) fn seal(bytes: &mut [u8]) {
    let crc = lacuna::num::crc32(&bytes[20..]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
}

/// The bytes with a good checksum.
pub(crate) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    seal(&mut bytes);
    bytes
}
