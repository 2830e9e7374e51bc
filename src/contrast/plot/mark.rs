//! How a series looks: a colour, and besides it a shape and a dash, so that nothing hangs on the colour alone.

use plotters::coord::Shift;
use plotters::element::{Circle, DashedPathElement, PathElement, Polygon};
use plotters::prelude::{DrawingArea, RGBColor, SVGBackend, WHITE};
use plotters::style::{Color, ShapeStyle};

/// What is drawn on, in pixels.
pub type Canvas<'s> = DrawingArea<SVGBackend<'s>, Shift>;

/// An error of the crate that draws; a string takes everything, so there should be none.
pub type Trouble<'s> =
    plotters::drawing::DrawingAreaErrorKind<<SVGBackend<'s> as plotters::backend::DrawingBackend>::ErrorType>;

/// How a series looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which colour and shape: the same thing has the same in all charts.
    pub identity: usize,
    pub stroke: Stroke,
}

/// How its points are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    Solid,
    /// With hollow marks.
    Dashed,
    /// Marks alone.
    None,
}

impl Look {
    pub fn solid(identity: usize) -> Look {
        Look { identity, stroke: Stroke::Solid }
    }

    pub fn dashed(identity: usize) -> Look {
        Look { identity, stroke: Stroke::Dashed }
    }

    pub fn marks(identity: usize) -> Look {
        Look { identity, stroke: Stroke::None }
    }

    fn color(self) -> RGBColor {
        PALETTE[self.identity % PALETTE.len()]
    }

    /// A line along these points, if they are joined at all.
    pub fn draw_line<'s>(self, points: &[(i32, i32)], canvas: &Canvas<'s>) -> Result<(), Trouble<'s>> {
        let style = self.color().stroke_width(2);
        match self.stroke {
            Stroke::None => Ok(()),
            Stroke::Solid => canvas.draw(&PathElement::new(points, style)),
            Stroke::Dashed => canvas.draw(&DashedPathElement::new(points.iter().copied(), 7, 5, style)),
        }
    }

    /// A mark at a point.
    pub fn draw_mark<'s>(self, (x, y): (i32, i32), canvas: &Canvas<'s>) -> Result<(), Trouble<'s>> {
        let (fill, outline) = match self.stroke {
            Stroke::Dashed => (WHITE.filled(), self.color().stroke_width(2)),
            Stroke::Solid | Stroke::None => (self.color().filled(), self.color().stroke_width(1)),
        };
        match corners(self.identity) {
            None => {
                canvas.draw(&Circle::new((x, y), 4, fill))?;
                canvas.draw(&Circle::new((x, y), 4, outline))
            }
            Some(corners) => {
                let mut path: Vec<_> = corners.iter().map(|(right, down)| (x + right, y + down)).collect();
                canvas.draw(&Polygon::new(&path[..], fill))?;
                path.push(path[0]);
                canvas.draw(&PathElement::new(path, outline))
            }
        }
    }

    /// From a point up to another value: thin, with an end.
    pub fn draw_whisker<'s>(
        self,
        (x, y): (i32, i32),
        to: i32,
        canvas: &Canvas<'s>,
    ) -> Result<(), Trouble<'s>> {
        let style: ShapeStyle = self.color().stroke_width(1);
        canvas.draw(&PathElement::new([(x, y), (x, to)], style))?;
        canvas.draw(&PathElement::new([(x - 4, to), (x + 4, to)], style))
    }
}

/// The corners of a shape around a point; a circle has none. Shapes that look alike are far apart.
fn corners(identity: usize) -> Option<&'static [(i32, i32)]> {
    match identity % SHAPES {
        0 => None,
        1 => Some(&[(-4, -4), (4, -4), (4, 4), (-4, 4)]),
        2 => Some(&[(0, -5), (5, 4), (-5, 4)]),
        3 => Some(&[(0, -7), (7, 0), (0, 7), (-7, 0)]),
        4 => Some(&[(0, 5), (5, -4), (-5, -4)]),
        _ => Some(&[
            (-2, -6),
            (2, -6),
            (2, -2),
            (6, -2),
            (6, 2),
            (2, 2),
            (2, 6),
            (-2, 6),
            (-2, 2),
            (-6, 2),
            (-6, -2),
            (-2, -2),
        ]),
    }
}

const SHAPES: usize = 6;

/// The colours that Okabe and Ito chose for eyes that tell red from green badly, without the yellow, which is too
/// light on white.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
];
