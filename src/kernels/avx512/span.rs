//! Tokens side by side in vectors of sixteen floats, and stored floats in all lanes.
//!
//! ```text
//!   X, Y │ row j │ … │ at │ vector 0 │ vector 1 │ … │ vector P − 1 (masked) │ … │ next row
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512, __mmask16, _mm_loadl_epi64, _mm_loadu_ps, _mm256_broadcastq_epi64, _mm256_set1_epi16,
    _mm512_broadcast_f32x4, _mm512_cvtph_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
};

use half::f16;

use crate::kernels::batch::Lanes;
use crate::sparse::Value;

/// A stored float that four elements of a row can widen to f32.
pub(super) trait Four: Value {
    /// The four values in each quarter of a vector.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, VL and DQ, and F16C.
    unsafe fn four(v: &[Self; 4]) -> __m512;

    /// The value in all lanes.
    ///
    /// # Safety
    /// As above.
    unsafe fn one(v: &Self) -> __m512;
}

impl Four for f32 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn four(v: &[f32; 4]) -> __m512 {
        // SAFETY: 16 bytes of an array of four floats.
        _mm512_broadcast_f32x4(unsafe { _mm_loadu_ps(v.as_ptr()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn one(v: &f32) -> __m512 {
        _mm512_set1_ps(*v)
    }
}

impl Four for f16 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn four(v: &[f16; 4]) -> __m512 {
        // SAFETY: 8 bytes of an array of four two-byte values.
        let v = unsafe { _mm_loadl_epi64(v.as_ptr().cast()) };
        _mm512_cvtph_ps(_mm256_broadcastq_epi64(v))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn one(v: &f16) -> __m512 {
        _mm512_cvtph_ps(_mm256_set1_epi16(v.to_bits() as i16))
    }
}

/// Tokens from `at` on that `P` vectors hold, all lanes of them unless `MASKED`.
#[derive(Clone, Copy)]
pub(super) struct Span<'a, const P: usize, const MASKED: bool> {
    x: &'a [f32],
    /// Floats from one row of X to the next, and the one at which its tokens begin.
    pitch: usize,
    from: usize,
    stride: usize,
    at: usize,
    tokens: usize,
    last: __mmask16,
}

impl<'a, const P: usize, const MASKED: bool> Span<'a, P, MASKED> {
    /// Tokens `at .. at + tokens` of a batch.
    ///
    /// # Panics
    /// If they are not there, or more or fewer than the parameters say.
    pub(super) fn new(x: &'a [f32], lanes: Lanes, at: usize, tokens: usize) -> Self {
        let (most, stride) = (16 * P, lanes.stride());
        let fits = if MASKED {
            most < tokens + 16 && tokens <= most
        } else {
            tokens == most
        };
        assert!(fits && at + tokens <= stride, "tokens of a row");
        let last = 0xffff >> (most - tokens);
        Span {
            x,
            pitch: stride,
            from: at,
            stride,
            at,
            tokens,
            last,
        }
    }

    /// The same where the rows of `x` are copies of these tokens alone.
    pub(super) fn of_copies(self, x: &'a [f32]) -> Self {
        let (pitch, from) = (16 * P, 0);
        Span {
            x,
            pitch,
            from,
            ..self
        }
    }

    /// Tokens.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Rows of X.
    pub(super) fn rows(&self) -> usize {
        self.x.len() / self.pitch
    }

    /// Floats from one row to the next.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Vector `p` of row `j`.
    ///
    /// # Safety
    /// There is such a row of X, and `p < P`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    pub(super) unsafe fn load(&self, j: usize, p: usize) -> __m512 {
        // SAFETY: the lanes, or those of them that the mask leaves, are tokens, which lie within row `j`.
        unsafe {
            let x = self.x.as_ptr().add(j * self.pitch + self.from + 16 * p);
            if MASKED && p + 1 == P {
                _mm512_maskz_loadu_ps(self.last, x)
            } else {
                _mm512_loadu_ps(x)
            }
        }
    }

    /// Writes the tokens of `R` rows, which begin where `y` does.
    ///
    /// # Safety
    /// `y` has `R` rows.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    pub(super) unsafe fn store<const R: usize>(&self, sums: &[[__m512; P]; R], y: &mut [f32]) {
        for (r, sums) in sums.iter().enumerate() {
            for (p, sums) in sums.iter().enumerate() {
                // SAFETY: as in `load`.
                unsafe {
                    let y = y.as_mut_ptr().add(r * self.stride + self.at + 16 * p);
                    if MASKED && p + 1 == P {
                        _mm512_mask_storeu_ps(y, self.last, *sums);
                    } else {
                        _mm512_storeu_ps(y, *sums);
                    }
                }
            }
        }
    }
}
