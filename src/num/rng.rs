//! A small seeded generator: xoshiro128++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators").

/// xoshiro128++, seeded by SplitMix64. The same numbers on every machine; not for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rng([u32; 4]);

impl Rng {
    /// The generator of `seed`; every seed is good.
    pub const fn new(seed: u64) -> Self {
        let mut words = [0u32; 4];
        let mut z = seed;
        let mut i = 0;
        while i < 4 {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut w = z;
            w = (w ^ (w >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            w = (w ^ (w >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            w ^= w >> 31;
            words[i] = w as u32;
            words[i + 1] = (w >> 32) as u32;
            i += 2;
        }
        Self(words)
    }

    /// Where the generator stands, to be saved.
    pub const fn state(&self) -> [u32; 4] {
        self.0
    }

    /// Continues from a saved [`Rng::state`]; all zeros, which no generator reaches, gives that of seed 0.
    pub const fn from_state(state: [u32; 4]) -> Self {
        if let [0, 0, 0, 0] = state {
            Self::new(0)
        } else {
            Self(state)
        }
    }

    /// The next 32 uniform bits.
    pub const fn next_u32(&mut self) -> u32 {
        let s = &mut self.0;
        let out = s[0].wrapping_add(s[3]).rotate_left(7).wrapping_add(s[0]);
        let t = s[1] << 9;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(11);
        out
    }

    /// The next uniform number in [0, 1), a multiple of 2⁻²⁴.
    pub const fn next_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A uniform integer in `0..n`, without bias (Lemire's multiply and reject); 0 where `n` is 0.
    pub const fn below(&mut self, n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        let reject = n.wrapping_neg() % n;
        loop {
            let product = self.next_u32() as u64 * n as u64;
            if product as u32 >= reject {
                return (product >> 32) as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn first_words_of_the_reference_code() {
        let mut rng = Rng([1, 2, 3, 4]);
        assert_eq!(
            [(); 4].map(|()| rng.next_u32()),
            [641, 1_573_767, 3_222_811_527, 3_517_856_514]
        );
    }

    #[test]
    fn floats_stay_below_one_and_state_continues() {
        let mut rng = Rng::new(7);
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&rng.next_f32()));
        }
        let mut again = Rng::from_state(rng.state());
        assert_eq!(again.next_u32(), rng.next_u32());
        assert_eq!(Rng::from_state([0; 4]), Rng::new(0));
    }

    #[test]
    fn below_reaches_everything_and_nothing_else() {
        let mut rng = Rng::new(0);
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[rng.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }
}
