//! The opponents: every library that multiplies such matrices in one process, each through its fastest public door.

use crate::case::Case;
use crate::mkl::{Mkl, Use};
use crate::race::Entrant;

/// Everything of other people that computes `y = W x` or, for several tokens, `Y = W X`.
pub fn peers<'a>(case: &'a Case, mkl: Option<&'a Mkl>) -> Vec<Entrant<'a>> {
    let mut all = Vec::new();
    if let Some(mkl) = mkl {
        all.extend(onemkl(case, mkl));
    }
    all
}

fn onemkl<'a>(case: &'a Case, mkl: &'a Mkl) -> Vec<Entrant<'a>> {
    let n = case.tokens;
    let y = || vec![0.0f32; case.rows * n];
    let mut all = Vec::new();
    if n == 1 {
        for (name, hinted) in [("mkl-ie", true), ("mkl-csr", false)] {
            let (handle, mut y) = (mkl.sparse(case, Use::Vector, hinted), y());
            all.push(Entrant::new(name, move || handle.mv(&case.x, &mut y)));
        }
        let mut y = y();
        all.push(Entrant::new("mkl-sgemv", move || mkl.sgemv(&case.dense, &case.x, &mut y)));
    } else {
        for (name, hinted, adjacent) in [
            ("mkl-mm-row", true, true),
            ("mkl-mm-row-plain", false, true),
        ] {
            let (handle, mut y) = (mkl.sparse(case, Use::Tokens(n, adjacent), hinted), y());
            all.push(Entrant::new(name, move || handle.mm(&case.x, &mut y, n, adjacent)));
        }
        let mut y = y();
        all.push(Entrant::new("mkl-sgemm", move || mkl.sgemm(&case.dense, &case.x, &mut y, n)));
    }
    all
}
