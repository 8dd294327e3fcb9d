//! How deep a stack went: paint it, run, look how much paint is left.
//!
//! ```text
//! end                          sp                     start
//!  │ PAINT PAINT PAINT … │ margin │ live frames          │      paint()
//!  │ PAINT PAINT │ used by what ran since │ live frames  │      depth()
//! ```
//!
//! # Invariants
//! - Nothing at or above the stack pointer is written, and nothing below it belongs to anyone.
//! - Single core, no interrupt handler is running.
//!
//! # Why
//! A run-time fact in every emulator and on every board, where static analysis stops at the first function pointer.
#![no_std]

use core::ptr;

const PAINT: u32 = 0xcccc_cccc;
/// Bytes below its own frame that the painting loop leaves alone, and that a depth therefore includes at least.
const MARGIN: usize = 64;

/// A stack that grows down to the byte address `end`.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    end: usize,
}

impl Stack {
    /// The stack of the running program.
    ///
    /// # Safety
    /// From `end`, 4-aligned, to the stack pointer all is RAM of this program's only stack and of nothing else.
    pub const unsafe fn new(end: usize) -> Stack {
        Stack { end }
    }

    /// Paints everything below the caller's frame.
    #[inline(never)]
    pub fn paint(&self) -> Painted {
        let here = 0u32;
        let top = (&raw const here as usize) & !3;
        let mut at = self.end;
        while at < top.saturating_sub(MARGIN) {
            // SAFETY: `end..top` is stack by `new`, below every live frame by MARGIN.
            unsafe { ptr::write_volatile(ptr::with_exposed_provenance_mut::<u32>(at), PAINT) };
            at += 4;
        }
        Painted { end: self.end, top }
    }
}

/// A stack with fresh paint below `top`.
#[derive(Clone, Copy, Debug)]
pub struct Painted {
    end: usize,
    top: usize,
}

impl Painted {
    /// Bytes from where the stack stood at [`Stack::paint`] to the deepest word written since.
    #[inline(never)]
    pub fn depth(&self) -> usize {
        let mut at = self.end;
        while at < self.top {
            // SAFETY: `end..top` is readable RAM by `Stack::new`; volatile, so no assumption about its contents.
            if unsafe { ptr::read_volatile(ptr::with_exposed_provenance::<u32>(at)) } != PAINT {
                break;
            }
            at += 4;
        }
        self.top - at
    }

    /// Whether the stack reached its end, and may have gone on into other memory.
    pub fn is_full(&self) -> bool {
        self.depth() == self.top - self.end
    }
}
