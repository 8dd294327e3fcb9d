//! Which kernel a batch takes.

use super::{gemm, pairs, spmm};
use crate::kernels::batch::{self, Batch};
use crate::kernels::isa::Avx2;
use crate::sparse::{Layout, Major, Matrix, Stored};

/// `Y = W X` as `batch::portable` defines it.
pub(in crate::kernels) fn matmul(proof: Avx2, w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::F32(Layout::Dense(d)), Major::Output) => gemm::output(proof, d, b, y),
        (Stored::F16(Layout::Dense(d)), Major::Output) => gemm::output(proof, d, b, y),
        (Stored::I8(Layout::Dense(d), s), Major::Output) => pairs::dense(proof, d, s, b, y),
        (Stored::F32(Layout::Csr(c)), Major::Output) => spmm::output(proof, c, b, y),
        (Stored::F16(Layout::Csr(c)), Major::Output) => spmm::output(proof, c, b, y),
        (Stored::I8(Layout::Csr(c), s), Major::Output) => pairs::csr(proof, c, s, b, y),
        _ => batch::portable(w, b, y),
    }
}
