//! Is it the world that has changed, or the machine?
//!
//! A golden run that differs is repeated with the portable kernels: if those agree, the fast kernels are to blame, else
//! what all kernels share. Without a golden run that these limits can repeat, fast and portable kernels are compared.

use super::Fault;
use crate::kernels::Isa;
use crate::probe::Probe;
use crate::session::{Error, Session, TestError};

/// What a passed self-test has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Passed {
    /// This machine repeats the exporter's run bit for bit.
    Golden,
    /// Fast and portable kernels agree; the file has no golden run, or not for these limits.
    Kernels,
    /// Nothing: the model takes windows, and its file has none to test by.
    Nothing,
}

/// Tests the machine under `session`, which is empty afterwards; its probe sees nothing of it.
///
/// # Errors
/// The [`Fault`] that was found.
pub fn self_test<P: Probe>(session: &mut Session<'_, P>) -> Result<Passed, Fault> {
    judge(session, Session::self_test, Session::kernels_test)
}

/// [`self_test`] of a model of tokens, without what runs windows: 75 KB of code less on a Cortex-M.
///
/// # Errors
/// The [`Fault`] that was found; [`Fault::Machine`] of a model of windows.
pub fn self_test_tokens<P: Probe>(session: &mut Session<'_, P>) -> Result<Passed, Fault> {
    judge(
        session,
        Session::self_test_tokens,
        Session::kernels_test_tokens,
    )
}

fn judge<'a, P: Probe>(
    session: &mut Session<'a, P>,
    golden: fn(&mut Session<'a, P>) -> Result<(), Error>,
    kernels: fn(&mut Session<'a, P>) -> Result<(), Error>,
) -> Result<Passed, Fault> {
    match golden(session) {
        Ok(()) => Ok(Passed::Golden),
        Err(Error::Test(TestError::NoGolden | TestError::Limits)) => match kernels(session) {
            Ok(()) => Ok(Passed::Kernels),
            Err(Error::Test(TestError::NoGolden)) => Ok(Passed::Nothing),
            Err(Error::Test(_)) => Err(Fault::Kernels),
            Err(_) => Err(Fault::NonFinite),
        },
        Err(_) => {
            let isa = session.isa();
            session.use_isa(Isa::Portable);
            let portable = golden(session);
            session.use_isa(isa);
            Err(match portable {
                Ok(()) if isa != Isa::Portable => Fault::Kernels,
                _ => Fault::Machine,
            })
        }
    }
}
