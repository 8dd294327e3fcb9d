extern crate std;

use std::vec;
use std::vec::Vec;

use half::f16;

use super::{LANES, Panel, Parts, Room, depth, index_at};
use crate::num::Rng;
use crate::sparse::{Csr, Error, Kind, Layout, Value};

/// The parts of a panel, owned.
#[derive(Clone)]
struct Owned<V> {
    starts: Vec<u32>,
    bases: Vec<u16>,
    indices: Vec<u8>,
    values: Vec<V>,
    order: Vec<u8>,
}

impl<V: Value + Default> Owned<V> {
    fn pack(source: &Layout<'_, V>, window: usize) -> Self {
        let need = Panel::need(source, window).unwrap();
        let mut owned = Self {
            starts: vec![9; need.starts],
            bases: vec![9; need.steps],
            indices: vec![9; need.entries],
            values: vec![V::default(); need.entries],
            order: vec![9; need.order],
        };
        let room = Room {
            starts: &mut owned.starts,
            bases: &mut owned.bases,
            indices: &mut owned.indices,
            values: &mut owned.values,
            order: &mut owned.order,
        };
        Panel::pack(source, need, room).unwrap();
        owned
    }

    fn parts(&self) -> Parts<'_, V> {
        Parts {
            starts: &self.starts,
            bases: &self.bases,
            indices: &self.indices,
            values: &self.values,
            order: &self.order,
        }
    }
}

type Triples<V> = Vec<(usize, usize, V)>;

fn rows<V: Value>(layout: &Layout<'_, V>) -> Triples<V> {
    let mut all = Vec::new();
    for row in 0..layout.shape().0 {
        layout.for_each_in(row, |j, v| all.push((row, j, v)));
    }
    all
}

/// Rows of very different lengths, so that sorting pays.
fn csr<V: Value>(
    (rows, cols): (usize, usize),
    number: impl Fn(u32) -> V,
) -> (Vec<u32>, Vec<u16>, Vec<V>) {
    let mut rng = Rng::new(7);
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in 0..rows {
        let chance = [0, 3, 60, 130, 256][row % 5];
        for j in 0..cols {
            if rng.below(256) < chance {
                indices.push(j as u16);
                values.push(number(rng.below(100) + 1));
            }
        }
        indptr.push(indices.len() as u32);
    }
    (indptr, indices, values)
}

fn every_row_comes_back<V: Value + Default + PartialEq + core::fmt::Debug>(
    number: impl Fn(u32) -> V + Copy,
) {
    let mut sorted = false;
    for shape in [(0, 5), (1, 1), (63, 20), (64, 33), (65, 300), (600, 70)] {
        let (indptr, indices, values) = csr(shape, number);
        let c = Csr::new(shape.0, shape.1, &indptr, &indices, &values).unwrap();
        let source = Layout::Csr(c);
        for window in [1, 8, 16, 32, 64, 128] {
            let owned = Owned::pack(&source, window);
            sorted |= !owned.order.is_empty();
            let panel = Panel::new(shape, window, owned.parts()).unwrap();
            assert_eq!((panel.rows(), panel.cols()), shape);
            let layout = Layout::Panel(panel);
            assert_eq!(rows(&layout), rows(&source), "{shape:?} {window}");
            let mut stored = Vec::new();
            layout.for_each(|i, j, v| stored.push((i, j, v)));
            stored.sort_by_key(|(i, _, _)| *i);
            assert_eq!(stored, rows(&source), "columns ascend in storage");
            for (i, j, v) in stored {
                assert_eq!(layout.get(i, j), Some(v));
            }
        }
    }
    assert!(sorted, "some of these pay for sorting");
}

#[test]
fn rows_of_every_type_come_back_from_any_window() {
    every_row_comes_back(|n| n as f32 - 50.5);
    every_row_comes_back(|n| f16::from_f32(n as f32));
    every_row_comes_back(|n| n as i8);
}

#[test]
fn zeros_are_left_out() {
    let c = Csr::new(1, 3, &[0, 3], &[0, 1, 2], &[0.0f32, 5.0, -0.0]).unwrap();
    let owned = Owned::pack(&Layout::Csr(c), 32);
    let panel = Panel::new((1, 3), 32, owned.parts()).unwrap();
    assert_eq!(rows(&Layout::Panel(panel)), [(0, 1, 5.0)]);
    assert_eq!(panel.nnz(), LANES);
}

