//! The boards: what QEMU is told, what they hold, how their ticks become instructions.
//!
//! # Invariants
//! - Sizes agree with the `memory.x` of the board's firmware; a test reads both.
//! - `-icount` fixes the virtual time of one instruction, so counts repeat exactly.

use core::fmt;

/// One emulated board.
#[derive(PartialEq, Eq)]
pub struct Board {
    /// Name on the command line and of the folder in `targets/`.
    pub name: &'static str,
    /// The processor, for people.
    pub cpu: &'static str,
    /// Rust target of its firmware.
    pub triple: &'static str,
    /// QEMU program.
    pub emulator: &'static str,
    /// Debian package of that program.
    pub package: &'static str,
    /// Arguments that choose the machine.
    pub machine: &'static [&'static str],
    /// Virtual time of an instruction, nanoseconds.
    pub nanoseconds: u64,
    /// Instructions per counter tick, a fraction: nanoseconds a tick over nanoseconds an instruction.
    pub instructions_per_tick: (u64, u64),
    /// Bytes of flash, code and model together.
    pub flash: u64,
    /// Bytes of RAM beside the stack.
    pub ram: u64,
    /// Bytes of stack that the linker script sets aside.
    pub stack: u64,
    /// Where the prebuilt firmware looks for its model.
    pub model_at: u64,
    /// Bytes there.
    pub model_room: u64,
    /// Bytes of heap in the prebuilt firmware.
    pub heap: u64,
    /// The prebuilt firmware.
    pub prebuilt: &'static [u8],
}

/// Every board, the first is the default.
pub const BOARDS: [Board; 2] = [
    Board {
        name: "qemu-mps2-an386",
        cpu: "Cortex-M4F",
        triple: "thumbv7em-none-eabihf",
        emulator: "qemu-system-arm",
        package: "qemu-system-arm",
        // 32 ns an instruction, 40 ns a tick of the 25 MHz timer.
        machine: &["-M", "mps2-an386", "-icount", "shift=5"],
        nanoseconds: 32,
        instructions_per_tick: (5, 4),
        flash: 4 << 20,
        ram: (4 << 20) - (32 << 10),
        stack: 32 << 10,
        model_at: 0x2100_0000,
        model_room: 16 << 20,
        heap: 3 << 20,
        prebuilt: include_bytes!("../../firmware/qemu-mps2-an386.elf"),
    },
    Board {
        name: "qemu-riscv32-virt",
        cpu: "RV32IMAC",
        triple: "riscv32imac-unknown-none-elf",
        emulator: "qemu-system-riscv32",
        package: "qemu-system-misc",
        // 1 ns an instruction, and the tick is the instruction.
        machine: &["-M", "virt", "-bios", "none", "-icount", "shift=0"],
        nanoseconds: 1,
        instructions_per_tick: (1, 1),
        flash: 16 << 20,
        ram: (16 << 20) - (32 << 10),
        stack: 32 << 10,
        model_at: 0x8200_0000,
        model_room: 64 << 20,
        heap: 15 << 20,
        prebuilt: include_bytes!("../../firmware/qemu-riscv32-virt.elf"),
    },
];

impl Board {
    /// The board of that name.
    pub fn named(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|b| b.name == name)
    }

    /// Instructions in that many ticks, rounded down.
    pub fn instructions(&self, ticks: u64) -> u64 {
        let (n, d) = self.instructions_per_tick;
        (u128::from(ticks) * u128::from(n) / u128::from(d)) as u64
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Board").field(&self.name).finish()
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `ORIGIN` and `LENGTH` of a region in a linker script.
    fn region(script: &str, name: &str) -> (u64, u64) {
        let line = script.lines().find(|l| l.trim().starts_with(name)).unwrap();
        let (_, rest) = line.split_once("ORIGIN =").unwrap();
        let (origin, length) = rest.split_once(", LENGTH =").unwrap();
        let origin = u64::from_str_radix(origin.trim().trim_start_matches("0x"), 16).unwrap();
        let mib: u64 = length.trim().trim_end_matches('M').parse().unwrap();
        (origin, mib << 20)
    }

    #[test]
    fn sizes_are_those_of_the_linker_scripts() {
        let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets");
        for board in &BOARDS {
            let script =
                std::fs::read_to_string(targets.join(board.name).join("memory.x")).unwrap();
            assert_eq!(region(&script, "FLASH").1, board.flash, "{board}");
            let (ram, length) = region(&script, "RAM ");
            assert_eq!(length - board.stack, board.ram, "{board}");
            assert!(
                ram + length <= board.model_at && board.heap < board.ram,
                "{board}"
            );
        }
    }

    #[test]
    fn ticks_become_instructions() {
        assert_eq!(BOARDS[0].instructions(4_000_000_003), 5_000_000_003);
        assert_eq!(BOARDS[1].instructions(7), 7);
        assert_eq!(Board::named("qemu-mps2-an386"), Some(&BOARDS[0]));
        assert_eq!(Board::named("qemu"), None);
    }
}
