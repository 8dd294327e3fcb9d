//! What a firmware occupies, read from its ELF file.
//!
//! # Invariants
//! - Flash is everything that is loaded (vectors, text, rodata, initial data); RAM is everything writable that is reserved.

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind};

/// Bytes of a firmware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Machine code.
    pub text: u64,
    /// All that is written to flash, code and model included.
    pub flash: u64,
    /// Writable memory reserved by statics, the session's arena included, the stack not.
    pub ram: u64,
    /// The session's arena among the statics; `None` if symbols are stripped or it comes from a heap.
    pub arena: Option<u64>,
}

const ALLOCATED: u64 = object::elf::SHF_ALLOC as u64;
const WRITABLE: u64 = object::elf::SHF_WRITE as u64;

/// Sizes of the firmware in `elf`.
///
/// # Errors
/// The bytes are no ELF file.
pub fn size(elf: &[u8]) -> Result<Size, object::Error> {
    let file = object::File::parse(elf)?;
    let mut size = Size::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        // The linker scripts lay heap and stack out as sections without content.
        let name = section.name().unwrap_or_default();
        if sh_flags & ALLOCATED == 0 || matches!(name, ".heap" | ".stack") {
            continue;
        }
        if section.kind() != SectionKind::UninitializedData {
            size.flash += section.size();
        }
        if section.kind() == SectionKind::Text {
            size.text += section.size();
        }
        if sh_flags & WRITABLE != 0 {
            size.ram += section.size();
        }
    }
    size.arena = file
        .symbols()
        .find(|s| s.name().is_ok_and(|n| n.contains("5ARENA")))
        .map(|s| s.size());
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::BOARDS;

    #[test]
    fn the_prebuilt_firmware_has_code_and_a_heap() {
        for board in &BOARDS {
            let size = size(board.prebuilt).unwrap();
            assert!(
                size.text > 10_000 && size.flash > size.text,
                "{board}: {size:?}"
            );
            assert!(
                size.ram > board.heap && size.ram < board.ram,
                "{board}: {size:?}"
            );
            assert_eq!(size.arena, None);
        }
        assert!(super::size(b"no ELF").is_err());
    }
}
