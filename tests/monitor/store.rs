//! Power that fails at any byte of a save.

use core::cell::Cell;
use std::rc::Rc;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use lacuna::monitor::{Monitor, MonitorState, StateError, Store, StoreError};
use lacuna::num::Rng;

use crate::{MODEL, calibration, settings};

#[derive(Debug)]
struct PowerFailed;

impl NorFlashError for PowerFailed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// Flash with pages of `PAGE` bytes whose power lasts for some bytes; the byte it fails in keeps any of its bits.
#[derive(Clone)]
struct Flash<const PAGE: usize> {
    bytes: Vec<u8>,
    power: Rc<Cell<usize>>,
    rng: Rng,
    erasures: usize,
}

impl<const PAGE: usize> Flash<PAGE> {
    fn new(pages: usize) -> Self {
        Self {
            bytes: vec![0; pages * PAGE],
            power: Rc::new(Cell::new(usize::MAX)),
            rng: Rng::new(3),
            erasures: 0,
        }
    }

    /// Brings one byte to `value`, unless power fails.
    fn change(&mut self, at: usize, value: u8) -> Result<(), PowerFailed> {
        let Some(left) = self.power.get().checked_sub(1) else {
            let kept = self.rng.next_u32() as u8;
            self.bytes[at] = self.bytes[at] & kept | value & !kept;
            return Err(PowerFailed);
        };
        self.power.set(left);
        self.bytes[at] = value;
        Ok(())
    }
}

impl<const PAGE: usize> ErrorType for Flash<PAGE> {
    type Error = PowerFailed;
}

impl<const PAGE: usize> ReadNorFlash for Flash<PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerFailed> {
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const PAGE: usize> NorFlash for Flash<PAGE> {
    const WRITE_SIZE: usize = 32;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerFailed> {
        assert!((from as usize).is_multiple_of(PAGE) && (to as usize).is_multiple_of(PAGE));
        self.erasures += 1;
        (from as usize..to as usize).try_for_each(|at| self.change(at, 0xff))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerFailed> {
        assert!(offset.is_multiple_of(32) && bytes.len().is_multiple_of(32));
        for (i, byte) in bytes.iter().enumerate() {
            let at = offset as usize + i;
            assert_eq!(
                self.bytes[at], 0xff,
                "a word is written once after it was erased"
            );
            self.change(at, *byte)?;
        }
        Ok(())
    }
}

/// States that differ in what they count.
fn state(windows: u32) -> MonitorState {
    let (scores, tails) = ([1.0], [0.25]);
    let calibration = calibration(settings(), &scores, &tails);
    let mut memory = [0.0; 2];
    let mut monitor = Monitor::new(MODEL, calibration, &mut memory).expect("room");
    for i in 0..windows {
        use lacuna::probe::Probe;
        monitor.observe(crate::LOGITS, &[i as f32 * 0.1]);
        monitor.end_window().expect("a window");
    }
    *monitor.state()
}

fn windows<const PAGE: usize>(flash: &Flash<PAGE>) -> Option<u32> {
    let mut store = Store::new(flash.clone(), 0).expect("a store");
    store.load().map(|s| s.counters().windows)
}

/// Saves one state after the other; at every save, power fails after every number of bytes, and then the save is tried
/// again and goes on.
fn cut<const PAGE: usize>(pages: usize, saves: u32) {
    let mut flash = Flash::<PAGE>::new(pages);
    assert_eq!(windows(&flash), None, "what was never written is no state");
    let mut erased = 0;
    for n in 1..=saves {
        let before = windows(&flash);
        let new = state(n);
        let mut uncut = 0;
        for power in 0.. {
            let mut cut = flash.clone();
            cut.power = Rc::new(Cell::new(power));
            let mut store = Store::new(cut, 0).expect("a store");
            let saved = store.save(&new);
            let cut = store.into_flash();
            let found = windows(&cut);
            if saved.is_ok() {
                assert_eq!(found, Some(n));
                uncut = power;
                (flash, erased) = (cut.clone(), cut.erasures);
                break;
            }
            assert!(
                found == before || found == Some(n),
                "save {n} cut after {power} bytes: {found:?}"
            );
            // The next boot saves what it has, and the one after that too.
            cut.power.set(usize::MAX);
            let mut store = Store::new(cut, 0).expect("a store");
            store.save(&state(n + 1)).expect("power is back");
            assert_eq!(store.load().map(|s| s.counters().windows), Some(n + 1));
        }
        assert!(uncut >= MonitorState::LEN, "every byte was tried");
    }
    let places = (Store::<Flash<PAGE>>::SLOT as usize) / MonitorState::LEN;
    assert!(erased <= saves as usize / places + 1, "{erased} erasures");
}

#[test]
fn power_cut_at_any_byte_leaves_the_previous_or_the_new() {
    // A page a state, some states a page, several pages a state.
    cut::<256>(2, 5);
    cut::<1024>(2, 14);
    cut::<128>(4, 5);
}

#[test]
fn places_that_cannot_be() {
    let geometry = |flash, at| Store::<Flash<256>>::new(flash, at).map(drop).is_err();
    assert!(geometry(Flash::new(1), 0), "one page is one slot");
    assert!(geometry(Flash::new(4), 32), "within a page");
    assert!(geometry(Flash::new(4), 768), "beyond the end");
    assert!(!geometry(Flash::new(4), 512));
    assert_eq!(Store::<Flash<128>>::NEEDED, 512);
}

#[test]
fn worn_flash_is_noticed() {
    struct Stuck(Flash<256>);
    impl ErrorType for Stuck {
        type Error = PowerFailed;
    }
    impl ReadNorFlash for Stuck {
        const READ_SIZE: usize = 1;
        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerFailed> {
            self.0.read(offset, bytes)
        }
        fn capacity(&self) -> usize {
            self.0.capacity()
        }
    }
    impl NorFlash for Stuck {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = 256;
        fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerFailed> {
            self.0.erase(from, to)
        }
        fn write(&mut self, _: u32, _: &[u8]) -> Result<(), PowerFailed> {
            Ok(())
        }
    }
    let mut store = Store::new(Stuck(Flash::new(2)), 0).expect("a store");
    assert!(matches!(store.save(&state(1)), Err(StoreError::Worn)));
}

#[test]
fn bytes_come_back_and_every_flip_is_refused() {
    let state = state(40);
    let bytes = state.to_bytes();
    assert_eq!(MonitorState::from_bytes(&bytes), Ok(state));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut wrong = bytes;
            wrong[at] ^= 1 << bit;
            let error = MonitorState::from_bytes(&wrong).expect_err("a flip");
            let magic = at < 5;
            assert_eq!(error == StateError::Magic, magic, "byte {at}");
        }
    }
}

#[test]
fn numbers_that_no_monitor_reaches() {
    // With a good checksum: an unknown flag, fault and padding, a negative bet, a sum that is not finite.
    let wrong: [(usize, &[u8]); 6] = [
        (5, &[2]),
        (6, &[9]),
        (7, &[1]),
        (52, &f32::NAN.to_le_bytes()),
        (56, &(-1.0f32).to_le_bytes()),
        (150, &[1]),
    ];
    for (at, new) in wrong {
        let mut bytes = state(3).to_bytes();
        bytes[at..at + new.len()].copy_from_slice(new);
        let crc = lacuna::num::crc32(&bytes[..156]).to_le_bytes();
        bytes[156..].copy_from_slice(&crc);
        assert_eq!(
            MonitorState::from_bytes(&bytes),
            Err(StateError::Number),
            "{at}"
        );
    }
}
