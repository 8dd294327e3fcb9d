//! What every plot has in common: an SVG as text, colours, the box that names its lines.
//!
//! # Invariants
//! - Colours differ in lightness too, for readers and printers without colour.

use core::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

/// Okabe and Ito's palette.
pub const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(230, 159, 0),
];
/// Letters of labels.
pub const FONT: (&str, i32) = ("sans-serif", 13);

/// Where is drawn.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What plotters had against it.
pub type Failure = Box<dyn core::error::Error + Send + Sync>;
/// Whether it is drawn.
pub type Drawn = Result<(), Failure>;

/// An SVG of `size` pixels as `draw` fills it.
///
/// # Errors
/// Those of `draw`, and of plotters.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Failure> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area)?;
        area.present().map_err(own)?;
    }
    Ok(text)
}

/// The least range that holds `values`, with some air, at least `air`; never empty and never infinite.
pub fn range(values: impl Iterator<Item = f64>, air: f64) -> Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|v| v.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return 0.0..1.0;
    }
    let air = ((high - low) * 0.08)
        .max(high.abs().max(low.abs()) * 1e-6)
        .max(air)
        .max(1e-12);
    low - air..high + air
}

/// An error of plotters, which borrows from its backend, on its own.
pub fn own<E: core::error::Error + Send + Sync + 'static>(e: E) -> Failure {
    Box::new(e)
}

/// The box with the names of the lines, below on the right.
///
/// # Errors
/// Those of plotters.
pub fn legend<'a, 'b: 'a, X: Ranged, Y: Ranged>(
    chart: &mut ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>,
) -> Drawn {
    legend_at(chart, SeriesLabelPosition::LowerRight)
}

/// [`legend`] in another corner.
///
/// # Errors
/// Those of plotters.
pub fn legend_at<'a, 'b: 'a, X: Ranged, Y: Ranged>(
    chart: &mut ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>,
    corner: SeriesLabelPosition,
) -> Drawn {
    chart
        .configure_series_labels()
        .position(corner)
        .background_style(WHITE.mix(0.8))
        .label_font(FONT)
        .draw()
        .map_err(own)
}

/// The stroke before a name in [`legend`], at its left end.
pub fn stroke((x, y): (i32, i32), colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
}
