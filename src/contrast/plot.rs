//! Charts: what was measured, as SVG.
//!
//! A chart has axes with units, a legend that covers no data, and series that differ in shape and dash as well as in
//! colour. It is text: no font is looked for, and whoever shows it chooses one.

mod mark;
mod scale;

use plotters::chart::ChartBuilder;
use plotters::prelude::{IntoDrawingArea, RGBColor, SVGBackend, WHITE};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoTextStyle, TextStyle};

use self::mark::{Canvas, Trouble};
pub use self::mark::{Look, Stroke};
use self::scale::Scale;
pub use self::scale::{Kind, short};

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    /// Where and when it was measured, below everything.
    pub footer: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// One of its axes.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What is shown, with its unit.
    pub label: String,
    pub kind: Kind,
}

/// Values that belong together.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    pub look: Look,
    pub points: Vec<Point>,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    /// The end of a whisker that begins at `y`.
    pub up_to: Option<f64>,
}

impl Chart {
    /// The chart as a document of its own, [`WIDTH`] by [`HEIGHT`] pixels.
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        let backend = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT));
        self.draw(&backend.into_drawing_area()).expect("a string takes whatever is drawn");
        svg
    }

    fn draw<'s>(&self, canvas: &Canvas<'s>) -> Result<(), Trouble<'s>> {
        canvas.fill(&WHITE)?;
        canvas.draw_text(&self.title, &text(15.0).pos(LEFT), (PADDING, 18))?;
        let top = self.draw_legend(canvas)?;
        canvas.draw_text(&self.footer, &text(10.0).color(&GRAY).pos(LEFT), (PADDING, HEIGHT as i32 - 10))?;
        let mut chart = ChartBuilder::on(canvas)
            .margin_top(top)
            .margin_right(24)
            .margin_bottom(22)
            .margin_left(8)
            .x_label_area_size(44)
            .y_label_area_size(66)
            .build_cartesian_2d(
                self.scale(&self.x, |point| [point.x, point.x]),
                self.scale(&self.y, Point::heights),
            )?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.stroke_width(1))
            .light_line_style(FINE_GRID.stroke_width(1))
            .axis_style(INK.stroke_width(1))
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .label_style(text(12.0))
            .axis_desc_style(text(12.5))
            .draw()?;
        for series in &self.series {
            let placed = |x, y| chart.backend_coord(&(x, y));
            let places: Vec<_> = series.points.iter().map(|point| placed(point.x, point.y)).collect();
            series.look.draw_line(&places, canvas)?;
            for (point, place) in series.points.iter().zip(&places) {
                if let Some(end) = point.up_to {
                    series.look.draw_whisker(*place, placed(point.x, end).1, canvas)?;
                }
                series.look.draw_mark(*place, canvas)?;
            }
        }
        canvas.present()
    }

    /// Names below the title, in columns of the same width; answers where the rest may begin.
    fn draw_legend<'s>(&self, canvas: &Canvas<'s>) -> Result<i32, Trouble<'s>> {
        let are_joined = self.series.iter().any(|series| series.look.stroke != Stroke::None);
        let sample = if are_joined { 32 } else { 12 };
        let longest = self.series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
        let column = sample + 6 + (longest as f64 * CHARACTER) as i32 + 7;
        let columns = ((WIDTH as i32 - 2 * PADDING) / column).max(1) as usize;
        for (place, series) in self.series.iter().enumerate() {
            let (x, y) =
                (PADDING + (place % columns) as i32 * column, LEGEND_TOP + (place / columns) as i32 * ROW);
            series.look.draw_line(&[(x, y), (x + sample, y)], canvas)?;
            series.look.draw_mark((x + sample / 2, y), canvas)?;
            canvas.draw_text(&series.name, &text(12.0).pos(LEFT), (x + sample + 6, y))?;
        }
        Ok(LEGEND_TOP + self.series.len().div_ceil(columns) as i32 * ROW)
    }

    fn scale<const N: usize>(&self, axis: &Axis, values: impl Fn(&Point) -> [f64; N]) -> Scale {
        Scale::over(axis.kind, self.series.iter().flat_map(|series| series.points.iter().flat_map(&values)))
    }
}

impl Axis {
    pub fn linear(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), kind: Kind::Linear }
    }

    pub fn logarithmic(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), kind: Kind::Logarithmic }
    }
}

impl Point {
    pub fn new(x: f64, y: f64) -> Point {
        Point { x, y, up_to: None }
    }

    pub fn with_whisker(x: f64, y: f64, up_to: f64) -> Point {
        Point { x, y, up_to: Some(up_to) }
    }

    fn heights(&self) -> [f64; 2] {
        [self.y, self.up_to.unwrap_or(self.y)]
    }
}

fn text(pixels: f64) -> TextStyle<'static> {
    let style = ("sans-serif", pixels * FONT_SIZE, FontStyle::Normal, &INK);
    style.into_text_style(&(WIDTH, HEIGHT))
}

pub const WIDTH: u32 = 640;

pub const HEIGHT: u32 = 400;

const LEFT: Pos = Pos { h_pos: HPos::Left, v_pos: VPos::Center };

/// plotters takes the size of a font for the height of its box, and divides by this.
const FONT_SIZE: f64 = 1.24;

/// Of a character in a legend, on the safe side: fonts are chosen elsewhere.
const CHARACTER: f64 = 6.5;

const LEGEND_TOP: i32 = 42;

const ROW: i32 = 20;

const PADDING: i32 = 12;

const INK: RGBColor = RGBColor(34, 34, 34);
const GRAY: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(196, 196, 196);
const FINE_GRID: RGBColor = RGBColor(236, 236, 236);
