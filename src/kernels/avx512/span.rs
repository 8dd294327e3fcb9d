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

/// `tokens` tokens from `at` on.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    x: &'a [f32],
    stride: usize,
    at: usize,
    last: __mmask16,
}

impl<'a> Span<'a> {
    /// Tokens that `P` vectors hold, all lanes of them unless `MASKED`.
    ///
    /// # Panics
    /// If they are more or fewer, or leave their rows.
    pub(super) fn new<const P: usize, const MASKED: bool>(
        x: &'a [f32],
        stride: usize,
        at: usize,
        tokens: usize,
    ) -> Self {
        let most = 16 * P;
        let fits = if MASKED {
            most < tokens + 16 && tokens <= most
        } else {
            tokens == most
        };
        assert!(fits && at + tokens <= stride, "tokens of a row");
        let last = 0xffff >> (most - tokens);
        Span {
            x,
            stride,
            at,
            last,
        }
    }

    /// Floats from one row to the next.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Vector `p` of row `j`.
    ///
    /// # Safety
    /// There is such a row of X, `p < P`, and the parameters are those that the span was made with.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    pub(super) unsafe fn load<const P: usize, const MASKED: bool>(
        &self,
        j: usize,
        p: usize,
    ) -> __m512 {
        // SAFETY: the lanes, or those of them that the mask leaves, are tokens, which lie within row `j`.
        unsafe {
            let x = self.x.as_ptr().add(j * self.stride + self.at + 16 * p);
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
    /// `y` has `R` rows, and the parameters are those that the span was made with.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    pub(super) unsafe fn store<const R: usize, const P: usize, const MASKED: bool>(
        &self,
        sums: &[[__m512; P]; R],
        y: &mut [f32],
    ) {
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
