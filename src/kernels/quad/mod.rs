//! Products on 128-bit vectors, written once for the machines that have them always: NEON and WebAssembly.
//!
//! ```text
//!            4 nonzeros of a row, in one vector      transpose          add in order
//! row 0   │ v·x  v·x  v·x  v·x │                    ┌ column 0 ┐   acc (4 rows) += column 0
//! row 1   │ v·x  v·x   0    0  │               ──►  │ column 1 │ ─►               += column 1
//! row 2   │ v·x  v·x  v·x   0  │                    │ column 2 │                  += column 2
//! row 3   │ v·x   0    0    0  │                    └ column 3 ┘                  += column 3
//! ```
//!
//! # Invariants
//! - A [`Quad`] exists only in builds whose target has its instructions, so its operations are safe to call.
//! - Windows on sparse rows come from `block`, which has looked at every index.
//! - Lanes beyond a row's end add a product of zero, which no accumulator that started at +0.0 can show.
//!
//! # Why
//! The two instruction sets differ in spelling, not in shape: four lanes, no gathers, byte look-ups, integer products
//! of bytes. Panels are looked up a byte at a time, so that one instruction serves sixteen lanes. The loops say what happens, the traits' implementations how. Eight rows at a time keep two chains of
//! additions in flight, which is what hides their latency.

pub(super) mod batch;
mod csr;
mod dense;
mod int8;
mod panel;
mod panel_int8;

use half::f16;

use crate::kernels::{Input, portable};
use crate::sparse::{Layout, Major, Matrix, Stored, Value};

/// Four lanes. Every operation is what its name says on each lane; floats round once, to nearest even.
pub(super) trait Quad {
    /// Four f32.
    type F: Copy;
    /// Four i32.
    type I: Copy;
    /// Sixteen bytes.
    type B: Copy;

    fn load(v: &[f32; 4]) -> Self::F;
    fn store(out: &mut [f32; 4], v: Self::F);
    fn splat(x: f32) -> Self::F;
    fn add(a: Self::F, b: Self::F) -> Self::F;
    fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// Four f16 as f32; they are finite.
    fn widen(v: &[f16; 4]) -> Self::F;
    /// The columns of the 4 × 4 block whose rows are `p`.
    fn columns(p: [Self::F; 4]) -> [Self::F; 4];
    /// `v` in lanes below `n`, +0.0 in the others.
    fn first(n: i32, v: Self::F) -> Self::F;

    fn zero() -> Self::I;
    /// Stores four i32 as their bits.
    fn store_sums(out: &mut [f32; 4], v: Self::I);
    /// The sum of the lanes of each of four vectors, in order.
    fn row_sums(a: [Self::I; 4]) -> Self::I;
    /// Adds the eight products to the lanes of `acc`, in any way.
    fn dot8(acc: Self::I, v: &[i8; 8], q: &[i8; 8]) -> Self::I;
    /// Adds the sixteen products to the lanes of `acc`, in any way.
    fn dot16(acc: Self::I, v: &[i8; 16], q: &[i8; 16]) -> Self::I;
    /// Adds `even[i] · q[0] + odd[i] · q[1]` to lane i of the sixteen in `acc`.
    fn pair16(acc: [Self::I; 4], even: &[i8; 16], odd: &[i8; 16], q: [i8; 2]) -> [Self::I; 4];

    fn bytes(v: &[i8; 16]) -> Self::B;
    /// Bytes 0, 1, 2 and 3 of sixteen floats.
    fn planes(x: &[f32; 16]) -> [Self::B; 4];
    /// The floats whose planes are the tables, one vector for each place k of an index in its group of four bytes:
    /// lane i of vector k is float `indices[4 i + k]`. Indices are below `16 T`; `T` is 1 or 2.
    fn look_up<const T: usize>(tables: &[[Self::B; 4]; T], indices: &[u8; 16]) -> [Self::F; 4];
    /// Bytes of the tables, side by side. Indices are below `16 T`; `T` is 4 or 8.
    fn look_up_bytes<const T: usize>(tables: &[Self::B; T], indices: &[u8; 16]) -> Self::B;
    /// Adds the products of bytes 4 i to 4 i + 3 to lane i of `acc`.
    fn dot4(acc: Self::I, v: &[i8; 16], q: Self::B) -> Self::I;
}

/// A stored float.
trait Float: Value + Default {
    /// Four of them as f32.
    fn quad<Q: Quad>(v: &[Self; 4]) -> Q::F;
}

impl Float for f32 {
    #[inline(always)]
    fn quad<Q: Quad>(v: &[f32; 4]) -> Q::F {
        Q::load(v)
    }
}

impl Float for f16 {
    #[inline(always)]
    fn quad<Q: Quad>(v: &[f16; 4]) -> Q::F {
        Q::widen(v)
    }
}

/// At most `N` elements with zeros behind them.
#[inline(always)]
fn padded<T: Copy + Default, const N: usize>(s: &[T]) -> [T; N] {
    match s.first_chunk() {
        Some(whole) => *whole,
        None => {
            let mut out = [T::default(); N];
            out[..s.len()].copy_from_slice(s);
            out
        }
    }
}

/// `y = W x` of float matrices as [`portable::matvec`] defines it; int8 by `Q`'s own dot products.
pub(super) fn matvec<Q: Quad>(w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::F32(Layout::Dense(d)), Major::Output) => dense::output::<Q, _>(d, x.x, y),
        (Stored::F32(Layout::Dense(d)), Major::Input) => dense::input::<Q, _>(d, x.x, y),
        (Stored::F16(Layout::Dense(d)), Major::Output) => dense::output::<Q, _>(d, x.x, y),
        (Stored::F16(Layout::Dense(d)), Major::Input) => dense::input::<Q, _>(d, x.x, y),
        (Stored::F32(Layout::Csr(c)), Major::Output) => csr::output::<Q, _>(c, x.x, y),
        (Stored::F16(Layout::Csr(c)), Major::Output) => csr::output::<Q, _>(c, x.x, y),
        (Stored::F16(Layout::Csr(c)), Major::Input) => csr::input_f16::<Q>(c, x.x, y),
        (Stored::F32(Layout::Panel(p)), Major::Output) if p.window() <= panel::WIDEST => {
            panel::output::<Q, _>(p, x.x, y);
        }
        (Stored::F16(Layout::Panel(p)), Major::Output) if p.window() <= panel::WIDEST => {
            panel::output::<Q, _>(p, x.x, y);
        }
        (Stored::I8(Layout::Panel(p), s), Major::Output) => {
            panel_int8::output::<Q>(p, x.q, y);
            portable::scale_i8(y, x.scale, s);
        }
        (Stored::I8(Layout::Dense(d), s), Major::Output) => {
            int8::dense_output::<Q>(d, x.q, y);
            portable::scale_i8(y, x.scale, s);
        }
        (Stored::I8(Layout::Dense(d), s), Major::Input) => {
            int8::dense_input::<Q>(d, x.q, y);
            portable::scale_i8(y, x.scale, s);
        }
        (Stored::I8(Layout::Csr(c), s), Major::Output) => {
            int8::csr_output::<Q>(c, x.q, y);
            portable::scale_i8(y, x.scale, s);
        }
        // Sums scattered through memory gain nothing from vectors.
        _ => portable::matvec(w, x, y),
    }
}