#[test]
fn room_of_the_wrong_size_is_refused() {
    let c = Csr::new(1, 3, &[0, 1], &[1], &[5i8]).unwrap();
    let source = Layout::Csr(c);
    let need = Panel::need(&source, 128).unwrap();
    assert_eq!((need.entries, need.order), (4 * LANES, 0));
    let room = Room {
        starts: &mut [0; 2],
        bases: &mut [0; 2],
        indices: &mut [0; 4 * LANES],
        values: &mut [0i8; 4 * LANES],
        order: &mut [],
    };
    let refused = Panel::pack(&source, need, room).err();
    assert_eq!(refused.map(|e| e.kind), Some(Kind::Length));
}

/// A sound panel of two slices, spoiled by `spoil`: what is found, and where.
fn spoiled<V: Value + Default>(
    number: impl Fn(u32) -> V,
    spoil: impl FnOnce(&mut Owned<V>),
) -> Option<(Kind, usize)> {
    let (indptr, indices, values) = csr((600, 70), number);
    let c = Csr::new(600, 70, &indptr, &indices, &values).unwrap();
    let mut owned = Owned::pack(&Layout::Csr(c), 32);
    spoil(&mut owned);
    let error = Panel::new((600, 70), 32, owned.parts()).err();
    error.map(|Error { kind, at }| (kind, at))
}

#[test]
fn each_broken_part_is_named_and_placed() {
    let float = |n| n as f32;
    // Position 0 of a sorted group is a full row: step 0 holds column 0 of lane 0.
    assert_eq!(spoiled(float, |_| ()), None);
    assert_eq!(
        spoiled(float, |o| o.starts[1] = o.starts[2] + 1),
        Some((Kind::Order, 1))
    );
    let ends = spoiled(float, |o| o.starts[0] = 1);
    assert_eq!(ends.map(|e| e.0), Some(Kind::Indptr));
    let short = spoiled(float, |o| o.values.truncate(LANES));
    assert_eq!(short.map(|e| e.0), Some(Kind::Length));
    let twice = spoiled(float, |o| o.order[256 + 3] = o.order[256]);
    assert_eq!(twice, Some((Kind::Permutation, 256 + 3)));
    let beyond = spoiled(float, |o| o.order[512 + 5] = 88);
    assert_eq!(beyond, Some((Kind::Permutation, 512 + 5)));
    let far = spoiled(float, |o| o.bases[1] = 39);
    assert_eq!(far, Some((Kind::OutOfRange, LANES)));
    let wide = spoiled(float, |o| o.indices[0] = 32);
    assert_eq!(wide, Some((Kind::OutOfRange, 0)));
    let back = spoiled(float, |o| {
        o.indices[LANES] = 0;
        o.bases[1] = 0;
    });
    assert_eq!(back, Some((Kind::Unsorted, LANES)));
    let infinite = spoiled(float, |o| o.values[5] = f32::INFINITY);
    assert_eq!(infinite, Some((Kind::Value, 5)));
    let minus = spoiled(float, |o| o.values[5] = -0.0);
    assert_eq!(minus, Some((Kind::Filler, 5)));
    let hidden = spoiled(float, |o| {
        o.values[17] = 0.0;
        o.indices[index_at::<f32>(17, 0)] = 1;
    });
    assert_eq!(hidden, Some((Kind::Filler, 17)));
    let least = spoiled(|n| n as i8, |o| o.values[9] = i8::MIN);
    assert_eq!(least, Some((Kind::Value, 9)));
    // The last slice has 88 - 64 rows: its lane 24 is nobody's.
    let nobody = spoiled(
        |n| n as i8,
        |o| {
            let at = o.starts[9] as usize * LANES * depth::<i8>() + 24 * 4;
            o.values[at] = 1;
        },
    );
    assert_eq!(nobody.map(|e| e.0), Some(Kind::OutOfRange));
}

#[test]
fn lying_parts_are_still_walked_within_bounds() {
    let parts = Parts {
        starts: &[0, 7, 1],
        bases: &[u16::MAX],
        indices: &[u8::MAX; LANES],
        values: &[1.0f32; LANES],
        order: &[],
    };
    let panel = Panel::trusted((100, 3), 32, parts).unwrap();
    assert_eq!((panel.steps(0), panel.steps(1)), (0..1, 1..1));
    let mut n = 0;
    panel.for_each(|_, _, _| n += 1);
    assert_eq!(n, LANES);
    assert!(Panel::trusted((100, 3), 129, parts).is_err());
    assert!(Panel::trusted((129, 3), 32, parts).is_err());
}
