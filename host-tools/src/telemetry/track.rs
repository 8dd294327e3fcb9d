//! Which frames of one device were heard, and how many were not.
//!
//! ```text
//! boot 3   0 1 2 · · 5 6 7 · 9 │ ?        · lost, by their numbers: 3        ? unknown: how many came before the restart
//! boot 4   · 1 2 2 3 …                    first frame lost (numbers start at 0), one duplicate
//! ```
//!
//! # Invariants
//! - `lost` is exact for every boot up to the last frame heard of it: sent up to there = accepted + lost.
//! - A frame is accepted once; a second copy is a duplicate, and the only copy that comes late takes back its loss.
//! - Fixed memory: the uptimes of the first and the latest 64 frames of a boot.
//!
//! # Why
//! Links keep order, so a smaller number is a copy, or the device started again without counting it. The uptimes at
//! equal numbers tell which: a device that has a clock need not have a boot counter, and the other way round. A packet that
//! comes twice may hold a restart: what it repeats of the boots just before is no restart again. A boot counter that was
//! erased is known by its 0 or 1.

use serde::Serialize;

/// Frames whose uptimes are remembered, at the start and at the end of a boot.
const KEPT: usize = 64;
/// Boots before the latest of which copies may still come.
const BEFORE: usize = 4;

/// What was heard of one device, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Frames accepted.
    pub accepted: u64,
    /// Frames lost within boots, exact.
    pub lost: u64,
    /// Copies dropped.
    pub duplicates: u64,
    /// Boots heard.
    pub boots: u64,
    /// Boots of which nothing was heard, by the boot counter.
    pub silent_boots: u64,
    /// Restarts before which an unknown number of frames was lost, zero included.
    pub unknown: u64,
}

impl core::ops::AddAssign for Losses {
    fn add_assign(&mut self, more: Losses) {
        self.accepted += more.accepted;
        self.lost += more.lost;
        self.duplicates += more.duplicates;
        self.boots += more.boots;
        self.silent_boots += more.silent_boots;
        self.unknown += more.unknown;
    }
}

impl Losses {
    /// Share of the frames known to be sent that were lost.
    pub fn share(&self) -> f64 {
        let sent = self.accepted + self.lost;
        if sent == 0 {
            0.0
        } else {
            self.lost as f64 / sent as f64
        }
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Accepted.
    New,
    /// Accepted, and the first of its boot that was heard.
    Boot,
    /// A copy, dropped.
    Duplicate,
}

impl Taken {
    /// Whether the record counts.
    pub fn accepted(self) -> bool {
        self != Taken::Duplicate
    }
}

/// Uptimes by sequence number modulo [`KEPT`].
#[derive(Clone, Copy, Debug)]
struct Seen {
    uptimes: [u64; KEPT],
    /// Bit i: place i holds a frame that was accepted.
    set: u64,
}

impl Seen {
    const NONE: Seen = Seen {
        uptimes: [0; KEPT],
        set: 0,
    };

    fn put(&mut self, seq: u32, uptime: u64) {
        let place = seq as usize % KEPT;
        self.uptimes[place] = uptime;
        self.set |= 1 << place;
    }

    fn at(&self, seq: u32) -> Option<u64> {
        let place = seq as usize % KEPT;
        (self.set >> place & 1 == 1).then_some(self.uptimes[place])
    }
}

/// The latest boot of one device.
#[derive(Clone, Debug)]
pub(super) struct Track {
    boot: u32,
    /// The number that follows the largest accepted.
    next: u64,
    uptime: u64,
    head: Seen,
    tail: Seen,
    /// The boots before, the latest first, and their `next`.
    before: [(u32, u64); BEFORE],
    /// Starts that the boot counter does not tell apart.
    pub(super) starts: u32,
    pub(super) losses: Losses,
}

impl Track {
    /// A device of which nothing was heard.
    pub(super) fn new() -> Track {
        Track {
            boot: 0,
            next: 0,
            uptime: 0,
            head: Seen::NONE,
            tail: Seen::NONE,
            before: [(u32::MAX, u64::MAX); BEFORE],
            starts: 0,
            losses: Losses::default(),
        }
    }

