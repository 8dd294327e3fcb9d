//! The boards: what QEMU is told, what they hold, how their ticks become instructions.
//!
//! # Invariants
//! - Sizes, places and ticks agree with the board's folder in `targets/`; a test reads both.
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
    /// Most tokens of a prompt that its prebuilt firmware runs at once.
    pub prefill: usize,
    /// Bytes of command line that its firmware takes.
    pub line: usize,
    /// The prebuilt firmware.
    pub prebuilt: &'static [u8],
}

/// Every board, the first is the default.
pub const BOARDS: [Board; 5] = [
    Board {
        name: "qemu-mps2-an386",
        cpu: "Cortex-M4F",
        triple: "thumbv7em-none-eabihf",
        emulator: "qemu-system-arm",
        package: "qemu-system-arm",
        // 32 ns an instruction, 40 ns a tick of the 25 MHz counter.
        machine: &["-M", "mps2-an386", "-icount", "shift=5"],
        nanoseconds: 32,
        instructions_per_tick: (5, 4),
        flash: 4 << 20,
        ram: (4 << 20) - (32 << 10),
        stack: 32 << 10,
        model_at: 0x2100_0000,
        model_room: 16 << 20,
        heap: 3 << 20,
        prefill: 16,
        line: 4096,
        prebuilt: include_bytes!("../../firmware/qemu-mps2-an386.elf"),
    },
    Board {
        name: "qemu-mps2-an505",
        cpu: "Cortex-M33",
        triple: "thumbv8m.main-none-eabihf",
        emulator: "qemu-system-arm",
        package: "qemu-system-arm",
        // 32 ns an instruction, 50 ns a tick of the 20 MHz counter.
        machine: &["-M", "mps2-an505", "-icount", "shift=5"],
        nanoseconds: 32,
        instructions_per_tick: (25, 16),
        flash: 4 << 20,
        ram: (4 << 20) - (32 << 10),
        stack: 32 << 10,
        model_at: 0x8000_0000,
        model_room: 16 << 20,
        heap: 3 << 20,
        prefill: 16,
        line: 4096,
        prebuilt: include_bytes!("../../firmware/qemu-mps2-an505.elf"),
    },
    Board {
        name: "qemu-mps3-an547",
        cpu: "Cortex-M55",
        triple: "thumbv8m.main-none-eabihf",
        emulator: "qemu-system-arm",
        package: "qemu-system-arm",
        // 32 ns an instruction, 50 ns a tick of the 20 MHz counter.
        machine: &["-M", "mps3-an547", "-icount", "shift=5"],
        nanoseconds: 32,
        instructions_per_tick: (25, 16),
        flash: 512 << 10,
        ram: (4 << 20) - (32 << 10),
        stack: 32 << 10,
        model_at: 0x6000_0000,
        model_room: 16 << 20,
        heap: 3 << 20,
        prefill: 16,
        line: 4096,
        prebuilt: include_bytes!("../../firmware/qemu-mps3-an547.elf"),
    },
    Board {
        name: "qemu-microbit",
        cpu: "Cortex-M0",
        triple: "thumbv6m-none-eabi",
        emulator: "qemu-system-arm",
        package: "qemu-system-arm",
        // 64 ns an instruction, 62.5 ns a tick of the 16 MHz timer.
        machine: &["-M", "microbit", "-icount", "shift=6"],
        nanoseconds: 64,
        instructions_per_tick: (125, 128),
        flash: 256 << 10,
        ram: (16 << 10) - (25 << 8),
        stack: 25 << 8,
        model_at: 0x3_0000,
        model_room: 64 << 10,
        heap: 309 << 5,
        prefill: 1,
        line: 256,
        prebuilt: include_bytes!("../../firmware/qemu-microbit.elf"),
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
        prefill: 16,
        line: 4096,
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
        let (number, unit) = length.trim().split_at(length.trim().len() - 1);
        let shift = if unit == "M" { 20 } else { 10 };
        (origin, number.parse::<u64>().unwrap() << shift)
    }

    /// A constant of the board's library.
    fn constant(library: &str, name: &str) -> String {
        let (_, rest) = library.split_once(&format!("pub const {name}: ")).unwrap();
        let (_, value) = rest.split_once(" = ").unwrap();
        value.split(';').next().unwrap().to_owned()
    }

    fn number(text: &str) -> u64 {
        let text = text.replace('_', "");
        match (text.split_once(" << "), text.strip_prefix("0x")) {
            (Some((n, shift)), _) => n.parse::<u64>().unwrap() << shift.parse::<u32>().unwrap(),
            (_, Some(digits)) => u64::from_str_radix(digits, 16).unwrap(),
            _ => text.parse().unwrap(),
        }
    }

    #[test]
    fn the_table_says_what_the_firmware_does() {
        let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets");
        for board in &BOARDS {
            let folder = targets.join(board.name);
            let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
            let script = read("memory.x");
            let (flash, flash_len) = region(&script, "FLASH");
            let (ram, ram_len) = region(&script, "RAM ");
            assert_eq!(flash_len, board.flash, "{board}");
            assert_eq!(ram_len - board.stack, board.ram, "{board}");
            let stack = format!("_stack_end = _stack_start - {};", board.stack);
            let script = script.replace("32K;", "32768;");
            assert!(script.contains(&stack), "{board}");
            let library = read("src/lib.rs");
            let is = |name: &str, value: u64| {
                assert_eq!(
                    number(&constant(&library, name)),
                    value,
                    "{name} of {board}"
                );
            };
            is("MODEL_AT", board.model_at);
            is("MODEL_ROOM", board.model_room);
            is("HEAP", board.heap);
            is("PREFILL", board.prefill as u64);
            let fraction = format!("{:?}", board.instructions_per_tick);
            assert_eq!(
                constant(&library, "INSTRUCTIONS_PER_TICK"),
                fraction,
                "{board}"
            );
            let model_end = board.model_at + board.model_room;
            let in_flash = flash < board.model_at && model_end <= flash + flash_len;
            let outside = ram + ram_len <= board.model_at || model_end <= ram;
            assert!(outside && board.heap < board.ram, "{board}");
            assert!(in_flash || flash + flash_len <= board.model_at || model_end <= flash);
            let config = read(".cargo/config.toml");
            let run = format!("{} {} ", board.emulator, board.machine.join(" "));
            assert!(
                config.contains(&run) && config.contains(board.triple),
                "{board}"
            );
        }
    }

    #[test]
    fn ticks_become_instructions() {
        assert_eq!(BOARDS[0].instructions(4_000_000_003), 5_000_000_003);
        let instructions = |name| Board::named(name).unwrap().instructions(128);
        assert_eq!(instructions("qemu-microbit"), 125);
        assert_eq!(instructions("qemu-riscv32-virt"), 128);
        assert_eq!(Board::named("qemu-mps2-an386"), Some(&BOARDS[0]));
        assert_eq!(Board::named("qemu"), None);
    }
}
