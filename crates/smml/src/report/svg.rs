//! Figures as SVG: what stands where. `svg` is for the page and takes its colours from it; `standalone` is a file of
//! its own that follows light and dark by itself and prints in light colours.

use super::{
    canvas::{Anchor, Canvas, Frame, Point},
    figure::{Axis, Content, Figure, Series, Style},
    image,
    palette::{self, COLOURS, HUES, Ink},
    scale::{Extent, Scale},
    text::{self, base64, escape, slug, wrap},
};
use crate::error::Failure;

/// Width of the drawing; lengths and font sizes are in the same unit.
const WIDTH: f64 = 600.0;
/// Height of the area inside the axes.
const HEIGHT: f64 = 320.0;
/// Tick labels and legend.
const SMALL: f64 = 14.0;
/// Axis labels.
const LABEL: f64 = 15.0;
/// Fonts of a file of its own.
const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

/// A figure as an `<svg>` element for a page that defines the variables of `palette::variables`.
pub(crate) fn svg(figure: &Figure) -> Result<String, Failure> {
    let body = body(figure)?;
    let anchor = slug(&figure.id);
    let head = format!(
        "<svg class=\"plot\" viewBox=\"{}\" role=\"img\" aria-labelledby=\"{anchor}-name {anchor}-text\" \
         font-family=\"inherit\" stroke-linejoin=\"round\">\n\
         <title id=\"{anchor}-name\">{}</title>\n<desc id=\"{anchor}-text\">{}</desc>\n",
        body.view_box,
        escape(&figure.title),
        escape(&body.description)
    );
    Ok(head + &palette::replace(&body.marks, |n| format!("var(--{})", COLOURS[n].0)) + "</svg>\n")
}

/// A figure as an SVG document.
pub(crate) fn standalone(figure: &Figure) -> Result<String, Failure> {
    let body = body(figure)?;
    let (_, page, dark_page) = COLOURS[HUES + 3];
    // Attributes hold the light colours, for programs without style sheets; the rules turn them dark.
    let mut dark = String::new();
    for (_, light, colour) in COLOURS {
        dark += &format!("[fill=\"{light}\"]{{fill:{colour}}}[stroke=\"{light}\"]{{stroke:{colour}}}");
    }
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{}\" role=\"img\" \
         aria-labelledby=\"name text\" font-family=\"{FONTS}\" stroke-linejoin=\"round\">\n\
         <title id=\"name\">{}</title>\n<desc id=\"text\">{}</desc>\n\
         <style>@media screen and (prefers-color-scheme:dark){{{dark}.page{{fill:{dark_page}}}}}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\" fill=\"{page}\"/>\n",
        body.view_box,
        escape(&figure.title),
        escape(&body.description)
    );
    Ok(head + &palette::replace(&body.marks, |n| COLOURS[n].1.to_string()) + "</svg>\n")
}

/// A drawing without its head.
struct Body {
    view_box: String,
    /// Elements, in sentinel colours.
    marks: String,
    /// The caption, and in words what the axes and series are.
    description: String,
}

fn body(figure: &Figure) -> Result<Body, Failure> {
    match &figure.content {
        Content::Image { width, height, .. } => Ok(Body {
            view_box: format!("0 0 {width} {height}"),
            marks: format!(
                "<image width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
                 href=\"data:image/png;base64,{}\"/>\n",
                base64(&image::png(figure)?)
            ),
            description: figure.caption.clone(),
        }),
        Content::Plot { x, y, series } => plot(figure, x, y, series),
        Content::Table { .. } => Err(Failure::Check(format!("figure {}: a table is not drawn", figure.id))),
    }
}

