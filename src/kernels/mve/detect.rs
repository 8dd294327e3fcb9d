//! Whether this core has Helium.
#![allow(unsafe_code)]

use crate::kernels::armv7em::privileged;

/// Told by `MVFR1`, which privileged code may read; unprivileged code gets no for an answer.
pub(in crate::kernels) fn has_mve() -> bool {
    const MVFR1: *const u32 = 0xe000_ef44 as *const u32;
    // SAFETY: a register that every Armv8-M core with floats has, as this triple promises; reading it changes nothing,
    // and this is privileged code.
    privileged() && unsafe { MVFR1.read_volatile() } >> 8 & 0xf != 0
}
