//! What all kernels with stepped rows share: the walk over rows, and a way into the middle of a chain of blocks.
//!
//! ```text
//! blocks of a row = 4k + t      tbh ─► t of four blocks in a row of code, then all four k times
//!                                     ┌────────────── k times ◄───────────┐
//!                                     top │ block │ block │ block │ block │ next row
//!                                               t = 3 ▲ t = 2 ▲ t = 1 ▲ t = 0 ▲
//! ```
//!
//! Registers: r0 words, r1 starts, r2 and r3 the vector walked row by row and its end, lr blocks left, r8 the pointer
//! that steps move; blocks use the others. The vector that is stepped through is the argument on the stack.

/// Tells the assembler what the proof tells the compiler: Rust hands it less than the core has.
#[cfg(not(armv8m))]
macro_rules! core {
    () => {
        ".fpu fpv4-sp-d16\n"
    };
}

#[cfg(armv8m)]
macro_rules! core {
    () => {
        ".cpu cortex-m33\n.fpu fpv5-sp-d16\n"
    };
}

/// Blocks `lr`, then on behind it.
macro_rules! blocks {
    ($block:expr) => {
        concat!(
            "and r4, lr, #3\n",
            "tbh [pc, r4, lsl #1]\n",
            "40:\n",
            ".hword (50f - 40b) / 2, (41f - 40b) / 2, (42f - 40b) / 2, (43f - 40b) / 2\n",
            "44:\n",
            $block,
            "43:\n",
            $block,
            "42:\n",
            $block,
            "41:\n",
            $block,
            "50:\n",
            "subs lr, lr, #4\n",
            "bhs 44b\n",
        )
    };
}

/// Every row is an output: `zero`, blocks, `store`.
macro_rules! output_rows {
    (begin: $begin:expr, zero: $zero:expr, head: $head:expr, block: $block:expr, store: $store:expr,) => {
        concat!(
            $crate::kernels::armv7em::asm::core!(),
            "push {{r4-r11, lr}}\n",
            $begin,
            "2:\n",
            "ldrd r4, r5, [r1], #4\n",
            "ldr r8, [sp, #36]\n",
            $zero,
            "sub lr, r5, r4\n",
            $head,
            $crate::kernels::armv7em::asm::blocks!($block),
            $store,
            "cmp r2, r3\n",
            "bne 2b\n",
            "pop {{r4-r11, pc}}\n",
        )
    };
}

/// Every row is an input: `next` takes one and compares it with zero; `found` makes r4 the address behind its start in
/// `starts`. r6 is the bytes of a block. r3 is free in blocks: the end waits on the stack.
macro_rules! input_rows {
    (begin: $begin:expr, next: $next:expr, found: $found:expr, block: $block:expr,) => {
        concat!(
            $crate::kernels::armv7em::asm::core!(),
            "push {{r3-r11, lr}}\n",
            "mov r12, r0\n",
            $begin,
            "2:\n",
            "ldr r3, [sp]\n",
            "3:\n",
            "cmp r2, r3\n",
            "beq 9f\n",
            $next,
            "beq 3b\n",
            $found,
            "ldrd r4, r5, [r4, #-4]\n",
            "ldr r8, [sp, #40]\n",
            "sub lr, r5, r4\n",
            "mla r0, r4, r6, r12\n",
            $crate::kernels::armv7em::asm::blocks!($block),
            "b 2b\n",
            "9:\n",
            "pop {{r3-r11, pc}}\n",
        )
    };
}

pub(super) use {blocks, core, input_rows, output_rows};