fn plot(figure: &Figure, x_axis: &Axis, y_axis: &Axis, series: &[Series]) -> Result<Body, Failure> {
    let right = WIDTH - 16.0;
    let y_scale = Scale::new(y_axis, y_extent(x_axis, y_axis, series), SMALL, HEIGHT, false);
    let labels = y_scale.ticks.iter().map(|(_, t)| text::width(t, SMALL)).fold(0.0, f64::max);
    let left = (labels + 14.0).clamp(30.0, 0.4 * WIDTH);
    let x_scale = Scale::new(x_axis, x_extent(x_axis, y_axis, series), SMALL, right - left, true);

    // From top to bottom: legend, label of the vertical axis, the area, ticks, label of the horizontal axis.
    let legend = Legend::new(series, left, right);
    let y_label = wrap(&y_scale.label, LABEL, right - 4.0);
    let x_label = wrap(&x_scale.label, LABEL, WIDTH - 8.0);
    let label_top = 4.0 + legend.height;
    let top = label_top + 20.0 * y_label.len() as f64 + 8.0;
    let frame = Frame { left, top, right, bottom: top + HEIGHT };
    let height = frame.bottom + 36.0 + 20.0 * x_label.len() as f64;

    let mut marks = String::new();
    let mut canvas = Canvas::new(&mut marks, WIDTH, height);
    let plane = Plane { frame, x: &x_scale, y: &y_scale };
    plane.axes(&mut canvas);
    for (i, line) in y_label.iter().enumerate() {
        let at = (4.0, label_top + 10.0 + 20.0 * i as f64);
        canvas.text(line, at, LABEL, Ink::Text, Anchor::Left);
    }
    for (i, line) in x_label.iter().enumerate() {
        let half = text::width(line, LABEL) / 2.0;
        let middle = ((left + right) / 2.0).min(WIDTH - half).max(half);
        let at = (middle, frame.bottom + 33.0 + 20.0 * i as f64);
        canvas.text(line, at, LABEL, Ink::Text, Anchor::Below);
    }
    legend.draw(&mut canvas);
    for (n, s) in series.iter().enumerate() {
        plane.series(&mut canvas, n, s);
    }
    canvas.finish()?;

    // Between the backend's own <svg ...> and </svg>; what is the same everywhere is said once in the head.
    let inner = marks.split_once('>').map_or("", |(_, rest)| rest).trim_end();
    let inner = inner.strip_suffix("</svg>").unwrap_or(inner).trim_start();
    let inner = inner.replace(" opacity=\"1\"", "").replace(" font-family=\"inherit\"", "");
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).filter(|n| !n.is_empty()).collect();
    Ok(Body {
        view_box: format!("0 0 {:.0} {:.0}", WIDTH * 10.0, height * 10.0),
        marks: inner,
        description: format!(
            "{} Horizontal axis: {}, {}. Vertical axis: {}, {}. Series: {}.",
            figure.caption,
            x_axis.label,
            x_scale.describe(),
            y_axis.label,
            y_scale.describe(),
            if names.is_empty() { format!("{}", series.len()) } else { names.join("; ") }
        )
        .trim_start()
        .to_string(),
    })
}

/// The points that have a place on both axes.
fn shown<'a>(s: &'a Series, x: &'a Axis, y: &'a Axis) -> impl Iterator<Item = (f64, f64, f64)> + 'a {
    s.points.iter().enumerate().filter_map(|(i, &(px, py))| {
        let inside = match x.range {
            Some((a, b)) => px >= a.min(b) && px <= a.max(b),
            None => true,
        };
        let usable = super::scale::usable(px, x.log) && super::scale::usable(py, y.log) && inside;
        let error = s.errors.get(i).copied().filter(|e| e.is_finite() && *e > 0.0).unwrap_or(0.0);
        usable.then_some((px, py, error))
    })
}

fn x_extent(x: &Axis, y: &Axis, series: &[Series]) -> Extent {
    let mut extent = Extent::default();
    for s in series {
        if s.style == Style::Bars {
            edges(s, x.log).iter().for_each(|&(from, to, _)| {
                extent.add(from, x.log);
                extent.add(to, x.log);
            });
        } else {
            shown(s, x, y).for_each(|(px, _, _)| extent.add(px, x.log));
        }
    }
    let markers = |s: &Series| matches!(s.style, Style::Points | Style::LinePoints);
    extent.margin = if series.iter().any(markers) { 0.025 } else { 0.0 };
    extent
}

