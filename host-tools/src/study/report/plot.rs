//! Plots as SVG text.
//!
//! # Invariants
//! - Ranges are never empty and never infinite, whatever the values.

use plotters::prelude::*;

use super::Error;
use crate::report::plot::{self, Area, COLOURS, Drawn, FONT, own};

fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Error> {
    plot::svg(size, draw).map_err(|e| Error::Plot(e.to_string()))
}

/// A named figure with its interval.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// Value, lower and upper end.
    pub value: [f64; 3],
    /// Number of its colour.
    pub colour: usize,
}

/// Figures with intervals, one below the other, on 0…1 with a line at `chance`.
///
/// # Errors
/// [`Error::Plot`].
pub fn bars(bars: &[Bar], chance: f64) -> Result<String, Error> {
    let rows = bars.len().max(1);
    let label = |at: &f64| -> String {
        let place = rows as f64 - at - 0.5;
        let row = place.round();
        match (place - row).abs() < 0.01 && row >= 0.0 {
            true => bars
                .get(row as usize)
                .map_or(String::new(), |b| b.name.clone()),
            false => String::new(),
        }
    };
    svg((760, 60 + 22 * rows as u32), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(28)
            .y_label_area_size(310)
            .build_cartesian_2d(0.0..1.0, 0.0..rows as f64)
            .map_err(own)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .y_labels(0)
            .x_labels(11)
            .label_style(FONT)
            .light_line_style(WHITE)
            .draw()
            .map_err(own)?;
        let line = [(chance, 0.0), (chance, rows as f64)];
        chart
            .draw_series(LineSeries::new(line, BLACK.mix(0.5)))
            .map_err(own)?;
        for (i, bar) in bars.iter().enumerate() {
            let at = rows as f64 - i as f64 - 0.5;
            let [value, low, high] = bar.value.map(|v| {
                if v.is_finite() {
                    v.clamp(0.0, 1.0)
                } else {
                    0.0
                }
            });
            let colour = COLOURS[bar.colour % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(
                    [(low, at), (high, at)],
                    colour.stroke_width(3),
                ))
                .map_err(own)?;
            chart
                .draw_series([Circle::new((value, at), 5, colour.filled())])
                .map_err(own)?;
            let place = chart.backend_coord(&(0.0, at));
            area.draw_text(
                &label(&at),
                &FONT.into_text_style(area),
                (place.0 - 300, place.1 - 7),
            )
            .map_err(own)?;
        }
        Ok(())
    })
}

/// One line of a [`lines`] plot.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// One a place, with its interval; not drawn where it is no number.
    pub points: Vec<[f64; 3]>,
}

/// Lines over named places, with intervals.
///
/// # Errors
/// [`Error::Plot`].
pub fn lines(title: &str, places: &[String], lines: &[Line]) -> Result<String, Error> {
    let all = || {
        lines
            .iter()
            .flat_map(|l| l.points.iter().flatten())
            .filter(|v| v.is_finite())
    };
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(*v), b.max(*v))
    });
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    let air = ((high - low) * 0.08).max(1e-6 * high.abs()).max(1e-9);
    let last = places.len().saturating_sub(1) as f64;
    let name = |at: &f64| {
        let row = at.round();
        match (at - row).abs() < 0.01 && row >= 0.0 {
            true => places.get(row as usize).cloned().unwrap_or_default(),
            false => String::new(),
        }
    };
    svg((760, 300), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .caption(title, FONT)
            .x_label_area_size(28)
            .y_label_area_size(60)
            .build_cartesian_2d(-0.3..last + 0.3, low - air..high + air)
            .map_err(own)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(places.len().clamp(2, 12) * 4)
            .x_label_formatter(&name)
            .label_style(FONT)
            .light_line_style(WHITE)
            .draw()
            .map_err(own)?;
        let n = lines.len().max(1) as f64;
        for (i, (line, colour)) in lines.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
            let aside = (i as f64 - (n - 1.0) / 2.0) * 0.03;
            let points = line
                .points
                .iter()
                .enumerate()
                .filter(|(_, p)| p[0].is_finite());
            let points: Vec<(f64, [f64; 3])> =
                points.map(|(x, p)| (x as f64 + aside, *p)).collect();
            chart
                .draw_series(LineSeries::new(
                    points.iter().map(|(x, p)| (*x, p[0])),
                    colour.stroke_width(2),
                ))
                .map_err(own)?
                .label(&line.name)
                .legend(move |at| plot::stroke(at, colour));
            let spans = points
                .iter()
                .filter(|(_, p)| p[1].is_finite() && p[2].is_finite());
            for (x, p) in spans {
                chart
                    .draw_series(LineSeries::new([(*x, p[1]), (*x, p[2])], colour.mix(0.6)))
                    .map_err(own)?;
            }
        }
        plot::legend(&mut chart)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_can_be_drawn() {
        let bar = |value| Bar {
            name: "a <b>".to_owned(),
            value,
            colour: 9,
        };
        for value in [[0.5, 0.4, 0.6], [f64::NAN; 3], [7.0, -1.0, f64::INFINITY]] {
            let text = bars(&[bar(value)], 0.5).unwrap();
            assert!(
                text.starts_with("<svg") && text.contains("a &lt;b&gt;"),
                "{text}"
            );
            let line = Line {
                name: "x".to_owned(),
                points: vec![value, [1.0; 3]],
            };
            assert!(lines("t", &["p".to_owned(), "q".to_owned()], &[line]).is_ok());
        }
        assert!(bars(&[], 0.5).is_ok() && lines("t", &[], &[]).is_ok());
    }
}
