//! A board: how to speak, how to count, how to stop.

use core::mem::MaybeUninit;

use embedded_storage::nor_flash::NorFlash;
use stack_paint::Stack;

/// What a firmware does beside running a model, known while it is built: what it never does takes no flash.
pub trait Firmware {
    /// Most tokens of a prompt that run at once, from 1 to [`MOST_AT_ONCE`].
    const PREFILL: usize;
    /// It can carry out a probe plan.
    const PLAN: bool;
    /// It can run a monitor.
    const MONITOR: bool;
    /// It can run models of windows.
    const WINDOWS: bool;
}

/// Most tokens of a prompt that any firmware runs at once.
pub const MOST_AT_ONCE: usize = 16;

/// What a board must do; everything else is the same on all of them.
pub trait Board: Sized {
    /// The name on the command line of the host tools, and of the folder.
    const NAME: &'static str;
    /// Ticks of [`Board::ticks`] in a second; 0 where they are not time.
    const TICKS_PER_SECOND: u32;

    /// Flash that is kept through a reset.
    type Flash: NorFlash;

    /// Takes hold of the devices; may be called again after a panic.
    fn start() -> Self;
    /// The words that say what to run, in `buffer`; nothing where the board has no such words, `None` if they are too
    /// long.
    fn words<'b>(&mut self, buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]>;
    /// Sends bytes on the record channel, all of them.
    fn speak(&mut self, bytes: &[u8]);
    /// Ticks since [`Board::start`]; called at least once in 2³² ticks.
    fn ticks(&mut self) -> u64;
    /// The stack of the running program.
    fn stack(&self) -> Stack;
    /// The flash for what is kept through a reset; `None` if this board has none now.
    fn flash(&mut self) -> Option<Self::Flash>;
    /// Ends the run, `ok` or not.
    fn stop(&mut self, ok: bool) -> !;
}
