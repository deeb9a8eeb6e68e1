//! A plot with logarithmic axes, as SVG, and the same as a table.

use std::path::Path;

use plotters::prelude::*;

const SIZE: (u32, u32) = (720, 360);
const INK: RGBColor = RGBColor(0x33, 0x41, 0x55);
const GRID: RGBColor = RGBColor(0xe2, 0xe8, 0xf0);
const LINES: &[RGBColor] =
    &[RGBColor(0x25, 0x63, 0xeb), RGBColor(0xb9, 0x1c, 0x1c), RGBColor(0x15, 0x80, 0x3d)];

pub(crate) struct Plot {
    /// The file's name.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What grows.
    pub(crate) along: &'static str,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Size and microseconds.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Line {
    /// By which power of the size the time grows between the last two points: 1 is linear.
    fn power(&self) -> f64 {
        match self.points.as_slice() {
            [.., (a, of_a), (b, of_b)] => (of_b / of_a).ln() / (b / a).ln(),
            _ => f64::NAN,
        }
    }
}

impl Plot {
    /// The table.
    pub(crate) fn show(&self) {
        println!("\n{}, microseconds\n", self.title);
        let sizes = self.lines.iter().flat_map(|line| &line.points).map(|(size, _)| size.to_string());
        let mut columns: Vec<String> = Vec::new();
        for size in sizes {
            if !columns.contains(&size) {
                columns.push(size);
            }
        }
        println!("| {} | {} | last power |", self.along, columns.join(" | "));
        println!("|{}", " --- |".repeat(columns.len() + 2));
        for line in &self.lines {
            let cells: Vec<String> = line.points.iter().map(|(_, time)| short(*time)).collect();
            println!("| {} | {} | {:.2} |", line.name, cells.join(" | "), line.power());
        }
    }

    /// Writes the picture beside this file.
    pub(crate) fn draw(&self) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/growth/{}.svg", self.name));
        let all = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let range = |of: fn((f64, f64)) -> f64| {
            let values = || all().map(of);
            values().fold(f64::MAX, f64::min)..values().fold(0.0, f64::max)
        };
        let (sizes, times) = (range(|(size, _)| size), range(|(_, time)| time));
        let (lowest, highest) = (floor(times.start), ceil(times.end));
        let root = SVGBackend::new(&file, SIZE).into_drawing_area();
        root.fill(&WHITE).unwrap();
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, ("sans-serif", 18).into_font().color(&INK))
            .margin(12)
            .margin_right(32)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(sizes.log_scale(), (lowest..highest).log_scale())
            .unwrap();
        let text = ("sans-serif", 14).into_font().color(&INK);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_desc(self.along)
            .y_desc("microseconds")
            .x_label_formatter(&|size| short(*size))
            .y_label_formatter(&|time| short(*time))
            .label_style(text.clone())
            .axis_desc_style(text.clone())
            .draw()
            .unwrap();
        for (line, colour) in self.lines.iter().zip(LINES) {
            let points = || line.points.iter().copied();
            chart
                .draw_series(LineSeries::new(points(), colour.stroke_width(2)))
                .unwrap()
                .label(line.name)
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled()))).unwrap();
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .label_font(text)
            .draw()
            .unwrap();
        root.present().unwrap();
    }
}

/// The power of ten below, and above.
fn floor(value: f64) -> f64 {
    10f64.powf(value.log10().floor())
}

fn ceil(value: f64) -> f64 {
    10f64.powf(value.log10().ceil())
}

/// `4,200,000` as `4.2M`.
fn short(value: f64) -> String {
    for (unit, letter) in [(1e6, "M"), (1e3, "k")] {
        if value >= unit {
            return format!("{:.1}{letter}", value / unit).replace(".0", "");
        }
    }
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.1}").replace(".0", "") }
}
