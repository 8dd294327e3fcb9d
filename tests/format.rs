//! The file from outside: what is written is read back, and what is not a model is refused by name and place.

mod models;

use lacuna::format::{Extra, File, Source, Weights, schema};
use lacuna::kernels::IsaName;
use lacuna::sparse::Matrix;
use models::{Buffer, Form, Model, configs, file, with_extras};

fn same(a: Option<Weights<'_>>, b: Option<Weights<'_>>) {
    fn parts(w: Option<Weights<'_>>) -> String {
        match w.expect("a tensor of the schema") {
            Weights::Matrix(m) => format!("{m:?}"),
            Weights::Dense(d) => format!("{d:?}"),
            _ => unreachable!("no other form"),
        }
    }
    assert_eq!(parts(a), parts(b));
}

#[test]
fn every_form_comes_back() {
    for config in configs() {
        for form in Form::all() {
            let model = Model::new(config, form, 1);
            let bytes = Buffer::new(&with_extras(&config, |extra| file(&model, extra)));
            let read = File::parse(bytes.bytes()).expect("what was written");
            assert_eq!(*read.config(), config);
            for tensor in schema::tensors(&config) {
                same(model.tensor(&tensor), read.tensor(&tensor));
            }
            read.verify_model_id().expect("the id that was written");
        }
    }
}
