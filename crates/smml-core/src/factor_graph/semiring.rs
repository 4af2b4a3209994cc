//! The semirings: how tables are multiplied and a variable is summed out.
//!
//! [`SumProduct`] works in linear numbers with a common scale wherever the ranges of the inputs prove that nothing can
//! under- or overflow, and in logarithms elsewhere; the choice is made anew for every step, so extreme couplings are
//! exact and ordinary ones cost no exponential. [`MaxSum`] and [`CountMax`] work in logarithms, without scales, so
//! integer energies stay exact.

use super::table::{Context, Domain, Extremes, Layout, Table, fill, fill_two, gather, lay_out};
use crate::simd_paths;
use std::borrow::Cow;

pub(super) trait Semiring: Sync {
    /// A factor as a table.
    fn leaf(&self, scope: Vec<usize>, ln_table: Vec<f64>) -> Table;
    /// The product of `inputs`, with `sum` summed out (in the semiring's sense).
    fn combine(&self, inputs: &[&Table], sum: Option<usize>, context: Context<'_>) -> Table;
}

/// Products in linear numbers are safe up to this sum of ranges (exp(-600) = 1e-261).
const MAX_RANGE: f64 = 600.0;
/// Entries handled at a time, so that partial results stay in the first cache.
const PIECE: usize = 1024;

simd_paths! {
    /// out = s a
    fn scale(out: &mut [f64], s: f64, a: &[f64]) {
        out.iter_mut().zip(a).for_each(|(o, a)| *o = s * a);
    }
    /// out += s a
    fn scale_add(out: &mut [f64], s: f64, a: &[f64]) {
        out.iter_mut().zip(a).for_each(|(o, a)| *o += s * a);
    }
    /// out = s a + t b
    fn scale_two(out: &mut [f64], s: f64, a: &[f64], t: f64, b: &[f64]) {
        out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o = s * a + t * b);
    }
    /// out *= a
    fn multiply(out: &mut [f64], a: &[f64]) {
        out.iter_mut().zip(a).for_each(|(o, a)| *o *= a);
    }
    /// out += a
    fn add(out: &mut [f64], a: &[f64]) {
        out.iter_mut().zip(a).for_each(|(o, a)| *o += a);
    }
    /// out += s
    fn shift(out: &mut [f64], s: f64) {
        out.iter_mut().for_each(|o| *o += s);
    }
    /// out = s + a
    fn shifted(out: &mut [f64], s: f64, a: &[f64]) {
        out.iter_mut().zip(a).for_each(|(o, a)| *o = s + a);
    }
    /// out = max(s + a, t + b)
    fn maximum_two(out: &mut [f64], s: f64, a: &[f64], t: f64, b: &[f64]) {
        for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
            let (a, b) = (s + a, t + b);
            *o = if b > a { b } else { a };
        }
    }
    /// The larger of two sums (constant + array) with its count (constant times array), or with both counts when the
    /// sums are within `tolerance`.
    fn count_two(
        values: &mut [f64],
        counts: &mut [f64],
        tolerance: f64,
        a: (f64, &[f64]),
        b: (f64, &[f64]),
        count_a: (f64, &[f64]),
        count_b: (f64, &[f64]),
    ) {
        let len = values.len();
        let (s, t, m, n) = (a.0, b.0, count_a.0, count_b.0);
        let (a, b, count_a, count_b) = (&a.1[..len], &b.1[..len], &count_a.1[..len], &count_b.1[..len]);
        let counts = &mut counts[..len];
        for i in 0..len {
            let (a, b) = (s + a[i], t + b[i]);
            values[i] = if b > a { b } else { a };
            let mine = m * count_a[i];
            let other = n * count_b[i];
            counts[i] = if b > a + tolerance { 0.0 } else { mine } + if a > b + tolerance { 0.0 } else { other };
        }
    }
    /// out = max(out, a)
    fn maximum(out: &mut [f64], a: &[f64]) {
        out.iter_mut().zip(a).for_each(|(o, a)| *o = if *a > *o { *a } else { *o });
    }
    /// Largest value (at least `floor`), and smallest value above `floor`, in eight lanes.
    fn extremes_above(x: &[f64], floor: f64) -> Extremes {
        let mut max = [floor; 8];
        let mut min = [f64::INFINITY; 8];
        let (chunks, rest) = x.as_chunks::<8>();
        for c in chunks {
            for l in 0..8 {
                max[l] = if c[l] > max[l] { c[l] } else { max[l] };
                let above = if c[l] > floor { c[l] } else { f64::INFINITY };
                min[l] = if above < min[l] { above } else { min[l] };
            }
        }
        let fold = |start: f64, it: &[f64], f: fn(f64, f64) -> f64| it.iter().fold(start, |a, &b| f(a, b));
        let mut all = Extremes { max: fold(floor, &max, f64::max), min: fold(f64::INFINITY, &min, f64::min) };
        for &r in rest {
            all.max = all.max.max(r);
            if r > floor {
                all.min = all.min.min(r);
            }
        }
        all
    }
}

