//! Which kernel a batch takes.

use super::spmm;
use crate::kernels::batch::{self, Batch};
use crate::kernels::isa::Avx512;
use crate::sparse::{Layout, Major, Matrix, Stored};

/// `Y = W X` as `batch::portable` defines it.
pub(in crate::kernels) fn matmul(proof: Avx512, w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::F32(Layout::Csr(c)), Major::Output) => spmm::output(proof, c, b, y),
        (Stored::F16(Layout::Csr(c)), Major::Output) => spmm::output(proof, c, b, y),
        _ => batch::portable(w, b, y),
    }
}
