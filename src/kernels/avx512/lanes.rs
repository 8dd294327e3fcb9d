//! Loads, and the transpose of eight vectors of two rows each.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256i, __m512, __m512i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_castsi128_si256,
    _mm256_inserti128_si256, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_maskz_loadu_epi16,
    _mm512_add_ps, _mm512_castps256_ps512, _mm512_cvtph_ps, _mm512_insertf32x8, _mm512_loadu_ps,
    _mm512_maskz_loadu_ps, _mm512_permutex2var_ps, _mm512_setr_epi32, _mm512_shuffle_ps,
    _mm512_storeu_ps, _mm512_unpackhi_ps, _mm512_unpacklo_ps,
};

use half::f16;

use crate::kernels::panel::put;
use crate::sparse::panel::LANES;
use crate::sparse::{Panel, Value};

/// A stored float that the two halves of a vector can widen to f32.
pub(super) trait Widen: Value + Default {
    /// Eight values of one row and eight of another as f32.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, VL and DQ, and F16C.
    unsafe fn widen(low: &[Self; 8], high: &[Self; 8]) -> __m512;

    /// Sixteen values as f32.
    ///
    /// # Safety
    /// As [`Widen::widen`].
    unsafe fn load(v: &[Self; 16]) -> __m512;

    /// At most sixteen values as f32, zeros behind them; more are ignored.
    ///
    /// # Safety
    /// As [`Widen::widen`].
    unsafe fn load_some(v: &[Self]) -> __m512;
}

/// As many low bits as `v` has elements, at most sixteen.
#[inline(always)]
fn bits<T>(v: &[T]) -> u16 {
    ((1u32 << v.len().min(16)) - 1) as u16
}

