//! Loss against edges, as a picture.

use core::ops::Range;

use plotters::prelude::*;

use crate::circuit::curve::Point;
use crate::report::plot::{COLOURS, FONT, Failure, legend, own, stroke, svg};

/// A line for each kind of search through the circuits that meet their loss, with bars for the 95 % intervals.
///
/// # Errors
/// Those of plotters.
pub(super) fn plot(points: &[Point]) -> Result<String, Failure> {
    let met: Vec<&Point> = points.iter().filter(|p| p.cut.met).collect();
    let edges = |p: &Point| p.size.edges.max(1) as f64;
    let x = range(met.iter().map(|p| edges(p)));
    let y = range(
        met.iter()
            .flat_map(|p| [p.alone.loss, p.alone.low, p.alone.high]),
    );
    svg((720, 340), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d((x.start / 1.2..x.end * 1.2).log_scale(), 0.0..y.end * 1.1)
            .map_err(own)?;
        chart
            .configure_mesh()
            .x_desc("edges")
            .y_desc("loss on held-out pairs, nats")
            .label_style(FONT)
            .light_line_style(WHITE)
            .draw()
            .map_err(own)?;
        let mut kinds: Vec<&str> = met.iter().map(|p| p.what.as_str()).collect();
        kinds.dedup();
        for (what, &colour) in kinds.iter().zip(COLOURS.iter().cycle()) {
            let line = || met.iter().filter(|p| p.what == *what);
            let path = line().map(|p| (edges(p), p.alone.loss));
            chart
                .draw_series(LineSeries::new(path.clone(), colour.stroke_width(2)))
                .map_err(own)?
                .label(*what)
                .legend(move |at| stroke(at, colour));
            chart
                .draw_series(path.map(|at| Circle::new(at, 3, colour.filled())))
                .map_err(own)?;
            let bars = line().map(|p| [p.alone.low, p.alone.high].map(|loss| (edges(p), loss)));
            chart
                .draw_series(bars.map(|ends| PathElement::new(ends, colour)))
                .map_err(own)?;
        }
        legend(&mut chart)
    })
}

/// From the least to the most; 1 to 1 of nothing.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().filter(|v| v.is_finite()).reduce(f64::min);
    let most = values.filter(|v| v.is_finite()).reduce(f64::max);
    least.unwrap_or(1.0)..most.unwrap_or(1.0)
}
