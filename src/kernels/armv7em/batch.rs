//! Several tokens with stepped rows: four at a time, the others one by one.
//!
//! ```text
//! x (cols, stride)      p += gap · stride            uxtb, mla
//! │ t0 t1 t2 t3 │ ◄─ p  four activations at once     vldmia, four vmla; int8: ldr, two sxtb16, four smla
//! ```
#![allow(unsafe_code)]

use core::ffi::c_void;

use half::f16;

use super::batch_float::{
    gaps_f16_1, gaps_f16_4, gaps_f32_1, gaps_f32_4, nibbles_f16_1, nibbles_f16_4, nibbles_f32_1,
    nibbles_f32_4,
};
use super::batch_int8::{gaps_i8_1, gaps_i8_4, nibbles_i8_1, nibbles_i8_4};

use crate::kernels::batch::{Batch, scale_i8};
use crate::kernels::isa::Armv7em;
use crate::sparse::{Gaps, Layout, Major, Matrix, Nibbles, Steps, Stored, Stride, Value};

/// What a kernel loads once; the order is that of its registers.
#[repr(C)]
pub(super) struct Walk {
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
