//! Learning through the sweeps: how the classes that are read after a few sweeps change with the parameters.
//!
//! With pixels clamped, all else starts at random and is swept T times, colour by colour, as a machine that classifies does. Of
//! the last R sweeps the means mᵢ = tanh(hᵢ + Σⱼ Jᵢⱼ sⱼ) of label bits are kept, and z_c is s times their mean over sweeps and
//! copies of class c. The loss is the cross-entropy -ln(exp z_c / Σ exp z) of the image's class c. Its gradient goes
//! back through the sweeps, latest first: of every node by (1 - mᵢ²) into its field, from there to its couplings and to the
//! states of its neighbours at that time. A state is drawn, s = ±1 with mean m, and has no derivative; it is passed on as if
//! s were m (the straight-through estimator of Bengio, Léonard and Courville, arXiv:1308.3432). Where s is set to m, in the
//! mean-field form, the gradient is exact.

use super::{layout::Layout, training::Unrolled};
use crate::machine::{FixedNetwork, Wiring};
use smml_core::{
    lanes_paths,
    rng::{Draw, WideStream},
    simd::lanes::{Lanes, LanesStream, tanh},
};
use std::cell::RefCell;

/// Rows side by side: two vectors.
pub(super) const ROWS: usize = 32;
/// Most states that are remembered: each takes 256 bytes, for every thread.
pub(super) const MOST_STATES: usize = 1 << 23;

/// One number for each row.
type Row = [[f32; 16]; 2];
const ZERO: Row = [[0.0; 16]; 2];

/// A node that is swept.
#[derive(Clone, Debug)]
struct Free {
    node: u32,
    /// Its wires to clamped nodes, then those to others.
    clamped: std::ops::Range<u32>,
    free: std::ops::Range<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Wire {
    /// Of a clamped node the number of its pixel; of a free one its place in the order.
    end: u32,
    /// 1 where the other end was swept before this one in the same sweep.
    earlier: u32,
    edge: u32,
}

/// The wires as they are gone through.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    n_edges: usize,
    n_nodes: usize,
    n_classes: usize,
    n_pixels: usize,
    nodes: Vec<Free>,
    wires: Vec<Wire>,
    /// Places of label bits in the order, copy by copy.
    labels: Vec<u32>,
}

impl Plan {
    pub(super) fn new(wiring: &Wiring, layout: &Layout) -> Self {
        let n = wiring.n_nodes();
        let mut pixel = vec![u32::MAX; n];
        layout.pixels().iter().zip(0..).for_each(|(node, k)| pixel[*node as usize] = k);
        let order = wiring.free(&layout.free(true, false));
        let mut place = vec![u32::MAX; n];
        order.iter().zip(0..).for_each(|(node, k)| place[*node as usize] = k);
        let mut around: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n];
        for ([i, j], edge) in wiring.pairs().iter().zip(0..) {
            around[*i as usize].push((*j, edge));
            around[*j as usize].push((*i, edge));
        }
        let mut wires: Vec<Wire> = Vec::new();
        let mut nodes = Vec::with_capacity(order.len());
        for (node, own) in order.iter().zip(0..) {
            let start = wires.len() as u32;
            let near = &around[*node as usize];
            let clamped = near.iter().filter(|(j, _)| pixel[*j as usize] != u32::MAX);
            wires.extend(clamped.map(|(j, edge)| Wire { end: pixel[*j as usize], earlier: 0, edge: *edge }));
            let middle = wires.len() as u32;
            let free = near.iter().filter(|(j, _)| pixel[*j as usize] == u32::MAX);
            wires.extend(free.map(|(j, edge)| {
                let end = place[*j as usize];
                Wire { end, earlier: u32::from(end < own), edge: *edge }
            }));
            nodes.push(Free { node: *node, clamped: start..middle, free: middle..wires.len() as u32 });
        }
        Plan {
            n_edges: wiring.n_edges(),
            n_nodes: n,
            n_classes: layout.n_classes(),
            n_pixels: layout.pixels().len(),
            nodes,
            wires,
            labels: layout.labels().iter().map(|node| place[*node as usize]).collect(),
        }
    }
    /// Nodes that are swept.
    pub(super) fn n_free(&self) -> usize {
        self.nodes.len()
    }
    /// Couplings by wire and fields by free node, as a programmed machine has them.
    pub(super) fn weights(&self, network: &FixedNetwork) -> Weights {
        let step = network.format().step() as f32;
        let value = |code: i16| f32::from(code) * step;
        self.weights_of(
            |edge| value(network.coupling_codes()[edge]),
            |node| value(network.field_codes()[node]),
        )
    }
    fn weights_of(&self, coupling: impl Fn(usize) -> f32, field: impl Fn(usize) -> f32) -> Weights {
        Weights {
            couplings: self.wires.iter().map(|w| coupling(w.edge as usize)).collect(),
            fields: self.nodes.iter().map(|free| field(free.node as usize)).collect(),
        }
    }
}

