//! Tokens side by side in vectors of eight floats, and stored floats in all lanes.
//!
//! ```text
//!   X, Y │ row j │ … │ at │ vector 0 │ vector 1 │ … │ vector P − 1 (masked) │ … │ next row
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256, __m256i, _mm_cvtph_ps, _mm_cvtsi32_si128, _mm256_broadcastss_ps, _mm256_cmpgt_epi32,
    _mm256_loadu_ps, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_storeu_ps,
};

use half::f16;

use super::lanes::iota;
use crate::sparse::Value;

/// A stored float that all lanes can take.
pub(super) trait Spread: Value {
    /// The value as f32 in every lane.
    ///
    /// # Safety
    /// The processor has AVX2 and F16C.
    unsafe fn spread(self) -> __m256;
}

impl Spread for f32 {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn spread(self) -> __m256 {
        _mm256_set1_ps(self)
    }
}

impl Spread for f16 {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn spread(self) -> __m256 {
        let bits = _mm_cvtsi32_si128(self.to_bits().into());
        _mm256_broadcastss_ps(_mm_cvtph_ps(bits))
    }
}

/// `tokens` tokens from `at` on.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    x: &'a [f32],
    stride: usize,
    at: usize,
    last: __m256i,
}

impl<'a> Span<'a> {
    /// Tokens that `P` vectors hold, all lanes of them unless `MASKED`.
    ///
    /// # Panics
    /// If they are more or fewer, or leave their rows.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn new<const P: usize, const MASKED: bool>(
        x: &'a [f32],
        stride: usize,
        at: usize,
        tokens: usize,
    ) -> Self {
        let most = 8 * P;
        let fits = if MASKED {
            most < tokens + 8 && tokens <= most
        } else {
            tokens == most
        };
        assert!(fits && at + tokens <= stride, "tokens of a row");
        let present = (tokens + 8 - most) as i32;
        let last = _mm256_cmpgt_epi32(_mm256_set1_epi32(present), iota());
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
    #[target_feature(enable = "avx2,f16c")]
    pub(super) unsafe fn load<const P: usize, const MASKED: bool>(
        &self,
        j: usize,
        p: usize,
    ) -> __m256 {
        // SAFETY: the lanes, or those of them that the mask leaves, are tokens, which lie within row `j`.
        unsafe {
            let x = self.x.as_ptr().add(j * self.stride + self.at + 8 * p);
            if MASKED && p + 1 == P {
                _mm256_maskload_ps(x, self.last)
            } else {
                _mm256_loadu_ps(x)
            }
        }
    }

    /// Writes the tokens of `R` rows, which begin where `y` does.
    ///
    /// # Safety
    /// `y` has `R` rows, and the parameters are those that the span was made with.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    pub(super) unsafe fn store<const R: usize, const P: usize, const MASKED: bool>(
        &self,
        sums: &[[__m256; P]; R],
        y: &mut [f32],
    ) {
        for (r, sums) in sums.iter().enumerate() {
            for (p, sums) in sums.iter().enumerate() {
                // SAFETY: as in `load`.
                unsafe {
                    let y = y.as_mut_ptr().add(r * self.stride + self.at + 8 * p);
                    if MASKED && p + 1 == P {
                        _mm256_maskstore_ps(y, self.last, *sums);
                    } else {
                        _mm256_storeu_ps(y, *sums);
                    }
                }
            }
        }
    }
}
