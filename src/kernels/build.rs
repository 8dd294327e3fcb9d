//! Names kinds of targets in one word.
//!
//! - `cortex_m_fp`, `armv8m`: Arm M-profile cores whose triple promises a floating-point unit; Rust shows their features
//!   to no `cfg`.
//! - `soft_float`: floats in software.
//! - `quad`: every machine of the target has vectors of four floats, NEON or WebAssembly's.

fn main() {
    println!("cargo::rerun-if-changed=src/kernels/build.rs");
    println!("cargo::rustc-check-cfg=cfg(cortex_m_fp)");
    println!("cargo::rustc-check-cfg=cfg(armv8m)");
    println!("cargo::rustc-check-cfg=cfg(quad)");
    println!("cargo::rustc-check-cfg=cfg(soft_float)");
    let target = std::env::var("TARGET").unwrap_or_default();
    if matches!(
        &*target,
        "thumbv7em-none-eabihf" | "thumbv8m.main-none-eabihf"
    ) {
        println!("cargo::rustc-cfg=cortex_m_fp");
    }
    if target == "thumbv8m.main-none-eabihf" {
        println!("cargo::rustc-cfg=armv8m");
    }
    let cargo = |name: &str| std::env::var(name).unwrap_or_default();
    let (arch, features) = (
        cargo("CARGO_CFG_TARGET_ARCH"),
        cargo("CARGO_CFG_TARGET_FEATURE"),
    );
    let has = |feature| features.split(',').any(|f| f == feature);
    let soft = match &*arch {
        "arm" => target.starts_with("thumb") && !target.ends_with("hf"),
        "riscv32" | "riscv64" => !has("f"),
        _ => false,
    };
    if soft {
        println!("cargo::rustc-cfg=soft_float");
    }
    if (arch == "aarch64" && has("neon")) || (arch == "wasm32" && has("simd128")) {
        println!("cargo::rustc-cfg=quad");
    }
}
