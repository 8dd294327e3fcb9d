//! Wall time of sparse products on every back-end, beside dense products of equal effort and the usual Rust peers.
//!
//! `cargo bench --bench spmv` prints element throughput in stored elements; `cargo bench --bench spmv -- 1024x256/10%`
//! narrows it. Compare within one run only.

use core::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lacuna::fixture::{Form, Numbers, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Isa};
use lacuna::num::Rng;
use lacuna::sparse::{Csr, Layout, Major, Matrix, Stored, ValueType};

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

const SHAPES: [(usize, usize); 3] = [(128, 128), (1024, 256), (768, 768)];
/// Of 256: 5, 10, 20 and 50 per cent.
const DENSITIES: [(u32, &str); 4] = [(13, "5%"), (26, "10%"), (51, "20%"), (128, "50%")];

fn products(group: &mut Group<'_>, name: &str, w: &Matrix<'_>, x: &[f32]) {
    group.throughput(Throughput::Elements(w.nnz() as u64));
    for isa in Isa::available() {
        let mut scratch = vec![0i8; x.len() + INPUT_PAD];
        let input = isa.input(x, &mut scratch, w.is_i8()).expect("finite");
        let mut y = vec![0.0; w.rows()];
        group.bench_function(format!("{name}/{isa}"), |b| {
            b.iter(|| isa.matvec(black_box(w), &input, None, black_box(&mut y)));
        });
    }
}

/// The same numbers through `sprs` (CSR, u16 columns, as we store them).
fn sprs_product(group: &mut Group<'_>, w: Csr<'_, f32>, x: &[f32]) {
    let theirs = sprs::CsMatBase::new(
        (w.rows(), w.cols()),
        w.indptr().iter().map(|&p| p as usize).collect::<Vec<_>>(),
        w.indices()
            .iter()
            .map(|&i| usize::from(i))
            .collect::<Vec<_>>(),
        w.values().to_vec(),
    );
    let mut y = vec![0.0f32; w.rows()];
    group.bench_function("csr-f32/sprs", |b| {
        b.iter(|| {
            y.fill(0.0);
            sprs::prod::mul_acc_mat_vec_csr(theirs.view(), black_box(x), black_box(&mut y[..]));
        });
    });
}

/// A dense product by `ndarray`, which may reorder its sums as it likes.
fn ndarray_product(group: &mut Group<'_>, w: &[f32], (rows, cols): (usize, usize), x: &[f32]) {
    let w = ndarray::ArrayView2::from_shape((rows, cols), w).expect("shape");
    let x = ndarray::ArrayView1::from(x);
    let mut y = ndarray::Array1::<f32>::zeros(rows);
    group.bench_function("dense-f32/ndarray", |b| {
        b.iter(|| ndarray::linalg::general_mat_vec_mul(1.0, &w, black_box(&x), 0.0, &mut y));
    });
}

fn name(form: Form) -> String {
    let value = match form.value_type {
        ValueType::F32 => "f32",
        ValueType::F16 => "f16",
        ValueType::I8 => "i8",
    };
    let pattern = if form.sparse { "csr" } else { "dense" };
    match form.major {
        Major::Output => format!("{pattern}-{value}"),
        Major::Input => format!("{pattern}-{value}-input"),
    }
}

fn bench(c: &mut Criterion) {
    for shape @ (rows, cols) in SHAPES {
        let mut rng = Rng::new(1);
        let x = activations(&mut rng, cols, 0, Numbers::Tame);
        let mut group = c.benchmark_group(format!("{rows}x{cols}/dense"));
        for form in Form::all().filter(|f| !f.sparse) {
            let parts = matrix(&mut rng, form, shape, 256, Numbers::Tame);
            let w = parts.view().expect("fixtures are well formed");
            products(&mut group, &name(form), &w, &x);
            if let (Stored::F32(Layout::Dense(d)), Major::Output) = (w.stored(), w.major()) {
                ndarray_product(&mut group, d.values(), shape, &x);
            }
        }
        group.finish();
        for (density, percent) in DENSITIES {
            let mut group = c.benchmark_group(format!("{rows}x{cols}/{percent}"));
            for form in Form::all().filter(|f| f.sparse) {
                let parts = matrix(&mut rng, form, shape, density, Numbers::Tame);
                let w = parts.view().expect("fixtures are well formed");
                products(&mut group, &name(form), &w, &x);
                if let (Stored::F32(Layout::Csr(c)), Major::Output) = (w.stored(), w.major()) {
                    sprs_product(&mut group, c, &x);
                }
            }
            group.finish();
        }
    }
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(core::time::Duration::from_millis(100))
        .measurement_time(core::time::Duration::from_millis(400))
        .sample_size(20)
}

criterion_group!(name = benches; config = quick(); targets = bench);
criterion_main!(benches);
