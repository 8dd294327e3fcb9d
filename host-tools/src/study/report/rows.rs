//! Every figure as comma-separated values.

use std::path::Path;

use crate::output;
use crate::study::judge::{Estimate, counts};
use crate::study::shift::Outcome;
use crate::study::trial::SAME;

const HEAD: &str = "detector,kind,family,grade,known,shifted,auroc,auroc_low,auroc_high,aupr,aupr_low,aupr_high,\
                    fpr95,fpr95_low,fpr95_high\n";

fn numbers(e: &Estimate) -> String {
    let each = [e.figures, e.low, e.high].map(|f| f.array());
    let of = |i: usize| format!("{:.5},{:.5},{:.5}", each[0][i], each[1][i], each[2][i]);
    [of(0), of(1), of(2)].join(",")
}

/// One row a detector, family and grade, and one for the mean over grades (`*`) and over families (`*,*`).
pub(super) fn write(outcome: &Outcome, path: &Path) -> Result<(), output::Error> {
    let seen = &outcome.seen;
    output::write(path, |w| {
        w.write_all(HEAD.as_bytes())?;
        for judged in &outcome.judged {
            let detector = &outcome.detectors[judged.detector];
            let who = format!("{},{}", detector.name, detector.kind.name());
            writeln!(w, "{who},*,*,,,{}", numbers(&judged.overall.estimate()))?;
            let families = (SAME..).zip(judged.families.iter().zip(&judged.grades));
            for (number, (family, grades)) in families {
                let name = &seen.families[number].name;
                writeln!(w, "{who},{name},*,,,{}", numbers(&family.estimate()))?;
                for (level, grade) in grades.iter().enumerate() {
                    let [known, shifted] = counts(seen, number, level);
                    let of = &seen.families[number].levels[level];
                    let figures = numbers(&grade.estimate());
                    writeln!(w, "{who},{name},{of},{known},{shifted},{figures}")?;
                }
            }
        }
        Ok(())
    })
}
