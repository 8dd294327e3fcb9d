//! Dense rows, four side by side: what sparse kernels have to beat.
//!
//! ```text
//! int8   x: │ x2 x0 │ x3 x1 │ by two sxtb16, once for four rows; each row: ldr, two sxtb16, two smlad
//! f32    four of x by one vldmia, once for four rows; each row: vldmia, four vmla
//! ```
#![allow(unsafe_code)]

use core::arch::naked_asm;

use half::f16;

use super::asm::core;
use crate::kernels::isa::Armv7em;
use crate::kernels::portable;
use crate::sparse::{Dense, Value};

/// Four rows: their start, the bytes of one, the vector, its length, four outputs.
type Rows4<V, X> = unsafe extern "C" fn(*const V, usize, *const X, usize, *mut f32);

/// A type of values that these kernels read.
pub(super) trait Float: Value {
    const ROWS4: Rows4<Self, f32>;
}

impl Float for f32 {
    const ROWS4: Rows4<f32, f32> = rows4_f32;
}

impl Float for f16 {
    const ROWS4: Rows4<f16, f32> = rows4_f16;
}

/// `y = W x`.
pub(super) fn output<V: Float>(_: Armv7em, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: `Armv7em` exists only where these instructions do.
    let done = unsafe { rows4(V::ROWS4, w, x, y) };
    for (row, y) in y.iter_mut().enumerate().skip(done) {
        *y = portable::dense_row(w.row(row), x);
    }
}

/// Sums of `W q` as i32 bits in `y`.
pub(super) fn output_i8(_: Armv7em, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: as above.
    let done = unsafe { rows4(rows4_i8, w, q, y) };
    for (row, y) in y.iter_mut().enumerate().skip(done) {
        *y = portable::dense_row_i8(w.row(row), q);
    }
}

/// Whole fours of rows; how many rows that was.
///
/// # Safety
/// The instructions of `kernel` exist here.
unsafe fn rows4<V: Value, X>(
    kernel: Rows4<V, X>,
    w: Dense<'_, V>,
    x: &[X],
    y: &mut [f32],
) -> usize {
    let cols = w.cols();
    assert!(cols <= x.len() && w.rows() == y.len(), "shapes");
    let (fours, _) = y.as_chunks_mut::<4>();
    for (k, y) in fours.iter_mut().enumerate() {
        let rows = &w.values()[4 * k * cols..4 * (k + 1) * cols];
        // SAFETY: four rows of `cols` elements, as many of `x`, and four outputs.
        unsafe {
            kernel(
                rows.as_ptr(),
                cols * size_of::<V>(),
                x.as_ptr(),
                cols,
                y.as_mut_ptr(),
            )
        }
    }
    4 * fours.len()
}

/// The pointers of four rows from the first, and their step, in r0, r4, r5, r6.
macro_rules! pointers {
    () => {
        "add r4, r0, r1\nadd r5, r4, r1\nadd r6, r5, r1\n"
    };
}

macro_rules! row4_i8 {
    ($w:literal, $acc:literal) => {
        concat!(
            "ldr r12, [",
            $w,
            "], #4\n",
            "sxtb16 lr, r12, ror #8\n",
            "sxtb16 r12, r12\n",
            "smlad ",
            $acc,
            ", lr, r11, ",
            $acc,
            "\n",
            "smlad ",
            $acc,
            ", r12, r1, ",
            $acc,
            "\n",
        )
    };
}

macro_rules! row1_i8 {
    ($w:literal, $acc:literal) => {
        concat!(
            "ldrsb r12, [",
            $w,
            "], #1\n",
            "smlabb ",
            $acc,
            ", r12, r1, ",
            $acc,
            "\n"
        )
    };
}

