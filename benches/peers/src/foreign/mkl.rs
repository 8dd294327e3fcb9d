//! oneMKL, opened at run time: dense `sgemv`/`sgemm` and the inspector-executor sparse products, one thread.
//!
//! ```text
//! LACUNA_MKL=…/libmkl_rt.so.3 ──open()──► Mkl ──sparse(csr, calls, use)──► Handle ──mv / mm──► y, Y
//! ```
//!
//! # Invariants
//! - `sequential` threading and 32-bit integers (`LP64`) are asked for before anything else runs.
//! - A [`Handle`] borrows the arrays that MKL was given, so they outlive it.
//!
//! # Why
//! The library is far too large to depend on, and its licence is not ours: whoever has it (`pip install mkl`) names it.

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use libloading::Library;

use super::abi::*;
use crate::case::Case;

/// Which of its code paths oneMKL is to take. On a processor of another maker it takes plain SSE2 code for sparse
/// products, whatever the processor can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePath {
    /// The library's own choice.
    Own,
    /// What it would choose on an Intel processor with the same instructions.
    Intel,
}

static AS_INTEL: AtomicBool = AtomicBool::new(false);

extern "C" fn is_intel() -> c_int {
    #[cfg(target_arch = "x86_64")]
    let genuine = {
        let id = std::arch::x86_64::__cpuid(0);
        (id.ebx, id.edx, id.ecx) == (0x756e_6547, 0x4965_6e69, 0x6c65_746e)
    };
    #[cfg(not(target_arch = "x86_64"))]
    let genuine = false;
    c_int::from(genuine || AS_INTEL.load(Ordering::Relaxed))
}

/// Takes the place of oneMKL's own function, which returns the function that knows the processor's maker.
// SAFETY: the name is oneMKL's and nobody else's; the signature is that of its function.
#[unsafe(no_mangle)]
pub extern "C" fn mkl_serv_get_cpu_true() -> extern "C" fn() -> c_int {
    is_intel
}

/// Keeps the function above in every executable that opens oneMKL.
#[used]
static KEPT: extern "C" fn() -> extern "C" fn() -> c_int = mkl_serv_get_cpu_true;

/// Why there is no MKL to race.
#[derive(Debug)]
pub enum Absent {
    /// `LACUNA_MKL` is not set.
    Unset,
    /// It is, but the library does not open or lacks a function.
    Broken(libloading::Error),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::Unset => f.write_str(
                "oneMKL left out: LACUNA_MKL=path/to/libmkl_rt.so.3 adds it (`pip install mkl` has it)",
            ),
            Absent::Broken(e) => write!(f, "oneMKL left out: {e}"),
        }
    }
}

/// The functions of an open library.
pub struct Mkl {
    create_csr: CreateCsr,
    mv_hint: MvHint,
    mm_hint: MmHint,
    optimize: One,
    destroy: One,
    mv: Mv,
    mm: Mm,
    sgemv: Sgemv,
    sgemm: Sgemm,
    version: String,
    /// Keeps the code behind the pointers mapped.
    _library: Library,
}

/// What a [`Handle`] will be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Products with one vector.
    Vector,
    /// Products with this many, tokens adjacent.
    Tokens(usize),
}

