//! Tests of whole pages and drawings. With `SMML_SAMPLE_REPORT=FOLDER` the sample stays there to be looked at.

use super::{
    figure::{Axis, Content, Figure, Series, Style},
    palette::COLOURS,
    *,
};
use crate::{
    catalogue::Chapter,
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{Estimate, estimate::Source};

/// Checks that every tag is closed in order, attributes are quoted and only known entities occur.
fn assert_well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.strip_prefix("<!DOCTYPE html>").unwrap_or(text);
    while let Some(at) = rest.find(['<', '&']) {
        assert!(!rest[..at].contains(']') || !rest[..at].contains("]]>"), "stray CDATA");
        rest = &rest[at..];
        if rest.starts_with('&') {
            let end = rest.find(';').expect("entity ends");
            assert!(
                ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#39;"].contains(&&rest[..=end]),
                "{}",
                &rest[..end.min(20)]
            );
            rest = &rest[end..];
            continue;
        }
        let end = rest.find('>').expect("tag ends");
        let tag = &rest[1..end];
        assert!(!tag.contains('<'), "{tag}");
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "before {}", &rest[..rest.len().min(80)]);
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        let mut seen = Vec::new();
        let mut left = attributes.trim();
        while !left.is_empty() {
            let (key, after) = left.split_once("=\"").unwrap_or_else(|| panic!("{tag}"));
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "-:".contains(c)), "{tag}");
            assert!(!seen.contains(&key), "twice {key} in {tag}");
            seen.push(key);
            left = after.split_once('"').unwrap_or_else(|| panic!("{tag}")).1.trim_start();
        }
        if !empty {
            open.push(name);
        }
        if name == "style" {
            rest = &rest[rest.find("</style>").expect("style ends")..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Every link into the page has a target, no id occurs twice, and nothing is fetched or run.
fn assert_self_contained(html: &str) {
    let values = |key: &str| -> Vec<&str> {
        html.split(key).skip(1).filter_map(|t| t.split_once('"').map(|(v, _)| v)).collect()
    };
    let ids = values(" id=\"");
    let unique: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len());
    for link in values(" href=\"") {
        match link.strip_prefix('#') {
            Some(id) => assert!(unique.contains(id), "{link}"),
            None => assert!(link.starts_with("figures/"), "{link}"),
        }
    }
    for source in values(" src=\"") {
        assert!(source.starts_with("data:image/png;base64,"), "{source}");
    }
    for labels in values(" aria-labelledby=\"") {
        assert!(labels.split(' ').all(|l| unique.contains(l)), "{labels}");
    }
    for bad in
        ["<script", "javascript:", "http:", "https:", "@import", "url(", " onload", " onclick", "//cdn"]
    {
        assert!(!html.contains(bad), "{bad}");
    }
}

fn assert_drawn(figure: &Figure) -> String {
    let inline = svg::svg(figure).expect("inline");
    let file = svg::standalone(figure).expect("file");
    for text in [&inline, &file] {
        assert_well_formed(text);
        assert!(text.contains("viewBox=\"0 0 ") && text.contains("role=\"img\"") && text.contains("<title"));
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
        assert!(!text.contains("#0102") && !text.contains("#0104"), "{}: a sentinel is left", figure.id);
        assert!(!text.contains("NaN") || figure.caption.contains("NaN"), "{}", figure.id);
        let head = text.split('>').next().expect("head");
        assert!(!head.contains(" width=") && !head.contains(" height="), "{head}");
    }
    assert!(!inline.contains("\"#"), "{}: a fixed colour", figure.id);
    assert!(!inline.contains("http"));
    assert_in_view(&inline);
    assert_no_overlap(&inline);
    inline
}

/// The number in an attribute.
fn number(element: &str, key: &str) -> Option<f64> {
    let (_, value) = element.split_once(&format!(" {key}=\""))?;
    value.split_once('"')?.0.parse().ok()
}

/// All coordinates lie inside the view box.
fn assert_in_view(svg: &str) {
    let view: Vec<f64> = svg
        .split_once("viewBox=\"")
        .and_then(|(_, t)| t.split_once('"'))
        .expect("view box")
        .0
        .split(' ')
        .map(|v| v.parse().expect("number"))
        .collect();
    for element in svg.split('<').skip(2) {
        for (keys, most) in [(["x", "x1", "x2", "cx"], view[2]), (["y", "y1", "y2", "cy"], view[3])] {
            for v in keys.iter().filter_map(|k| number(element, k)) {
                assert!((0.0..=most).contains(&v), "{element}");
            }
        }
        if let Some((_, points)) = element.split_once(" points=\"") {
            for pair in points.split_once('"').expect("quoted").0.split_whitespace() {
                let (x, y) = pair.split_once(',').expect("pair");
                let (x, y): (f64, f64) = (x.parse().expect("x"), y.parse().expect("y"));
                assert!((0.0..=view[2]).contains(&x) && (0.0..=view[3]).contains(&y), "{element}");
            }
        }
    }
}

/// No two texts lie on each other, by the widths that the layout assumes.
fn assert_no_overlap(svg: &str) {
    let mut boxes: Vec<(f64, f64, f64, f64, String)> = Vec::new();
    for element in svg.split("<text").skip(1) {
        let (head, rest) = element.split_once('>').expect("tag");
        let words = rest.split_once('<').expect("closed").0.trim().to_string();
        let (x, y) = (number(head, "x").expect("x"), number(head, "y").expect("y"));
        let size = number(head, "font-size").expect("size");
        // Entities are as wide as what they stand for.
        let plain =
            words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", "\"");
        let width = super::text::width(&plain, size);
        let left = match () {
            () if head.contains("\"end\"") => x - width,
            () if head.contains("\"middle\"") => x - width / 2.0,
            () => x,
        };
        let top = if head.contains("0.76em") { y } else { y - size / 2.0 };
        boxes.push((left, left + width, top, top + 0.9 * size, plain));
    }
    for (i, a) in boxes.iter().enumerate() {
        for b in &boxes[..i] {
            let apart = a.1 <= b.0 || b.1 <= a.0 || a.3 <= b.2 || b.3 <= a.2;
            assert!(apart, "{:?} lies on {:?}", a, b);
        }
    }
}

