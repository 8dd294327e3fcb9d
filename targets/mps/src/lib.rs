//! The machine that Arm's MPS2 and MPS3 boards share: a CMSDK UART, the cycle counter of the FPGA's I/O block, and
//! semihosting for words and the end of a run.
//!
//! ```text
//! UART    +0 data   +4 state (bit 0: full)   +8 control (bit 0: transmit)   +16 baud divider
//! FPGAIO  +24 counter, 32 bits, up           +28 prescale, 0 after reset
//! ```
//!
//! # Invariants
//! - [`Machine::ticks`] never falls, if it is called at least once in 2³² ticks.
//!
//! # Why
//! Two devices and four registers: a peripheral crate for each board would be the larger part of the firmware. The
//! boards differ in where these lie, how fast they count and where the stack ends, and say so in a [`Place`].
#![no_std]

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{
    read_volatile, with_exposed_provenance, with_exposed_provenance_mut, write_volatile,
};

use cortex_m as _; // the critical section that defmt needs
use defmt_semihosting as _;
use file_flash::FileFlash;
use harness::Board;
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;
use stack_paint::Stack;

/// What one board has where.
///
/// # Safety
/// At `UART` is a CMSDK UART and at `FPGAIO` an FPGA's I/O block, which nothing but [`Machine`] touches; from
/// `stack_end` to the stack pointer all is RAM of the program's only stack and of nothing else.
pub unsafe trait Place {
    /// The name on the command line of the host tools, and of the folder.
    const NAME: &'static str;
    /// Ticks of the counter in a second.
    const TICKS_PER_SECOND: u32;
    /// Address of the UART that records go to.
    const UART: usize;
    /// Address of the I/O block with the counter.
    const FPGAIO: usize;

    /// Address of the lowest word of the stack.
    fn stack_end() -> usize;
}

/// The board at `P`.
#[derive(Debug)]
pub struct Machine<P> {
    last: u32,
    ticks: u64,
    place: PhantomData<P>,
}

fn get(address: usize) -> u32 {
    // SAFETY: only called with registers of the two devices, which are there by the contract of `Place`.
    unsafe { read_volatile(with_exposed_provenance(address)) }
}

fn set(address: usize, value: u32) {
    // SAFETY: as in `get`.
    unsafe { write_volatile(with_exposed_provenance_mut(address), value) };
}

impl<P: Place> Machine<P> {
    const COUNTER: usize = P::FPGAIO + 24;
}

impl<P: Place> Board for Machine<P> {
    const NAME: &'static str = P::NAME;
    const TICKS_PER_SECOND: u32 = P::TICKS_PER_SECOND;

    type Flash = FileFlash;

    fn start() -> Machine<P> {
        set(P::UART + 16, 16);
        set(P::UART + 8, 1);
        Machine {
            last: get(Self::COUNTER),
            ticks: 0,
            place: PhantomData,
        }
    }

    fn words<'b>(&mut self, buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]> {
        sys_get_cmdline_uninit(buffer).ok().map(|words| &*words)
    }

    fn speak(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            while get(P::UART + 4) & 1 != 0 {}
            set(P::UART, byte.into());
        }
    }

    #[inline(never)]
    fn ticks(&mut self) -> u64 {
        let now = get(Self::COUNTER);
        self.ticks += u64::from(now.wrapping_sub(self.last));
        self.last = now;
        self.ticks
    }

    fn stack(&self) -> Stack {
        // SAFETY: the contract of `Place` is that of `Stack::new`.
        unsafe { Stack::new(P::stack_end()) }
    }

    fn flash(&mut self) -> Option<FileFlash> {
        FileFlash::open(c"flash.bin")
    }

    fn stop(&mut self, ok: bool) -> ! {
        semihosting::process::exit(i32::from(!ok))
    }
}