fn y_extent(x: &Axis, y: &Axis, series: &[Series]) -> Extent {
    let mut extent = Extent { margin: 0.05, near_zero: true, ..Extent::default() };
    for s in series {
        for (_, py, error) in shown(s, x, y) {
            extent.add(py, y.log);
            extent.add(py - error, y.log);
            extent.add(py + error, y.log);
        }
        extent.zero |= s.style == Style::Bars;
    }
    extent
}

/// Bars as (from, to, height): edges half-way between the centres, on a logarithmic axis half-way there.
fn edges(s: &Series, log: bool) -> Vec<(f64, f64, f64)> {
    let mut points: Vec<(f64, f64)> =
        s.points.iter().copied().filter(|p| super::scale::usable(p.0, log) && p.1.is_finite()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|a, b| a.0 == b.0);
    let to = |v: f64| if log { v.ln() } else { v };
    let back = |v: f64| if log { v.exp() } else { v };
    let centres: Vec<f64> = points.iter().map(|p| to(p.0)).collect();
    let n = centres.len();
    let half = |i: usize| match (i, n) {
        (_, 0 | 1) => 0.5,
        (0, _) => (centres[1] - centres[0]) / 2.0,
        (i, _) => (centres[i] - centres[i - 1]) / 2.0,
    };
    (0..n)
        .map(|i| {
            let right = if i + 1 < n { half(i + 1) } else { half(i) };
            (back(centres[i] - half(i)), back(centres[i] + right), points[i].1)
        })
        .collect()
}

/// The area inside the axes.
struct Plane<'a> {
    frame: Frame,
    x: &'a Scale,
    y: &'a Scale,
}

