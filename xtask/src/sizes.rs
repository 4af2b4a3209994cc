//! The figure of cost against size: what an attempted flip costs, over the number of spins, as an SVG with logarithmic axes.

use std::{collections::BTreeMap, fmt::Write};

/// Points (number of spins, nanoseconds) of every curve.
pub(crate) type Curves = BTreeMap<String, Vec<(f64, f64)>>;

/// Width without the names of the curves, and of one letter of these.
const WIDTH: f64 = 490.0;
const LETTER: f64 = 6.8;
const HEIGHT: f64 = 400.0;
/// Left, top, right and bottom of the frame.
const FRAME: [f64; 4] = [64.0, 24.0, 440.0, 340.0];
/// Colours that are told apart by everybody (Okabe and Ito), readable on white.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// The figure; `None` without two points.
pub(crate) fn svg(curves: &Curves) -> Option<String> {
    let points = || curves.values().flatten().filter(|p| p.0 > 0.0 && p.1 > 0.0);
    if points().count() < 2 {
        return None;
    }
    let decades = |of: fn(&(f64, f64)) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min).log10().floor();
        let high = points().map(of).fold(f64::NEG_INFINITY, f64::max).log10().ceil();
        (low, if high > low { high } else { low + 1.0 })
    };
    let ((x0, x1), (y0, y1)) = (decades(|p| p.0), decades(|p| p.1));
    let [left, top, right, bottom] = FRAME;
    let x = |v: f64| left + (v.log10() - x0) / (x1 - x0) * (right - left);
    let y = |v: f64| bottom - (v.log10() - y0) / (y1 - y0) * (bottom - top);
    let longest = curves.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = WIDTH + (LETTER * longest as f64).ceil();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Cost of an attempted flip against the number of spins</title>\n\
         <rect width=\"{width}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    for decade in x0 as i32..=x1 as i32 {
        let at = x(10f64.powi(decade));
        push(&mut out, &format!("<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#dddddd\"/>"));
        push(
            &mut out,
            &format!(
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 18.0,
                power(decade)
            ),
        );
    }
    for decade in y0 as i32..=y1 as i32 {
        let at = y(10f64.powi(decade));
        push(&mut out, &format!("<path d=\"M{left} {at:.1}H{right}\" stroke=\"#dddddd\"/>"));
        push(
            &mut out,
            &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 8.0,
                at + 4.0,
                power(decade)
            ),
        );
    }
    push(
        &mut out,
        &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">spins</text>",
            0.5 * (left + right),
            bottom + 40.0
        ),
    );
    push(
        &mut out,
        &format!(
            "<text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">ns for an attempted flip</text>",
            0.5 * (top + bottom)
        ),
    );
    for (k, (name, points)) in curves.iter().enumerate() {
        let colour = COLOURS[k % COLOURS.len()];
        let mut path = String::new();
        // What costs nothing has no place on a logarithmic axis.
        for (n, point) in points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0).enumerate() {
            let (px, py) = (x(point.0), y(point.1));
            let _ = write!(path, "{}{px:.1} {py:.1}", if n == 0 { "M" } else { "L" });
            push(&mut out, &format!("<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3.5\" fill=\"{colour}\"/>"));
        }
        push(&mut out, &format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"));
        let row = top + 16.0 + 20.0 * k as f64;
        push(
            &mut out,
            &format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>",
                right + 14.0,
                row - 6.0
            ),
        );
        push(&mut out, &format!("<text x=\"{:.1}\" y=\"{row:.1}\">{}</text>", right + 34.0, escaped(name)));
    }
    out += "</svg>\n";
    Some(out)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// 10 to a power, with the exponent raised.
fn power(exponent: i32) -> String {
    match exponent {
        -2 => "0.01".into(),
        -1 => "0.1".into(),
        0 => "1".into(),
        1 => "10".into(),
        2 => "100".into(),
        _ => format!("10<tspan dy=\"-5\" font-size=\"9\">{exponent}</tspan>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_stay_in_their_frame() {
        let mut curves = Curves::new();
        assert!(svg(&curves).is_none());
        curves.insert("a".into(), vec![(1e3, 0.05), (1e6, 0.5)]);
        curves.insert("b".into(), vec![(64.0, 20.0), (128.0, 0.0)]);
        let text = svg(&curves).unwrap();
        assert!(text.matches("<circle").count() == 3 && text.contains(">a</text>"), "{text}");
        // Room for the longest name, whatever is in it.
        let long = "a & b <".repeat(9);
        curves.insert(long.clone(), vec![(64.0, 20.0)]);
        let wide = svg(&curves).unwrap();
        let width = |text: &str| -> f64 {
            text.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
        };
        assert!(
            width(&wide) > width(&text) + 6.0 * (long.len() - 1) as f64 && wide.contains("a &amp; b &lt;")
        );
        for at in text.split("cx=\"").skip(1) {
            let x: f64 = at.split('"').next().unwrap().parse().unwrap();
            assert!((FRAME[0]..=FRAME[2]).contains(&x), "{x}");
        }
        // A lower cost lies lower.
        let heights: Vec<f64> =
            text.split("cy=\"").skip(1).map(|at| at.split('"').next().unwrap().parse().unwrap()).collect();
        assert!(heights[0] > heights[1] && heights[1] > heights[2], "{heights:?}");
    }
}