    /// Decides about the frame `seq` of `boot`, said at `uptime`.
    pub(super) fn take(&mut self, boot: u32, seq: u32, uptime: u64) -> Taken {
        if self.losses.boots == 0 {
            return self.begin(boot, seq, uptime);
        }
        if boot != self.boot {
            let known = self.before.iter().any(|(b, _)| *b == boot);
            let recent = boot > 1 && boot.saturating_add(BEFORE as u32) >= self.boot;
            if boot < self.boot && (known || recent) {
                return self.late(boot, seq);
            }
            self.losses.silent_boots += u64::from(boot.saturating_sub(self.boot).saturating_sub(1));
            self.starts = 0;
            return self.restart(boot, seq, uptime);
        }
        if u64::from(seq) >= self.next {
            if uptime < self.uptime {
                self.starts += 1;
                return self.restart(boot, seq, uptime);
            }
            self.advance(seq, uptime);
            return Taken::New;
        }
        self.old(seq, uptime)
    }

    /// A frame of a boot that is over: the second copy of a packet in which the device started again.
    fn late(&mut self, boot: u32, seq: u32) -> Taken {
        let of = |(b, _): &&mut (u32, u64)| *b == boot;
        if let Some((_, next)) = self.before.iter_mut().find(of)
            && u64::from(seq) >= *next
        {
            // The first copy was lost: the boot went on longer than was known.
            self.losses.lost += u64::from(seq) - *next;
            self.losses.accepted += 1;
            *next = u64::from(seq) + 1;
            return Taken::New;
        }
        self.losses.duplicates += 1;
        Taken::Duplicate
    }

    /// A number that was passed already: a copy, a start that was not counted, or the only copy of a lost frame.
    fn old(&mut self, seq: u32, uptime: u64) -> Taken {
        let recent = self.next - u64::from(seq) <= KEPT as u64;
        let early = (seq as usize) < KEPT;
        let known = match (recent, early) {
            (true, _) => self.tail.at(seq),
            (_, true) => self.head.at(seq),
            _ => None,
        };
        match known {
            Some(then) if then == uptime => {}
            Some(_) => {
                self.starts += 1;
                return self.restart(self.boot, seq, uptime);
            }
            None if early && !self.fits(seq, uptime) => {
                self.starts += 1;
                return self.restart(self.boot, seq, uptime);
            }
            None if recent => {
                self.remember(seq, uptime);
                self.losses.lost -= 1;
                self.losses.accepted += 1;
                return Taken::New;
            }
            None => {}
        }
        self.losses.duplicates += 1;
        Taken::Duplicate
    }

    /// Whether an early frame that was not heard could have been said at `uptime`, by those that were.
    fn fits(&self, seq: u32, uptime: u64) -> bool {
        (0..KEPT as u32).all(|other| match self.head.at(other) {
            Some(then) if other < seq => then <= uptime,
            Some(then) => uptime <= then,
            None => true,
        })
    }

    fn begin(&mut self, boot: u32, seq: u32, uptime: u64) -> Taken {
        self.boot = boot;
        self.losses.boots += 1;
        (self.next, self.head, self.tail) = (0, Seen::NONE, Seen::NONE);
        self.advance(seq, uptime);
        Taken::Boot
    }

    fn restart(&mut self, boot: u32, seq: u32, uptime: u64) -> Taken {
        self.losses.unknown += 1;
        if boot != self.boot {
            self.before.rotate_right(1);
            self.before[0] = (self.boot, self.next);
        }
        self.begin(boot, seq, uptime)
    }

    fn advance(&mut self, seq: u32, uptime: u64) {
        let gap = u64::from(seq) - self.next;
        self.losses.lost += gap;
        self.losses.accepted += 1;
        for passed in 0..gap.min(KEPT as u64) {
            let place = (self.next + gap - 1 - passed) as usize % KEPT;
            self.tail.set &= !(1 << place);
        }
        self.next = u64::from(seq) + 1;
        self.uptime = uptime;
        self.remember(seq, uptime);
    }

