//! Instructions in the hot loops of the AVX-512 kernels, counted in the disassembly: callgrind cannot run them.
//!
//! `cargo bench --bench hotloops` disassembles itself, finds the innermost loops of every AVX-512 function that work on
//! vectors, and compares the sum of their instructions with `hotloops.txt`; more than 2 % over a figure fails.
//! `cargo bench --bench hotloops -- --bless` writes what it counted; `-- --each` shows every loop.

mod figures;
mod flow;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use lacuna::kernels::Isa;

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/hotloops.txt");
const ROOM: &str = "lacuna::kernels::avx512::";

/// Loops of every function of [`ROOM`], by name; instances of one generic function share theirs.
fn loops(disassembly: &str) -> BTreeMap<String, Vec<usize>> {
    let mut all: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for function in disassembly.split("\n\n") {
        let Some((head, body)) = function.trim_start().split_once(">:\n") else {
            continue;
        };
        let Some((_, name)) = head.split_once(" <") else {
            continue;
        };
        if name.contains(ROOM) {
            let hot = flow::innermost(&flow::instructions(body));
            all.entry(name.replace(ROOM, "")).or_default().extend(hot);
        }
    }
    all.retain(|_, loops| !loops.is_empty());
    all.values_mut().for_each(|loops| loops.sort_unstable());
    all
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !args.iter().any(|a| a == "--bench") {
        println!("hotloops: skipped, it reads optimised code: cargo bench --bench hotloops");
        return ExitCode::SUCCESS;
    }
    // Every kernel is linked in, because the back-end is a value.
    core::hint::black_box([
        Isa::input as *const (),
        Isa::batch as *const (),
        Isa::matvec as *const (),
        Isa::matmul as *const (),
    ]);
    let disassembly = std::env::current_exe().ok().and_then(|exe| {
        let mut objdump = Command::new("objdump");
        objdump.args(["-d", "-C", "--no-show-raw-insn"]).arg(exe);
        let out = objdump.output().ok()?;
        Some(String::from_utf8_lossy(&out.stdout).into_owned())
    });
    let loops = disassembly.map_or(BTreeMap::new(), |d| loops(&d));
    if loops.is_empty() {
        return figures::skip("hotloops needs objdump and x86-64");
    }
    if args.iter().any(|a| a == "--each") {
        loops.iter().for_each(|(name, l)| println!("{name}: {l:?}"));
    }
    let counted: Vec<_> = loops
        .into_iter()
        .map(|(name, loops)| (name, loops.iter().sum::<usize>() as u64))
        .collect();
    let header = "Instructions in the innermost vector loops of the AVX-512 kernels, summed over a function's instances.";
    figures::gate(FIGURES, header, &counted)
}