impl Plane<'_> {
    fn across(&self, place: f64) -> f64 {
        self.frame.left + place * (self.frame.right - self.frame.left)
    }
    fn up(&self, place: f64) -> f64 {
        self.frame.bottom - place * (self.frame.bottom - self.frame.top)
    }
    fn at(&self, x: f64, y: f64) -> Option<Point> {
        Some((self.across(self.x.place(x)?), self.up(self.y.place(y)?)))
    }

    fn axes(&self, canvas: &mut Canvas<'_>) {
        let Frame { left, right, bottom, top } = self.frame;
        for (place, label) in &self.y.ticks {
            let y = self.up(*place);
            if *place > 1e-3 {
                canvas.line((left, y), (right, y), Ink::Grid, 1.0);
            }
            canvas.line((left - 5.0, y), (left, y), Ink::Axis, 1.0);
            canvas.text(label, (left - 9.0, y), SMALL, Ink::Text, Anchor::Right);
        }
        for place in &self.y.minor {
            canvas.line((left - 3.0, self.up(*place)), (left, self.up(*place)), Ink::Axis, 1.0);
        }
        for (place, label) in &self.x.ticks {
            let x = self.across(*place);
            canvas.line((x, bottom), (x, bottom + 5.0), Ink::Axis, 1.0);
            canvas.text(label, (x, bottom + 9.0), SMALL, Ink::Text, Anchor::Below);
        }
        for place in &self.x.minor {
            let x = self.across(*place);
            canvas.line((x, bottom), (x, bottom + 3.0), Ink::Axis, 1.0);
        }
        canvas.line((left, top), (left, bottom), Ink::Axis, 1.0);
        canvas.line((left, bottom), (right, bottom), Ink::Axis, 1.0);
        // Where the values change sign.
        let zero = self.y.foot();
        if zero > 0.0 && zero < 1.0 {
            canvas.line((left, self.up(zero)), (right, self.up(zero)), Ink::Axis, 0.7);
        }
    }

    fn series(&self, canvas: &mut Canvas<'_>, n: usize, s: &Series) {
        let hue = s.colour.unwrap_or(n);
        match s.style {
            Style::Line => canvas.curve(&self.path(s), self.frame, Ink::Series(hue), 1.8),
            Style::Dashed => canvas.curve(&self.path(s), self.frame, Ink::Dashed(hue), 1.6),
            Style::Points => self.points(canvas, s, n, hue, 3.8),
            Style::LinePoints => {
                canvas.curve(&self.path(s), self.frame, Ink::Series(hue), 1.3);
                // Markers that touch hide the line and say nothing.
                if s.points.len() <= 80 || !s.errors.is_empty() {
                    self.points(canvas, s, n, hue, 3.0);
                }
            }
            Style::Bars => self.bars(canvas, s, hue),
        }
    }

    fn path(&self, s: &Series) -> Vec<Option<Point>> {
        let mut path: Vec<Option<Point>> = s.points.iter().map(|&(x, y)| self.at(x, y)).collect();
        if let [Some((_, y))] = path[..] {
            // A line through one point: a level.
            path = vec![Some((self.frame.left, y)), Some((self.frame.right, y))];
        }
        path
    }

    fn points(&self, canvas: &mut Canvas<'_>, s: &Series, form: usize, hue: usize, radius: f64) {
        let crowded = (s.points.len() as f64 / 60.0).sqrt().max(1.0);
        let radius = (radius / crowded).max(1.2);
        let ink = Ink::Series(hue);
        let mut drawn = std::collections::HashSet::new();
        for (i, &(x, y)) in s.points.iter().enumerate() {
            let Some(p) = self.at(x, y).filter(|p| self.frame.holds((p.0, self.frame.top))) else {
                continue;
            };
            let error = s.errors.get(i).copied().filter(|e| e.is_finite() && *e > 0.0);
            if let Some(error) = error {
                let clamped = |v: f64| v.clamp(self.frame.top, self.frame.bottom);
                // A bar that reaches below what a logarithmic axis can show goes down to its end.
                let low = self.at(x, y - error).map_or(self.frame.bottom, |q| q.1);
                let high = self.at(x, y + error).map_or(self.frame.top, |q| q.1);
                if low >= self.frame.top && high <= self.frame.bottom && low - high > 2.0 * radius {
                    canvas.line((p.0, clamped(low)), (p.0, clamped(high)), ink, 1.1);
                    for end in [low, high] {
                        if crowded <= 1.0 && end == clamped(end) {
                            canvas.line((p.0 - 3.0, end), (p.0 + 3.0, end), ink, 1.1);
                        }
                    }
                }
            }
            // Of points on top of each other one is enough.
            let seen = ((p.0 * 2.0).round() as i64, (p.1 * 2.0).round() as i64);
            if self.frame.holds(p) && drawn.insert(seen) {
                canvas.marker(p, form, radius, ink);
            }
        }
    }

    /// One filled area under one outline, so that several histograms can lie over one another.
    fn bars(&self, canvas: &mut Canvas<'_>, s: &Series, hue: usize) {
        let foot = self.up(self.y.foot());
        let mut outline: Vec<Point> = Vec::new();
        for (from, to, height) in edges(s, self.x.is_log()) {
            let (Some(from), Some(to)) = (self.x.place(from), self.x.place(to)) else { continue };
            let (from, to) = (self.across(from), self.across(to));
            // What a logarithmic axis cannot show has no height on it.
            let y = self.y.place(height).map_or(foot, |p| self.up(p));
            if outline.is_empty() {
                outline.push((from, foot));
            }
            outline.extend([(from, y), (to, y)]);
        }
        if let Some(last) = outline.last().copied() {
            outline.push((last.0, foot));
        }
        let Frame { left, top, right, bottom } = self.frame;
        let within: Vec<Point> =
            outline.iter().map(|p| (p.0.clamp(left, right), p.1.clamp(top, bottom))).collect();
        if !within.is_empty() {
            canvas.area(&within, Ink::Series(hue), 0.28);
        }
        let outline: Vec<Option<Point>> = outline.into_iter().map(Some).collect();
        canvas.curve(&outline, self.frame, Ink::Series(hue), 1.2);
        for (i, &(x, y)) in s.points.iter().enumerate() {
            let error = s.errors.get(i).copied().filter(|e| e.is_finite() && *e > 0.0).unwrap_or(0.0);
            let ends = [self.at(x, y - error), self.at(x, y + error)];
            if error > 0.0 && ends.iter().all(Option::is_some) {
                canvas.curve(&ends, self.frame, Ink::Series(hue), 1.1);
            }
        }
    }
}

