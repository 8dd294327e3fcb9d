//! Three plots as SVG text.
//!
//! # Invariants
//! - Any values can be drawn.

use lacuna_report::plot::{self, Area, COLOURS, Drawn, FONT, legend_at, own, range, stroke};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Peers;
use crate::ask::{Answers, Point, moment};
use crate::failure::Failure;
use crate::print::figure;

const SIZE: (u32, u32) = (760, 300);

fn svg(draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Failure> {
    plot::svg(SIZE, draw).map_err(|e| Failure::Plot(e.to_string()))
}

/// The date in a time.
fn date(ms: &f64) -> String {
    moment(Some(*ms as i64)).chars().take(10).collect()
}

/// The course of a statistic in several cohorts, mean by window of time.
pub(super) fn course(cohorts: &[(&str, &[Point])]) -> Result<String, Failure> {
    let points = || cohorts.iter().flat_map(|c| c.1);
    let x = range(points().map(|p| p.start_ms as f64), 0.0);
    let y = range(points().map(|p| p.mean), 0.0);
    svg(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)
            .map_err(own)?;
        chart
            .configure_mesh()
            .x_labels(7)
            .x_label_formatter(&date)
            .y_label_formatter(&|v| figure(*v))
            .label_style(FONT)
            .light_line_style(WHITE)
            .draw()
            .map_err(own)?;
        for ((name, points), colour) in cohorts.iter().zip(COLOURS.iter().cycle()) {
            let line = points.iter().map(|p| (p.start_ms as f64, p.mean));
            chart
                .draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))
                .map_err(own)?
                .label(*name)
                .legend(|at| stroke(at, *colour));
            chart
                .draw_series(line.map(|at| Circle::new(at, 3, colour.filled())))
                .map_err(own)?;
        }
        legend_at(&mut chart, SeriesLabelPosition::UpperLeft)
    })
}

/// Names and colours of the answers that are alarms.
pub(super) const ALARMS: [(&str, RGBColor); 3] = [
    ("unfamiliar", RGBColor(230, 159, 0)),
    ("drifting", RGBColor(0, 114, 178)),
    ("faulty", RGBColor(150, 0, 30)),
];

/// Alarms by window of time, per cent of the windows judged, one on top of the other.
pub(super) fn alarms(answers: &[Answers], width_ms: u64) -> Result<String, Failure> {
    // Cohorts together, by time.
    let mut slots: Vec<(i64, f64, [f64; 3])> = Vec::new();
    let mut sorted: Vec<&Answers> = answers.iter().collect();
    sorted.sort_by_key(|a| a.start_ms);
    for a in sorted {
        if slots.last().is_none_or(|s| s.0 != a.start_ms) {
            slots.push((a.start_ms, 0.0, [0.0; 3]));
        }
        if let Some(slot) = slots.last_mut() {
            slot.1 += a.windows as f64;
            for (sum, n) in slot.2.iter_mut().zip([a.unfamiliar, a.drifting, a.faulty]) {
                *sum += n as f64;
            }
        }
    }
    let share = |s: &(i64, f64, [f64; 3])| s.2.iter().sum::<f64>() / s.1.max(1.0) * 100.0;
    let top = slots.iter().map(share).fold(1.0, f64::max) * 1.15;
    let width = width_ms as f64;
    let first = slots.first().map_or(0.0, |s| s.0 as f64);
    let last = slots.last().map_or(width, |s| s.0 as f64 + width);
    svg(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(first..last.max(first + 1.0), 0.0..top)
            .map_err(own)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(7)
            .x_label_formatter(&date)
            .y_label_formatter(&|v| format!("{} %", figure(*v)))
            .label_style(FONT)
            .light_line_style(WHITE)
            .draw()
            .map_err(own)?;
        for (kind, (name, colour)) in ALARMS.into_iter().enumerate() {
            let bars = slots.iter().map(|s| {
                let part = |n: usize| s.2[..n].iter().sum::<f64>() / s.1.max(1.0) * 100.0;
                let left = s.0 as f64;
                let corners = [
                    (left + 0.1 * width, part(kind)),
                    (left + 0.9 * width, part(kind + 1)),
                ];
                Rectangle::new(corners, colour.filled())
            });
            chart
                .draw_series(bars)
                .map_err(own)?
                .label(name)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled())
                });
        }
        legend_at(&mut chart, SeriesLabelPosition::UpperLeft)
    })
}

/// Every device's mean of one statistic, cohort by cohort; those in `odd` stand out.
pub(super) fn strip(cohorts: &[Peers], odd: &[&str]) -> Result<String, Failure> {
    let all = || cohorts.iter().flat_map(|c| &c.devices);
    let y = range(all().map(|d| d.1), 0.0);
    let (low, rows) = (y.start, cohorts.len().max(1) as f64);
    svg(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..rows, y)
            .map_err(own)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_label_formatter(&|v| figure(*v))
            .label_style(FONT)
            .light_line_style(WHITE)
            .draw()
            .map_err(own)?;
        let under = TextStyle::from(FONT.into_font()).pos(Pos::new(HPos::Center, VPos::Top));
        for (row, cohort) in cohorts.iter().enumerate() {
            let name = Text::new(cohort.cohort.clone(), (0, 8), under.clone());
            let place = EmptyElement::at((row as f64 + 0.5, low)) + name;
            chart.plotting_area().draw(&place).map_err(own)?;
            let n = cohort.devices.len().max(1) as f64;
            for (i, (device, mean)) in cohort.devices.iter().enumerate() {
                let at = (row as f64 + 0.15 + 0.7 * (i as f64 + 0.5) / n, *mean);
                let (size, colour) = if odd.contains(&device.as_str()) {
                    (5, COLOURS[1])
                } else {
                    (3, COLOURS[0])
                };
                let dot = Circle::new(at, size, colour.filled());
                chart.plotting_area().draw(&dot).map_err(own)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_values_can_be_drawn() {
        let point = |mean| Point {
            start_ms: 0,
            devices: 1,
            n: 1,
            mean,
            sd: 0.0,
        };
        for values in [vec![], vec![0.0], vec![f64::NAN, 3.0], vec![1e300, -1e300]] {
            let points: Vec<Point> = values.into_iter().map(point).collect();
            let drawn = course(&[("all", &points)]).expect("a plot");
            assert!(
                drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"),
                "{drawn}"
            );
            assert!(!drawn.contains("NaN"));
        }
        assert!(alarms(&[], 1).is_ok() && strip(&[], &[]).is_ok());
    }
}