fn measured(value: f64, error: f64) -> Estimate {
    Estimate { value, std_error: error, tau_int: 2.25, n_eff: 4321.0, dof: 1e4, source: Source::Chain }
}

/// Numbers that look random and are the same everywhere.
fn noise(i: usize) -> f64 {
    let x = (i as f64 * 12.9898).sin() * 43_758.545_3;
    2.0 * (x - x.floor()) - 1.0
}

fn magnetisation() -> Figure {
    let exact = |t: f64| {
        let s = (2.0 / t).sinh();
        if s > 1.0 { (1.0 - s.powi(-4)).powf(0.125) } else { 0.0 }
    };
    let line: Vec<(f64, f64)> =
        (0..=400).map(|i| 1.0 + f64::from(i) * 0.0075).map(|t| (t, exact(t))).collect();
    let points = |l: f64| -> Vec<(f64, Estimate)> {
        let at = |i: usize| 1.0 + 0.2 * i as f64;
        (0..=15)
            .map(|i| {
                let e = 0.004 + 0.02 * (-(at(i) - 2.3).powi(2) * 4.0).exp();
                let m = exact(at(i)).max(0.9 / l * (2.5 / at(i)).powi(2)) + e * noise(i);
                (at(i), measured(m, e))
            })
            .collect()
    };
    let series = vec![
        Series::new("Onsager and Yang", Style::Line, line),
        Series::measured("L = 8", &points(8.0)),
        Series::measured("L = 16", &points(16.0)),
        Series::measured("L = 64", &points(64.0)),
        Series::new("critical temperature", Style::Dashed, vec![(2.269_185, 0.0), (2.269_185, 1.0)]),
    ];
    Figure::plot(
        "ising-magnetisation",
        "Magnetisation of the square lattice",
        "Below the critical temperature the lattices follow the exact curve of the infinite one; above it what is left falls with their size.",
        Axis::linear("temperature T / J"),
        Axis::linear("⟨|m|⟩ per spin"),
        series,
    )
}

fn histogram() -> Figure {
    let normal = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let centres = (0..40).map(|i| -3.9 + 0.2 * f64::from(i));
    let bars = |shift: f64, offset: usize| -> Vec<(f64, f64)> {
        centres
            .clone()
            .enumerate()
            .map(|(i, x)| (x, (normal(x - shift) * (1.0 + 0.08 * noise(i + offset))).max(0.0)))
            .collect()
    };
    let curve = (0..=200).map(|i| -4.0 + 0.04 * f64::from(i)).map(|x| (x, normal(x))).collect();
    Figure::plot(
        "clt",
        "Sums of uniform numbers",
        "Standardised sums of 12 and of 2 uniform numbers against the normal density.",
        Axis::linear("standardised sum"),
        Axis::linear("density"),
        vec![
            Series::new("n = 12", Style::Bars, bars(0.0, 0)),
            Series::new(
                "n = 2, drawn from a skewed distribution with a long name",
                Style::Bars,
                bars(0.8, 77),
            ),
            Series::new("normal", Style::Line, curve),
        ],
    )
}