/// Parameters, where the plan needs them.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    couplings: Vec<f32>,
    fields: Vec<f32>,
}

/// What some rows gave.
#[derive(Clone, Debug)]
pub(super) struct Slope {
    /// Of the summed loss, by edge and by node.
    pub(super) couplings: Vec<f32>,
    pub(super) fields: Vec<f32>,
    /// Summed cross-entropy.
    pub(super) loss: f64,
}

/// What is remembered of the sweeps, and needed on the way back. Kept by each thread: it is large.
#[derive(Default)]
struct Tape {
    /// Of pixels.
    clamped: Vec<Row>,
    /// Field and pixels' part of the local field, by free node.
    base: Vec<Row>,
    /// States and means: the first ones, then those after each sweep.
    spins: Vec<Row>,
    means: Vec<Row>,
    /// Of the loss, by the state that is current, and by the local field, summed over sweeps.
    by_spin: Vec<Row>,
    by_field: Vec<Row>,
    /// Of the loss by the mean of each class, in every sweep that is read.
    by_class: Vec<Row>,
    by_wire: Vec<f32>,
}

thread_local! {
    static TAPE: RefCell<Tape> = RefCell::default();
}

/// The gradient of up to [`ROWS`] rows: `pixels` has a word for each pixel with a bit for each row.
pub(super) fn slope<R: Draw>(
    plan: &Plan,
    weights: &Weights,
    how: &Unrolled,
    pixels: &[u64],
    labels: &[u8],
    rng: &mut R,
) -> Slope {
    TAPE.with_borrow_mut(|tape| {
        tape.begin(plan, weights, how.sweeps, pixels, rng);
        let mut words = WideStream::new(rng);
        let run = if how.mean_field { forward::<true> } else { forward::<false> };
        run(plan, weights, how.sweeps, &mut words, tape);
        let loss = tape.read(plan, how, labels);
        backward(plan, weights, (how.sweeps, how.reads), tape);
        tape.slope(plan, loss)
    })
}

fn bit(row: usize) -> (usize, usize) {
    (row / 16, row % 16)
}

