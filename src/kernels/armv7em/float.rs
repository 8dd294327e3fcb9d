//! f32 and f16 with stepped rows.
//!
//! ```text
//! gaps   │ g3 g2 g1 g0 │     uxtab p, p, g, ror 8k · vldr x, [p] · vmla acc, v, x
//! values │ v0 … v3     │     vldmia; f16 widened by vcvtb and vcvtt
//! ```
//!
//! `vmla` rounds the product, then the sum: what the contract asks for. `vfma` would not.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use half::f16;

use super::asm::{input_rows, output_rows};
use crate::kernels::isa::Armv7em;
use crate::sparse::{Gaps, Nibbles, Steps, Stride, Value};

/// Words, starts, a vector walked row by row and its end, the vector that steps walk.
type Output = unsafe extern "C" fn(*const u32, *const u32, *mut f32, *mut f32, *const f32);
type Input = unsafe extern "C" fn(*const u32, *const u32, *const f32, *const f32, *mut f32);

/// A type of values that these kernels read.
pub(super) trait Float: Value {
    const GAPS: (Output, Input);
    const NIBBLES: (Output, Input);
}

impl Float for f32 {
    const GAPS: (Output, Input) = (gaps_output_f32, gaps_input_f32);
    const NIBBLES: (Output, Input) = (nibbles_output_f32, nibbles_input_f32);
}

impl Float for f16 {
    const GAPS: (Output, Input) = (gaps_output_f16, gaps_input_f16);
    const NIBBLES: (Output, Input) = (nibbles_output_f16, nibbles_input_f16);
}

/// `y = W x`.
pub(super) fn gaps_output<V: Float>(_: Armv7em, w: Gaps<'_, V>, x: &[f32], y: &mut [f32]) {
    assert!(w.stride() == Stride::Word);
    // SAFETY: `Armv7em` exists only where these instructions do; the stride is that of `x`.
    unsafe { output(V::GAPS.0, w, x, y) }
}

/// The same for nibbles.
pub(super) fn nibbles_output<V: Float>(_: Armv7em, w: Nibbles<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: as above; steps of `Nibbles` are columns, which the kernel makes words.
    unsafe { output(V::NIBBLES.0, w, x, y) }
}

/// `y = W x`, rows are inputs; those that meet a zero are skipped.
pub(super) fn gaps_input<V: Float>(_: Armv7em, w: Gaps<'_, V>, x: &[f32], y: &mut [f32]) {
    assert!(w.stride() == Stride::Word);
    // SAFETY: as for outputs.
    unsafe { input(V::GAPS.1, w, x, y) }
}

/// The same for nibbles.
pub(super) fn nibbles_input<V: Float>(_: Armv7em, w: Nibbles<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: as for outputs.
    unsafe { input(V::NIBBLES.1, w, x, y) }
}

/// # Safety
/// `kernel` is the output kernel of this type and its instructions exist here; gaps are words.
unsafe fn output<V, const BITS: u32>(
    kernel: Output,
    w: Steps<'_, V, BITS>,
    x: &[f32],
    y: &mut [f32],
) where
    V: Value,
{
    assert!(w.cols() <= x.len() && w.rows() == y.len());
    let y = y.as_mut_ptr_range();
    if !y.is_empty() {
        let (words, starts) = (w.words().as_ptr(), w.starts().as_ptr());
        // SAFETY: rows of `Steps` lie within its words, their steps below its columns, which `x` has; `starts` has an
        // element more than `y`.
        unsafe { kernel(words, starts, y.start, y.end, x.as_ptr()) }
    }
}

/// # Safety
/// `kernel` is the input kernel of this type and its instructions exist here; gaps are words.
unsafe fn input<V, const BITS: u32>(kernel: Input, w: Steps<'_, V, BITS>, x: &[f32], y: &mut [f32])
where
    V: Value,
{
    assert!(w.cols() <= y.len() && w.rows() == x.len());
    y.fill(0.0);
    let x = x.as_ptr_range();
    let (words, starts) = (w.words().as_ptr(), w.starts().as_ptr());
    // SAFETY: as for outputs, with the steps in `y`.
    unsafe { kernel(words, starts, x.start, x.end, y.as_mut_ptr()) }
}

/// Moves r8 by the next gap of `$g` and takes what it points to.
macro_rules! take {
    ($g:literal, $how:literal, $x:literal) => {
        concat!("uxtab r8, r8, ", $g, $how, "\nvldr ", $x, ", [r8]\n")
    };
}

/// Four products from s4 to s7 (values) and s12 to s15 (activations).
macro_rules! sum4 {
    ($a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            "vmla.f32 s0, ",
            $a,
            ", s12\n",
            "vmla.f32 s0, ",
            $b,
            ", s13\n",
            "vmla.f32 s0, ",
            $c,
            ", s14\n",
            "vmla.f32 s0, ",
            $d,
            ", s15\n",
        )
    };
}

/// Four activations: the gaps of r4 in order.
macro_rules! gaps4 {
    () => {
        concat!(
            take!("r4", "", "s12"),
            take!("r4", ", ror #8", "s13"),
            take!("r4", ", ror #16", "s14"),
            take!("r4", ", ror #24", "s15"),
        )
    };
}

/// Eight nibbles become two words of bytes, columns times four: even ones in r5, odd ones in r4.
macro_rules! spread {
    () => {
        "and r5, r7, r4, lsl #2\nand r4, r7, r4, lsr #2\n"
    };
}