fn timing() -> Figure {
    let n: Vec<f64> = (4..=24).map(|k| 2f64.powi(k)).collect();
    let direct = n.iter().map(|n| (*n, 1e-9 * n * n.min(1e4))).collect();
    let fft = n.iter().map(|n| (*n, 3e-7 + 9e-9 * n * n.log2())).collect();
    let ours = n
        .iter()
        .enumerate()
        .map(|(i, n)| (*n, 2e-7 + 4e-9 * n * n.log2() * (1.0 + 0.1 * noise(i))))
        .collect();
    Figure::plot(
        "convolution-timing",
        "Time of a convolution",
        "Both axes are logarithmic.",
        Axis::log("length of the signal"),
        Axis::log("time / s"),
        vec![
            Series::new("direct", Style::Dashed, direct),
            Series::new("one FFT", Style::LinePoints, fft),
            Series::new("convolve", Style::LinePoints, ours),
        ],
    )
}

fn history() -> Figure {
    let curve = |a: f64, offset: usize| -> Vec<(f64, f64)> {
        (0..20_000)
            .map(|i| {
                (
                    i as f64 * 10.0,
                    -205.0 + 105.0 * (1.0 - (-(i as f64) / 3000.0).exp()) - a + 2.0 * noise(i + offset),
                )
            })
            .collect()
    };
    Figure::plot(
        "rbm-learning",
        "Learning",
        "Log-likelihood per image while an RBM learns, for training and test images.",
        Axis::linear("updates"),
        Axis::linear("ln p per image / nats"),
        vec![
            Series::new("training", Style::LinePoints, curve(0.0, 0)),
            Series::new("test", Style::LinePoints, curve(6.0, 31)),
        ],
    )
}

fn digits() -> Figure {
    let (w, h) = (112, 56);
    let pixel = |x: usize, y: usize| {
        let (dx, dy) = ((x % 28) as f64 - 13.5, (y % 28) as f64 - 13.5);
        let r = (dx * dx + dy * dy).sqrt();
        (255.0 * (-(r - 7.0).powi(2) / 4.0).exp()) as u8
    };
    let pixels = (0..w * h).map(|i| pixel(i % w, i / w)).collect();
    Figure::image("generated-digits", "Generated digits", "Samples of a trained machine.", w, h, pixels)
}

/// Figures that are hard to draw.
fn extremes() -> Vec<Figure> {
    let odd =
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1.0, 1e308, -1e308, 5e-324, 1e-200, 3.0];
    let styles = [Style::Line, Style::Dashed, Style::Points, Style::LinePoints, Style::Bars];
    let sets: Vec<Vec<(f64, f64)>> = vec![
        vec![],
        vec![(2.0, 3.0)],
        vec![(0.0, 0.0)],
        vec![(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)],
        vec![(1.0, 5.0), (1.0, 6.0)],
        vec![(f64::NAN, 1.0)],
        odd.iter().flat_map(|a| odd.iter().map(move |b| (*a, *b))).collect(),
        vec![(1e-300, 1e300), (1e300, 1e-300)],
        vec![(1e9, 1.0), (1e9 + 1.0, 1.0 + 1e-14)],
        vec![(-7.0, -3e-9), (-3.0, -1e-9)],
        (0..3000).map(|i| (f64::from(i), noise(i as usize))).collect(),
    ];
    let mut out = Vec::new();
    for (i, points) in sets.iter().enumerate() {
        for style in styles {
            for (x_log, y_log) in [(false, false), (true, false), (false, true), (true, true)] {
                for range in
                    [None, Some((0.5, 2.5)), Some((f64::NAN, 1.0)), Some((3.0, -3.0)), Some((2.0, 2.0))]
                {
                    let axis = |log: bool| Axis { label: "a < b & \"c\"".into(), log, range };
                    let errors = points.iter().enumerate().map(|(i, _)| odd[i % odd.len()]).collect();
                    let series = vec![
                        Series::new("<&'\">\u{1}", style, points.clone()).with_errors(errors),
                        Series::new(&"a rather long name of a series ".repeat(4), style, points.clone()),
                        Series::new("", style, points.clone()).in_colour(1000),
                    ];
                    let id = format!("x{i}-{style:?}-{x_log}-{y_log}");
                    out.push(Figure::plot(&id, "<title>", "NaN <&>", axis(x_log), axis(y_log), series));
                }
            }
        }
    }
    out.push(Figure::plot("none", "", "", Axis::linear(""), Axis::log(""), vec![]));
    out.push(Figure::image("dot", "", "", 1, 1, vec![7]));
    out
}

