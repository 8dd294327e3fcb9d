//! Whether this core has the DSP extension.
#![allow(unsafe_code)]

/// Armv7E-M is Armv7-M with it.
#[cfg(not(armv8m))]
pub(in crate::kernels) fn has_dsp() -> bool {
    true
}

/// Optional in Armv8-M: told by `ID_ISAR3`, which privileged code may read. Unprivileged code gets no for an answer.
#[cfg(armv8m)]
pub(in crate::kernels) fn has_dsp() -> bool {
    const ID_ISAR3: *const u32 = 0xe000_ed6c as *const u32;
    // SAFETY: a register that every Armv8-M core with the Main Extension has; reading it changes nothing, and this is
    // privileged code.
    privileged() && unsafe { ID_ISAR3.read_volatile() } >> 4 & 0xf == 3
}

/// Handlers are privileged, threads unless `CONTROL` says otherwise.
#[cfg(armv8m)]
pub(in crate::kernels) fn privileged() -> bool {
    let (ipsr, control): (u32, u32);
    // SAFETY: moves from special registers, which any code may do; what may not be read comes as 0.
    unsafe {
        core::arch::asm!(
            "mrs {}, IPSR",
            "mrs {}, CONTROL",
            out(reg) ipsr,
            out(reg) control,
            options(nomem, nostack, preserves_flags),
        )
    };
    ipsr != 0 || control & 1 == 0
}
