//! Several tokens with stepped rows: four at a time, the others one by one.
//!
//! ```text
//! x (cols, stride)      p += gap · stride            uxtb, mla
//! │ t0 t1 t2 t3 │ ◄─ p  four activations at once     vldmia, four vmla; int8: ldr, two sxtb16, four smla
//! ```
#![allow(unsafe_code)]

use core::arch::naked_asm;
use core::ffi::c_void;

use half::f16;

use super::asm::{blocks, core};
use crate::kernels::batch::{Batch, scale_i8};
use crate::kernels::isa::Armv7em;
use crate::sparse::{Gaps, Layout, Major, Matrix, Nibbles, Steps, Stored, Stride, Value};

/// What a kernel loads once; the order is that of its registers.
#[repr(C)]
struct Walk {
    words: *const u32,
    starts: *const u32,
    y: *mut f32,
    y_end: *mut f32,
    /// Elements of `x` from one input to the next.
    stride: usize,
    /// Bytes of `y` from one output to the next.
    step: usize,
    x: *const c_void,
}

type Kernel = unsafe extern "C" fn(*mut Walk);

/// A type of values that these kernels read.
trait Term: Value {
    /// What it is multiplied with.
    type X;
    /// What gaps walk.
    const STRIDE: Stride;
    /// Four tokens, one token.
    const GAPS: [Kernel; 2];
    const NIBBLES: [Kernel; 2];
}

impl Term for f32 {
    type X = f32;
    const STRIDE: Stride = Stride::Word;
    const GAPS: [Kernel; 2] = [gaps_f32_4, gaps_f32_1];
    const NIBBLES: [Kernel; 2] = [nibbles_f32_4, nibbles_f32_1];
}

impl Term for f16 {
    type X = f32;
    const STRIDE: Stride = Stride::Word;
    const GAPS: [Kernel; 2] = [gaps_f16_4, gaps_f16_1];
    const NIBBLES: [Kernel; 2] = [nibbles_f16_4, nibbles_f16_1];
}

impl Term for i8 {
    type X = i8;
    const STRIDE: Stride = Stride::Byte;
    const GAPS: [Kernel; 2] = [gaps_i8_4, gaps_i8_1];
    const NIBBLES: [Kernel; 2] = [nibbles_i8_4, nibbles_i8_1];
}

/// `Y = W X` where there is a kernel for it; false where there is none.
pub(in crate::kernels) fn matmul(
    proof: Armv7em,
    w: &Matrix<'_>,
    b: &Batch<'_>,
    y: &mut [f32],
) -> bool {
    if w.major() == Major::Input {
        return false;
    }
    match w.stored() {
        Stored::F32(l) => layout(proof, l, b.x(), b, y),
        Stored::F16(l) => layout(proof, l, b.x(), b, y),
        Stored::I8(l, scales) => {
            let done = layout(proof, l, b.q(), b, y);
            if done {
                scale_i8(b, scales, y);
            }
            done
        }
    }
}

fn layout<V: Term>(
    proof: Armv7em,
    l: Layout<'_, V>,
    x: &[V::X],
    b: &Batch<'_>,
    y: &mut [f32],
) -> bool {
    match l {
        Layout::Gaps(g) => gaps(proof, g, x, b, y),
        Layout::Nibbles(n) => nibbles(proof, n, x, b, y),
        _ => return false,
    }
    true
}

fn gaps<V: Term>(_: Armv7em, w: Gaps<'_, V>, x: &[V::X], b: &Batch<'_>, y: &mut [f32]) {
    assert!(w.stride() == V::STRIDE);
    // SAFETY: `Armv7em` exists only where these instructions do; the kernels take gaps of that stride.
    unsafe { tokens(V::GAPS, w, x, b, y) }
}

fn nibbles<V: Term>(_: Armv7em, w: Nibbles<'_, V>, x: &[V::X], b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: as above; steps of `Nibbles` are columns.
    unsafe { tokens(V::NIBBLES, w, x, b, y) }
}

/// # Safety
/// The kernels are those of this layout and type, for four tokens and for one, and their instructions exist here.
unsafe fn tokens<V: Term, const BITS: u32>(
    [four, one]: [Kernel; 2],
    w: Steps<'_, V, BITS>,
    x: &[V::X],
    b: &Batch<'_>,
    y: &mut [f32],
) {
    let (tokens, stride) = (b.lanes().tokens(), b.lanes().stride());
    assert!(w.cols() * stride <= x.len() && w.rows() * stride == y.len());
    if w.rows() == 0 {
        return;
    }
    let mut token = 0;
    while token < tokens {
        let (kernel, n) = if token + 4 <= tokens {
            (four, 4)
        } else {
            (one, 1)
        };
        let mut walk = Walk {
            words: w.words().as_ptr(),
            starts: w.starts().as_ptr(),
            y: y.as_mut_ptr().wrapping_add(token),
            y_end: y.as_mut_ptr().wrapping_add(token + w.rows() * stride),
            stride,
            step: size_of::<f32>() * stride,
            x: x.as_ptr().wrapping_add(token).cast(),
        };
        // SAFETY: rows of `Steps` lie within its words and their steps below its columns; of each input `x` has `stride`
        // elements from its first token on and of each output `y` has them, so the `n` from `token` on lie inside.
        unsafe { kernel(&raw mut walk) };
        token += n;
    }
}