fn figure_check(_: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(Outcome::default())
}

macro_rules! sample_check {
    ($name:ident, $id:literal, $chapter:ident, $equations:expr, $title:literal) => {
        static $name: Check = Check {
            id: $id,
            chapter: Chapter::$chapter,
            equations: &$equations,
            title: $title,
            run: figure_check,
        };
    };
}
sample_check!(ISING, "ising-onsager", Physics, ["41", "42"], "Square lattice against Onsager");
sample_check!(CLT, "clt", Core, ["3"], "Sums become normal <b>&</b>");
sample_check!(ENTROPY, "entropy", Core, ["25", "26"], "Entropy of a loaded die");
sample_check!(WRONG, "wrong", Core, ["4"], "Importance sampling, on purpose with a wrong value");
sample_check!(BROKEN, "broken", Learn, ["43"], "A check that stops");
sample_check!(SKIPPED, "mnist", Learn, ["44"], "Real digits");
sample_check!(CONVOLVE, "convolve-timing", Core, [], "Time of a convolution");
sample_check!(MACHINE, "machine", Hw, [], "A chapter without equations");
sample_check!(ODD, "odd", Core, ["999"], "An unknown equation");

fn sample() -> Vec<CheckResult> {
    let done = |check: &'static Check, outcome: Outcome, seconds: f64| CheckResult {
        check,
        outcome: Ok(outcome),
        seconds,
    };
    let mut ising = Outcome::default();
    ising
        .sampled("energy per spin, L = 16, T = 2.269185", measured(-1.453_21, 0.000_12), -1.453_065_0)
        .sampled("specific heat per spin, L = 16, T = 2.269185", measured(1.4987, 0.0031), 1.498_704_9)
        .computed(
            "ln Z of 4 × 4 by enumeration and by transfer matrix",
            30.123_456_789_1,
            30.123_456_789_1,
            1e-12,
        )
        .at_most("largest difference of the density of states", Estimate::exact(0.0), 0.0)
        .holds("Binder cumulants cross within 1 % of the critical temperature", true)
        .reported("integrated autocorrelation time of Wolff, L = 64", measured(4.81, 0.12))
        .note("Sweeps are Metropolis in sequential order; errors come from binning.")
        .figure(magnetisation())
        .figure(digits());
    let mut clt = Outcome::default();
    for i in 0..60 {
        clt.sampled(
            format!("P(S ≤ {:.2})", -3.0 + 0.1 * f64::from(i)),
            measured(0.5 + 0.001 * noise(i as usize), 0.001),
            0.5,
        );
    }
    clt.figure(histogram()).figure(history());
    let mut entropy = Outcome::default();
    entropy.computed("H(1/2, 1/4, 1/8, 1/8) / ln 2", 1.75, 1.75, 1e-14);
    let mut wrong = Outcome::default();
    wrong
        .sampled("E[x²] under N(0, 1) from N(0, 2)", measured(1.213, 0.011), 1.0)
        .computed("weights sum to one", 1.0, 1.0, 1e-12)
        .at_least("k-hat", Estimate::exact(0.7), 0.9)
        .computed("not a number", f64::NAN, 1.0, 1.0);
    let mut convolve = Outcome::default();
    convolve.reported("10⁶ * 10⁴", measured(6.4e-3, 1e-4)).figure(timing());
    let mut machine = Outcome::default();
    machine.holds("lanes agree bit for bit", true);
    vec![
        done(&ISING, ising, 3.21),
        done(&CLT, clt, 0.43),
        done(&ENTROPY, entropy, 1e-5),
        done(&WRONG, wrong, 75.0),
        CheckResult { check: &BROKEN, outcome: Err("<corrupt> file & \"more\"".into()), seconds: 0.1 },
        done(&SKIPPED, Outcome::skipped("no data set: give --data DIR (see smml data)"), 0.0),
        done(&CONVOLVE, convolve, 1.5),
        done(&MACHINE, machine, 0.2),
        done(&ODD, Outcome::default(), 0.0),
    ]
}

