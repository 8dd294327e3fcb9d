//! int8 sums, sixteen products or eight gathered ones at a time.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use crate::kernels::isa::Mve;
use crate::kernels::portable;
use crate::sparse::{Csr, Dense};

/// Sums of `W q` as i32 bits in `y`. `w` has a column.
///
/// # Panics
/// If row starts decrease, which no matrix made by `Csr::new` has.
pub(super) fn csr_output(_: Mve, w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    let ends = w.indptr();
    assert!(ends.is_sorted(), "row starts decrease");
    assert!(0 < w.cols() && w.cols() <= q.len() && w.rows() == y.len());
    let last = (w.cols() - 1).min(u16::MAX.into());
    let y = y.as_mut_ptr_range();
    if !y.is_empty() {
        let csr = Rows {
            indices: w.indices().as_ptr(),
            values: w.values().as_ptr(),
            q: q.as_ptr(),
            last,
        };
        // SAFETY: `Mve` exists only where these instructions do. Row starts do not decrease and `Csr` lets the last be
        // the number of indices and of values; the kernel takes no index above `last`, which `q` has.
        unsafe { csr_asm(&raw const csr, ends.as_ptr(), y.start, y.end) }
    }
}

/// Sums of `W q` as i32 bits in `y`.
pub(super) fn dense_output(_: Mve, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let cols = w.cols();
    assert!(cols <= q.len() && w.rows() == y.len());
    let (fours, _) = y.as_chunks_mut::<4>();
    for (k, y) in fours.iter_mut().enumerate() {
        let rows = &w.values()[4 * k * cols..4 * (k + 1) * cols];
        // SAFETY: `Mve` as above; four rows of `cols` elements, as many of `q`, and four outputs.
        unsafe { dense4_asm(rows.as_ptr(), cols, q.as_ptr(), y.as_mut_ptr()) }
    }
    let done = 4 * fours.len();
    for (row, y) in y.iter_mut().enumerate().skip(done) {
        *y = portable::dense_row_i8(w.row(row), q);
    }
}

/// What the CSR kernel loads once.
#[repr(C)]
struct Rows {
    indices: *const u16,
    values: *const i8,
    q: *const i8,
    /// The largest index that may be gathered.
    last: usize,
}

#[unsafe(naked)]
unsafe extern "C" fn csr_asm(csr: *const Rows, starts: *const u32, y: *mut f32, y_end: *mut f32) {
    naked_asm!(
        ".cpu cortex-m55",
        "push {{r4-r10, lr}}",
        "ldm r0, {{r0, r8, r9, r10}}",
        "vdup.16 q3, r10",
        "2:",
        "ldrd r4, r5, [r1], #4",
        "movs r6, #0",
        "subs r7, r5, r4",
        "add r5, r0, r4, lsl #1",
        "add r4, r8, r4",
        "wlstp.16 lr, r7, 4f",
        "3:",
        "vldrh.u16 q0, [r5], #16",
        "vmin.u16 q0, q0, q3",
        "vldrb.s16 q1, [r9, q0]",
        "vldrb.s16 q2, [r4], #8",
        "vmladava.s16 r6, q1, q2",
        "letp lr, 3b",
        "4:",
        "str r6, [r2], #4",
        "cmp r2, r3",
        "bne 2b",
        "pop {{r4-r10, pc}}",
    )
}

#[unsafe(naked)]
unsafe extern "C" fn dense4_asm(w: *const i8, n: usize, q: *const i8, y: *mut f32) {
    naked_asm!(
        ".cpu cortex-m55",
        "push {{r4-r10, lr}}",
        "add r5, r0, r1",
        "add r7, r5, r1",
        "add r9, r7, r1",
        "movs r4, #0",
        "movs r6, #0",
        "mov r8, r4",
        "mov r10, r4",
        "wlstp.8 lr, r1, 3f",
        "2:",
        "vldrb.u8 q0, [r2], #16",
        "vldrb.u8 q1, [r0], #16",
        "vldrb.u8 q2, [r5], #16",
        "vmladava.s8 r4, q0, q1",
        "vldrb.u8 q1, [r7], #16",
        "vmladava.s8 r6, q0, q2",
        "vldrb.u8 q2, [r9], #16",
        "vmladava.s8 r8, q0, q1",
        "vmladava.s8 r10, q0, q2",
        "letp lr, 2b",
        "3:",
        "strd r4, r6, [r3]",
        "strd r8, r10, [r3, #8]",
        "pop {{r4-r10, pc}}",
    )
}
