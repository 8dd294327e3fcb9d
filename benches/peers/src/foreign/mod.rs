//! Other people's code behind raw pointers: oneMKL, `gemm`, `matrixmultiply`.
//!
//! # Invariants
//! - Nothing outside this folder is `unsafe`; every function compares lengths with shapes before it hands out pointers.
//!
//! # Why
//! A bench that reads out of bounds measures nothing.

mod abi;
pub mod blas;
pub mod mkl;
