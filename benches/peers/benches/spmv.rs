//! Wall time of one sparse product on every back-end of ours beside every opponent, by `criterion`.
//!
//! `cargo bench --manifest-path benches/peers/Cargo.toml -- 1024x256/10%` narrows it; `LACUNA_MKL=…/libmkl_rt.so.3` adds
//! oneMKL. Compare within one run only; `cargo peers` takes turns and is the fairer judge.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lacuna_peers::aligned::Aligned;
use lacuna_peers::case::Case;
use lacuna_peers::foreign::mkl::{CodePath, Mkl};
use lacuna_peers::ours::Yard;
use lacuna_peers::peers::peers;

const SHAPES: [(usize, usize); 3] = [(128, 128), (1024, 256), (768, 768)];
const DENSITIES: [u32; 4] = [5, 10, 20, 50];

fn bench(c: &mut Criterion) {
    let mkl = Mkl::open(CodePath::Own).map_err(|e| eprintln!("{e}")).ok();
    for shape @ (rows, cols) in SHAPES {
        for density in DENSITIES {
            let case = Case::new(shape, density, 1);
            let mut yard = Yard::new(&case, &|_, _| true);
            let mut entrants = peers(&case, mkl.as_ref());
            entrants.extend(yard.products(&case));
            let mut group = c.benchmark_group(format!("{rows}x{cols}/{density}%"));
            group.throughput(Throughput::Elements(case.work() as u64));
            let mut y = Aligned::zeros(rows);
            for entrant in &mut entrants {
                let name = entrant.name.clone();
                group.bench_function(name, |b| b.iter(|| entrant.run(&mut y)));
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
