//! The curves as SVG: bits per byte above, accuracy on tasks below, density falling to the right.
//!
//! # Invariants
//! - Ranges are never empty and never infinite, whatever the values.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::curve::{ACCURACY, Curve, Point, VALIDATION};
use super::spec::Fixed;
use super::{Error, Place};
use crate::report::plot::{Area, COLOURS, Drawn, FONT, legend, own, stroke};

const WIDTH: u32 = 760;
const HEIGHT: u32 = 340;

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The name of a line.
pub(super) fn line_name(place: &Place) -> String {
    if let Some(after) = place.after {
        return format!("width {}, {after}", place.base_width);
    }
    match place.fixed {
        Fixed::Total => format!("width {}", place.base_width),
        other => format!(
            "as many {} as dense width {}",
            other.name(),
            place.base_width
        ),
    }
}

/// Both plots; the lower one only where tasks were asked.
pub(super) fn svg(curve: &Curve) -> Result<String, Error> {
    let lines = curve.lines();
    let tasks = lines
        .iter()
        .flat_map(|l| &l.1)
        .any(|p| p.figure(ACCURACY).is_some());
    let plots: &[(&str, &str)] = match tasks {
        true => &[
            (VALIDATION, "validation, bits per byte"),
            (ACCURACY, "accuracy on held-out tasks"),
        ],
        false => &[(VALIDATION, "validation, bits per byte")],
    };
    let size = (WIDTH, HEIGHT * plots.len() as u32);
    let drawn = crate::report::plot::svg(size, |area| {
        let parts = area.split_evenly((plots.len(), 1));
        for (part, (figure, title)) in parts.iter().zip(plots) {
            plot(part, &lines, figure, title)?;
        }
        Ok(())
    });
    drawn.map_err(|e| Error::Plot(e.to_string()))
}

/// Halvings of the density.
fn halvings(point: &Point) -> f64 {
    -point.place.density.log2()
}

/// The least range that holds `values`, with some air.
fn range(values: impl Iterator<Item = f64>) -> core::ops::Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|v| v.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return 0.0..1.0;
    }
    let air = ((high - low) * 0.08).max(0.02);
    low - air..high + air
}

/// `1`, `1/4`, or with odd densities per cent.
fn density(halvings: f64) -> String {
    let share = (-halvings).exp2();
    let below = (1.0 / share).round();
    match (1.0 / share - below).abs() < 1e-6 * below {
        true if below <= 1.0 => "1".to_owned(),
        true => format!("1/{below}"),
        false => format!("{:.1} %", share * 100.0),
    }
}

fn plot(area: &Area<'_>, lines: &[(Place, Vec<&Point>)], figure: &str, title: &str) -> Drawn {
    let points = || lines.iter().flat_map(|l| &l.1).copied();
    let x = range(points().map(halvings));
    let ends = points().filter_map(|p| p.figure(figure)).flat_map(|m| {
        let interval = m.interval.map_or([m.mean; 2], |i| [i.low, i.high]);
        [m.mean, interval[0], interval[1]]
    });
    let y = range(ends);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 15))
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(x, y)
        .map_err(own)?;
    chart
        .configure_mesh()
        .x_labels(8)
        .x_label_formatter(&|h| density(*h))
        .y_label_formatter(&|v| format!("{v:.2}"))
        .x_desc("share of weights that are not zero")
        .label_style(FONT)
        .light_line_style(WHITE)
        .draw()
        .map_err(own)?;
    for ((place, line), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        curve(&mut chart, line, figure, &line_name(place), *colour)?;
    }
    legend(&mut chart)
}

/// A line through the means, with bars for the intervals.
fn curve(
    chart: &mut Chart<'_, '_>,
    line: &[&Point],
    figure: &str,
    name: &str,
    colour: RGBColor,
) -> Drawn {
    let means = line
        .iter()
        .filter_map(|p| Some((halvings(p), p.figure(figure)?)));
    let means: Vec<_> = means.collect();
    let path = means.iter().map(|(x, m)| (*x, m.mean));
    chart
        .draw_series(LineSeries::new(path.clone(), colour.stroke_width(2)))
        .map_err(own)?
        .label(name)
        .legend(move |at| stroke(at, colour));
    chart
        .draw_series(path.map(|at| Circle::new(at, 3, colour.filled())))
        .map_err(own)?;
    let bars = means.iter().filter_map(|(x, m)| Some((*x, m.interval?)));
    chart
        .draw_series(bars.map(|(x, i)| PathElement::new([(x, i.low), (x, i.high)], colour)))
        .map_err(own)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_drawn_too() {
        let empty = Curve {
            points: Vec::new(),
            missing: Vec::new(),
        };
        let drawn = svg(&empty).unwrap();
        assert!(drawn.starts_with("<svg") && !drawn.contains("NaN"));
    }

    #[test]
    fn densities_are_fractions() {
        assert_eq!(density(0.0), "1");
        assert_eq!(density(6.0), "1/64");
        assert_eq!(density(-(0.3f64).log2()), "30.0 %");
    }
}
