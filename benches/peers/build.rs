//! Lets oneMKL find `mkl_serv_get_cpu_true` in our executables: see `src/foreign/mkl.rs`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg=-Wl,--export-dynamic-symbol=mkl_serv_get_cpu_true");
    }
}
