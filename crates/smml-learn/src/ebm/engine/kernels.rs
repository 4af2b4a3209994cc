//! The inner loops, compiled for every instruction set by `simd_paths!`. Plain Rust over lines of 16 numbers.
//!
//! A matrix is cut into panels of [`PANEL`] lines (and single lines at the end), each panel stored row after row, so
//! that the part of a matrix in use stays in the second-level cache and its sums in registers. Every sum has one
//! order, whatever the instruction set; there is no fused multiply-add and no approximate reciprocal.

use smml_core::{rng::WideStream, simd_paths};

/// 16 numbers in one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [f32; 16]);

/// 32 fixed-point probabilities in units of 1/256, of two lines of units (of one, in a panel of one line).
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Short(pub(crate) [i16; 32]);

/// [`Short`]s in a row of a panel.
pub(crate) const fn n_shorts(n_lines: usize) -> usize {
    n_lines.div_ceil(2)
}

/// 16 binary units.
pub(crate) type Bits16 = [u8; 16];

/// Lines in a wide panel.
pub(crate) const PANEL: usize = 4;
/// Terms of at most 256 that surely fit into an i16.
pub(crate) const SAFE_TERMS: usize = 127;

pub(crate) const ZERO: Line = Line([0.0; 16]);

/// Index lists of several rows in one array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> &[u32] {
        &self.items[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
    pub(crate) fn n_lists(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
    pub(crate) fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.items.clear();
    }
    /// Ends one list with the set bits of `words`.
    pub(crate) fn push_bits(&mut self, words: impl Iterator<Item = u64>) {
        for (k, mut word) in words.enumerate() {
            while word != 0 {
                self.items.push(64 * k as u32 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        self.starts.push(self.items.len() as u32);
    }
    /// For each of `n` items, the lists that contain it, in increasing order.
    pub(crate) fn invert(&self, n: usize, out: &mut Lists) {
        out.starts.clear();
        out.starts.resize(n + 2, 0);
        for &i in &self.items {
            out.starts[i as usize + 2] += 1;
        }
        for i in 2..n + 2 {
            out.starts[i] += out.starts[i - 1];
        }
        // starts[i + 1] is now where list i begins, and moves to its end while it is filled.
        out.items.clear();
        out.items.resize(self.items.len(), 0);
        for m in 0..self.n_lists() {
            for &i in self.get(m) {
                let at = &mut out.starts[i as usize + 1];
                out.items[*at as usize] = m as u32;
                *at += 1;
            }
        }
        out.starts.pop();
    }
    pub(crate) fn len_of(&self, i: usize) -> usize {
        (self.starts[i + 1] - self.starts[i]) as usize
    }
}

#[inline(always)]
fn add_rows<const N: usize>(acc: &mut [[f32; 16]; N], rows: &[Line], list: &[u32]) {
    for &i in list {
        let row = &rows[i as usize * N..][..N];
        for q in 0..N {
            for k in 0..16 {
                acc[q][k] += row[q].0[k];
            }
        }
    }
}

#[inline(always)]
fn subtract_rows<const N: usize>(acc: &mut [[f32; 16]; N], rows: &[Line], list: &[u32]) {
    for &i in list {
        let row = &rows[i as usize * N..][..N];
        for q in 0..N {
            for k in 0..16 {
                acc[q][k] -= row[q].0[k];
            }
        }
    }
}

#[inline(always)]
fn add_short<const S: usize>(acc: &mut [[i16; 32]; S], rows: &[Short], list: &[u32]) {
    for &i in list {
        let row = &rows[i as usize * S..][..S];
        for q in 0..S {
            for k in 0..32 {
                acc[q][k] = acc[q][k].wrapping_add(row[q].0[k]);
            }
        }
    }
}

#[inline(always)]
fn subtract_short<const S: usize>(acc: &mut [[i16; 32]; S], rows: &[Short], list: &[u32]) {
    for &i in list {
        let row = &rows[i as usize * S..][..S];
        for q in 0..S {
            for k in 0..32 {
                acc[q][k] = acc[q][k].wrapping_sub(row[q].0[k]);
            }
        }
    }
}

#[inline(always)]
fn sums<const N: usize>(rows: &[Line], lists: &Lists, out: &mut [Line]) {
    for (m, out) in out.chunks_exact_mut(N).enumerate() {
        let mut acc = [[0.0; 16]; N];
        add_rows(&mut acc, rows, lists.get(m));
        for q in 0..N {
            out[q].0 = acc[q];
        }
    }
}

#[inline(always)]
fn changed_sums<const N: usize>(
    rows: &[Line],
    start: &[Line],
    fresh: &[bool],
    plus: &Lists,
    minus: &Lists,
    out: &mut [Line],
) {
    for (m, out) in out.chunks_exact_mut(N).enumerate() {
        let mut acc = [[0.0; 16]; N];
        if !fresh[m] {
            for q in 0..N {
                acc[q] = start[m * N + q].0;
            }
        }
        add_rows(&mut acc, rows, plus.get(m));
        subtract_rows(&mut acc, rows, minus.get(m));
        for q in 0..N {
            out[q].0 = acc[q];
        }
    }
}

#[inline(always)]
fn weighted_sums<const N: usize>(rows: &[Line], weights: &[Line], n_rows: usize, out: &mut [Line]) {
    for (m, out) in out.chunks_exact_mut(N).enumerate() {
        let weights = &weights[m * n_rows / 16..][..n_rows / 16];
        let mut acc = [[0.0; 16]; N];
        for (row, &w) in rows.chunks_exact(N).zip(weights.iter().flat_map(|l| &l.0)) {
            for q in 0..N {
                for k in 0..16 {
                    acc[q][k] += w * row[q].0[k];
                }
            }
        }
        for q in 0..N {
            out[q].0 = acc[q];
        }
    }
}

/// 1 / (1 + e⁻ˣ) to about 2e-7.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0; // 1.5 2²³: adding it rounds to an integer in the low bits
    let y = -x;
    let y = if y > 80.0 { 80.0 } else { y };
    let y = if y < -80.0 { -80.0 } else { y };
    let k = y * std::f32::consts::LOG2_E + MAGIC;
    let n = k - MAGIC;
    let r = y - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.0 / 720.0;
    for c in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p * r + c;
    }
    let e = p * f32::from_bits(k.to_bits().wrapping_add(127) << 23);
    1.0 / (1.0 + e)
}

#[inline(always)]
fn probabilities_of(fields: &Line, bias: &Line, scale: f32) -> [f32; 16] {
    let mut p = [0.0; 16];
    for k in 0..16 {
        p[k] = sigmoid(scale * fields.0[k] + bias.0[k]);
    }
    p
}

/// 16 numbers (n + ½) 2⁻²³, 0 <= n < 2²³: exact in f32, never 0 or 1, so that a probability below 6e-8 never fires.
#[inline(always)]
fn uniforms(rng: &mut WideStream) -> [f32; 16] {
    let words = rng.next();
    let mut u = [0.0; 16];
    for k in 0..8 {
        u[k] = ((words[k] as u32 >> 9) as i32 as f32 + 0.5) * (1.0 / 8_388_608.0);
        u[k + 8] = (((words[k] >> 41) as u32) as i32 as f32 + 0.5) * (1.0 / 8_388_608.0);
    }
    u
}

#[inline(always)]
fn below(u: &[f32; 16], p: &[f32; 16]) -> Bits16 {
    let mut bits = [0; 16];
    for k in 0..16 {
        bits[k] = u8::from(u[k] < p[k]);
    }
    bits
}

/// Line `q` of a row in fixed point.
#[inline(always)]
fn set_fixed(p: &[f32; 16], q: usize, kept: &mut [Short]) {
    for k in 0..16 {
        // 1.5 2²³ + n has n in its low bits: rounds to nearest without a conversion.
        kept[q / 2].0[q % 2 * 16 + k] = (p[k] * 256.0 + 12_582_912.0).to_bits() as i16;
    }
}

/// How one update changes the weights of a panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Learning rate over the number of data rows.
    pub(crate) positive: f32,
    /// Learning rate over the number of model rows.
    pub(crate) negative: f32,
    /// Momentum.
    pub(crate) momentum: f32,
    /// Learning rate times weight decay.
    pub(crate) decay: f32,
}

