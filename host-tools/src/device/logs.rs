//! The firmware's log (`defmt`) as lines of text.
//!
//! # Why
//! The strings are in the ELF file and not in the firmware, so decoding needs the very file that ran; without the `logs`
//! feature, which brings sixty crates, the channel is only counted.

/// The log as `level message` lines; what cannot be decoded becomes one line that says so.
#[cfg(feature = "logs")]
pub(super) fn lines(elf: &[u8], logs: &[u8]) -> Vec<String> {
    if logs.is_empty() {
        return Vec::new();
    }
    let Ok(Some(table)) = defmt_decoder::Table::parse(elf) else {
        return vec![format!(
            "{} bytes of log that the firmware has no strings for",
            logs.len()
        )];
    };
    let mut decoder = table.new_stream_decoder();
    decoder.received(logs);
    let mut lines = Vec::new();
    loop {
        match decoder.decode() {
            Ok(frame) => {
                let level = frame.level().map_or("print", |level| level.as_str());
                lines.push(format!("{level:5} {}", frame.display_message()));
            }
            Err(defmt_decoder::DecodeError::UnexpectedEof) => break,
            Err(defmt_decoder::DecodeError::Malformed) => {
                lines.push("a malformed log frame".to_owned());
                if !table.encoding().can_recover() {
                    break;
                }
            }
        }
    }
    lines
}

/// The log, of which this build can only tell the length.
#[cfg(not(feature = "logs"))]
pub(super) fn lines(_elf: &[u8], logs: &[u8]) -> Vec<String> {
    match logs.len() {
        0 => Vec::new(),
        n => vec![format!(
            "{n} bytes of log; a build with `--features logs` reads them"
        )],
    }
}
