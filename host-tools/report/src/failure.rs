//! Errors as a person reads them: what failed, why, and the next step.

use core::fmt;

/// A suggestion that travels with an error.
#[derive(Debug)]
struct Step {
    step: String,
    cause: anyhow::Error,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl core::error::Error for Step {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.cause.source()
    }
}

/// Adds the next step to an error.
pub trait NextStep<T> {
    /// What the person at the terminal can do about this error, an imperative phrase.
    ///
    /// # Errors
    /// The same error, carrying the step.
    fn next_step(self, step: impl FnOnce() -> String) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> NextStep<T> for Result<T, E> {
    fn next_step(self, step: impl FnOnce() -> String) -> anyhow::Result<T> {
        self.map_err(|e| {
            anyhow::Error::new(Step {
                step: step(),
                cause: e.into(),
            })
        })
    }
}

/// `error: what: cause: cause` and, where an error carries one, `next: step`.
pub fn render(error: &anyhow::Error) -> String {
    let step = error.chain().find_map(|c| c.downcast_ref::<Step>());
    said(error, step.map(|step| step.step.as_str()))
}

/// [`render`] with a step that the caller knows.
pub fn said(error: &anyhow::Error, step: Option<&str>) -> String {
    let mut text = String::from("error: ");
    let mut said = String::new();
    for cause in error.chain() {
        let phrase = cause.to_string();
        // A cause that its parent already spelled out is not repeated.
        if said.contains(&phrase) {
            continue;
        }
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&phrase);
    }
    text.push_str(&said);
    if let Some(step) = step {
        text.push_str("\n next: ");
        text.push_str(step);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn chain_and_step_are_printed_once() {
        let error = std::fs::read("/nonexistent/x")
            .context("cannot read x")
            .next_step(|| "look elsewhere".to_owned())
            .context("cannot load the model")
            .unwrap_err();
        assert_eq!(
            render(&error),
            "error: cannot load the model: cannot read x: No such file or directory (os error 2)\n next: look elsewhere"
        );
    }
}
