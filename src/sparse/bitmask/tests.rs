extern crate std;

use std::vec;
use std::vec::Vec;

use half::f16;

use super::{Bitmask, Room, words};
use crate::sparse::{Csr, Error, Kind, Layout};

fn error(
    shape: (usize, usize),
    starts: &[u32],
    masks: &[u32],
    values: &[f32],
) -> Option<(Kind, usize)> {
    let made = Bitmask::new(shape, starts, masks, values);
    made.err().map(|Error { kind, at }| (kind, at))
}

#[test]
fn each_broken_part_is_named_and_placed() {
    let ok = [1.0, 2.0, 3.0];
    assert_eq!(error((2, 33), &[0, 2, 3], &[1, 1, 0, 1], &ok), None);
    assert_eq!(error((0, 33), &[0], &[], &[]), None);
    assert_eq!(error((0, 33), &[], &[], &[]), Some((Kind::Indptr, 0)));
    assert_eq!(
        error((2, 33), &[0, 2, 4], &[1, 1, 0, 1], &ok),
        Some((Kind::Indptr, 3))
    );
    assert_eq!(
        error((2, 32), &[0, 2, 3], &[1, 1, 0, 1], &ok),
        Some((Kind::Length, 4))
    );
    assert_eq!(
        error((2, 33), &[0, 9, 3], &[1, 1, 0, 1], &ok),
        Some((Kind::Order, 1))
    );
    assert_eq!(
        error((2, 33), &[0, 2, 3], &[1, 2, 0, 1], &ok),
        Some((Kind::OutOfRange, 0))
    );
    assert_eq!(
        error((2, 33), &[0, 2, 3], &[1, 1, 2, 1], &ok),
        Some((Kind::Indptr, 1))
    );
    assert_eq!(
        error((1, 32), &[0, 1], &[1 << 31], &[f32::NAN]),
        Some((Kind::Value, 0))
    );
    assert!(Bitmask::new((1, 3), &[0, 1], &[4], &[i8::MIN]).is_err());
    assert!(Bitmask::trusted((1, 3), &[0, 1], &[4], &[i8::MIN]).is_ok());
}

#[test]
fn elements_come_back() {
    let (indptr, indices) = ([0, 0, 4, 5], [0, 31, 32, 69, 33]);
    let values = [1.0, -0.0, 2.0, 3.0, 4.0].map(f16::from_f32);
    let c = Csr::new(3, 70, &indptr, &indices, &values).unwrap();
    let (mut starts, mut masks) = (vec![9; 4], vec![9; 3 * words(70)]);
    let mut packed = vec![f16::MAX; 4];
    let room = Room {
        starts: &mut starts,
        masks: &mut masks,
        values: &mut packed,
    };
    let b = Bitmask::pack(&Layout::Csr(c), room).unwrap();
    assert!(Bitmask::new((3, 70), b.starts(), b.masks(), b.values()).is_ok());
    assert_eq!((b.rows(), b.cols(), b.nnz()), (3, 70, 4));
    let mut all = Vec::new();
    b.for_each(|i, j, v| all.push((i, j, v.to_f32())));
    assert_eq!(all, [(1, 0, 1.0), (1, 32, 2.0), (1, 69, 3.0), (2, 33, 4.0)]);
    for (i, j, v) in all {
        assert_eq!(b.get(i, j).map(f16::to_f32), Some(v));
    }
    assert_eq!((b.get(1, 31), b.get(0, 0)), (None, None));
}

#[test]
fn room_of_the_wrong_size_is_refused() {
    let c = Csr::new(1, 3, &[0, 1], &[1], &[5i8]).unwrap();
    for values in [0, 2] {
        let room = Room {
            starts: &mut [0; 2],
            masks: &mut [0],
            values: &mut vec![0; values],
        };
        assert!(Bitmask::pack(&Layout::Csr(c), room).is_err());
    }
}
