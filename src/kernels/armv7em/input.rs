//! Activations looked at and quantised.
//!
//! ```text
//! finite     acc += 0 · x          an infinity or NaN makes acc NaN
//! largest    max of bits << 1      the sign falls out, magnitudes order as integers
//! q          x / s + 1.5 · 2^23    the lowest byte of that float is q, rounded to nearest even
//! ```
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::asm::core;
use crate::kernels::isa::Armv7em;
use crate::kernels::portable::{self, first_non_finite};
use crate::kernels::{INPUT_PAD, Input, NonFinite};

/// As [`portable::input`] defines it.
pub(in crate::kernels) fn input<'a>(
    _: Armv7em,
    x: &'a [f32],
    scratch: &'a mut [i8],
    int8: bool,
) -> Result<Input<'a>, NonFinite> {
    if !int8 {
        // SAFETY: `Armv7em` exists only where these instructions do; `x` has that length.
        let zero = unsafe { finite(x.as_ptr(), x.len()) };
        return if zero == 0.0 {
            Ok(Input::plain(x))
        } else {
            Err(first_non_finite(x))
        };
    }
    // SAFETY: as above.
    let largest = f32::from_bits(unsafe { largest(x.as_ptr(), x.len()) } >> 1);
    if !largest.is_finite() {
        return Err(first_non_finite(x));
    }
    let scale = largest / 127.0;
    if scale < f32::MIN_POSITIVE {
        // Zero, or too coarse for quotients to stay within 127 by themselves.
        return portable::input(x, scratch, int8);
    }
    let q = &mut scratch[..x.len() + INPUT_PAD];
    let (body, pad) = q.split_at_mut(x.len());
    pad.fill(0);
    // SAFETY: as above; `body` is as long as `x`.
    unsafe { quantise(x.as_ptr(), body.as_mut_ptr(), x.len(), scale) };
    Ok(Input { x, q, scale })
}

/// 0, or NaN if one of the `n` is not finite.
#[unsafe(naked)]
unsafe extern "C" fn finite(x: *const f32, n: usize) -> f32 {
    naked_asm!(concat!(
        core!(),
        "movs r2, #0\n",
        "vmov s0, r2\n",
        "vmov s1, r2\n",
        "subs r1, r1, #8\n",
        "blo 3f\n",
        "2:\n",
        "vldmia r0!, {{s4-s11}}\n",
        "vmla.f32 s0, s1, s4\n",
        "vmla.f32 s0, s1, s5\n",
        "vmla.f32 s0, s1, s6\n",
        "vmla.f32 s0, s1, s7\n",
        "vmla.f32 s0, s1, s8\n",
        "vmla.f32 s0, s1, s9\n",
        "vmla.f32 s0, s1, s10\n",
        "vmla.f32 s0, s1, s11\n",
        "subs r1, r1, #8\n",
        "bhs 2b\n",
        "3:\n",
        "adds r1, r1, #8\n",
        "beq 5f\n",
        "4:\n",
        "vldmia r0!, {{s4}}\n",
        "vmla.f32 s0, s1, s4\n",
        "subs r1, r1, #1\n",
        "bne 4b\n",
        "5:\n",
        "bx lr\n",
    ))
}

/// The largest of the bits of `n` floats, shifted left by one; 0 of none.
#[unsafe(naked)]
unsafe extern "C" fn largest(x: *const f32, n: usize) -> u32 {
    macro_rules! larger {
        ($x:literal) => {
            concat!("cmp r2, ", $x, ", lsl #1\nit lo\nlsllo r2, ", $x, ", #1\n")
        };
    }
    naked_asm!(concat!(
        core!(),
        "push {{r4-r6, lr}}\n",
        "movs r2, #0\n",
        "subs r1, r1, #4\n",
        "blo 3f\n",
        "2:\n",
        "ldmia r0!, {{r3-r6}}\n",
        larger!("r3"),
        larger!("r4"),
        larger!("r5"),
        larger!("r6"),
        "subs r1, r1, #4\n",
        "bhs 2b\n",
        "3:\n",
        "adds r1, r1, #4\n",
        "beq 5f\n",
        "4:\n",
        "ldr r3, [r0], #4\n",
        larger!("r3"),
        "subs r1, r1, #1\n",
        "bne 4b\n",
        "5:\n",
        "mov r0, r2\n",
        "pop {{r4-r6, pc}}\n",
    ))
}

/// `q = rne(x / scale)` for quotients within ±127.5.
#[unsafe(naked)]
unsafe extern "C" fn quantise(x: *const f32, q: *mut i8, n: usize, scale: f32) {
    macro_rules! rounded {
        ($x:literal) => {
            concat!(
                "vdiv.f32 ",
                $x,
                ", ",
                $x,
                ", s0\n",
                "vadd.f32 ",
                $x,
                ", ",
                $x,
                ", s1\n",
            )
        };
    }
    naked_asm!(concat!(
        core!(),
        "push {{r4-r6, lr}}\n",
        "movw r3, #0\n",
        "movt r3, #0x4b40\n",
        "vmov s1, r3\n",
        "subs r2, r2, #4\n",
        "blo 3f\n",
        "2:\n",
        "vldmia r0!, {{s4-s7}}\n",
        rounded!("s4"),
        rounded!("s5"),
        rounded!("s6"),
        rounded!("s7"),
        "vmov r3, r4, s4, s5\n",
        "vmov r5, r6, s6, s7\n",
        "strb r3, [r1], #1\n",
        "strb r4, [r1], #1\n",
        "strb r5, [r1], #1\n",
        "strb r6, [r1], #1\n",
        "subs r2, r2, #4\n",
        "bhs 2b\n",
        "3:\n",
        "adds r2, r2, #4\n",
        "beq 5f\n",
        "4:\n",
        "vldmia r0!, {{s4}}\n",
        rounded!("s4"),
        "vmov r3, s4\n",
        "strb r3, [r1], #1\n",
        "subs r2, r2, #1\n",
        "bne 4b\n",
        "5:\n",
        "pop {{r4-r6, pc}}\n",
    ))
}