impl Mkl {
    /// Opens what `LACUNA_MKL` names.
    ///
    /// # Errors
    /// [`Absent`], which says how to get it.
    pub fn open(code_path: CodePath) -> Result<Mkl, Absent> {
        AS_INTEL.store(code_path == CodePath::Intel, Ordering::Relaxed);
        let path = std::env::var_os("LACUNA_MKL").ok_or(Absent::Unset)?;
        // SAFETY: the caller's environment names a oneMKL; its initialisers have no precondition.
        let library = unsafe { Library::new(path) }.map_err(Absent::Broken)?;
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the type is the one that oneMKL's headers give to this name under LP64.
                *unsafe { library.get(concat!($name, "\0")) }.map_err(Absent::Broken)?
            };
        }
        let interface: SetInt = function!("MKL_Set_Interface_Layer");
        let threading: SetInt = function!("MKL_Set_Threading_Layer");
        let version_string: VersionString = function!("MKL_Get_Version_String");
        let mut text = [0u8; 256];
        // SAFETY: the first calls into the library, as both functions ask; the last one is told the buffer's length.
        unsafe {
            interface(LP64);
            threading(SEQUENTIAL);
            version_string(text.as_mut_ptr(), text.len() as c_int - 1);
        }
        let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
        Ok(Mkl {
            create_csr: function!("mkl_sparse_s_create_csr"),
            mv_hint: function!("mkl_sparse_set_mv_hint"),
            mm_hint: function!("mkl_sparse_set_mm_hint"),
            optimize: function!("mkl_sparse_optimize"),
            destroy: function!("mkl_sparse_destroy"),
            mv: function!("mkl_sparse_s_mv"),
            mm: function!("mkl_sparse_s_mm"),
            sgemv: function!("cblas_sgemv"),
            sgemm: function!("cblas_sgemm"),
            version: String::from_utf8_lossy(&text[..end]).trim().to_string(),
            _library: library,
        })
    }

    /// What the library calls itself, the instructions it chose included.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A sparse matrix, inspected for `use_` (`hinted`) or as it comes.
    pub fn sparse<'a>(&'a self, case: &'a Case, use_: Use, hinted: bool) -> Handle<'a> {
        let (rows, cols) = (case.rows as c_int, case.cols as c_int);
        let starts = case.starts.as_ptr();
        let mut raw = std::ptr::null_mut();
        // SAFETY: `Case` keeps `rows + 1` ascending starts that end at the length of `columns` and `values`, and every
        // column is below `cols`; the arrays are borrowed for the life of the handle.
        let status = unsafe {
            (self.create_csr)(
                &mut raw,
                SPARSE_BASE_ZERO,
                rows,
                cols,
                starts,
                starts.add(1),
                case.columns.as_ptr(),
                case.values.as_ptr(),
            )
        };
        assert_eq!(status, 0, "mkl_sparse_s_create_csr");
        let handle = Handle {
            mkl: self,
            raw,
            shape: (case.rows, case.cols),
            _arrays: PhantomData,
        };
        if hinted {
            const CALLS: c_int = 1_000_000;
            // SAFETY: `raw` was just created and is not yet destroyed.
            let hint = unsafe {
                match use_ {
                    Use::Vector => (self.mv_hint)(raw, SPARSE_NO_TRANS, GENERAL, CALLS),
                    Use::Tokens(n) => {
                        (self.mm_hint)(raw, SPARSE_NO_TRANS, GENERAL, ROW_MAJOR, n as c_int, CALLS)
                    }
                }
            };
            // A hint that a build does not know is no fault; the inspection is then the default one.
            let _ = hint;
            // SAFETY: as above.
            let status = unsafe { (self.optimize)(raw) };
            assert_eq!(status, 0, "mkl_sparse_optimize");
        }
        handle
    }

    /// `y = W x`, dense, row-major. Shapes: `w (rows · cols,)`, `x (cols,)`, `y (rows,)`.
    pub fn sgemv(&self, w: &[f32], x: &[f32], y: &mut [f32]) {
        assert_eq!(w.len(), x.len() * y.len(), "sgemv shapes");
        let (rows, cols) = (y.len() as c_int, x.len() as c_int);
        // SAFETY: the lengths were compared with the shapes that are passed.
        unsafe {
            (self.sgemv)(
                ROW_MAJOR,
                NO_TRANS,
                rows,
                cols,
                1.0,
                w.as_ptr(),
                cols,
                x.as_ptr(),
                1,
                0.0,
                y.as_mut_ptr(),
                1,
            );
        }
    }

    /// `Y = W X`, dense, row-major: tokens are adjacent. Shapes: `w (rows · cols,)`, `x (cols · n,)`, `y (rows · n,)`.
    pub fn sgemm(&self, w: &[f32], x: &[f32], y: &mut [f32], n: usize) {
        let (rows, cols) = (y.len() / n, x.len() / n);
        assert_eq!(
            (w.len(), y.len(), x.len()),
            (rows * cols, rows * n, cols * n),
            "sgemm shapes"
        );
        let (rows, cols, n) = (rows as c_int, cols as c_int, n as c_int);
        // SAFETY: the lengths were compared with the shapes that are passed.
        unsafe {
            (self.sgemm)(
                ROW_MAJOR,
                NO_TRANS,
                NO_TRANS,
                rows,
                n,
                cols,
                1.0,
                w.as_ptr(),
                cols,
                x.as_ptr(),
                n,
                0.0,
                y.as_mut_ptr(),
                n,
            );
        }
    }
}

/// A sparse matrix of MKL's.
pub struct Handle<'a> {
    mkl: &'a Mkl,
    raw: Opaque,
    shape: (usize, usize),
    _arrays: PhantomData<&'a Case>,
}

impl Handle<'_> {
    /// `y = W x`. Shapes: `x (cols,)`, `y (rows,)`.
    pub fn mv(&self, x: &[f32], y: &mut [f32]) {
        assert_eq!((y.len(), x.len()), self.shape, "mv shapes");
        // SAFETY: the handle is live and the lengths are the matrix's.
        let status = unsafe {
            (self.mkl.mv)(
                SPARSE_NO_TRANS,
                1.0,
                self.raw,
                GENERAL,
                x.as_ptr(),
                0.0,
                y.as_mut_ptr(),
            )
        };
        assert_eq!(status, 0, "mkl_sparse_s_mv");
    }

    /// `Y = W X` for `n` tokens, which are adjacent. Shapes: `x (cols, n)`, `y (rows, n)`.
    pub fn mm(&self, x: &[f32], y: &mut [f32], n: usize) {
        let (rows, cols) = self.shape;
        assert_eq!((y.len(), x.len()), (rows * n, cols * n), "mm shapes");
        // SAFETY: the handle is live and the lengths are those of the shapes that are passed.
        let status = unsafe {
            (self.mkl.mm)(
                SPARSE_NO_TRANS,
                1.0,
                self.raw,
                GENERAL,
                ROW_MAJOR,
                x.as_ptr(),
                n as c_int,
                n as c_int,
                0.0,
                y.as_mut_ptr(),
                n as c_int,
            )
        };
        assert_eq!(status, 0, "mkl_sparse_s_mm");
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: created by `sparse`, destroyed once; nothing here can act on a failure.
        let _ = unsafe { (self.mkl.destroy)(self.raw) };
    }
}
