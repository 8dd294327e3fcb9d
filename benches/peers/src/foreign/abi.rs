//! oneMKL's binary interface under LP64: the words of its headers that are used here.

use std::ffi::{c_int, c_void};

pub(super) const LP64: c_int = 0;
pub(super) const SEQUENTIAL: c_int = 1;
pub(super) const ROW_MAJOR: c_int = 101;
pub(super) const NO_TRANS: c_int = 111;
pub(super) const SPARSE_NO_TRANS: c_int = 10;
pub(super) const SPARSE_BASE_ZERO: c_int = 0;
pub(super) const SPARSE_GENERAL: c_int = 20;

/// `struct matrix_descr` of a general matrix; the other two fields are then unread.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Descr {
    kind: c_int,
    fill: c_int,
    diag: c_int,
}

pub(super) const GENERAL: Descr = Descr {
    kind: SPARSE_GENERAL,
    fill: 40,
    diag: 50,
};

pub(super) type Opaque = *mut c_void;
pub(super) type Ints = *const c_int;
pub(super) type Floats = *const f32;

pub(super) type CreateCsr =
    unsafe extern "C" fn(*mut Opaque, c_int, c_int, c_int, Ints, Ints, Ints, Floats) -> c_int;
pub(super) type MvHint = unsafe extern "C" fn(Opaque, c_int, Descr, c_int) -> c_int;
pub(super) type MmHint = unsafe extern "C" fn(Opaque, c_int, Descr, c_int, c_int, c_int) -> c_int;
pub(super) type One = unsafe extern "C" fn(Opaque) -> c_int;
pub(super) type Mv =
    unsafe extern "C" fn(c_int, f32, Opaque, Descr, Floats, f32, *mut f32) -> c_int;
pub(super) type Mm = unsafe extern "C" fn(
    c_int,
    f32,
    Opaque,
    Descr,
    c_int,
    Floats,
    c_int,
    c_int,
    f32,
    *mut f32,
    c_int,
) -> c_int;
pub(super) type Sgemv = unsafe extern "C" fn(
    c_int,
    c_int,
    c_int,
    c_int,
    f32,
    Floats,
    c_int,
    Floats,
    c_int,
    f32,
    *mut f32,
    c_int,
);
pub(super) type Sgemm = unsafe extern "C" fn(
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    f32,
    Floats,
    c_int,
    Floats,
    c_int,
    f32,
    *mut f32,
    c_int,
);
pub(super) type SetInt = unsafe extern "C" fn(c_int) -> c_int;
pub(super) type VersionString = unsafe extern "C" fn(*mut u8, c_int);
