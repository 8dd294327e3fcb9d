//! Dense products of two Rust crates that take pointers: `Y = W X`, row-major, one thread.

/// Rows, columns, tokens.
type Shape = (usize, usize, usize);

fn compare((rows, cols, n): Shape, w: &[f32], x: &[f32], y: &[f32]) {
    assert_eq!(
        (w.len(), x.len(), y.len()),
        (rows * cols, cols * n, rows * n),
        "sgemm shapes"
    );
}

/// `matrixmultiply::sgemm`.
pub fn matrixmultiply(shape: Shape, w: &[f32], x: &[f32], y: &mut [f32]) {
    compare(shape, w, x, y);
    let (rows, cols, n) = shape;
    let (wide, tokens) = (cols as isize, n as isize);
    let (w, x, y) = (w.as_ptr(), x.as_ptr(), y.as_mut_ptr());
    // SAFETY: the lengths were compared with the shapes that are passed.
    unsafe {
        matrixmultiply::sgemm(
            rows, cols, n, 1.0, w, wide, 1, x, tokens, 1, 0.0, y, tokens, 1,
        );
    }
}

/// `gemm::gemm`.
pub fn gemm(shape: Shape, w: &[f32], x: &[f32], y: &mut [f32]) {
    compare(shape, w, x, y);
    let (rows, cols, n) = shape;
    let (wide, tokens, one) = (cols as isize, n as isize, gemm::Parallelism::None);
    let (w, x, y) = (w.as_ptr(), x.as_ptr(), y.as_mut_ptr());
    // SAFETY: the lengths were compared with the shapes that are passed.
    unsafe {
        gemm::gemm(
            rows, n, cols, y, 1, tokens, false, w, 1, wide, x, 1, tokens, 0.0, 1.0, false, false,
            false, one,
        );
    }
}
