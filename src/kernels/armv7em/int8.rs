//! int8 with stepped rows.
//!
//! ```text
//! gaps   │ g3 g2 g1 g0 │     uxtab p, p, g, ror 8k      p += g_k
//! values │ v3 v2 v1 v0 │     sxtb16 ─► │ v2 v0 │ and, turned by 8, │ v3 v1 │
//!                            ldrsb x, [p] · smlabb / smlabt acc
//! ```
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::asm::{core, input_rows, output_rows};
use crate::kernels::isa::Armv7em;
use crate::sparse::{Gaps, Nibbles, Stride};

/// Sums of `W q` as i32 bits in `y`.
pub(super) fn gaps_output(_: Armv7em, w: Gaps<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(w.stride() == Stride::Byte && w.cols() <= q.len() && w.rows() == y.len());
    let y = y.as_mut_ptr_range();
    if !y.is_empty() {
        let (words, starts) = (w.words().as_ptr(), w.starts().as_ptr());
        // SAFETY: `Armv7em` exists only where these instructions do. Rows of `Gaps` lie within its words, their steps
        // below its columns, which `q` has; `starts` has an element more than `y`.
        unsafe { gaps_output_asm(words, starts, y.start, y.end, q.as_ptr()) }
    }
}

/// The same for nibbles.
pub(super) fn nibbles_output(_: Armv7em, w: Nibbles<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(w.cols() <= q.len() && w.rows() == y.len());
    let y = y.as_mut_ptr_range();
    if !y.is_empty() {
        let (words, starts) = (w.words().as_ptr(), w.starts().as_ptr());
        // SAFETY: as for gaps; steps of `Nibbles` are columns.
        unsafe { nibbles_output_asm(words, starts, y.start, y.end, q.as_ptr()) }
    }
}

/// Sums of `W q` as i32 bits in `y`, rows are inputs.
pub(super) fn gaps_input(_: Armv7em, w: Gaps<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(w.stride() == Stride::Word && w.cols() == y.len());
    let q = q[..w.rows()].as_ptr_range();
    y.fill(f32::from_bits(0));
    let (words, starts) = (w.words().as_ptr(), w.starts().as_ptr());
    // SAFETY: as above, with `y` in the place of `q`: its elements are words, which the stride says.
    unsafe { gaps_input_asm(words, starts, q.start, q.end, y.as_mut_ptr()) }
}

/// The same for nibbles.
pub(super) fn nibbles_input(_: Armv7em, w: Nibbles<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(w.cols() == y.len());
    let q = q[..w.rows()].as_ptr_range();
    y.fill(f32::from_bits(0));
    let (words, starts) = (w.words().as_ptr(), w.starts().as_ptr());
    // SAFETY: as above; steps of `Nibbles` are columns, which the kernel makes words.
    unsafe { nibbles_input_asm(words, starts, q.start, q.end, y.as_mut_ptr()) }
}

/// `y = acc · (sx · sw)`, where `y` comes with i32 bits.
pub(in crate::kernels) fn scale(_: Armv7em, y: &mut [f32], sx: f32, scales: &[f32]) {
    assert_eq!(y.len(), scales.len(), "one scale per output");
    // SAFETY: `Armv7em` exists only where these instructions do; both slices have that length.
    unsafe { scale_asm(y.as_mut_ptr(), scales.as_ptr(), y.len(), sx) }
}

/// Four elements: gaps in `$g`, values in `$v`, pointer r8, sum r9.
macro_rules! quad {
    ($g:literal, $v:literal) => {
        concat!(
            "sxtb16 r10, ",
            $v,
            "\n",
            "sxtb16 ",
            $v,
            ", ",
            $v,
            ", ror #8\n",
            "uxtab r8, r8, ",
            $g,
            "\n",
            "ldrsb r11, [r8]\n",
            "uxtab r8, r8, ",
            $g,
            ", ror #8\n",
            "ldrsb r12, [r8]\n",
            "smlabb r9, r11, r10, r9\n",
            "uxtab r8, r8, ",
            $g,
            ", ror #16\n",
            "smlabb r9, r12, ",
            $v,
            ", r9\n",
            "ldrsb r11, [r8]\n",
            "uxtab r8, r8, ",
            $g,
            ", ror #24\n",
            "ldrsb r12, [r8]\n",
            "smlabt r9, r11, r10, r9\n",
            "smlabt r9, r12, ",
            $v,
            ", r9\n",
        )
    };
}

/// The next element of a nibble block: `$how` makes the gap of `$g`, the value is `$half` of `$v`.
macro_rules! nibble {
    ($g:literal, $how:literal, $mac:literal, $v:literal) => {
        concat!(
            "uxtab r8, r8, ",
            $g,
            $how,
            "\n",
            "ldrsb r11, [r8]\n",
            $mac,
            " r9, r11, ",
            $v,
            ", r9\n",
        )
    };
}

/// Two blocks of four, and one before where their number is odd.
#[unsafe(naked)]
unsafe extern "C" fn gaps_output_asm(
    words: *const u32,
    starts: *const u32,
    y: *mut f32,
    y_end: *mut f32,
    q: *const i8,
) {
    naked_asm!(output_rows!(
        begin: "",
        zero: "mov r9, #0\n",
        head: concat!(
            "lsrs lr, lr, #1\n",
            "bcc 3f\n",
            "ldmia r0!, {{r4, r5}}\n", quad!("r4", "r5"),
            "3:\n",
        ),
        block: concat!(
            "ldmia r0!, {{r4-r7}}\n", quad!("r4", "r5"), quad!("r6", "r7"),
        ),
        store: "str r9, [r2], #4\n",
    ))
}