impl Widen for f32 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn widen(low: &[f32; 8], high: &[f32; 8]) -> __m512 {
        // SAFETY: 32 bytes each of two arrays of eight floats.
        let (low, high) = unsafe {
            (
                _mm256_loadu_ps(low.as_ptr()),
                _mm256_loadu_ps(high.as_ptr()),
            )
        };
        _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn load(v: &[f32; 16]) -> __m512 {
        load(v)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn load_some(v: &[f32]) -> __m512 {
        // SAFETY: masked to the elements of the slice.
        unsafe { _mm512_maskz_loadu_ps(bits(v), v.as_ptr()) }
    }
}

impl Widen for f16 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn widen(low: &[f16; 8], high: &[f16; 8]) -> __m512 {
        _mm512_cvtph_ps(joined(low, high))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn load(v: &[f16; 16]) -> __m512 {
        // SAFETY: 32 bytes of an array of sixteen two-byte elements.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(v.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn load_some(v: &[f16]) -> __m512 {
        // SAFETY: masked to the elements of the slice.
        _mm512_cvtph_ps(unsafe { _mm256_maskz_loadu_epi16(bits(v), v.as_ptr().cast()) })
    }
}

/// Two arrays of eight two-byte elements side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn joined<T>(low: &[T; 8], high: &[T; 8]) -> __m256i {
    const { assert!(size_of::<T>() == 2) };
    // SAFETY: 16 bytes each of two arrays of eight two-byte elements.
    let (low, high) = unsafe {
        (
            _mm_loadu_si128(low.as_ptr().cast()),
            _mm_loadu_si128(high.as_ptr().cast()),
        )
    };
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn load(v: &[f32; 16]) -> __m512 {
    // SAFETY: 64 bytes of an array of sixteen floats.
    unsafe { _mm512_loadu_ps(v.as_ptr()) }
}

/// At most eight elements with zeros behind them.
#[inline(always)]
pub(super) fn padded<T: Copy + Default>(s: &[T]) -> [T; 8] {
    match s.first_chunk() {
        Some(whole) => *whole,
        None => {
            let mut out = [T::default(); 8];
            out[..s.len()].copy_from_slice(s);
            out
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn store(out: &mut [f32; 16], v: __m512) {
    // SAFETY: 64 bytes of an array of sixteen floats.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) }
}

/// How many steps of a panel of floats to ask for memory ahead of time, for values of so many bytes.
///
/// Hardware runs ahead of one stream within its page; a panel is two or three. Sixteen steps hide a second-level miss,
/// and cost nothing where there is none; what comes from memory wants more.
pub(super) fn ahead(bytes: usize) -> usize {
    if bytes > 16 << 20 { 64 } else { 16 }
}

/// Asks for the lines of the step that lies `ahead` steps behind this one.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn fetch<T>(step: &T, ahead: usize) {
    let to = core::ptr::from_ref(step).wrapping_add(ahead).cast::<i8>();
    for line in 0..size_of::<T>() / 64 {
        _mm_prefetch::<_MM_HINT_T0>(to.wrapping_add(64 * line));
    }
}

/// Writes the sums of slice `slice` of a panel, sixteen lanes each, to the rows that they are of.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn finish<V: Value>(w: &Panel<'_, V>, slice: usize, acc: [__m512; 4], y: &mut [f32]) {
    let in_place = w.parts().order.is_empty();
    match y.as_chunks_mut::<LANES>().0.get_mut(slice) {
        Some(y) if in_place => spread(acc, y),
        _ => {
            let mut sums = [0.0; LANES];
            spread(acc, &mut sums);
            scatter(w, slice, &sums, y);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn spread(acc: [__m512; 4], out: &mut [f32; LANES]) {
    for (out, acc) in out.as_chunks_mut().0.iter_mut().zip(acc) {
        store(out, acc);
    }
}

/// [`put`] out of line, so that what calls it stays small enough to be inlined.
#[inline(never)]
fn scatter<V: Value>(w: &Panel<'_, V>, slice: usize, sums: &[f32; LANES], y: &mut [f32]) {
    put(w, slice, sums, y);
}

/// Adds the columns of two 8 × 8 blocks (vector r of `p`: row r of the first and of the second) to `acc`, column 0 first.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn add_columns(mut acc: __m512, p: &[__m512; 8]) -> __m512 {
    let (a0, a1) = (
        _mm512_unpacklo_ps(p[0], p[1]),
        _mm512_unpackhi_ps(p[0], p[1]),
    );
    let (a2, a3) = (
        _mm512_unpacklo_ps(p[2], p[3]),
        _mm512_unpackhi_ps(p[2], p[3]),
    );
    let (a4, a5) = (
        _mm512_unpacklo_ps(p[4], p[5]),
        _mm512_unpackhi_ps(p[4], p[5]),
    );
    let (a6, a7) = (
        _mm512_unpacklo_ps(p[6], p[7]),
        _mm512_unpackhi_ps(p[6], p[7]),
    );
    let top = [
        _mm512_shuffle_ps::<0x44>(a0, a2),
        _mm512_shuffle_ps::<0xee>(a0, a2),
        _mm512_shuffle_ps::<0x44>(a1, a3),
        _mm512_shuffle_ps::<0xee>(a1, a3),
    ];
    let bottom = [
        _mm512_shuffle_ps::<0x44>(a4, a6),
        _mm512_shuffle_ps::<0xee>(a4, a6),
        _mm512_shuffle_ps::<0x44>(a5, a7),
        _mm512_shuffle_ps::<0xee>(a5, a7),
    ];
    // Quads 0 and 2 are columns 0–3 of the two blocks, quads 1 and 3 columns 4–7.
    let first: __m512i =
        _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    let second: __m512i =
        _mm512_setr_epi32(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    for c in 0..4 {
        acc = _mm512_add_ps(acc, _mm512_permutex2var_ps(top[c], first, bottom[c]));
    }
    for c in 0..4 {
        acc = _mm512_add_ps(acc, _mm512_permutex2var_ps(top[c], second, bottom[c]));
    }
    acc
}
