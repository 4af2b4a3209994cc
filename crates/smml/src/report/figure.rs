//! Figures as data: what is drawn, before anybody says how. The same data become SVG and CSV.

use serde::{Deserialize, Serialize};

/// A picture of the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// Unique name within the report, used for file names: `ising-magnetisation`.
    pub(crate) id: String,
    /// Heading.
    pub(crate) title: String,
    /// What to see in it, in one or two sentences.
    pub(crate) caption: String,
    /// What is drawn.
    pub(crate) content: Content,
    /// Shows times of this run on this machine: never the same twice, so no part of the results.
    pub(crate) timing: bool,
}

/// What a figure shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Content {
    /// Curves, points and bars over two axes.
    Plot {
        /// Horizontal axis.
        x: Axis,
        /// Vertical axis.
        y: Axis,
        /// What is drawn, first to last.
        series: Vec<Series>,
    },
    /// Grey images, 8 bits, row by row: digits, filters, spin snapshots.
    Image {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// `width × height` grey values.
        pixels: Vec<u8>,
    },
    /// Texts in rows and columns: what was taken for what, one machine beside another.
    Table {
        /// Heads of the columns; the first one is over the names of the rows.
        head: Vec<String>,
        /// Rows as long as `head`, each with its name first.
        rows: Vec<Vec<String>>,
        /// How dark each cell is beside its name, in [0, 1]: none, or a row for each row.
        shades: Vec<Vec<f64>>,
    },
}

/// An axis.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Axis {
    /// What and in which unit.
    pub(crate) label: String,
    /// Logarithmic.
    pub(crate) log: bool,
    /// Fixed range; else that of the data.
    pub(crate) range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis over the range of the data.
    pub(crate) fn linear(label: &str) -> Self {
        Axis { label: label.into(), log: false, range: None }
    }
    /// A logarithmic axis over the range of the data.
    pub(crate) fn log(label: &str) -> Self {
        Axis { label: label.into(), log: true, range: None }
    }
    /// The same axis over a fixed range.
    pub(crate) fn over(self, from: f64, to: f64) -> Self {
        Axis { range: Some((from, to)), ..self }
    }
}

/// One curve, cloud or histogram.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Series {
    /// Name in the legend.
    pub(crate) name: String,
    /// How it is drawn.
    pub(crate) style: Style,
    /// Points (x, y).
    pub(crate) points: Vec<(f64, f64)>,
    /// Standard errors of y: empty, or one for each point.
    pub(crate) errors: Vec<f64>,
    /// Number of its colour, for series that belong together (theory and measurement at one size); else its place
    /// among the series.
    pub(crate) colour: Option<usize>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Style {
    /// A line: theory, exact results.
    Line,
    /// A dashed line: bounds, thresholds, asymptotes.
    Dashed,
    /// Points with error bars: measurements.
    Points,
    /// Points joined by a line: histories.
    LinePoints,
    /// A histogram: each point is the centre of a bin and its height; bins touch.
    Bars,
}

impl Series {
    /// A series without errors.
    pub(crate) fn new(name: &str, style: Style, points: Vec<(f64, f64)>) -> Self {
        Series { name: name.into(), style, points, errors: Vec::new(), colour: None }
    }
    /// Measured points (x, estimate).
    pub(crate) fn measured(name: &str, points: &[(f64, smml_core::Estimate)]) -> Self {
        Series {
            name: name.into(),
            style: Style::Points,
            points: points.iter().map(|(x, e)| (*x, e.value)).collect(),
            errors: points.iter().map(|(_, e)| e.std_error).collect(),
            colour: None,
        }
    }
    /// The same series with the standard errors of its points.
    pub(crate) fn with_errors(self, errors: Vec<f64>) -> Self {
        Series { errors, ..self }
    }
    /// The same series in the colour with this number: series with one number are seen to belong together.
    pub(crate) fn in_colour(self, number: usize) -> Self {
        Series { colour: Some(number), ..self }
    }
}

impl Figure {
    /// A plot.
    pub(crate) fn plot(id: &str, title: &str, caption: &str, x: Axis, y: Axis, series: Vec<Series>) -> Self {
        Figure {
            id: id.into(),
            title: title.into(),
            caption: caption.into(),
            content: Content::Plot { x, y, series },
            timing: false,
        }
    }
    /// A grey image.
    pub(crate) fn image(
        id: &str,
        title: &str,
        caption: &str,
        width: usize,
        height: usize,
        pixels: Vec<u8>,
    ) -> Self {
        let content = Content::Image { width, height, pixels };
        Figure { id: id.into(), title: title.into(), caption: caption.into(), content, timing: false }
    }
    /// A table.
    pub(crate) fn table(id: &str, title: &str, caption: &str, head: &[&str], rows: Vec<Vec<String>>) -> Self {
        let head = head.iter().map(|h| (*h).to_string()).collect();
        let content = Content::Table { head, rows, shades: Vec::new() };
        Figure { id: id.into(), title: title.into(), caption: caption.into(), content, timing: false }
    }
    /// The same figure, of a table with these shades.
    pub(crate) fn shaded(mut self, new: Vec<Vec<f64>>) -> Self {
        if let Content::Table { shades, .. } = &mut self.content {
            *shades = new;
        }
        self
    }
    /// The same figure, marked as one of times.
    pub(crate) fn timed(self) -> Self {
        Figure { timing: true, ..self }
    }
}