fn sample_report(results: &[CheckResult]) -> Report<'_> {
    Report {
        title: "Statistical mechanics for machine learning: what holds",
        level: Level::Quick,
        seed: 1,
        version: "0.1.0",
        command: "smml reproduce --quick --seed 1",
        threads: 2,
        cpu_path: "avx2",
        started_unix: 1_770_000_000,
        seconds: 81.3,
        results,
    }
}

#[test]
fn every_figure_can_be_drawn() {
    for figure in [magnetisation(), histogram(), timing(), history(), digits()].iter().chain(&extremes()) {
        let text = assert_drawn(figure);
        assert!(text.len() < 900_000, "{}: {} bytes", figure.id, text.len());
        if matches!(figure.content, Content::Plot { .. }) {
            assert!(text.contains("var(--fig-axis)"));
        }
    }
}

#[test]
fn figures_show_their_data() {
    let text = assert_drawn(&magnetisation());
    for name in ["Onsager and Yang", "L = 8", "L = 64", "temperature T / J", "⟨|m|⟩ per spin"] {
        assert!(text.contains(&format!("\n{name}\n")) || text.contains(&format!(">\n{name}")), "{name}");
    }
    // 16 circles would be the first series' markers; it is the second, whose markers are squares.
    let polygons = text.matches("<polygon").count();
    assert_eq!(polygons, 3 * 16 + 3, "three sizes and their legend");
    assert_eq!(text.matches("stroke-dasharray").count(), 2);
    let file = svg::standalone(&magnetisation()).expect("file");
    assert!(
        file.contains("prefers-color-scheme:dark")
            && file.contains(COLOURS[0].1)
            && file.contains(COLOURS[0].2)
    );
    assert!(!file.contains("var("));
}

#[test]
fn points_lie_where_they_should() {
    // Two points at the corners of fixed axes: the frame's corners; a third outside is not drawn.
    let series =
        vec![Series::new("", Style::Points, vec![(1.0, 10.0), (3.0, 1000.0), (4.0, 100.0), (2.0, 100.0)])];
    let figure =
        Figure::plot("p", "", "", Axis::linear("").over(1.0, 3.0), Axis::log("").over(10.0, 1e3), series);
    let text = assert_drawn(&figure);
    let circles: Vec<(f64, f64)> = text
        .split("<circle")
        .skip(1)
        .map(|e| (number(e, "cx").expect("cx"), number(e, "cy").expect("cy")))
        .collect();
    assert_eq!(circles.len(), 3);
    assert!((circles[2].0 - (circles[0].0 + circles[1].0) / 2.0).abs() <= 1.0);
    assert!((circles[2].1 - (circles[0].1 + circles[1].1) / 2.0).abs() <= 1.0);
    assert!(circles[0].1 > circles[1].1, "larger values are higher");
}

#[test]
fn the_sample_report_is_sound() {
    let temporary = tempfile::tempdir().expect("folder");
    let kept = std::env::var_os("SMML_SAMPLE_REPORT").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let results = sample();
    write(folder, &sample_report(&results)).expect("written");
    let html = fs::read_to_string(folder.join("index.html")).expect("page");
    assert_well_formed(&html);
    assert_self_contained(&html);
    for id in (1..=62).map(|n| n.to_string()).chain(["A1".into(), "A2".into()]) {
        assert_eq!(html.matches(&format!(" id=\"eq-{id}\"")).count(), 1, "{id}");
        assert!(html.matches(&format!("href=\"#eq-{id}\"")).count() >= 1, "{id}");
    }
    for r in &results {
        assert_eq!(html.matches(&format!(" id=\"check-{}\"", r.check.id)).count(), 1, "{}", r.check.id);
    }
    // Text of checks arrives as text.
    assert!(html.contains("Sums become normal &lt;b&gt;&amp;&lt;/b&gt;") && !html.contains("<corrupt>"));
    assert!(html.contains("−1.45321(12)"));
    assert!(html.contains("2 of 9 checks did not hold (3 failing comparisons)."), "the header counts");
    for (eq, state) in [("41", "holds"), ("42", "holds"), ("4", "fails"), ("43", "fails")] {
        assert!(html.contains(&format!("class=\"chip {state}\" href=\"#eq-{eq}\"")), "{eq} {state}");
    }
    assert!(html.contains("30 more rows, none of them fails"));
    for name in ["ising-magnetisation", "clt", "convolution-timing", "rbm-learning", "generated-digits"] {
        let svg = fs::read_to_string(folder.join(format!("figures/{name}.svg"))).expect("SVG");
        assert_well_formed(&svg);
        assert!(folder.join(format!("figures/{name}.csv")).exists());
        assert!(html.contains(&format!("id=\"figure-{name}\"")));
    }
    assert!(folder.join("figures/generated-digits.png").exists());
    if kept.is_some() {
        let hard: Vec<String> = extremes().iter().step_by(7).map(|f| svg::svg(f).expect("svg")).collect();
        let body: String =
            hard.iter().map(|s| format!("<div style=\"width:30%;float:left\">{s}</div>")).collect();
        fs::write(folder.join("hard.html"), page::page("hard", &body)).expect("written");
    }
}

