//! Which kernel a batch takes.

use super::{gemm, gemm_int8, spmm, spmm_int8};
use crate::kernels::avx2;
use crate::kernels::batch::Batch;
use crate::kernels::isa::Avx512;
use crate::sparse::{Layout, Major, Matrix, Stored};

/// `Y = W X` as `batch/portable.rs` defines it.
pub(in crate::kernels) fn matmul(proof: Avx512, w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::F32(Layout::Dense(d)), Major::Output) => gemm::output(proof, d, b, y),
        (Stored::F16(Layout::Dense(d)), Major::Output) => gemm::output(proof, d, b, y),
        (Stored::F32(Layout::Csr(c)), Major::Output) => spmm::output(proof, c, b, y),
        (Stored::F16(Layout::Csr(c)), Major::Output) => spmm::output(proof, c, b, y),
        (Stored::I8(Layout::Dense(d), s), Major::Output) => match proof.bytes() {
            Some(bytes) => gemm_int8::output(bytes, d, s, b, y),
            None => avx2::batch::matmul(proof.avx2(), w, b, y),
        },
        (Stored::I8(Layout::Csr(c), s), Major::Output) => match proof.bytes() {
            Some(bytes) => spmm_int8::output(bytes, c, s, b, y),
            None => avx2::batch::matmul(proof.avx2(), w, b, y),
        },
        _ => avx2::batch::matmul(proof.avx2(), w, b, y),
    }
}