/// For each visible unit, the rows in which it is on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Active {
    /// On in a data row and in the model row that belongs to it (empty when rows do not belong together).
    pub(crate) both: Lists,
    /// On in data only.
    pub(crate) data: Lists,
    /// On in the model only.
    pub(crate) model: Lists,
}

/// Line `q` of sums in fixed point, as numbers.
#[inline(always)]
fn line_of<const S: usize>(acc: &[[i16; 32]; S], q: usize) -> [f32; 16] {
    let mut line = [0.0; 16];
    for k in 0..16 {
        line[k] = f32::from(acc[q / 2][q % 2 * 16 + k]);
    }
    line
}

/// Adds sums in fixed point to a total and clears them. Integers below 2²⁴: exact.
#[inline(always)]
fn flush<const N: usize, const S: usize>(acc: &mut [[i16; 32]; S], total: &mut [[f32; 16]; N]) {
    for q in 0..N {
        let line = line_of(acc, q);
        for k in 0..16 {
            total[q][k] += line[k];
        }
    }
    *acc = [[0; 32]; S];
}

#[inline(always)]
fn change(w: &mut Line, velocity: &mut Line, gradient: &[f32; 16], rule: &Rule) {
    let (x, old) = (w.0, velocity.0);
    let (mut new, mut y) = ([0.0; 16], [0.0; 16]);
    for k in 0..16 {
        new[k] = rule.momentum * old[k] + gradient[k] - rule.decay * x[k];
        y[k] = x[k] + new[k];
    }
    velocity.0 = new;
    w.0 = y;
}

