//! Two weeks of use of one quota, as SVG.

use anyhow::anyhow;
use bedrock_remediator::operate::report::ReportedUse;
use bedrock_remediator::text::number;
use jiff::{SignedDuration, Timestamp};
use plotters::prelude::*;
use plotters::style::FontTransform;

const SIZE: (u32, u32) = (560, 240);
const INK: RGBColor = RGBColor(0x33, 0x41, 0x55);
const GRID: RGBColor = RGBColor(0xe2, 0xe8, 0xf0);
const USED: RGBColor = RGBColor(0x25, 0x63, 0xeb);
const LIMIT: RGBColor = RGBColor(0xb9, 0x1c, 0x1c);
const DAYS: i64 = 14;

/// The chart. It has no fixed size, so that it fits a narrow page.
pub(super) fn chart(shown: &ReportedUse, now: Timestamp) -> anyhow::Result<String> {
    let mut svg = String::new();
    draw(&mut svg, shown, now).map_err(|why| anyhow!("a chart cannot be drawn: {why}"))?;
    let (width, height) = SIZE;
    Ok(svg.replacen(&format!("width=\"{width}\" height=\"{height}\" "), "", 1))
}

fn draw(svg: &mut String, shown: &ReportedUse, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
    let from = now.saturating_sub(SignedDuration::from_hours(24 * DAYS))?;
    let (first, last) = (from.as_second(), now.as_second());
    let near = &shown.near;
    let highest = shown.course.iter().map(|hour| hour.peak).fold(near.applied, f64::max) * 1.12;
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .x_label_area_size(30)
        .y_label_area_size(56)
        .build_cartesian_2d(first..last, 0.0..highest)?;
    let text = ("sans-serif", 15).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(5)
        .y_labels(5)
        .x_label_formatter(&|second| day(*second))
        .y_label_formatter(&|value| short(*value))
        .label_style(text.clone())
        .draw()?;
    let line = shown.course.iter().map(|hour| (hour.at.as_second(), hour.peak));
    chart.draw_series(AreaSeries::new(line, 0.0, USED.mix(0.15)).border_style(USED.stroke_width(2)))?;
    chart
        .draw_series(LineSeries::new([(first, near.applied), (last, near.applied)], LIMIT.stroke_width(2)))?;
    let throttled = shown.course.iter().filter(|hour| hour.throttles > 0.0);
    chart.draw_series(
        throttled.map(|hour| Circle::new((hour.at.as_second(), hour.peak), 4, LIMIT.filled())),
    )?;
    let label = format!("quota {}", number(near.applied));
    let above = text.color(&LIMIT).transform(FontTransform::None);
    let place = (first + (last - first) / 100, near.applied + highest * 0.07);
    chart.draw_series(std::iter::once(Text::new(label, place, above)))?;
    root.present()?;
    Ok(())
}

fn day(second: i64) -> String {
    Timestamp::from_second(second).map(|at| at.strftime("%b %-d").to_string()).unwrap_or_default()
}

/// Shortens `4,200,000` to `4.2M`.
fn short(value: f64) -> String {
    for (unit, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if value >= unit {
            return format!("{:.1}{letter}", value / unit).replace(".0", "");
        }
    }
    format!("{value:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_labelled_shortly() {
        for (value, text) in [(0.0, "0"), (950.0, "950"), (1500.0, "1.5k"), (4e6, "4M"), (2.5e9, "2.5G")] {
            assert_eq!(short(value), text);
        }
    }
}
