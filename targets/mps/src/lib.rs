//! What Arm's MPS2 and MPS3 boards have in common: a CMSDK UART, and the cycle counter of the FPGA's I/O block.
//!
//! ```text
//! UART    +0 data   +4 state (bit 0: full)   +8 control (bit 0: transmit)   +16 baud divider
//! FPGAIO  +24 counter, 32 bits, up           +28 prescale, 0 after reset
//! ```
//!
//! # Invariants
//! - [`Mps::ticks`] never falls, if it is called at least once in 2³² ticks.
//!
//! # Why
//! Two devices and four registers: a peripheral crate for each board would be the larger part of the firmware.
#![no_std]

use core::ptr::{
    read_volatile, with_exposed_provenance, with_exposed_provenance_mut, write_volatile,
};

/// Both devices, at the addresses of one board.
#[derive(Debug)]
pub struct Mps {
    uart: usize,
    counter: usize,
    last: u32,
    ticks: u64,
}

impl Mps {
    /// Starts the UART at `uart` and reads the I/O block at `fpgaio`.
    ///
    /// # Safety
    /// These devices are there and nothing else in the program touches them; this is called again only once the result of
    /// the last call is no longer used.
    pub unsafe fn start(uart: usize, fpgaio: usize) -> Mps {
        // SAFETY: a CMSDK UART by the contract.
        unsafe {
            write_volatile(with_exposed_provenance_mut::<u32>(uart + 16), 16);
            write_volatile(with_exposed_provenance_mut::<u32>(uart + 8), 1);
        }
        let counter = fpgaio + 24;
        // SAFETY: the counter of an FPGA's I/O block by the contract.
        let last = unsafe { read_volatile(with_exposed_provenance::<u32>(counter)) };
        Mps {
            uart,
            counter,
            last,
            ticks: 0,
        }
    }

    /// Sends all bytes.
    pub fn speak(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: a CMSDK UART by the contract of `start`.
            unsafe {
                while read_volatile(with_exposed_provenance::<u32>(self.uart + 4)) & 1 != 0 {}
                write_volatile(with_exposed_provenance_mut::<u32>(self.uart), byte.into());
            }
        }
    }

    /// Ticks of the board's clock since [`Mps::start`].
    #[inline(never)]
    pub fn ticks(&mut self) -> u64 {
        // SAFETY: the counter by the contract of `start`.
        let now = unsafe { read_volatile(with_exposed_provenance::<u32>(self.counter)) };
        self.ticks += u64::from(now.wrapping_sub(self.last));
        self.last = now;
        self.ticks
    }
}