#[inline(always)]
fn paired_sums<const S: usize>(active: &Active, kept: [&[Short]; 3], first: usize, out: &mut [Short]) {
    let [q0, q1, difference] = kept;
    for (k, out) in out.chunks_exact_mut(S).enumerate() {
        let mut acc = [[0i16; 32]; S];
        add_short(&mut acc, difference, active.both.get(first + k));
        add_short(&mut acc, q0, active.data.get(first + k));
        subtract_short(&mut acc, q1, active.model.get(first + k));
        for q in 0..S {
            out[q].0 = acc[q];
        }
    }
}

/// The numbers of whole lines.
fn flat(lines: &mut [Line]) -> &mut [f32] {
    // SAFETY: `Line` is `repr(C)` with one array of 16 f32 in 64 bytes, so lines in a row are numbers in a row.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), 16 * lines.len()) }
}

/// The numbers of whole [`Short`]s.
fn flat_short(shorts: &[Short]) -> &[i16] {
    // SAFETY: as in `flat`: 32 i16 in 64 bytes.
    unsafe { std::slice::from_raw_parts(shorts.as_ptr().cast(), 32 * shorts.len()) }
}

/// Rows whose sums are in memory at a time, so that they stay in the first-level cache.
const BLOCK: usize = 32;

/// One step on a panel of weights when at most [`SAFE_TERMS`] rows of data and model belong together in pairs.
pub(crate) fn update_small(
    n_lines: usize,
    w: &mut [Line],
    velocity: &mut [Line],
    active: &Active,
    kept: [&[Short]; 3],
    rule: &Rule,
) {
    let n_shorts = n_shorts(n_lines);
    let mut sums = [Short([0; 32]); BLOCK * n_shorts_max()];
    let blocks = w.chunks_mut(BLOCK * n_lines).zip(velocity.chunks_mut(BLOCK * n_lines));
    for (block, (w, velocity)) in blocks.enumerate() {
        let sums = &mut sums[..w.len() / n_lines * n_shorts];
        sum_pairs(n_lines, active, kept, block * BLOCK, sums);
        change_all(n_lines, flat(w), flat(velocity), flat_short(sums), rule);
    }
}

const fn n_shorts_max() -> usize {
    n_shorts(PANEL)
}

#[inline(always)]
fn large_updates<const N: usize, const S: usize>(
    w: &mut [Line],
    velocity: &mut [Line],
    active: &Active,
    kept: [&[Short]; 3],
    rule: &Rule,
) {
    let [q0, q1, difference] = kept;
    for (i, (w, velocity)) in w.chunks_exact_mut(N).zip(velocity.chunks_exact_mut(N)).enumerate() {
        let (mut plus, mut minus) = ([[0.0; 16]; N], [[0.0; 16]; N]);
        for (rows, list, total) in
            [(difference, active.both.get(i), &mut plus), (q1, active.model.get(i), &mut minus)]
        {
            for piece in list.chunks(SAFE_TERMS) {
                let mut acc = [[0i16; 32]; S];
                add_short(&mut acc, rows, piece);
                flush(&mut acc, total);
            }
        }
        for piece in active.data.get(i).chunks(SAFE_TERMS) {
            let mut acc = [[0i16; 32]; S];
            add_short(&mut acc, q0, piece);
            flush(&mut acc, &mut plus);
        }
        for q in 0..N {
            let mut gradient = [0.0; 16];
            for k in 0..16 {
                gradient[k] = plus[q][k] * (rule.positive / 256.0) - minus[q][k] * (rule.negative / 256.0);
            }
            change(&mut w[q], &mut velocity[q], &gradient, rule);
        }
    }
}