impl Tape {
    fn begin<R: Draw>(&mut self, plan: &Plan, weights: &Weights, sweeps: usize, pixels: &[u64], rng: &mut R) {
        let n = plan.n_free();
        let row = |word: u64| {
            let mut row = ZERO;
            for c in 0..ROWS {
                row[bit(c).0][bit(c).1] = if word >> c & 1 == 1 { 1.0 } else { -1.0 };
            }
            row
        };
        self.clamped.clear();
        self.clamped.extend(pixels.iter().map(|word| row(*word)));
        debug_assert_eq!(pixels.len(), plan.n_pixels);
        for tape in [&mut self.spins, &mut self.means] {
            tape.resize((sweeps + 1) * n, ZERO);
        }
        self.spins[..n].iter_mut().for_each(|s| *s = row(rng.word()));
        for (name, len) in [
            (&mut self.base, n),
            (&mut self.by_spin, n),
            (&mut self.by_field, n),
            (&mut self.by_class, plan.n_classes),
        ] {
            name.clear();
            name.resize(len, ZERO);
        }
        self.by_wire.clear();
        self.by_wire.resize(plan.wires.len(), 0.0);
        base(plan, weights, self);
    }
    /// Loss, and its derivative by the class means.
    fn read(&mut self, plan: &Plan, how: &Unrolled, labels: &[u8]) -> f64 {
        let (n, k) = (plan.n_free(), plan.n_classes);
        let norm = how.sharpness as f32 / (how.reads * plan.labels.len() / k) as f32;
        let mut logits = vec![ZERO; k];
        for slot in how.sweeps + 1 - how.reads..=how.sweeps {
            for (place, label) in plan.labels.iter().enumerate() {
                let means = &self.means[slot * n + *label as usize];
                for (z, m) in logits[place % k].iter_mut().flatten().zip(means.iter().flatten()) {
                    *z += norm * m;
                }
            }
        }
        let mut loss = 0.0;
        for (row, label) in labels.iter().enumerate() {
            let (half, c) = bit(row);
            let z = |class: usize| f64::from(logits[class][half][c]);
            let most = (0..k).map(z).fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = (0..k).map(|class| libm::exp(z(class) - most)).sum();
            let label = usize::from(*label);
            loss += most + libm::log(total) - z(label);
            for class in 0..k {
                let p = libm::exp(z(class) - most) / total;
                let wanted = f64::from(u8::from(class == label));
                self.by_class[class][half][c] = norm * (p - wanted) as f32;
            }
        }
        loss
    }
    /// Sums over wires and nodes.
    fn slope(&mut self, plan: &Plan, loss: f64) -> Slope {
        let mut couplings = vec![0.0; plan.n_edges];
        for (wire, by) in plan.wires.iter().zip(&self.by_wire) {
            couplings[wire.edge as usize] += by;
        }
        let mut fields = vec![0.0; plan.n_nodes];
        for (free, by) in plan.nodes.iter().zip(&self.by_field) {
            fields[free.node as usize] = by.iter().flatten().sum();
        }
        Slope { couplings, fields, loss }
    }
}