fn joined(parts: &[Extremes], floor: f64) -> Extremes {
    parts.iter().fold(Extremes { max: floor, min: f64::INFINITY }, |a, b| Extremes {
        max: a.max.max(b.max),
        min: a.min.min(b.min),
    })
}

/// ln(eᵃ + eᵇ).
fn ln_add(a: f64, b: f64) -> f64 {
    let (top, gap) = if a > b { (a, a - b) } else { (b, b - a) };
    // Below e⁻⁴⁰ the smaller term is lost in rounding; this also catches -∞ (where the gap may be NaN).
    if gap < 40.0 { top + libm::log1p(libm::exp(-gap)) } else { top }
}

/// The inputs that change along the innermost run, and those that do not.
fn split(layout: &Layout) -> (Vec<usize>, Vec<usize>) {
    (0..layout.inner.len()).partition(|&k| layout.inner[k] != 0)
}

/// `to = Π` (or `Σ`, by `join`) over `moving` inputs of their entries `piece` of the run at `offsets` + x strides.
fn gather_product(
    to: &mut [f64],
    sources: &[&[f64]],
    moving: &[usize],
    layout: &Layout,
    at: impl Fn(usize) -> usize,
    buffer: &mut Vec<f64>,
    join: fn(&mut [f64], &[f64]),
) {
    for (i, &k) in moving.iter().enumerate() {
        let from = &sources[k][at(k)..];
        if i == 0 {
            gather(to, from, layout.inner[k]);
        } else if layout.inner[k] == 1 {
            join(to, &from[..to.len()]);
        } else {
            buffer.resize(to.len(), 0.0);
            gather(buffer, from, layout.inner[k]);
            join(to, buffer);
        }
    }
}

/// (+, ×).
pub(super) struct SumProduct;

impl SumProduct {
    /// Whether no product of linear entries of `inputs` can underflow.
    pub(super) fn is_safe(inputs: &[&Table]) -> bool {
        inputs.len() <= 16
            && inputs.iter().map(|t| t.range + std::f64::consts::LN_2).sum::<f64>() <= MAX_RANGE
    }
}

impl Semiring for SumProduct {
    fn leaf(&self, scope: Vec<usize>, ln_table: Vec<f64>) -> Table {
        let (values, scale, range) = centred(ln_table);
        let ln = Table {
            scope,
            values,
            domain: Domain::Ln,
            scale,
            unit: 1.0,
            range,
            counts: Vec::new(),
            count_scale: 0.0,
        };
        if range <= MAX_RANGE { in_domain(Cow::Owned(ln), Domain::Linear).into_owned() } else { ln }
    }

    fn combine(&self, inputs: &[&Table], sum: Option<usize>, context: Context<'_>) -> Table {
        let safe = Self::is_safe(inputs);
        let domain = if safe { Domain::Linear } else { Domain::Ln };
        let (ordered, layout) = lay_out(inputs, sum, context);
        // After the order: so each input is copied once at most.
        let ordered: Vec<Cow<'_, Table>> = ordered.into_iter().map(|t| in_domain(t, domain)).collect();
        let scale = inputs.iter().map(|t| t.scale).sum();
        if safe {
            combine_linear(&ordered, layout, scale, context)
        } else {
            combine_ln(&ordered, layout, scale, context)
        }
    }
}