#[unsafe(naked)]
unsafe extern "C" fn nibbles_output_asm(
    words: *const u32,
    starts: *const u32,
    y: *mut f32,
    y_end: *mut f32,
    q: *const i8,
) {
    naked_asm!(output_rows!(
        begin: "mov r7, #0x0f0f0f0f\n",
        zero: "mov r9, #0\n",
        head: "",
        block: concat!(
            "ldmia r0!, {{r4-r6}}\n",
            "and r10, r4, r7\n",
            "and r4, r7, r4, lsr #4\n",
            "sxtb16 r12, r5\n",
            "sxtb16 r5, r5, ror #8\n",
            nibble!("r10", "", "smlabb", "r12"),
            nibble!("r4", "", "smlabb", "r5"),
            nibble!("r10", ", ror #8", "smlabt", "r12"),
            nibble!("r4", ", ror #8", "smlabt", "r5"),
            "sxtb16 r12, r6\n",
            "sxtb16 r6, r6, ror #8\n",
            nibble!("r10", ", ror #16", "smlabb", "r12"),
            nibble!("r4", ", ror #16", "smlabb", "r6"),
            nibble!("r10", ", ror #24", "smlabt", "r12"),
            nibble!("r4", ", ror #24", "smlabt", "r6"),
        ),
        store: "str r9, [r2], #4\n",
    ))
}

/// The next element of a stored input: steps `$g` turned by `$how`, value in one half of `$v`, activation r9.
macro_rules! scatter {
    ($g:literal, $how:literal, $mac:literal, $v:literal) => {
        concat!(
            "uxtab r8, r8, ",
            $g,
            $how,
            "\n",
            "ldr r11, [r8]\n",
            $mac,
            " r11, r9, ",
            $v,
            ", r11\n",
            "str r11, [r8]\n",
        )
    };
}

#[unsafe(naked)]
unsafe extern "C" fn gaps_input_asm(
    words: *const u32,
    starts: *const u32,
    q: *const i8,
    q_end: *const i8,
    y: *mut f32,
) {
    naked_asm!(input_rows!(
        begin: "mov r6, #8\nsub r1, r1, r2, lsl #2\n",
        next: "ldrsb r9, [r2], #1\ncmp r9, #0\n",
        found: "add r4, r1, r2, lsl #2\n",
        block: concat!(
            "ldmia r0!, {{r4, r5}}\n",
            "sxtb16 r10, r5\n",
            "sxtb16 r5, r5, ror #8\n",
            scatter!("r4", "", "smlabb", "r10"),
            scatter!("r4", ", ror #8", "smlabb", "r5"),
            scatter!("r4", ", ror #16", "smlabt", "r10"),
            scatter!("r4", ", ror #24", "smlabt", "r5"),
        ),
    ))
}

/// A nibble of the lower half of its byte, then one of the upper; r10 and r4 hold columns times four.
#[unsafe(naked)]
unsafe extern "C" fn nibbles_input_asm(
    words: *const u32,
    starts: *const u32,
    q: *const i8,
    q_end: *const i8,
    y: *mut f32,
) {
    naked_asm!(input_rows!(
        begin: "mov r6, #12\nmov r7, #0x3c3c3c3c\nsub r1, r1, r2, lsl #2\n",
        next: "ldrsb r9, [r2], #1\ncmp r9, #0\n",
        found: "add r4, r1, r2, lsl #2\n",
        block: concat!(
            "ldr r4, [r0], #4\n",
            "ldr r5, [r0], #4\n",
            "and r10, r7, r4, lsl #2\n",
            "and r4, r7, r4, lsr #2\n",
            "sxtb16 r3, r5\n",
            "sxtb16 r5, r5, ror #8\n",
            scatter!("r10", "", "smlabb", "r3"),
            scatter!("r4", "", "smlabb", "r5"),
            scatter!("r10", ", ror #8", "smlabt", "r3"),
            scatter!("r4", ", ror #8", "smlabt", "r5"),
            "ldr r5, [r0], #4\n",
            "sxtb16 r3, r5\n",
            "sxtb16 r5, r5, ror #8\n",
            scatter!("r10", ", ror #16", "smlabb", "r3"),
            scatter!("r4", ", ror #16", "smlabb", "r5"),
            scatter!("r10", ", ror #24", "smlabt", "r3"),
            scatter!("r4", ", ror #24", "smlabt", "r5"),
        ),
    ))
}

#[unsafe(naked)]
unsafe extern "C" fn scale_asm(y: *mut f32, scales: *const f32, n: usize, sx: f32) {
    macro_rules! scaled {
        ($y:literal, $s:literal) => {
            concat!(
                "vcvt.f32.s32 ",
                $y,
                ", ",
                $y,
                "\n",
                "vmul.f32 ",
                $s,
                ", s0, ",
                $s,
                "\n",
                "vmul.f32 ",
                $y,
                ", ",
                $y,
                ", ",
                $s,
                "\n",
            )
        };
    }
    naked_asm!(concat!(
        core!(),
        "subs r2, r2, #4\n",
        "blo 3f\n",
        "2:\n",
        "vldmia r0, {{s4-s7}}\n",
        "vldmia r1!, {{s8-s11}}\n",
        scaled!("s4", "s8"),
        scaled!("s5", "s9"),
        scaled!("s6", "s10"),
        scaled!("s7", "s11"),
        "vstmia r0!, {{s4-s7}}\n",
        "subs r2, r2, #4\n",
        "bhs 2b\n",
        "3:\n",
        "adds r2, r2, #4\n",
        "beq 5f\n",
        "4:\n",
        "vldr s4, [r0]\n",
        "vldmia r1!, {{s8}}\n",
        scaled!("s4", "s8"),
        "vstmia r0!, {{s4}}\n",
        "subs r2, r2, #1\n",
        "bne 4b\n",
        "5:\n",
        "bx lr\n",
    ))
}
