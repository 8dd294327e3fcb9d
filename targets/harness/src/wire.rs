//! The record channel: numbered frames out of one fixed buffer.

use core::fmt::Write;

use heapless::String;
use lacuna::probe::record::{Encoder, MAX_TEXT, Record};

use crate::Board;

/// A board that speaks in records.
pub(crate) struct Wire<B> {
    pub(crate) board: B,
    pub(crate) frames: Encoder,
}

impl<B: Board> Wire<B> {
    pub(crate) fn new(board: B) -> Wire<B> {
        Wire {
            board,
            frames: Encoder::new(0, 1),
        }
    }

    /// Says from now on who speaks, and how often it has started.
    #[inline(never)]
    pub(crate) fn introduce(&mut self, device: u64, boot: u32) {
        let model_id = self.frames.model_id;
        self.frames = Encoder::new(device, boot);
        self.frames.model_id = model_id;
    }

    /// Sends one record and returns its bytes; one that does not fit its frame is lost, and the gap in the numbers shows
    /// it.
    pub(crate) fn say(&mut self, record: Record<'_>) -> usize {
        let uptime_ms = match u64::from(B::TICKS_PER_SECOND) {
            0 => 0,
            hertz => self.board.ticks() * 1000 / hertz,
        };
        let bytes = self.frames.frame(uptime_ms, record).unwrap_or_default();
        self.board.speak(bytes);
        bytes.len()
    }

    /// Sends a fault in the words of `what`, as many as fit, and ends the run.
    pub(crate) fn fault(&mut self, position: usize, what: &dyn core::fmt::Display) -> ! {
        let mut text = Text(String::new());
        // A text that is cut short is still a text.
        let _ = write!(text, "{what}");
        defmt::error!("position {}: {}", position, text.0.as_str());
        self.say(Record::Fault {
            position: position as u32,
            what: &text.0,
        });
        self.board.stop(false)
    }
}

/// The first bytes of what is written.
struct Text(String<MAX_TEXT>);

impl Write for Text {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        for c in s.chars() {
            self.0.push(c).map_err(|_| core::fmt::Error)?;
        }
        Ok(())
    }
}
