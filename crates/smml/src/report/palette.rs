//! The colours of figures, for light and dark pages, and the sentinels by which they are drawn.
//!
//! plotters writes colours as `#RRGGBB`. Figures are drawn in colours that nobody would choose; they are then replaced,
//! by CSS variables where a page defines them, by fixed colours in a file of its own.

/// A colour by its part in a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Tick labels, axis labels, legend.
    Text,
    /// Axis lines and ticks.
    Axis,
    /// Grid lines.
    Grid,
    /// A series, drawn solid.
    Series(usize),
    /// A series, drawn as a dashed line.
    Dashed(usize),
}

/// How many hues there are; further series begin anew, with other markers.
pub(super) const HUES: usize = 8;

/// Name of the variable, colour on light pages, colour on dark pages.
///
/// The hues are told apart with the common forms of colour blindness, neighbours also by lightness, so that they stay
/// distinct in print; each has a contrast of at least 3 against the page.
pub(super) const COLOURS: [(&str, &str, &str); HUES + 4] = [
    ("fig-0", "#0b5394", "#6cb4f5"),
    ("fig-1", "#d45500", "#ff9349"),
    ("fig-2", "#00755c", "#45cfa4"),
    ("fig-3", "#b5549c", "#eba0dc"),
    ("fig-4", "#5b3b8c", "#b29af0"),
    ("fig-5", "#a37800", "#f2cb4c"),
    ("fig-6", "#2b8fc7", "#a9dcff"),
    ("fig-7", "#8c1c2b", "#ff8690"),
    ("fig-text", "#25282c", "#e2e5e8"),
    ("fig-axis", "#6b7178", "#8d949b"),
    ("fig-grid", "#e4e6e9", "#30353a"),
    ("fig-page", "#ffffff", "#16191c"),
];

impl Ink {
    /// Red, green, blue to draw with.
    pub(super) fn sentinel(self) -> (u8, u8, u8) {
        match self {
            Ink::Series(n) => (1, 2, 160 + (n % HUES) as u8),
            Ink::Dashed(n) => (1, 4, 160 + (n % HUES) as u8),
            Ink::Text => (1, 2, 160 + HUES as u8),
            Ink::Axis => (1, 2, 161 + HUES as u8),
            Ink::Grid => (1, 2, 162 + HUES as u8),
        }
    }
}

/// Replaces all sentinels; `colour` says by what, given the place in [`COLOURS`].
pub(super) fn replace(svg: &str, colour: impl Fn(usize) -> String) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some(at) = rest.find("\"#010") {
        out.push_str(&rest[..at]);
        let sentinel = &rest[at..];
        let place = sentinel.get(6..8).and_then(|h| usize::from_str_radix(h, 16).ok());
        match (sentinel.as_bytes().get(5), place.and_then(|p| p.checked_sub(160))) {
            (Some(kind), Some(n)) if n < COLOURS.len() && sentinel.as_bytes().get(8) == Some(&b'"') => {
                out.push_str(&format!("\"{}\"", colour(n)));
                if *kind == b'4' {
                    out.push_str(" stroke-dasharray=\"70 45\"");
                }
                rest = &sentinel[9..];
            }
            _ => {
                out.push_str("\"#010");
                rest = &sentinel[5..];
            }
        }
    }
    out + rest
}

/// The declarations of all variables for light or dark pages.
pub(super) fn variables(dark: bool) -> String {
    COLOURS.iter().map(|(name, l, d)| format!("--{name}:{};", if dark { d } else { l })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(hex: &str) -> f64 {
        let channel = |i: usize| {
            let c = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }
    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn colours_can_be_seen_on_their_page() {
        let (_, light_page, dark_page) = COLOURS[HUES + 3];
        for (name, light, dark) in &COLOURS[..HUES + 2] {
            let least = if *name == "fig-text" { 7.0 } else { 3.0 };
            assert!(contrast(light, light_page) >= least, "{name} {}", contrast(light, light_page));
            assert!(contrast(dark, dark_page) >= least, "{name} {}", contrast(dark, dark_page));
        }
    }

    #[test]
    fn sentinels_are_replaced_and_nothing_else() {
        let svg = r##"<a stroke="#0102A0"/><b stroke="#0104A1"/><c fill="#0102AA"/><d>"#010 "#0102FF" "#0102"</d>"##;
        assert_eq!(
            replace(svg, |n| format!("c{n}")),
            r##"<a stroke="c0"/><b stroke="c1" stroke-dasharray="70 45"/><c fill="c10"/><d>"#010 "#0102FF" "#0102"</d>"##
        );
    }
}