/// The same table with values of a given kind; in place when it is a copy already.
fn in_domain(table: Cow<'_, Table>, domain: Domain) -> Cow<'_, Table> {
    if table.domain == domain {
        return table;
    }
    let mut table = table.into_owned();
    let unit = table.unit;
    match domain {
        Domain::Linear => table.values.iter_mut().for_each(|v| *v = libm::exp(*v)),
        Domain::Ln => table.values.iter_mut().for_each(|v| *v = libm::log(*v * unit)),
    }
    Cow::Owned(Table { domain, unit: 1.0, ..table })
}

/// Values with the largest moved to 0, what was taken away, and the range.
fn centred(mut ln: Vec<f64>) -> (Vec<f64>, f64, f64) {
    let e = extremes_above(&ln, f64::NEG_INFINITY);
    if e.max == f64::NEG_INFINITY {
        return (ln, 0.0, 0.0);
    }
    shift(&mut ln, -e.max);
    (ln, e.max, e.max - e.min)
}

fn combine_linear(inputs: &[Cow<'_, Table>], layout: Layout, scale_ln: f64, context: Context<'_>) -> Table {
    let (moving, fixed) = split(&layout);
    let sources: Vec<&[f64]> = inputs.iter().map(|t| t.values.as_slice()).collect();
    let unit: f64 = moving.iter().map(|&k| inputs[k].unit).product();
    let plain = moving.len() == 1 && layout.inner[moving[0]] == 1;
    let run = layout.run;
    let mut values = vec![0.0; layout.len];
    let parts = fill(&layout, context.par, &mut values, |first, part| {
        let mut weight = vec![0.0; layout.sum_len];
        let (mut product, mut buffer) = (vec![0.0; run.min(PIECE)], Vec::new());
        layout.walk(first, part.len() / run, |k, offsets| {
            for (x, w) in weight.iter_mut().enumerate() {
                *w = fixed.iter().fold(unit, |w, &k| {
                    w * (sources[k][offsets[k] + x * layout.sum_stride[k]] * inputs[k].unit)
                });
            }
            let out = &mut part[k * run..][..run];
            if moving.is_empty() {
                out.fill(weight.iter().sum());
            } else if plain && layout.sum_len == 2 {
                let m = moving[0];
                let (a, b) = (offsets[m], offsets[m] + layout.sum_stride[m]);
                scale_two(out, weight[0], &sources[m][a..a + run], weight[1], &sources[m][b..b + run]);
            } else {
                for (p, piece) in out.chunks_mut(PIECE).enumerate() {
                    for (x, &w) in weight.iter().enumerate() {
                        let at =
                            |k: usize| offsets[k] + x * layout.sum_stride[k] + p * PIECE * layout.inner[k];
                        let factor = if plain {
                            &sources[moving[0]][at(moving[0])..][..piece.len()]
                        } else {
                            let to = &mut product[..piece.len()];
                            gather_product(to, &sources, &moving, &layout, at, &mut buffer, multiply);
                            &*to
                        };
                        if x == 0 { scale(piece, w, factor) } else { scale_add(piece, w, factor) }
                    }
                }
            }
        });
        extremes_above(part, 0.0)
    });
    let e = joined(&parts, 0.0);
    let mut table = Table {
        scope: layout.scope,
        values,
        domain: Domain::Linear,
        scale: scale_ln,
        unit: 1.0,
        range: 0.0,
        counts: Vec::new(),
        count_scale: 0.0,
    };
    if e.max > 0.0 {
        table.range = libm::log(e.max / e.min).max(0.0);
        // value * unit in (1/2, 1]: powers of two are exact, and their logarithm goes into the scale.
        let (_, exponent) = libm::frexp(e.max);
        table.unit = libm::scalbn(1.0, -exponent);
        table.scale += f64::from(exponent) * std::f64::consts::LN_2;
        if exponent.abs() > 8 {
            scale_in_place(&mut table.values, table.unit);
            table.unit = 1.0;
        }
    }
    table
}

fn scale_in_place(values: &mut [f64], s: f64) {
    values.iter_mut().for_each(|v| *v *= s);
}

/// How terms are joined in logarithms.
struct LnRule {
    /// out = out joined with a
    join: fn(&mut [f64], &[f64]),
    /// out = s + a joined with t + b
    two: fn(&mut [f64], f64, &[f64], f64, &[f64]),
}

fn walk_ln(
    inputs: &[Cow<'_, Table>],
    layout: &Layout,
    context: Context<'_>,
    rule: &LnRule,
) -> (Vec<f64>, Extremes) {
    let (moving, fixed) = split(layout);
    let sources: Vec<&[f64]> = inputs.iter().map(|t| t.values.as_slice()).collect();
    let plain = moving.len() == 1 && layout.inner[moving[0]] == 1;
    let run = layout.run;
    let mut values = vec![0.0; layout.len];
    let parts = fill(layout, context.par, &mut values, |first, part| {
        let (mut term, mut buffer) = (vec![0.0; run.min(PIECE)], Vec::new());
        layout.walk(first, part.len() / run, |k, offsets| {
            if plain && layout.sum_len == 2 {
                let m = moving[0];
                let (a, b) = (offsets[m], offsets[m] + layout.sum_stride[m]);
                let constant =
                    |x: usize| fixed.iter().map(|&k| sources[k][offsets[k] + x * layout.sum_stride[k]]).sum();
                let out = &mut part[k * run..][..run];
                (rule.two)(out, constant(0), &sources[m][a..a + run], constant(1), &sources[m][b..b + run]);
                return;
            }
            for (p, piece) in part[k * run..][..run].chunks_mut(PIECE).enumerate() {
                for x in 0..layout.sum_len {
                    let at = |k: usize| offsets[k] + x * layout.sum_stride[k] + p * PIECE * layout.inner[k];
                    let constant: f64 = fixed.iter().map(|&k| sources[k][at(k)]).sum();
                    let to = if x == 0 { &mut *piece } else { &mut term[..piece.len()] };
                    if plain {
                        shifted(to, constant, &sources[moving[0]][at(moving[0])..]);
                    } else {
                        to.fill(0.0);
                        gather_product(to, &sources, &moving, layout, at, &mut buffer, add);
                        shift(to, constant);
                    }
                    if x > 0 {
                        (rule.join)(piece, &term[..piece.len()]);
                    }
                }
            }
        });
        extremes_above(part, f64::NEG_INFINITY)
    });
    (values, joined(&parts, f64::NEG_INFINITY))
}

fn combine_ln(inputs: &[Cow<'_, Table>], layout: Layout, scale: f64, context: Context<'_>) -> Table {
    let rule = LnRule {
        join: |out, term| out.iter_mut().zip(term).for_each(|(o, t)| *o = ln_add(*o, *t)),
        two: |out, s, a, t, b| {
            out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o = ln_add(s + a, t + b));
        },
    };
    let (mut values, e) = walk_ln(inputs, &layout, context, &rule);
    let top = if e.max > f64::NEG_INFINITY { e.max } else { 0.0 };
    let range = if e.max > f64::NEG_INFINITY { e.max - e.min } else { 0.0 };
    shift(&mut values, -top);
    Table {
        scope: layout.scope,
        values,
        domain: Domain::Ln,
        scale: scale + top,
        unit: 1.0,
        range,
        counts: Vec::new(),
        count_scale: 0.0,
    }
}

/// (max, +).
pub(super) struct MaxSum;

fn plain_ln(scope: Vec<usize>, values: Vec<f64>) -> Table {
    Table {
        scope,
        values,
        domain: Domain::Ln,
        scale: 0.0,
        unit: 1.0,
        range: 0.0,
        counts: Vec::new(),
        count_scale: 0.0,
    }
}

impl Semiring for MaxSum {
    fn leaf(&self, scope: Vec<usize>, ln_table: Vec<f64>) -> Table {
        plain_ln(scope, ln_table)
    }
    fn combine(&self, inputs: &[&Table], sum: Option<usize>, context: Context<'_>) -> Table {
        let (ordered, layout) = lay_out(inputs, sum, context);
        let (values, _) = walk_ln(&ordered, &layout, context, &LnRule { join: maximum, two: maximum_two });
        plain_ln(layout.scope, values)
    }
}

/// (max with the number of configurations that reach it, +). Values closer than `tolerance` count as equal.
pub(super) struct CountMax {
    pub tolerance: f64,
}

impl Semiring for CountMax {
    fn leaf(&self, scope: Vec<usize>, ln_table: Vec<f64>) -> Table {
        let counts = ln_table.iter().map(|&v| if v > f64::NEG_INFINITY { 1.0 } else { 0.0 }).collect();
        Table { counts, ..plain_ln(scope, ln_table) }
    }

    fn combine(&self, inputs: &[&Table], sum: Option<usize>, context: Context<'_>) -> Table {
        let (first, mut rest) = inputs.split_at(inputs.len().min(AT_ONCE));
        if rest.is_empty() {
            return self.combine_few(first, sum, context);
        }
        let mut product = self.combine_few(first, None, context);
        loop {
            let (next, left) = rest.split_at(rest.len().min(AT_ONCE - 1));
            let some: Vec<&Table> = std::iter::once(&product).chain(next.iter().copied()).collect();
            if left.is_empty() {
                return self.combine_few(&some, sum, context);
            }
            product = self.combine_few(&some, None, context);
            rest = left;
        }
    }
}

/// Counts are at most 2²⁰⁰: products of four cannot overflow.
const AT_ONCE: usize = 4;

impl CountMax {
    /// Whether a product of this many tables goes by tables over all their variables.
    pub(super) fn in_parts(n_inputs: usize) -> bool {
        n_inputs > AT_ONCE
    }

    fn combine_few(&self, inputs: &[&Table], sum: Option<usize>, context: Context<'_>) -> Table {
        let (ordered, layout) = lay_out(inputs, sum, context);
        let (moving, fixed) = split(&layout);
        let plain = layout.sum_len == 2 && moving.len() == 1 && layout.inner[moving[0]] == 1;
        let mut values = vec![0.0; layout.len];
        let mut counts = vec![0.0; layout.len];
        let run = layout.run;
        fill_two(&layout, context.par, &mut values, &mut counts, |first, values, counts| {
            layout.walk(first, values.len() / run, |k, offsets| {
                let (values, counts) = (&mut values[k * run..][..run], &mut counts[k * run..][..run]);
                if plain {
                    let term = |x: usize| {
                        let (mut value, mut n) = (0.0, 1.0);
                        for &j in &fixed {
                            let at = offsets[j] + x * layout.sum_stride[j];
                            value += ordered[j].values[at];
                            n *= ordered[j].counts[at];
                        }
                        let m = moving[0];
                        let from = offsets[m] + x * layout.sum_stride[m];
                        ((value, &ordered[m].values[from..]), (n, &ordered[m].counts[from..]))
                    };
                    let ((a, m), (b, n)) = (term(0), term(1));
                    count_two(values, counts, self.tolerance, a, b, m, n);
                    return;
                }
                for i in 0..run {
                    let (mut best, mut count) = (f64::NEG_INFINITY, 0.0);
                    for x in 0..layout.sum_len {
                        let (mut value, mut n) = (0.0, 1.0);
                        for (j, t) in ordered.iter().enumerate() {
                            let at = offsets[j] + x * layout.sum_stride[j] + i * layout.inner[j];
                            value += t.values[at];
                            n *= t.counts[at];
                        }
                        if value > best + self.tolerance {
                            (best, count) = (value, n);
                        } else if value >= best - self.tolerance {
                            count += n;
                            best = best.max(value);
                        }
                    }
                    (values[i], counts[i]) = (best, count);
                }
            });
        });
        let mut table = Table { counts, ..plain_ln(layout.scope, values) };
        table.count_scale = inputs.iter().map(|t| t.count_scale).sum();
        let e = extremes_above(&table.counts, 0.0);
        if e.max > 2f64.powi(200) {
            let (_, exponent) = libm::frexp(e.max);
            scale_in_place(&mut table.counts, libm::scalbn(1.0, -exponent));
            table.count_scale += f64::from(exponent) * std::f64::consts::LN_2;
            if e.min / e.max < 2f64.powi(-900) {
                table.count_scale = f64::NAN; // small counts were lost; whoever asked gets an error
            }
        }
        table
    }
}
