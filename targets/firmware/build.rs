//! Linker script, link arguments, and the model that goes into flash: the same for every board.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("memory.x", out.join("memory.x")).expect("the board has a memory.x");
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-link-search={}", out.display());
    // `cortex-m-rt` includes memory.x by itself, `riscv-rt` does not.
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets the architecture");
    let first = if arch == "arm" {
        "--nmagic"
    } else {
        "-Tmemory.x"
    };
    for arg in [first, "-Tlink.x", "-Tdefmt.x"] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }

    println!("cargo:rerun-if-env-changed=LACUNA_MODEL");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny.lacuna");
    let model = env::var_os("LACUNA_MODEL").map_or(golden, PathBuf::from);
    println!("cargo:rerun-if-changed={}", model.display());
    println!("cargo:rustc-env=LACUNA_MODEL={}", model.display());
}