/// Moves r8 by gap `$g`, turned by `$how`, times the tokens of an input.
macro_rules! step {
    ($g:literal, $how:literal) => {
        concat!("uxtb r6, ", $g, $how, "\nmla r8, r6, r9, r8\n")
    };
}

/// The next element of value `$v`, for four tokens or one.
macro_rules! float {
    (4, $g:literal, $how:literal, $v:literal) => {
        concat!(
            step!($g, $how),
            "vldmia r8, {{s12-s15}}\n",
            "vmla.f32 s0, ",
            $v,
            ", s12\n",
            "vmla.f32 s1, ",
            $v,
            ", s13\n",
            "vmla.f32 s2, ",
            $v,
            ", s14\n",
            "vmla.f32 s3, ",
            $v,
            ", s15\n",
        )
    };
    (1, $g:literal, $how:literal, $v:literal) => {
        concat!(
            step!($g, $how),
            "vldr s12, [r8]\n",
            "vmla.f32 s0, ",
            $v,
            ", s12\n"
        )
    };
}

/// Four values as s4 to s7.
macro_rules! values4 {
    (f32) => {
        "vldmia r0!, {{s4-s7}}\n"
    };
    (f16) => {
        concat!(
            "vldmia r0!, {{s8-s9}}\n",
            "vcvtb.f32.f16 s4, s8\n",
            "vcvtt.f32.f16 s5, s8\n",
            "vcvtb.f32.f16 s6, s9\n",
            "vcvtt.f32.f16 s7, s9\n",
        )
    };
}

macro_rules! gaps_block {
    ($n:tt, $v:tt) => {
        concat!(
            "ldr r4, [r0], #4\n",
            values4!($v),
            float!($n, "r4", "", "s4"),
            float!($n, "r4", ", ror #8", "s5"),
            float!($n, "r4", ", ror #16", "s6"),
            float!($n, "r4", ", ror #24", "s7"),
        )
    };
}

macro_rules! nibbles_block {
    ($n:tt, $v:tt) => {
        concat!(
            "ldr r4, [r0], #4\n",
            "and r5, r7, r4, lsl #2\n",
            "and r4, r7, r4, lsr #2\n",
            values4!($v),
            float!($n, "r5", "", "s4"),
            float!($n, "r4", "", "s5"),
            float!($n, "r5", ", ror #8", "s6"),
            float!($n, "r4", ", ror #8", "s7"),
            values4!($v),
            float!($n, "r5", ", ror #16", "s4"),
            float!($n, "r4", ", ror #16", "s5"),
            float!($n, "r5", ", ror #24", "s6"),
            float!($n, "r4", ", ror #24", "s7"),
        )
    };
}

macro_rules! store {
    (4) => {
        "vstmia r2, {{s0-s3}}\n"
    };
    (1) => {
        "vstr s0, [r2]\n"
    };
}

macro_rules! float_kernel {
    ($name:ident, $n:tt, $block:expr) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(walk: *mut Walk) {
            naked_asm!(concat!(
                core!(),
                "push {{r4-r11, lr}}\n",
                "ldm r0, {{r0-r3, r9-r11}}\n",
                "mov r7, #0x3c3c3c3c\n",
                "2:\n",
                "ldrd r4, r5, [r1], #4\n",
                "mov r8, r11\n",
                "movs r6, #0\n",
                "vmov s0, s1, r6, r6\n",
                "vmov s2, s3, r6, r6\n",
                "sub lr, r5, r4\n",
                blocks!($block),
                store!($n),
                "add r2, r2, r10\n",
                "cmp r2, r3\n",
                "bne 2b\n",
                "pop {{r4-r11, pc}}\n",
            ))
        }
    };
}

float_kernel!(gaps_f32_4, 4, gaps_block!(4, f32));
float_kernel!(gaps_f32_1, 1, gaps_block!(1, f32));
float_kernel!(gaps_f16_4, 4, gaps_block!(4, f16));
float_kernel!(gaps_f16_1, 1, gaps_block!(1, f16));
float_kernel!(nibbles_f32_4, 4, nibbles_block!(4, f32));
float_kernel!(nibbles_f32_1, 1, nibbles_block!(1, f32));
float_kernel!(nibbles_f16_4, 4, nibbles_block!(4, f16));
float_kernel!(nibbles_f16_1, 1, nibbles_block!(1, f16));