/// The first or last four of eight activations.
macro_rules! nibbles4 {
    (first) => {
        concat!(
            take!("r5", "", "s12"),
            take!("r4", "", "s13"),
            take!("r5", ", ror #8", "s14"),
            take!("r4", ", ror #8", "s15"),
        )
    };
    (last) => {
        concat!(
            take!("r5", ", ror #16", "s12"),
            take!("r4", ", ror #16", "s13"),
            take!("r5", ", ror #24", "s14"),
            take!("r4", ", ror #24", "s15"),
        )
    };
}

/// Four f16 values of two registers as s4 to s7.
macro_rules! widen4 {
    ($a:literal, $b:literal) => {
        concat!(
            "vcvtb.f32.f16 s4, ",
            $a,
            "\n",
            "vcvtt.f32.f16 s5, ",
            $a,
            "\n",
            "vcvtb.f32.f16 s6, ",
            $b,
            "\n",
            "vcvtt.f32.f16 s7, ",
            $b,
            "\n",
        )
    };
}

macro_rules! output_kernel {
    ($name:ident, $begin:literal, $block:expr) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            words: *const u32,
            starts: *const u32,
            y: *mut f32,
            y_end: *mut f32,
            x: *const f32,
        ) {
            naked_asm!(output_rows!(
                begin: concat!($begin, "movs r4, #0\nvmov s1, r4\n"),
                zero: "vmov.f32 s0, s1\n",
                head: "",
                block: $block,
                store: "vstmia r2!, {{s0}}\n",
            ))
        }
    };
}

output_kernel!(
    gaps_output_f32,
    "",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s4-s7}}\n",
        gaps4!(),
        sum4!("s4", "s5", "s6", "s7"),
    )
);

output_kernel!(
    gaps_output_f16,
    "",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s8-s9}}\n",
        gaps4!(),
        widen4!("s8", "s9"),
        sum4!("s4", "s5", "s6", "s7"),
    )
);

output_kernel!(
    nibbles_output_f32,
    "mov r7, #0x3c3c3c3c\n",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s4-s11}}\n",
        spread!(),
        nibbles4!(first),
        sum4!("s4", "s5", "s6", "s7"),
        nibbles4!(last),
        sum4!("s8", "s9", "s10", "s11"),
    )
);

output_kernel!(
    nibbles_output_f16,
    "mov r7, #0x3c3c3c3c\n",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s8-s11}}\n",
        spread!(),
        nibbles4!(first),
        widen4!("s8", "s9"),
        sum4!("s4", "s5", "s6", "s7"),
        nibbles4!(last),
        widen4!("s10", "s11"),
        sum4!("s4", "s5", "s6", "s7"),
    )
);

/// Adds `$v` times the activation s0 where the next step leads. One after the other: a filler stays where it is.
macro_rules! scatter {
    ($g:literal, $how:literal, $v:literal) => {
        concat!(
            "uxtab r8, r8, ",
            $g,
            $how,
            "\n",
            "vldr s12, [r8]\n",
            "vmla.f32 s12, ",
            $v,
            ", s0\n",
            "vstr s12, [r8]\n",
        )
    };
}

macro_rules! scatter_gaps4 {
    () => {
        concat!(
            scatter!("r4", "", "s4"),
            scatter!("r4", ", ror #8", "s5"),
            scatter!("r4", ", ror #16", "s6"),
            scatter!("r4", ", ror #24", "s7"),
        )
    };
}

macro_rules! scatter_nibbles4 {
    (first, $a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            scatter!("r5", "", $a),
            scatter!("r4", "", $b),
            scatter!("r5", ", ror #8", $c),
            scatter!("r4", ", ror #8", $d),
        )
    };
    (last, $a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            scatter!("r5", ", ror #16", $a),
            scatter!("r4", ", ror #16", $b),
            scatter!("r5", ", ror #24", $c),
            scatter!("r4", ", ror #24", $d),
        )
    };
}

macro_rules! input_kernel {
    ($name:ident, $bytes:literal, $block:expr) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            words: *const u32,
            starts: *const u32,
            x: *const f32,
            x_end: *const f32,
            y: *mut f32,
        ) {
            naked_asm!(input_rows!(
                begin: concat!("mov r6, ", $bytes, "\nmov r7, #0x3c3c3c3c\nsub r1, r1, r2\n"),
                next: "ldr r9, [r2], #4\nlsls r10, r9, #1\n",
                found: "vmov s0, r9\nadd r4, r1, r2\n",
                block: $block,
            ))
        }
    };
}

input_kernel!(
    gaps_input_f32,
    "#20",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s4-s7}}\n",
        scatter_gaps4!(),
    )
);

input_kernel!(
    gaps_input_f16,
    "#12",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s8-s9}}\n",
        widen4!("s8", "s9"),
        scatter_gaps4!(),
    )
);

input_kernel!(
    nibbles_input_f32,
    "#36",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s4-s11}}\n",
        spread!(),
        scatter_nibbles4!(first, "s4", "s5", "s6", "s7"),
        scatter_nibbles4!(last, "s8", "s9", "s10", "s11"),
    )
);

input_kernel!(
    nibbles_input_f16,
    "#20",
    concat!(
        "ldr r4, [r0], #4\n",
        "vldmia r0!, {{s8-s11}}\n",
        spread!(),
        widen4!("s8", "s9"),
        scatter_nibbles4!(first, "s4", "s5", "s6", "s7"),
        widen4!("s10", "s11"),
        scatter_nibbles4!(last, "s4", "s5", "s6", "s7"),
    )
);
