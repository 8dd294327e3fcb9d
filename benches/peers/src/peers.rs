//! The opponents: every library that multiplies such matrices in one process, each through its fastest public door.
//!
//! Tokens are adjacent (`x (cols, tokens)`, `y (rows, tokens)`), which is the faster order for all of them. Nothing
//! here runs more than one thread.

use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Accum, MatMut, MatRef, Par};
use nalgebra_sparse::CsrMatrix;
use nalgebra_sparse::na::{DMatrixView, DMatrixViewMut};
use nalgebra_sparse::ops::Op;
use nalgebra_sparse::ops::serial::spmm_csr_dense;

use crate::case::Case;
use crate::foreign::blas;
use crate::foreign::mkl::{Mkl, Use};
use crate::race::Entrant;

/// Everything of other people that computes `Y = W X`, dense products of the same matrix included.
pub fn peers<'a>(case: &'a Case, mkl: Option<&'a Mkl>) -> Vec<Entrant<'a>> {
    let mut all = mkl.map_or(Vec::new(), |mkl| onemkl(case, mkl));
    all.extend([sprs(case), nalgebra(case), faer_sparse(case)]);
    all.extend([faer_dense(case), matrixmultiply(case), gemm(case)]);
    all
}

/// Inspector-executor products, inspected (`ie`) and as the arrays come (`csr`), and dense ones.
fn onemkl<'a>(case: &'a Case, mkl: &'a Mkl) -> Vec<Entrant<'a>> {
    let n = case.tokens;
    let mut all = Vec::new();
    for (name, inspected) in [("mkl-ie", true), ("mkl-csr", false)] {
        all.push(if n == 1 {
            let handle = mkl.sparse(case, Use::Vector, inspected);
            Entrant::peer(name, move |y| handle.mv(&case.x, y))
        } else {
            let handle = mkl.sparse(case, Use::Tokens(n), inspected);
            Entrant::peer(name, move |y| handle.mm(&case.x, y, n))
        });
    }
    all.push(Entrant::dense("mkl-dense", move |y| match n {
        1 => mkl.sgemv(&case.dense, &case.x, y),
        n => mkl.sgemm(&case.dense, &case.x, y, n),
    }));
    all
}

fn sprs(case: &Case) -> Entrant<'_> {
    let n = case.tokens;
    let wide = |v: &[i32]| v.iter().map(|&i| i as u32).collect::<Vec<_>>();
    let shape = (case.rows, case.cols);
    let (starts, columns) = (wide(&case.starts), wide(&case.columns));
    let w = sprs::CsMatBase::new(shape, starts, columns, &case.values[..]);
    Entrant::peer("sprs", move |y| {
        y.fill(0.0);
        if n == 1 {
            sprs::prod::mul_acc_mat_vec_csr(w.view(), &case.x[..], y);
            return;
        }
        let x = ndarray::ArrayView2::from_shape((case.cols, n), &case.x);
        let y = ndarray::ArrayViewMut2::from_shape((case.rows, n), y);
        if let (Ok(x), Ok(y)) = (x, y) {
            sprs::prod::csr_mulacc_dense_rowmaj(w.view(), x, y);
        }
    })
}

/// Its matrices are column-major; several tokens go through one by one, which is how its loop goes anyway.
fn nalgebra(case: &Case) -> Entrant<'_> {
    let (rows, cols, n) = (case.rows, case.cols, case.tokens);
    let wide = |v: &[i32]| v.iter().map(|&i| i as usize).collect::<Vec<_>>();
    let values = case.values.to_vec();
    let made =
        CsrMatrix::try_from_csr_data(rows, cols, wide(&case.starts), wide(&case.columns), values);
    let w = made.unwrap_or_else(|_| CsrMatrix::zeros(rows, cols));
    let by_token = case.by_token();
    Entrant::peer("nalgebra-sparse", move |y| {
        let x = DMatrixView::from_slice(&by_token, cols, n);
        let y = DMatrixViewMut::from_slice(y, rows, n);
        spmm_csr_dense(0.0, y, 1.0, Op::NoOp(&w), Op::NoOp(x));
    })
    .by_token()
}

/// `yᵀ = xᵀ Wᵀ`, where our CSR of `W` is its CSC of `Wᵀ`: sums over rows, which beats its scattering form.
fn faer_sparse(case: &Case) -> Entrant<'_> {
    let (rows, cols, n) = (case.rows, case.cols, case.tokens);
    let wide = |v: &[i32]| v.iter().map(|&i| i as u32).collect::<Vec<_>>();
    let (starts, columns) = (wide(&case.starts), wide(&case.columns));
    Entrant::peer("faer", move |y| {
        let pattern = SymbolicSparseColMatRef::new_checked(cols, rows, &starts, None, &columns);
        let w = SparseColMatRef::new(pattern, &case.values[..]);
        let x = MatRef::from_column_major_slice(&case.x[..], n, cols);
        let y = MatMut::from_column_major_slice_mut(y, n, rows);
        faer::sparse::linalg::matmul::dense_sparse_matmul(y, Accum::Replace, x, w, 1.0, Par::Seq);
    })
}

fn faer_dense(case: &Case) -> Entrant<'_> {
    let (rows, cols, n) = (case.rows, case.cols, case.tokens);
    Entrant::dense("faer-dense", move |y| {
        let w = MatRef::from_row_major_slice(&case.dense[..], rows, cols);
        let x = MatRef::from_row_major_slice(&case.x[..], cols, n);
        let y = MatMut::from_row_major_slice_mut(y, rows, n);
        faer::linalg::matmul::matmul(y, Accum::Replace, w, x, 1.0, Par::Seq);
    })
}

fn matrixmultiply(case: &Case) -> Entrant<'_> {
    let shape = (case.rows, case.cols, case.tokens);
    Entrant::dense("matrixmultiply", move |y| {
        blas::matrixmultiply(shape, &case.dense, &case.x, y);
    })
}

fn gemm(case: &Case) -> Entrant<'_> {
    let shape = (case.rows, case.cols, case.tokens);
    Entrant::dense("gemm", move |y| blas::gemm(shape, &case.dense, &case.x, y))
}