#[unsafe(naked)]
unsafe extern "C" fn rows4_i8(w: *const i8, row: usize, q: *const i8, n: usize, y: *mut f32) {
    naked_asm!(concat!(
        core!(),
        "push {{r4-r11, lr}}\n",
        pointers!(),
        "movs r7, #0\n",
        "mov r8, r7\n",
        "mov r9, r7\n",
        "mov r10, r7\n",
        "subs r3, r3, #4\n",
        "blo 3f\n",
        "2:\n",
        "ldr r1, [r2], #4\n",
        "sxtb16 r11, r1, ror #8\n",
        "sxtb16 r1, r1\n",
        row4_i8!("r0", "r7"),
        row4_i8!("r4", "r8"),
        row4_i8!("r5", "r9"),
        row4_i8!("r6", "r10"),
        "subs r3, r3, #4\n",
        "bhs 2b\n",
        "3:\n",
        "adds r3, r3, #4\n",
        "beq 5f\n",
        "4:\n",
        "ldrsb r1, [r2], #1\n",
        row1_i8!("r0", "r7"),
        row1_i8!("r4", "r8"),
        row1_i8!("r5", "r9"),
        row1_i8!("r6", "r10"),
        "subs r3, r3, #1\n",
        "bne 4b\n",
        "5:\n",
        "ldr r0, [sp, #36]\n",
        "stmia r0, {{r7-r10}}\n",
        "pop {{r4-r11, pc}}\n",
    ))
}

/// Products of s4 to s7 with s8 to s11, in order.
macro_rules! sum4 {
    ($acc:literal) => {
        concat!(
            "vmla.f32 ",
            $acc,
            ", s8, s4\n",
            "vmla.f32 ",
            $acc,
            ", s9, s5\n",
            "vmla.f32 ",
            $acc,
            ", s10, s6\n",
            "vmla.f32 ",
            $acc,
            ", s11, s7\n",
        )
    };
}

macro_rules! row4_f32 {
    ($w:literal, $acc:literal) => {
        concat!("vldmia ", $w, "!, {{s8-s11}}\n", sum4!($acc))
    };
}

macro_rules! row1_f32 {
    ($w:literal, $acc:literal) => {
        concat!(
            "vldmia ",
            $w,
            "!, {{s8}}\n",
            "vmla.f32 ",
            $acc,
            ", s8, s4\n"
        )
    };
}

/// By way of r1 and r7: rows of f16 may start between words, where `vldmia` does not load.
macro_rules! row4_f16 {
    ($w:literal, $acc:literal) => {
        concat!(
            "ldr r1, [",
            $w,
            "], #4\n",
            "ldr r7, [",
            $w,
            "], #4\n",
            "vmov s10, s11, r1, r7\n",
            "vcvtb.f32.f16 s8, s10\n",
            "vcvtt.f32.f16 s9, s10\n",
            "vcvtb.f32.f16 s10, s11\n",
            "vcvtt.f32.f16 s11, s11\n",
            sum4!($acc),
        )
    };
}

macro_rules! row1_f16 {
    ($w:literal, $acc:literal) => {
        concat!(
            "ldrh r1, [",
            $w,
            "], #2\n",
            "vmov s8, r1\n",
            "vcvtb.f32.f16 s8, s8\n",
            "vmla.f32 ",
            $acc,
            ", s8, s4\n",
        )
    };
}

macro_rules! rows4_float {
    ($name:ident, $v:ty, $row4:ident, $row1:ident) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(w: *const $v, row: usize, x: *const f32, n: usize, y: *mut f32) {
            naked_asm!(concat!(
                core!(),
                "push {{r4-r7, lr}}\n",
                pointers!(),
                "movs r1, #0\n",
                "vmov s0, r1\n",
                "vmov s1, r1\n",
                "vmov s2, r1\n",
                "vmov s3, r1\n",
                "subs r3, r3, #4\n",
                "blo 3f\n",
                "2:\n",
                "vldmia r2!, {{s4-s7}}\n",
                $row4!("r0", "s0"),
                $row4!("r4", "s1"),
                $row4!("r5", "s2"),
                $row4!("r6", "s3"),
                "subs r3, r3, #4\n",
                "bhs 2b\n",
                "3:\n",
                "adds r3, r3, #4\n",
                "beq 5f\n",
                "4:\n",
                "vldmia r2!, {{s4}}\n",
                $row1!("r0", "s0"),
                $row1!("r4", "s1"),
                $row1!("r5", "s2"),
                $row1!("r6", "s3"),
                "subs r3, r3, #1\n",
                "bne 4b\n",
                "5:\n",
                "ldr r0, [sp, #20]\n",
                "vstmia r0, {{s0-s3}}\n",
                "pop {{r4-r7, pc}}\n",
            ))
        }
    };
}

rows4_float!(rows4_f32, f32, row4_f32, row1_f32);
rows4_float!(rows4_f16, f16, row4_f16, row1_f16);