#[test]
fn long_tables_show_every_row_once_and_failing_ones_first() {
    for (n, failing) in [
        (1, vec![]),
        (40, vec![39]),
        (41, vec![40]),
        (200, (100..180).collect::<Vec<usize>>()),
        (50, (0..50).collect()),
    ] {
        let mut outcome = Outcome::default();
        for i in 0..n {
            outcome.holds(format!("row {i}."), !failing.contains(&i));
        }
        let html = blocks::table("t", &outcome.rows, Gate::REPRODUCE);
        assert_well_formed(&html);
        let unfolded = html.split("<details>").next().expect("some");
        for i in 0..n {
            assert_eq!(html.matches(&format!(">row {i}.<")).count(), 1, "{n} {i}");
            assert!(!failing.contains(&i) || unfolded.contains(&format!(">row {i}.<")), "{n} {i}");
        }
        assert!(unfolded.matches("scope=\"row\"").count() <= 40.max(failing.len()));
    }
}

#[test]
fn an_empty_run_lists_all_equations() {
    let folder = tempfile::tempdir().expect("folder");
    write(folder.path(), &sample_report(&[])).expect("written");
    let html = fs::read_to_string(folder.path().join("index.html")).expect("page");
    assert_well_formed(&html);
    assert_self_contained(&html);
    let count = |state: &str| html.matches(&format!("class=\"chip {state}\" href")).count();
    assert_eq!(count("planned") + count("notrun"), 64);
    assert!(html.contains("Nothing was compared"));
}

#[test]
fn names_of_figures_are_made_unique() {
    let folder = tempfile::tempdir().expect("folder");
    let figures: Vec<Figure> =
        ["a/b", "a-b", "A-B", ""].iter().map(|id| Figure { id: (*id).into(), ..timing() }).collect();
    let results = sample();
    let rows = &results[0].outcome.as_ref().expect("rows").rows;
    let report = RunReport {
        title: "<run>",
        version: "0.1.0",
        seed: 3,
        config: "lattice = \"square\"\nsize = 16 # <&>\n",
        notes: &["Notes & more".to_string()],
        tables: &[("Results", rows)],
        gate: Gate::REPRODUCE,
        figures: &figures,
    };
    let paths = run_report(folder.path(), &report).expect("written");
    assert_eq!(paths.len(), 4 * 2 + 1);
    assert!(paths.iter().all(|p| p.is_file()));
    let html = fs::read_to_string(folder.path().join("report.html")).expect("page");
    assert_well_formed(&html);
    assert_self_contained(&html);
    assert!(html.contains("lattice = &quot;square&quot;") && html.contains("figures/A-B-3.svg"));
    if let Some(kept) = std::env::var_os("SMML_SAMPLE_REPORT") {
        run_report(Path::new(&kept), &report).expect("written");
    }
}

#[test]
fn a_broken_image_is_an_error_and_leaves_no_page() {
    let folder = tempfile::tempdir().expect("folder");
    let mut outcome = Outcome::default();
    outcome.figure(Figure::image("bad", "", "", 3, 3, vec![0; 8]));
    let results = [CheckResult { check: &CLT, outcome: Ok(outcome), seconds: 0.0 }];
    assert!(write(folder.path(), &sample_report(&results)).is_err());
    assert!(!folder.path().join("index.html").exists());
}