    fn remember(&mut self, seq: u32, uptime: u64) {
        self.tail.put(seq, uptime);
        if (seq as usize) < KEPT {
            self.head.put(seq, uptime);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes frames (boot, seq, uptime) in turn.
    fn heard(frames: &[(u32, u32, u64)]) -> (Vec<Taken>, Losses) {
        let mut track = Track::new();
        let taken = frames.iter().map(|f| track.take(f.0, f.1, f.2)).collect();
        (taken, track.losses)
    }

    #[test]
    fn gaps_are_counted_from_the_first_number_on() {
        let (_, losses) = heard(&[(1, 2, 20), (1, 3, 30), (1, 9, 90), (1, 200, 2000)]);
        let expected = Losses {
            accepted: 4,
            lost: 197,
            boots: 1,
            ..Losses::default()
        };
        assert_eq!(losses, expected);
    }

    #[test]
    fn copies_are_dropped_and_late_ones_are_not() {
        let (taken, losses) = heard(&[
            (1, 0, 0),
            (1, 1, 1),
            (1, 1, 1),
            (1, 4, 4),
            (1, 2, 2),
            (1, 2, 2),
            (1, 3, 3),
            (1, 5, 5),
        ]);
        assert_eq!(taken[2], Taken::Duplicate);
        assert_eq!((taken[4], taken[5]), (Taken::New, Taken::Duplicate));
        assert_eq!((losses.accepted, losses.lost, losses.duplicates), (6, 0, 2));
    }

    #[test]
    fn far_copies_are_copies() {
        let mut frames: Vec<_> = (0..1000).map(|n| (1, n, u64::from(n))).collect();
        frames.extend((0..1000).map(|n| (1, n, u64::from(n))));
        frames.push((1, 1000, 1000));
        let (_, losses) = heard(&frames);
        assert_eq!(
            (losses.accepted, losses.lost, losses.duplicates),
            (1001, 0, 1000)
        );
        assert_eq!((losses.boots, losses.unknown), (1, 0));
    }

    #[test]
    fn across_a_boot_losses_are_unknown_and_silent_boots_are_counted() {
        let (taken, losses) = heard(&[(1, 0, 0), (1, 1, 5), (4, 3, 9), (1, 1, 5), (4, 4, 10)]);
        assert_eq!(taken[2], Taken::Boot);
        assert_eq!(taken[3], Taken::Duplicate);
        let expected = Losses {
            accepted: 4,
            lost: 3,
            duplicates: 1,
            boots: 2,
            silent_boots: 2,
            unknown: 1,
        };
        assert_eq!(losses, expected);
    }

    #[test]
    fn a_device_without_a_boot_counter_is_known_by_its_clock() {
        let late = |n: u32| (1, n, 1000 + u64::from(n));
        let again = |n: u32| (1, n, 2 * u64::from(n));
        for (first, lost) in [(0, 0), (7, 7), (150, 150)] {
            let mut frames: Vec<_> = (0..100).map(late).collect();
            frames.extend((first..200).map(again));
            let (taken, losses) = heard(&frames);
            assert_eq!(taken[100], Taken::Boot, "{first}");
            assert_eq!((losses.boots, losses.unknown, losses.lost), (2, 1, lost));
        }
    }

    #[test]
    fn a_packet_with_a_restart_may_come_twice() {
        // Of the first copy, the end of boot 6 was broken.
        let (taken, losses) = heard(&[
            (6, 0, 0),
            (7, 0, 0),
            (6, 0, 0),
            (6, 2, 2),
            (7, 0, 0),
            (7, 1, 1),
        ]);
        let accepted: Vec<bool> = taken.iter().map(|t| t.accepted()).collect();
        assert_eq!(accepted, [true, true, false, true, false, true]);
        assert_eq!((losses.lost, losses.boots, losses.unknown), (1, 2, 1));
    }

    #[test]
    fn an_erased_boot_counter_is_a_restart() {
        let (taken, losses) = heard(&[(3, 5, 50), (1, 0, 0), (2, 1, 0)]);
        assert_eq!(taken, [Taken::Boot; 3]);
        assert_eq!((losses.lost, losses.boots, losses.unknown), (6, 3, 2));
    }

    #[test]
    fn the_last_numbers_do_not_overflow() {
        let last = u32::MAX;
        let (_, losses) = heard(&[(last, last, u64::MAX), (last, last, u64::MAX), (0, 0, 0)]);
        assert_eq!((losses.lost, losses.duplicates), (u64::from(last), 1));
        assert_eq!(losses.boots, 2);
    }
}