/// The legend: above the plot, where it covers nothing, in rows.
struct Legend {
    entries: Vec<Entry>,
    height: f64,
}

/// A line of the legend: the swatch begins at `at`.
struct Entry {
    at: Point,
    form: usize,
    hue: usize,
    style: Style,
    errors: bool,
    lines: Vec<String>,
}

const SWATCH: f64 = 26.0;
const ROW: f64 = 20.0;

impl Legend {
    fn new(series: &[Series], left: f64, right: f64) -> Self {
        let start = 4.0f64.min(left);
        let (mut x, mut y, mut row_height) = (start, 0.0, 0.0f64);
        let mut entries = Vec::new();
        for (n, s) in series.iter().enumerate().filter(|(_, s)| !s.name.trim().is_empty()) {
            let lines = wrap(&s.name, SMALL, right - start - SWATCH - 8.0);
            let widest = lines.iter().map(|l| text::width(l, SMALL)).fold(0.0, f64::max);
            let width = SWATCH + 7.0 + widest;
            if x > start && x + width > right {
                x = start;
                y += row_height;
                row_height = 0.0;
            }
            row_height = row_height.max(ROW * lines.len() as f64);
            entries.push(Entry {
                at: (x, y + ROW / 2.0 + 2.0),
                form: n,
                hue: s.colour.unwrap_or(n),
                style: s.style,
                errors: !s.errors.is_empty(),
                lines,
            });
            x += width + 18.0;
        }
        let height = if entries.is_empty() { 0.0 } else { y + row_height + 8.0 };
        Legend { entries, height }
    }

    fn draw(&self, canvas: &mut Canvas<'_>) {
        for Entry { at: (x, y), form, hue, style, errors, lines } in &self.entries {
            let (x, y, hue) = (*x, *y, *hue);
            let middle = x + SWATCH / 2.0;
            match style {
                Style::Line => canvas.line((x, y), (x + SWATCH, y), Ink::Series(hue), 2.0),
                Style::Dashed => canvas.line((x, y), (x + SWATCH, y), Ink::Dashed(hue), 1.8),
                Style::Points => {
                    if *errors {
                        canvas.line((middle, y - 7.0), (middle, y + 7.0), Ink::Series(hue), 1.1);
                    }
                    canvas.marker((middle, y), *form, 3.8, Ink::Series(hue));
                }
                Style::LinePoints => {
                    canvas.line((x, y), (x + SWATCH, y), Ink::Series(hue), 1.3);
                    canvas.marker((middle, y), *form, 3.0, Ink::Series(hue));
                }
                Style::Bars => {
                    let (a, b) = ((x + 4.0, y - 6.0), (x + SWATCH - 4.0, y + 6.0));
                    let corners = [(a.0, b.1), a, (b.0, a.1), b, (a.0, b.1)];
                    canvas.area(&corners, Ink::Series(hue), 0.28);
                    let all = Frame { left: 0.0, top: 0.0, right: WIDTH, bottom: f64::MAX };
                    canvas.curve(&corners.map(Some), all, Ink::Series(hue), 1.2);
                }
            }
            for (i, line) in lines.iter().enumerate() {
                let at = (x + SWATCH + 7.0, y + ROW * i as f64);
                canvas.text(line, at, SMALL, Ink::Text, Anchor::Left);
            }
        }
    }
}