#[inline(always)]
fn dense_updates<const N: usize, const S: usize>(
    w: &mut [Line],
    velocity: &mut [Line],
    data: &Lists,
    q0: &[Short],
    [model, p1]: [&[Line]; 2],
    rule: &Rule,
) {
    let n_rows = w.len() / N;
    for (i, (w, velocity)) in w.chunks_exact_mut(N).zip(velocity.chunks_exact_mut(N)).enumerate() {
        let mut plus = [[0.0; 16]; N];
        for piece in data.get(i).chunks(SAFE_TERMS) {
            let mut acc = [[0i16; 32]; S];
            add_short(&mut acc, q0, piece);
            flush(&mut acc, &mut plus);
        }
        let mut minus = [[0.0; 16]; N];
        for (m, p1) in p1.chunks_exact(N).enumerate() {
            let v = model[m * n_rows / 16 + i / 16].0[i % 16];
            for q in 0..N {
                for k in 0..16 {
                    minus[q][k] += v * p1[q].0[k];
                }
            }
        }
        for q in 0..N {
            let mut gradient = [0.0; 16];
            for k in 0..16 {
                gradient[k] = plus[q][k] * (rule.positive / 256.0) - minus[q][k] * rule.negative;
            }
            change(&mut w[q], &mut velocity[q], &gradient, rule);
        }
    }
}

/// Riffles the lower half of the lines with the upper half.
#[inline(always)]
fn interleave(from: &[[f32; 16]; 16], to: &mut [[f32; 16]; 16]) {
    let (low, high) = from.as_flattened().split_at(128);
    for ((pair, a), b) in to.as_flattened_mut().chunks_exact_mut(2).zip(low).zip(high) {
        pair[0] = *a;
        pair[1] = *b;
    }
}

