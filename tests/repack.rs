//! A repacked model: other forms, the same bits, and memory as stated.

mod tiny;

use lacuna::config::Config;
use lacuna::format::Product;
use lacuna::format::pack;
use lacuna::kernels::{Isa, IsaName};
use lacuna::model::{CacheType, Model, repack};
use lacuna::session::{Session, WhenFull};
use tiny::{Form, Memory, PLAIN, RICH, Tiny, Values, bits, options, tokens};

/// A model of real proportions: no table would leave all of it as it lies in a file.
const WIDE: Config = Config {
    dim: 64,
    hidden_dim: 160,
    head_dim: 16,
    ..PLAIN
};

fn logits(model: Model<'_>, isa: Isa) -> Vec<Vec<u32>> {
    let mut options = options(model.config(), CacheType::F32, WhenFull::Error);
    options.isa = isa;
    let mut memory = Memory::new(model.config(), &options.limits);
    let tokens = tokens(model.config(), 4, 3);
    let mut session = Session::new(model, memory.get(), options).unwrap();
    let step = |t: &u32| bits(session.step(*t).unwrap());
    tokens.iter().map(step).collect()
}

/// Memory at a multiple of 64 and not zero.
struct Lent(Vec<[u64; 8]>, usize);

impl Lent {
    fn new(len: usize) -> Lent {
        Lent(vec![[u64::MAX / 3; 8]; len.div_ceil(64)], len)
    }

    fn get(&mut self) -> &mut [u8] {
        use zerocopy::IntoBytes;
        &mut self.0.as_mut_bytes()[..self.1]
    }
}

#[test]
fn every_form_repacked_for_every_machine_gives_the_same_bits() {
    for config in [PLAIN, RICH, WIDE] {
        let tiny = Tiny::new(config, 5);
        for values in [Values::F32, Values::F16, Values::I8] {
            for form in Form::all(values) {
                let file = tiny.file(form);
                let expected = logits(file.model(), Isa::Portable);
                let mut scratch = Lent::new(repack::scratch_len(&file.model()));
                for isa in Isa::available() {
                    let (model, name) = (file.model(), isa.name());
                    let len = repack::len(&model, name, scratch.get()).unwrap();
                    let mut buffer = Lent::new(len);
                    let (model, made) =
                        repack::repack(model, name, scratch.get(), buffer.get()).unwrap();
                    assert_eq!((made.bytes, made.matrices == 0), (len, len == 0));
                    assert_eq!(logits(model, isa), expected, "{isa} {form:?}");
                    // Forms of one machine run on every other.
                    assert_eq!(logits(model, Isa::Portable), expected, "{isa} {form:?}");
                }
            }
        }
    }
}

#[test]
fn both_forms_hold_the_numbers_of_the_file() {
    let tiny = Tiny::new(RICH, 6);
    for name in [IsaName::Avx2, IsaName::Avx512] {
        for form in Form::all(Values::I8) {
            let file = tiny.file(form);
            let mut scratch = Lent::new(repack::scratch_len(&file.model()));
            let len = repack::len(&file.model(), name, scratch.get()).unwrap();
            let mut buffer = Lent::new(len);
            let (model, _) =
                repack::repack(file.model(), name, scratch.get(), buffer.get()).unwrap();
            for product in [Product::One, Product::Many] {
                for layer in 0..RICH.n_layers {
                    let (a, b) = (file.model().layer(layer), model.layer_for(product, layer));
                    for (a, b) in [(a.wq, b.wq), (a.wo, b.wo), (a.w1, b.w1), (a.w2, b.w2)] {
                        let (mut x, mut y) = (vec![0.0; a.rows() * a.cols()], vec![]);
                        a.to_dense(&mut x);
                        y.resize(x.len(), 1.0);
                        b.to_dense(&mut y);
                        assert_eq!(x, y);
                    }
                }
            }
            // Rows are looked up in the file even where the head, which is tied, was repacked.
            assert_eq!(
                pack::form(&model.embedding()),
                pack::form(&file.model().embedding())
            );
        }
    }
}

#[test]
fn memory_that_is_short_or_misaligned_is_refused() {
    let tiny = Tiny::new(WIDE, 7);
    let form = Form {
        input_major: true,
        ..Form::PLAIN
    };
    let file = tiny.file(form);
    let name = IsaName::Avx512;
    let scratch_len = repack::scratch_len(&file.model());
    let mut scratch = Lent::new(scratch_len);
    let needed = repack::len(&file.model(), name, scratch.get()).unwrap();
    assert!(needed > 0);
    let mut buffer = Lent::new(needed + 1);
    let given = needed - 1;
    let short = &mut buffer.get()[..given];
    let found = repack::repack(file.model(), name, scratch.get(), short).map(|(_, made)| made);
    assert_eq!(found, Err(repack::Error::TooSmall { needed, given }));
    let odd = &mut buffer.get()[1..];
    let found = repack::repack(file.model(), name, scratch.get(), odd).map(|(_, made)| made);
    assert!(matches!(
        found,
        Err(repack::Error::Tensor(_, pack::Error::Misaligned))
    ));
    let found = repack::len(&file.model(), name, &mut scratch.get()[..8]);
    let Err(repack::Error::Tensor(tensor, error)) = found else {
        panic!("{found:?}")
    };
    assert!(
        matches!(error, pack::Error::TooSmall { given: 8, .. }),
        "{tensor}: {error}"
    );
}

#[test]
fn a_machine_without_a_table_runs_the_file() {
    let tiny = Tiny::new(PLAIN, 8);
    let file = tiny.file(Form::PLAIN);
    for name in [IsaName::Portable, IsaName::Armv7em, IsaName::Mve] {
        assert_eq!(repack::len(&file.model(), name, &mut []), Ok(0));
        let (_, made) = repack::repack(file.model(), name, &mut [], &mut []).unwrap();
        assert_eq!(made, repack::Repacking::default());
    }
}
