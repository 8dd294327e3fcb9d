//! The record channel: numbered frames out of one fixed buffer.

use core::fmt::Write;

use heapless::String;
use lacuna::probe::record::{Frame, MAX_FRAME, Record, VERSION, encode};

use crate::Board;

/// A board that speaks in records.
pub(crate) struct Wire<B> {
    pub(crate) board: B,
    pub(crate) model_id: [u8; 8],
    seq: u32,
    buffer: [u8; MAX_FRAME],
}

impl<B: Board> Wire<B> {
    pub(crate) fn new(board: B) -> Wire<B> {
        Wire {
            board,
            model_id: [0; 8],
            seq: 0,
            buffer: [0; MAX_FRAME],
        }
    }

    /// Sends one record; one that does not fit its frame is lost, and the gap in the numbers shows it.
    pub(crate) fn say(&mut self, record: Record<'_>) {
        let frame = Frame {
            version: VERSION,
            model_id: self.model_id,
            boot: 1,
            seq: self.seq,
            record,
        };
        self.seq += 1;
        if let Ok(bytes) = encode(&frame, &mut self.buffer) {
            self.board.speak(bytes);
        }
    }

    /// Sends a fault in the words of `what`, as many as fit, and ends the run.
    pub(crate) fn fault(mut self, position: usize, what: &dyn core::fmt::Display) -> ! {
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

/// The first 64 bytes of what is written.
struct Text(String<64>);

impl Write for Text {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        for c in s.chars() {
            self.0.push(c).map_err(|_| core::fmt::Error)?;
        }
        Ok(())
    }
}
