//! Items that are alike drawn together: a bootstrap over seeds, and in each over units.
//!
//! ```text
//! seed ─► stratum ─► unit ─► part ─► items     drawn with replacement: seeds, then in every stratum of each as many units,
//!                                              then of every unit as many parts
//! ```

use std::collections::BTreeMap;

use lacuna::num::Rng;

use super::Interval;

/// Where an item belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which run.
    pub seed: u32,
    /// What is drawn from by itself, so that every draw holds some of it.
    pub stratum: u32,
    /// What is drawn as a whole, or part by part where it has several.
    pub unit: u32,
    /// Number of its part; with few units, what varies within them must be drawn too.
    pub part: u32,
}

/// Items by seed, stratum and unit.
#[derive(Clone, Debug)]
pub struct Clusters {
    /// Seeds, their strata, their units, their parts, their items.
    seeds: Vec<Vec<Vec<Vec<Vec<u32>>>>>,
    items: usize,
}

/// One draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// How often each item was drawn.
    pub items: Vec<f32>,
    /// How often each seed was drawn, seeds in ascending order.
    pub seeds: Vec<f32>,
}

impl Clusters {
    /// Items by their places.
    pub fn new(places: &[Place]) -> Self {
        type Units = BTreeMap<u32, BTreeMap<u32, Vec<u32>>>;
        let mut seeds: BTreeMap<u32, BTreeMap<u32, Units>> = BTreeMap::new();
        for (item, place) in (0..).zip(places) {
            let strata = seeds.entry(place.seed).or_default();
            let units = strata.entry(place.stratum).or_default();
            let parts = units.entry(place.unit).or_default();
            parts.entry(place.part).or_default().push(item);
        }
        let units = |units: Units| {
            let parts = units.into_values();
            parts.map(|p| p.into_values().collect()).collect()
        };
        let strata = |strata: BTreeMap<u32, Units>| strata.into_values().map(units).collect();
        Self {
            seeds: seeds.into_values().map(strata).collect(),
            items: places.len(),
        }
    }

    /// Everything once.
    pub fn whole(&self) -> Draw {
        Draw {
            items: vec![1.0; self.items],
            seeds: vec![1.0; self.seeds.len()],
        }
    }

    /// `rounds` draws of a bootstrap.
    pub fn draws(&self, rounds: usize, seed: u64) -> Vec<Draw> {
        let mut rng = Rng::new(seed);
        (0..rounds).map(|_| self.draw(&mut rng)).collect()
    }

    fn draw(&self, rng: &mut Rng) -> Draw {
        let mut draw = Draw {
            items: vec![0.0; self.items],
            seeds: vec![0.0; self.seeds.len()],
        };
        for _ in 0..self.seeds.len() {
            let seed = below(rng, self.seeds.len());
            draw.seeds[seed] += 1.0;
            for units in &self.seeds[seed] {
                for _ in 0..units.len() {
                    let unit = &units[below(rng, units.len())];
                    for _ in 0..unit.len() {
                        let part = &unit[below(rng, unit.len())];
                        part.iter().for_each(|i| draw.items[*i as usize] += 1.0);
                    }
                }
            }
        }
        draw
    }

    /// `figure` of all items and its percentile interval; `figure` is given items, drawn ones as often as they were.
    pub fn interval(
        &self,
        figure: impl Fn(&[usize]) -> f64,
        confidence: f64,
        (rounds, seed): (usize, u64),
    ) -> (f64, Interval) {
        let listed = |draw: &Draw| -> Vec<usize> {
            let each = draw.items.iter().enumerate();
            each.flat_map(|(i, n)| core::iter::repeat_n(i, *n as usize))
                .collect()
        };
        let draws = self.draws(rounds, seed);
        let figures = draws.iter().map(|d| figure(&listed(d))).collect();
        (
            figure(&listed(&self.whole())),
            percentiles(figures, confidence),
        )
    }
}

fn below(rng: &mut Rng, n: usize) -> usize {
    rng.below(n as u32) as usize
}

/// The middle `confidence` of some figures, those that are no number left out; NaN where there is none.
pub fn percentiles(mut figures: Vec<f64>, confidence: f64) -> Interval {
    figures.retain(|f| !f.is_nan());
    figures.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let at = |q: f64| {
        let place = (q * (figures.len() as f64 - 1.0)).round() as usize;
        figures.get(place).copied().unwrap_or(f64::NAN)
    };
    Interval {
        low: at(tail),
        high: at(1.0 - tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_drawn_whole_and_strata_keep_their_size() {
        // Two seeds with two strata of five units of four items.
        let places: Vec<Place> = (0..80)
            .map(|i| Place {
                seed: i / 40,
                stratum: i / 20 % 2,
                unit: i / 4,
                part: 0,
            })
            .collect();
        let clusters = Clusters::new(&places);
        for draw in clusters.draws(50, 1) {
            assert_eq!(draw.seeds.iter().sum::<f32>(), 2.0);
            for (seed, items) in draw.items.chunks(40).enumerate() {
                for stratum in items.chunks(20) {
                    assert_eq!(stratum.iter().sum::<f32>(), 20.0 * draw.seeds[seed]);
                    assert!(stratum.chunks(4).all(|u| u.iter().all(|n| *n == u[0])));
                }
            }
        }
    }

    #[test]
    fn one_unit_of_many_parts_still_varies() {
        let places: Vec<Place> = (0..30)
            .map(|i| Place {
                part: i / 3,
                ..Place::default()
            })
            .collect();
        let draws = Clusters::new(&places).draws(20, 1);
        for draw in &draws {
            assert_eq!(draw.items.iter().sum::<f32>(), 30.0);
            assert!(draw.items.chunks(3).all(|p| p.iter().all(|n| *n == p[0])));
        }
        assert!(draws.iter().any(|d| *d != draws[0]));
    }

    #[test]
    fn alike_items_make_wide_intervals() {
        let mut rng = Rng::new(5);
        let means: Vec<f64> = (0..20).map(|_| f64::from(rng.next_f32())).collect();
        let values: Vec<f64> = (0..400).map(|i| means[i / 20]).collect();
        let mean =
            |items: &[usize]| items.iter().map(|i| values[*i]).sum::<f64>() / items.len() as f64;
        let by = |unit: u32| -> f64 {
            let places: Vec<Place> = (0..400)
                .map(|i| Place {
                    unit: i / unit,
                    ..Place::default()
                })
                .collect();
            let (whole, interval) = Clusters::new(&places).interval(mean, 0.95, (400, 2));
            assert!(interval.covers(whole));
            interval.high - interval.low
        };
        assert!(by(20) > 3.0 * by(1));
    }
}
