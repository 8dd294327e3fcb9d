//! Names the Arm M-profile cores whose triple promises a floating-point unit: Rust shows their features to no `cfg`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(cortex_m_fp)");
    println!("cargo::rustc-check-cfg=cfg(armv8m)");
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
}
