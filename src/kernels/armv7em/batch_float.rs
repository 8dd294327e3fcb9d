//! Stepped rows of f32 and f16, four tokens or one: sums in s0 to s3.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::asm::{blocks, core};
use super::batch::Walk;

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
        pub(super) unsafe extern "C" fn $name(walk: *mut Walk) {
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