lanes_paths! {
    /// Field and pixels' part of the local fields.
    fn base<W: Lanes>(plan: &Plan, weights: &Weights, tape: &mut Tape) {
        for ((free, field), base) in plan.nodes.iter().zip(&weights.fields).zip(&mut tape.base) {
            let mut x = [W::splat_f32(*field); 2];
            for k in free.clamped.start as usize..free.clamped.end as usize {
                let (s, w) = (load::<W>(&tape.clamped[plan.wires[k].end as usize]), W::splat_f32(weights.couplings[k]));
                x = [x[0].add_f32(w.mul_f32(s[0])), x[1].add_f32(w.mul_f32(s[1]))];
            }
            store(x, base);
        }
    }

    /// All sweeps, from the states in the first slot.
    fn forward<W: Lanes, const MEAN_FIELD: bool>(
        plan: &Plan,
        weights: &Weights,
        sweeps: usize,
        words: &mut WideStream,
        tape: &mut Tape
    ) {
        let n = plan.nodes.len();
        let mut random = LanesStream::<W>::load(words);
        let (one, sign) = (W::splat_f32(1.0), W::splat_f32(-0.0));
        let unit = W::splat_f32(1.0 / 8_388_608.0);
        for slot in 0..sweeps {
            for (i, free) in plan.nodes.iter().enumerate() {
                let mut x = load::<W>(&tape.base[i]);
                let range = free.free.start as usize..free.free.end as usize;
                for (wire, w) in plan.wires[range.clone()].iter().zip(&weights.couplings[range]) {
                    let s = load::<W>(&tape.spins[(slot + wire.earlier as usize) * n + wire.end as usize]);
                    let w = W::splat_f32(*w);
                    x = [x[0].add_f32(w.mul_f32(s[0])), x[1].add_f32(w.mul_f32(s[1]))];
                }
                let m = [tanh(x[0]), tanh(x[1])];
                let mut s = m;
                if !MEAN_FIELD {
                    for k in 0..2 {
                        // Up where m is at least a uniform number from [-1, 1): the sign of the difference.
                        let u = random.next().shift_right_32::<8>().i32_to_f32().mul_f32(unit).sub_f32(one);
                        s[k] = m[k].sub_f32(u).and(sign).or(one);
                    }
                }
                let at = (slot + 1) * n + i;
                store(m, &mut tape.means[at]);
                store(s, &mut tape.spins[at]);
            }
        }
        random.store(words);
    }

    /// From the last state of the last node to the first of the first; `(sweeps, reads)` in one, as the macro counts arguments.
    fn backward<W: Lanes>(plan: &Plan, weights: &Weights, sweeps: (usize, usize), tape: &mut Tape) {
        let (n, one) = (plan.nodes.len(), W::splat_f32(1.0));
        let (sweeps, reads) = sweeps;
        let mut class = vec![u32::MAX; n];
        plan.labels.iter().zip(0u32..).for_each(|(i, k)| class[*i as usize] = k % plan.n_classes as u32);
        for slot in (0..sweeps).rev() {
            let read = slot >= sweeps - reads;
            for (i, free) in plan.nodes.iter().enumerate().rev() {
                let mut by = load::<W>(&tape.by_spin[i]);
                // What came before this state is another state.
                tape.by_spin[i] = ZERO;
                if read && class[i] != u32::MAX {
                    let more = load::<W>(&tape.by_class[class[i] as usize]);
                    by = [by[0].add_f32(more[0]), by[1].add_f32(more[1])];
                }
                let m = load::<W>(&tape.means[(slot + 1) * n + i]);
                by = [by[0].mul_f32(one.sub_f32(m[0].mul_f32(m[0]))), by[1].mul_f32(one.sub_f32(m[1].mul_f32(m[1])))];
                let sum = load::<W>(&tape.by_field[i]);
                store([sum[0].add_f32(by[0]), sum[1].add_f32(by[1])], &mut tape.by_field[i]);
                for k in free.free.start as usize..free.free.end as usize {
                    let wire = plan.wires[k];
                    let s = load::<W>(&tape.spins[(slot + wire.earlier as usize) * n + wire.end as usize]);
                    tape.by_wire[k] += by[0].mul_f32(s[0]).add_f32(by[1].mul_f32(s[1])).sum_f32();
                    let w = W::splat_f32(weights.couplings[k]);
                    let to = &mut tape.by_spin[wire.end as usize];
                    let old = load::<W>(to);
                    store([old[0].add_f32(w.mul_f32(by[0])), old[1].add_f32(w.mul_f32(by[1]))], to);
                }
            }
        }
        for (free, by) in plan.nodes.iter().zip(&tape.by_field) {
            let by = load::<W>(by);
            for k in free.clamped.start as usize..free.clamped.end as usize {
                let s = load::<W>(&tape.clamped[plan.wires[k].end as usize]);
                tape.by_wire[k] = by[0].mul_f32(s[0]).add_f32(by[1].mul_f32(s[1])).sum_f32();
            }
        }
    }
}

#[inline(always)]
fn load<W: Lanes>(row: &Row) -> [W; 2] {
    [W::load_f32(&row[0]), W::load_f32(&row[1])]
}

