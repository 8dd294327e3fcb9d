//! Stepped rows of int8, four tokens or one: sums in r2, r3, r10 and r11.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::asm::{blocks, core};
use super::batch::Walk;

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
        pub(super) unsafe extern "C" fn $name(walk: *mut Walk) {
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
