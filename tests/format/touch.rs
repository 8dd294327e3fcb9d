//! Everything a caller can do with a parsed file; the fuzzer calls it too.

use lacuna::format::calibration::{Calibration, LEVELS};
use lacuna::format::tokenizer::Vocabulary;
use lacuna::format::write::{Sink, write};
use lacuna::format::{Extra, File, Source, Tag, Weights, schema};
use lacuna::sparse::{Layout, Stored, Value};

/// Reads every number of every view and writes the file again, which must give the same bytes: each is determined.
pub(crate) fn touch(file: &File<'_>) {
    let config = *file.config();
    assert_eq!(file.entries().count(), schema::count(&config));
    for (entry, tensor) in file.entries().zip(schema::tensors(&config)) {
        assert_eq!(entry.tensor, tensor);
        match file.tensor(&tensor).expect("parse promised every tensor") {
            Weights::Dense(values) => {
                assert_eq!(values.len(), tensor.rows * tensor.cols);
                assert!(values.iter().all(|v| v.is_finite()));
            }
            Weights::Matrix(matrix) => {
                assert_eq!((matrix.rows(), matrix.cols()), (tensor.rows, tensor.cols));
                assert_eq!(matrix.nnz(), entry.nnz);
                match matrix.stored() {
                    Stored::F32(l) => elements(l),
                    Stored::F16(l) => elements(l),
                    Stored::I8(l, _) => elements(l),
                    other => panic!("a value type without a check: {other:?}"),
                }
            }
        }
    }
    blocks(file);
    again(file);
}

/// Every element lies in the matrix, may be stored, and comes behind the one before it in its row, however it is asked for.
fn elements<V: Value>(layout: Layout<'_, V>) {
    let (rows, cols) = layout.shape();
    let mut together = 0;
    layout.for_each(|row, col, v| {
        assert!(row < rows && col < cols && v.storable());
        together += 1;
    });
    let mut apart = 0;
    for row in 0..rows {
        let mut next = 0;
        layout.for_each_in(row, |col, v| {
            assert!(col >= next && col < cols && v.storable());
            next = col + 1;
            apart += 1;
        });
    }
    assert_eq!(together, apart);
    assert!(together <= layout.nnz());
}

fn blocks(file: &File<'_>) {
    for block in file.blocks() {
        assert_eq!(file.block(block.tag).map(<[u8]>::len), Some(block.len));
    }
    assert_eq!(
        file.tokenizer().is_some(),
        file.block(Tag::TOKENIZER).is_some()
    );
    assert_eq!(file.golden().is_some(), file.block(Tag::GOLDEN).is_some());
    assert_eq!(
        file.provenance().is_some(),
        file.block(Tag::PROVENANCE).is_some()
    );
    assert_eq!(
        file.calibration().is_some(),
        file.block(Tag::CALIBRATION).is_some()
    );
    assert_eq!(file.plan().is_some(), file.block(Tag::PLAN).is_some());
    if let Some(calibration) = file.calibration() {
        self::calibration(&calibration);
    }
    if let Some(tokenizer) = file.tokenizer() {
        assert_eq!(tokenizer.tokens(), file.config().vocab_size);
        if let Vocabulary::Bpe(bpe) = tokenizer.vocabulary() {
            for token in 0..bpe.tokens() as u32 {
                let string = bpe.string(token).expect("a string for every token");
                let found = bpe.find(string).expect("every string is found");
                assert_eq!(bpe.string(found), Some(string));
                assert!(found <= token && string.len() <= bpe.longest());
                assert!(bpe.score(token).is_some_and(f32::is_finite));
            }
        }
    }
    if let Some(golden) = file.golden() {
        let layers = 0..=file.config().n_layers;
        assert!(
            layers
                .into_iter()
                .all(|layer| golden.layer(layer).is_some())
        );
        let c = file.config();
        assert!(c.window_len() > 0 || golden.positions() <= c.seq_len);
        let mut tokens = golden.prompt().iter().chain(golden.expected());
        let vocab = file.config().vocab_size;
        // A window is bits of samples.
        assert!(vocab == 0 || tokens.all(|&t| (t as usize) < vocab));
    }
}

/// Every score has a level and a p-value that falls as the score rises.
fn calibration(calibration: &Calibration<'_>) {
    let mut p = 1.0;
    let mut level = 0;
    let scores = calibration
        .arrays()
        .scores
        .iter()
        .flat_map(|s| [*s, s.next_up()]);
    for score in [f32::NEG_INFINITY]
        .into_iter()
        .chain(scores)
        .chain([f32::INFINITY])
    {
        assert!(calibration.p(score) <= p && calibration.p(score) > 0.0);
        assert!(calibration.level(score) >= level && calibration.level(score) < LEVELS);
        (p, level) = (calibration.p(score), calibration.level(score));
    }
    assert!(calibration.inputs() > 0 && calibration.outputs() <= calibration.inputs());
    assert!(
        calibration
            .arrays()
            .sites
            .iter()
            .all(|s| s.site().is_some())
    );
    assert!(calibration.arrays().sd.iter().all(|sd| *sd > 0.0));
}

/// A sink that compares with the file it was read from, model id and checksum left out.
struct Same<'a> {
    file: &'a [u8],
    at: usize,
}

impl Sink for Same<'_> {
    type Error = core::convert::Infallible;
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        for &byte in bytes {
            let stated = matches!(self.at, 16..20 | 24..32);
            assert!(
                stated || self.file[self.at] == byte,
                "byte {} differs",
                self.at
            );
            self.at += 1;
        }
        Ok(())
    }
}

fn again(file: &File<'_>) {
    // A hint for a machine this engine does not know is kept by no one.
    let Some(isa) = file.needs().isa_name() else {
        return;
    };
    let known = [
        Tag::TOKENIZER,
        Tag::GOLDEN,
        Tag::LABELS,
        Tag::SENSOR,
        Tag::CALIBRATION,
        Tag::PLAN,
        Tag::PROVENANCE,
    ];
    let blocks: Vec<_> = file
        .blocks()
        .filter(|b| !known.contains(&b.tag))
        .filter_map(|b| Some((b.tag, file.block(b.tag)?)))
        .collect();
    let plan = file.plan();
    let extra = Extra {
        tokenizer: file.tokenizer(),
        golden: file.golden(),
        labels: file.labels(),
        sensor: file.sensor(),
        calibration: file.calibration(),
        plan: plan.as_ref(),
        provenance: file.provenance(),
        blocks: &blocks,
        ..Extra::new(file.needs().state_bytes, isa)
    };
    let mut same = Same {
        file: file.bytes(),
        at: 0,
    };
    let written =
        write(file.config(), file, &extra, &mut same).expect("what was read can be written");
    assert_eq!(written.len, file.bytes().len());
}
