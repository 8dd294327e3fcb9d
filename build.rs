//! Names kinds of targets in one word.
//!
//! - `cortex_m_fp`, `armv8m`: Arm M-profile cores whose triple promises a floating-point unit; Rust shows their features
//!   to no `cfg`.
//! - `quad`: every machine of the target has vectors of four floats, NEON or WebAssembly's.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(cortex_m_fp)");
    println!("cargo::rustc-check-cfg=cfg(armv8m)");
    println!("cargo::rustc-check-cfg=cfg(quad)");
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
    let vectors = match &*cargo("CARGO_CFG_TARGET_ARCH") {
        "aarch64" => "neon",
        "wasm32" => "simd128",
        _ => return,
    };
    let features = cargo("CARGO_CFG_TARGET_FEATURE");
    if features.split(',').any(|feature| feature == vectors) {
        println!("cargo::rustc-cfg=quad");
    }
}
