//! What a device says about a run, as bytes that stay readable: the only language between firmware and host.
//!
//! ```text
//! 0x00 │ COBS( postcard(version, model_id, device, boot, seq, uptime_ms, record) │ CRC-32 le ) │ 0x00 │ …
//!
//! firmware: Encoder ─► bytes ─► UART, radio, flash …      any host or gateway: … bytes ─► Decoder ─► Frame
//!           log (defmt alone)
//! ```
//!
//! | version | head | |
//! |---|---|---|
//! | 1 | model_id, boot, seq | read as device 0, uptime 0 |
//! | 2 | model_id, device, boot, seq, uptime_ms | written |
//!
//! # Invariants
//! - A frame holds no zero byte inside and ends with one, so a reader that joins late or loses bytes finds the next frame.
//! - Fields and variants are only ever appended; a change of meaning raises [`VERSION`], which is the first byte, and every
//!   version that was ever written stays readable: `tests/golden` holds frozen frames of each.
//! - A frame is at most [`MAX_FRAME`] bytes, and is decoded in place without memory of its own.
//! - Floats travel as their bits.
//!
//! # Why
//! `postcard` and COBS are what firmware already speaks, and need no description file to be decoded years later. Records
//! borrow from the frame, so that neither side needs a heap or a bound on names.

mod frame;
mod kinds;
#[cfg(feature = "defmt")]
mod log;
mod stream;

pub use frame::{Encoder, Error, Frame, MAX_FRAME, VERSION, decode, encode, frames};
pub use kinds::{
    LOGITS_PER_FRAME, MAX_PLAN, MAX_TEXT, Record, Reset, SelfTest, TOKENS_PER_FRAME, floats, plan,
    tokens,
};
#[cfg(feature = "defmt")]
pub use log::log;
pub use stream::Decoder;
