// Runs a test of Rust's test harness that was built for wasm32-wasip1: cargo's runner for that target.
//
//   CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $PWD/tests/wasi.mjs" RUSTFLAGS="-C target-feature=+simd128" \
//       cargo test -p lacuna --release --target wasm32-wasip1 --lib --test kernels --test golden
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [, , path, ...rest] = process.argv;
const wasi = new WASI({
    version: 'preview1',
    args: [path, ...rest],
    env: process.env,
    preopens: { '/': '/' },
    returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(path));
process.exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())));