/// The next element of value `$v`, whose lower or upper half (`b`, `t`) it is; sums in r2, r3, r10, r11.
macro_rules! int8 {
    (4, $g:literal, $how:literal, $v:literal, $half:literal) => {
        concat!(
            "uxtb r12, ",
            $g,
            $how,
            "\nmla r8, r12, r9, r8\n",
            "ldr r7, [r8]\n",
            "sxtb16 r12, r7\n",
            "sxtb16 r7, r7, ror #8\n",
            "smla",
            $half,
            "b r2, ",
            $v,
            ", r12, r2\n",
            "smla",
            $half,
            "b r3, ",
            $v,
            ", r7, r3\n",
            "smla",
            $half,
            "t r10, ",
            $v,
            ", r12, r10\n",
            "smla",
            $half,
            "t r11, ",
            $v,
            ", r7, r11\n",
        )
    };
    (1, $g:literal, $how:literal, $v:literal, $half:literal) => {
        concat!(
            "uxtb r12, ",
            $g,
            $how,
            "\nmla r8, r12, r9, r8\n",
            "ldrsb r7, [r8]\n",
            "smla",
            $half,
            "b r2, ",
            $v,
            ", r7, r2\n",
        )
    };
}

macro_rules! gaps_block_i8 {
    ($n:tt) => {
        concat!(
            "ldmia r0!, {{r4, r6}}\n",
            "sxtb16 r5, r6\n",
            "sxtb16 r6, r6, ror #8\n",
            int8!($n, "r4", "", "r5", "b"),
            int8!($n, "r4", ", ror #8", "r6", "b"),
            int8!($n, "r4", ", ror #16", "r5", "t"),
            int8!($n, "r4", ", ror #24", "r6", "t"),
        )
    };
}

/// No register is left for spread gaps: each nibble is taken out by itself.
macro_rules! nibbles_block_i8 {
    ($n:tt) => {
        concat!(
            "ldmia r0!, {{r4, r6}}\n",
            "sxtb16 r5, r6\n",
            "sxtb16 r6, r6, ror #8\n",
            int8_nibbles4!($n, "0", "4", "8", "12"),
            "ldr r6, [r0], #4\n",
            "sxtb16 r5, r6\n",
            "sxtb16 r6, r6, ror #8\n",
            int8_nibbles4!($n, "16", "20", "24", "28"),
        )
    };
}

/// Four elements whose nibbles start at these bits of r4.
macro_rules! int8_nibbles4 {
    ($n:tt, $a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            int8_nibble!($n, $a, "r5", "b"),
            int8_nibble!($n, $b, "r6", "b"),
            int8_nibble!($n, $c, "r5", "t"),
            int8_nibble!($n, $d, "r6", "t"),
        )
    };
}

macro_rules! int8_nibble {
    (4, $bit:literal, $v:literal, $half:literal) => {
        concat!(
            "ubfx r12, r4, #",
            $bit,
            ", #4\nmla r8, r12, r9, r8\n",
            "ldr r7, [r8]\n",
            "sxtb16 r12, r7\n",
            "sxtb16 r7, r7, ror #8\n",
            "smla",
            $half,
            "b r2, ",
            $v,
            ", r12, r2\n",
            "smla",
            $half,
            "b r3, ",
            $v,
            ", r7, r3\n",
            "smla",
            $half,
            "t r10, ",
            $v,
            ", r12, r10\n",
            "smla",
            $half,
            "t r11, ",
            $v,
            ", r7, r11\n",
        )
    };
    (1, $bit:literal, $v:literal, $half:literal) => {
        concat!(
            "ubfx r12, r4, #",
            $bit,
            ", #4\nmla r8, r12, r9, r8\n",
            "ldrsb r7, [r8]\n",
            "smla",
            $half,
            "b r2, ",
            $v,
            ", r7, r2\n",
        )
    };
}

macro_rules! store_i8 {
    (4) => {
        "stm r4, {{r2, r3, r10, r11}}\n"
    };
    (1) => {
        "str r2, [r4]\n"
    };
}

/// Too many sums for the rest to stay in registers: `starts` (at 4) and `y` (at 8) move in `Walk` itself, r1.
macro_rules! int8_kernel {
    ($name:ident, $n:tt, $block:expr) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(walk: *mut Walk) {
            naked_asm!(concat!(
                core!(),
                "push {{r4-r11, lr}}\n",
                "mov r1, r0\n",
                "ldr r0, [r1]\n",
                "ldr r9, [r1, #16]\n",
                "2:\n",
                "ldr r6, [r1, #4]\n",
                "ldrd r4, r5, [r6], #4\n",
                "str r6, [r1, #4]\n",
                "ldr r8, [r1, #24]\n",
                "movs r2, #0\n",
                "movs r3, #0\n",
                "mov r10, r2\n",
                "mov r11, r2\n",
                "sub lr, r5, r4\n",
                blocks!($block),
                "ldr r4, [r1, #8]\n",
                store_i8!($n),
                "ldr r5, [r1, #20]\n",
                "ldr r6, [r1, #12]\n",
                "add r4, r4, r5\n",
                "str r4, [r1, #8]\n",
                "cmp r4, r6\n",
                "bne 2b\n",
                "pop {{r4-r11, pc}}\n",
            ))
        }
    };
}

int8_kernel!(gaps_i8_4, 4, gaps_block_i8!(4));
int8_kernel!(gaps_i8_1, 1, gaps_block_i8!(1));
int8_kernel!(nibbles_i8_4, 4, nibbles_block_i8!(4));
int8_kernel!(nibbles_i8_1, 1, nibbles_block_i8!(1));