simd_paths! {
    /// For each list the sum of the rows it names.
    pub(crate) fn sum_rows(n_lines: usize, rows: &[Line], lists: &Lists, out: &mut [Line]) {
        match n_lines {
            PANEL => sums::<PANEL>(rows, lists, out),
            _ => sums::<1>(rows, lists, out),
        }
    }

    /// start + Σ rows in `plus` - Σ rows in `minus`; the start counts as zero where `fresh`.
    pub(crate) fn sum_changed_rows(
        n_lines: usize, rows: &[Line], start: &[Line], fresh: &[bool], plus: &Lists, minus: &Lists, out: &mut [Line],
    ) {
        match n_lines {
            PANEL => changed_sums::<PANEL>(rows, start, fresh, plus, minus, out),
            _ => changed_sums::<1>(rows, start, fresh, plus, minus, out),
        }
    }

    /// Σ weightᵢ rowᵢ over all rows, for each sample.
    pub(crate) fn sum_weighted_rows(
        n_lines: usize, rows: &[Line], weights: &[Line], n_rows: usize, out: &mut [Line],
    ) {
        match n_lines {
            PANEL => weighted_sums::<PANEL>(rows, weights, n_rows, out),
            _ => weighted_sums::<1>(rows, weights, n_rows, out),
        }
    }

    /// Draws every unit with probability σ(scale field + bias).
    pub(crate) fn sample_units(fields: &[Line], bias: &[Line], scale: f32, rng: &mut WideStream, bits: &mut [Bits16]) {
        for (fields, bits) in fields.chunks_exact(bias.len()).zip(bits.chunks_exact_mut(bias.len())) {
            for q in 0..bias.len() {
                bits[q] = below(&uniforms(rng), &probabilities_of(&fields[q], &bias[q], scale));
            }
        }
    }

    /// As [`sample_units`], and keeps the probabilities in fixed point.
    pub(crate) fn sample_and_keep(
        fields: &[Line], bias: &[Line], rng: &mut WideStream, bits: &mut [Bits16], kept: &mut [Short],
    ) {
        let (n, s) = (bias.len(), n_shorts(bias.len()));
        for ((fields, bits), kept) in fields.chunks_exact(n).zip(bits.chunks_exact_mut(n)).zip(kept.chunks_exact_mut(s)) {
            for q in 0..n {
                let p = probabilities_of(&fields[q], &bias[q], 1.0);
                set_fixed(&p, q, kept);
                bits[q] = below(&uniforms(rng), &p);
            }
        }
    }

    /// Probabilities in fixed point.
    pub(crate) fn keep(fields: &[Line], bias: &[Line], kept: &mut [Short]) {
        for (fields, kept) in fields.chunks_exact(bias.len()).zip(kept.chunks_exact_mut(n_shorts(bias.len()))) {
            for q in 0..bias.len() {
                set_fixed(&probabilities_of(&fields[q], &bias[q], 1.0), q, kept);
            }
        }
    }

    /// Probabilities σ(scale field + bias).
    pub(crate) fn probabilities(fields: &[Line], bias: &[Line], scale: f32, out: &mut [Line]) {
        for (fields, out) in fields.chunks_exact(bias.len()).zip(out.chunks_exact_mut(bias.len())) {
            for q in 0..bias.len() {
                out[q].0 = probabilities_of(&fields[q], &bias[q], scale);
            }
        }
    }

    /// a - b.
    pub(crate) fn subtract(a: &[Short], b: &[Short], out: &mut [Short]) {
        for ((a, b), out) in a.iter().zip(b).zip(out) {
            for k in 0..32 {
                out.0[k] = a.0[k].wrapping_sub(b.0[k]);
            }
        }
    }

    /// Σ over samples of the probabilities of each unit, in units of 1/256.
    pub(crate) fn column_sums(kept: &[Short], out: &mut [[i32; 32]]) {
        for row in kept.chunks_exact(out.len()) {
            for (out, row) in out.iter_mut().zip(row) {
                for k in 0..32 {
                    out[k] += i32::from(row.0[k]);
                }
            }
        }
    }

    /// One step on a panel of weights: velocity = momentum velocity + gradient - decay w; w += velocity. `kept`:
    /// probabilities of hidden units in data rows and in model rows, and their difference where rows are paired.
    pub(crate) fn update(
        n_lines: usize, w: &mut [Line], velocity: &mut [Line], active: &Active, kept: [&[Short]; 3], rule: &Rule,
    ) {
        match n_lines {
            PANEL => large_updates::<PANEL, { n_shorts(PANEL) }>(w, velocity, active, kept, rule),
            _ => large_updates::<1, 1>(w, velocity, active, kept, rule),
        }
    }

    /// For each visible unit from `first` on, Σ over its rows of the changes of the hidden units, in units of 1/256.
    fn sum_pairs(n_lines: usize, active: &Active, kept: [&[Short]; 3], first: usize, out: &mut [Short]) {
        match n_lines {
            PANEL => paired_sums::<{ n_shorts(PANEL) }>(active, kept, first, out),
            _ => paired_sums::<1>(active, kept, first, out),
        }
    }

    fn change_all(n_lines: usize, w: &mut [f32], velocity: &mut [f32], sums: &[i16], rule: &Rule) {
        let scale = rule.positive / 256.0;
        let (momentum, decay) = (rule.momentum, rule.decay);
        if n_lines == 1 {
            for ((w, velocity), sums) in w.chunks_mut(16).zip(velocity.chunks_mut(16)).zip(sums.chunks(32)) {
                for ((w, velocity), sum) in w.iter_mut().zip(velocity).zip(sums) {
                    *velocity = momentum * *velocity + f32::from(*sum) * scale - decay * *w;
                    *w += *velocity;
                }
            }
        } else {
            for ((w, velocity), sum) in w.iter_mut().zip(velocity).zip(sums) {
                *velocity = momentum * *velocity + f32::from(*sum) * scale - decay * *w;
                *w += *velocity;
            }
        }
    }

    /// As [`update`], with model rows of real numbers: `model` holds visible units and probabilities of hidden ones.
    pub(crate) fn update_dense(
        n_lines: usize, w: &mut [Line], velocity: &mut [Line], data: &Lists, q0: &[Short], model: [&[Line]; 2],
        rule: &Rule,
    ) {
        match n_lines {
            PANEL => dense_updates::<PANEL, { n_shorts(PANEL) }>(w, velocity, data, q0, model, rule),
            _ => dense_updates::<1, 1>(w, velocity, data, q0, model, rule),
        }
    }

    /// Copies a block of 16 × 16 numbers transposed: `out[k * out_step][i] = rows[i * row_step][k]`.
    pub(crate) fn transpose_block(rows: &[Line], row_step: usize, out: &mut [Line], out_step: usize) {
        let mut from = [[0.0f32; 16]; 16];
        for i in 0..16 {
            from[i] = rows[i * row_step].0;
        }
        // Four perfect shuffles of the 256 numbers exchange the halves of their 8-bit addresses.
        let mut to = [[0.0f32; 16]; 16];
        interleave(&from, &mut to);
        interleave(&to, &mut from);
        interleave(&from, &mut to);
        interleave(&to, &mut from);
        for k in 0..16 {
            out[k * out_step].0 = from[k];
        }
    }
}
