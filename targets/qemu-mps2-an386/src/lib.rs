//! The Arm MPS2 board with image AN386, a Cortex-M4F, as QEMU emulates it.
//!
//! ```text
//! records ─► UART0 0x4000_4000      logs ─► semihosting (defmt)
//! count   ◄─ TIMER0 0x4000_0000, 25 MHz, down: under `-icount shift=5` one tick is 1.25 instructions
//! ```
//!
//! # Why
//! Two devices and three registers each: a peripheral crate would be the larger part of the firmware.
#![no_std]

use core::mem::MaybeUninit;
use core::ptr::{read_volatile, write_volatile};

use cortex_m as _; // the critical section that defmt needs
use defmt_semihosting as _;
use harness::Board;
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;
use stack_paint::Stack;

const UART_DATA: *mut u32 = 0x4000_4000 as *mut u32;
const UART_STATE: *const u32 = 0x4000_4004 as *const u32;
const UART_CTRL: *mut u32 = 0x4000_4008 as *mut u32;
const UART_BAUDDIV: *mut u32 = 0x4000_4010 as *mut u32;
const TIMER_CTRL: *mut u32 = 0x4000_0000 as *mut u32;
const TIMER_VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const TIMER_RELOAD: *mut u32 = 0x4000_0008 as *mut u32;

unsafe extern "C" {
    static _stack_end: u32;
}

/// The board: speaks on UART0, counts with TIMER0, stops by semihosting.
#[derive(Debug)]
pub struct Mps2 {
    last: u32,
    ticks: u64,
}

impl Board for Mps2 {
    const NAME: &'static str = "qemu-mps2-an386";
    const TICKS_PER_SECOND: u32 = 25_000_000;

    fn start() -> Mps2 {
        // SAFETY: registers of AN386's UART0 and TIMER0, which nothing else in this firmware touches.
        unsafe {
            write_volatile(UART_BAUDDIV, 16);
            write_volatile(UART_CTRL, 1);
            write_volatile(TIMER_RELOAD, u32::MAX);
            write_volatile(TIMER_VALUE, u32::MAX);
            write_volatile(TIMER_CTRL, 1);
        }
        Mps2 {
            last: u32::MAX,
            ticks: 0,
        }
    }

    fn words<'b>(&mut self, buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]> {
        sys_get_cmdline_uninit(buffer).ok().map(|words| &*words)
    }

    fn speak(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: UART0 as in `start`; bit 0 of STATE says that the transmit buffer is full.
            unsafe {
                while read_volatile(UART_STATE) & 1 != 0 {}
                write_volatile(UART_DATA, byte.into());
            }
        }
    }

    #[inline(never)]
    fn ticks(&mut self) -> u64 {
        // SAFETY: TIMER0 as in `start`.
        let now = unsafe { read_volatile(TIMER_VALUE) };
        self.ticks += u64::from(self.last.wrapping_sub(now));
        self.last = now;
        self.ticks
    }

    fn stack(&self) -> Stack {
        // SAFETY: memory.x sets everything above `_stack_end` aside for the stack; only the address is taken.
        unsafe { Stack::new(&raw const _stack_end as usize) }
    }

    fn stop(&mut self, ok: bool) -> ! {
        semihosting::process::exit(i32::from(!ok))
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    harness::panicked(Mps2::start(), info)
}