#[inline(always)]
fn store<W: Lanes>(x: [W; 2], row: &mut Row) {
    x[0].store_f32(&mut row[0]);
    x[1].store_f32(&mut row[1]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::{
        graph::{Colouring, SparseGraph},
        rng::{Stream, Streams},
        simd::{Path, with_path},
    };

    fn small(rng: &mut Stream) -> (Wiring, Layout, Vec<f32>, Vec<f32>) {
        let mut edges = Vec::new();
        for i in 0..20u32 {
            for j in 0..i {
                if rng.below(3) == 0 {
                    edges.push((j, i));
                }
            }
        }
        let graph = SparseGraph::unweighted(20, &edges).unwrap();
        let wiring = Wiring::new(&graph, &Colouring::dsatur(&graph)).unwrap();
        let layout = Layout::random(20, 4, 3, 2, rng).unwrap();
        let mut numbers = |n: usize| (0..n).map(|_| (0.4 * rng.normal()) as f32).collect::<Vec<f32>>();
        let (couplings, fields) = (numbers(wiring.n_edges()), numbers(20));
        (wiring, layout, couplings, fields)
    }

    fn how(mean_field: bool) -> Unrolled {
        Unrolled { weight: 1.0, sweeps: 4, reads: 2, sharpness: 3.0, mean_field }
    }

    const PIXELS: [u64; 4] = [0x1234_5678, 0xf0f0_aaaa, 0x0000_ffff, 0x7];

    fn labels(n: usize) -> Vec<u8> {
        (0..n).map(|k| (k % 3) as u8).collect()
    }

    #[test]
    fn the_mean_field_gradient_is_that_of_finite_differences() {
        let mut rng = Streams::new(1).stream("unrolled", 0);
        let (wiring, layout, couplings, fields) = small(&mut rng);
        let plan = Plan::new(&wiring, &layout);
        // Rows that are not there must not count.
        let labels = labels(27);
        let loss = |couplings: &[f32], fields: &[f32]| {
            let weights = plan.weights_of(|e| couplings[e], |i| fields[i]);
            slope(&plan, &weights, &how(true), &PIXELS, &labels, &mut Streams::new(2).stream("start", 0))
        };
        let found = loss(&couplings, &fields);
        assert!(found.loss > 1.0);
        let step = 2e-3;
        let mut seen = 0.0f64;
        for e in 0..couplings.len() + fields.len() {
            let at = |step: f32| {
                let (mut c, mut f) = (couplings.clone(), fields.clone());
                match e.checked_sub(couplings.len()) {
                    None => c[e] += step,
                    Some(i) => f[i] += step,
                }
                loss(&c, &f).loss
            };
            let want = (at(step) - at(-step)) / f64::from(2.0 * step);
            let found = match e.checked_sub(couplings.len()) {
                None => found.couplings[e],
                Some(i) => found.fields[i],
            };
            seen = seen.max(want.abs());
            assert!((f64::from(found) - want).abs() < 3e-3 * (1.0 + want.abs()), "{e}: {found} {want}");
        }
        assert!(seen > 1.0, "{seen}");
    }

    /// The same, written down once more: lists of states in f64, one row at a time.
    fn by_hand(
        wiring: &Wiring,
        layout: &Layout,
        (couplings, fields): (&[f32], &[f32]),
        how: &Unrolled,
        labels: &[u8],
        rng: &mut Stream,
    ) -> (Vec<f64>, f64) {
        let order = wiring.free(&layout.free(true, false));
        let starts: Vec<u64> = order.iter().map(|_| rng.word()).collect();
        let mut words = WideStream::new(rng);
        let draws: Vec<[u64; 8]> = (0..2 * how.sweeps * order.len()).map(|_| words.next()).collect();
        let pair = |e: usize| wiring.pairs()[e].map(|i| i as usize);
        let mut gradient = vec![0.0; couplings.len() + fields.len()];
        let mut total = 0.0;
        for (row, label) in labels.iter().enumerate() {
            // Node, its states before and after, its mean, the states of all when it was updated.
            let mut history = Vec::new();
            let mut s = vec![0.0f64; wiring.n_nodes()];
            let spin = |up: bool| if up { 1.0 } else { -1.0 };
            for (node, word) in layout.pixels().iter().zip(PIXELS) {
                s[*node as usize] = spin(word >> row & 1 == 1);
            }
            order.iter().zip(&starts).for_each(|(node, word)| s[*node as usize] = spin(word >> row & 1 == 1));
            for sweep in 0..how.sweeps {
                for (k, node) in order.iter().enumerate() {
                    let i = *node as usize;
                    let mut x = f64::from(fields[i]);
                    for (e, w) in couplings.iter().enumerate() {
                        let [a, b] = pair(e);
                        if a == i || b == i {
                            x += f64::from(*w) * s[a + b - i];
                        }
                    }
                    let draw = draws[2 * (sweep * order.len() + k) + row / 16];
                    let word = draw[row % 16 / 2] >> (32 * (row % 2)) as u32;
                    let u = f64::from((word as u32) >> 8) / 8_388_608.0 - 1.0;
                    let m = x.tanh();
                    history.push((sweep, i, m, s.clone()));
                    s[i] = spin(m >= u);
                }
            }
            let class_of = |i: usize| layout.label_bits().find(|(node, _)| *node as usize == i).map(|b| b.1);
            let norm = how.sharpness / (how.reads * layout.n_copies()) as f64;
            let mut z = [0.0; 3];
            let read = |sweep: usize| sweep >= how.sweeps - how.reads;
            for (sweep, i, m, _) in &history {
                if let Some(class) = class_of(*i).filter(|_| read(*sweep)) {
                    z[class] += norm * m;
                }
            }
            let sum: f64 = z.iter().map(|z| z.exp()).sum();
            total += sum.ln() - z[usize::from(*label)];
            let mut by = vec![0.0; wiring.n_nodes()];
            for (sweep, i, m, s) in history.iter().rev() {
                let mut here = std::mem::take(&mut by[*i]);
                if let Some(class) = class_of(*i).filter(|_| read(*sweep)) {
                    here +=
                        norm * (z[class].exp() / sum - if class == usize::from(*label) { 1.0 } else { 0.0 });
                }
                here *= 1.0 - m * m;
                gradient[couplings.len() + i] += here;
                for (e, w) in couplings.iter().enumerate() {
                    let [a, b] = pair(e);
                    if a == *i || b == *i {
                        gradient[e] += here * s[a + b - i];
                        by[a + b - i] += here * f64::from(*w);
                    }
                }
            }
        }
        (gradient, total)
    }

    #[test]
    fn drawn_states_pass_the_gradient_straight_through_on_every_path() {
        let mut rng = Streams::new(3).stream("unrolled", 0);
        let (wiring, layout, couplings, fields) = small(&mut rng);
        let plan = Plan::new(&wiring, &layout);
        let labels = labels(32);
        let weights = plan.weights_of(|e| couplings[e], |i| fields[i]);
        let start = || Streams::new(4).stream("start", 0);
        let (want, loss) =
            by_hand(&wiring, &layout, (&couplings, &fields), &how(false), &labels, &mut start());
        let mut first: Option<Slope> = None;
        for path in Path::available() {
            let found =
                with_path(path, || slope(&plan, &weights, &how(false), &PIXELS, &labels, &mut start()));
            assert!((found.loss - loss).abs() < 1e-4, "{path:?}: {} {loss}", found.loss);
            for (k, (found, want)) in found.couplings.iter().chain(&found.fields).zip(&want).enumerate() {
                assert!((f64::from(*found) - want).abs() < 1e-4, "{path:?}: {k}: {found} {want}");
            }
            let same = first.get_or_insert_with(|| found.clone());
            assert_eq!((&same.couplings, &same.fields), (&found.couplings, &found.fields), "{path:?}");
        }
    }
}
