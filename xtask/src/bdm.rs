//! `cargo xtask bdm`: output frequencies of all small Turing machines, the tables behind the coding theorem method
//! (`smml_core::information::Ctm`).
//!
//! Formalism (the busy beaver's, as in Delahaye and Zenil, Appl. Math. Comput. 219, 63 (2012), and Soler-Toscano et
//! al., PLoS ONE 9, e96223 (2014)): n states and a halting state, two symbols, one tape without ends. In a state, on a
//! symbol, a machine writes a symbol and either moves left or right and enters one of the n states, or halts without
//! moving. That is 4n + 2 instructions in each of 2n places. Each machine runs on the tape of all 0 and on the tape of
//! all 1; when it halts, the cells that the head has stood on, from the leftmost to the rightmost, are its output.
//!
//! Machines are not listed one by one. An instruction is chosen when it is first needed (tree normal form), so that
//! one run stands for every choice of the instructions that it never reached; states are numbered in the order in
//! which they are entered; the first move goes right. Each halting run is counted with the number of machines it
//! stands for, so the counts are exact. A run is given up as endless when it passes the step limit. With up to four
//! states the limit is the proven maximum of halting machines (the busy beaver numbers 1, 6, 21, 107), so nothing is
//! missed; with five states it is 500, as in the publication, and the counts are lower bounds.

use anyhow::{Context, Result, ensure};
use std::{collections::BTreeMap, fmt::Write as _, path::Path, time::Instant};

/// Most states that make sense here: the tree of six states would take months.
const MAX_STATES: usize = 5;
/// Steps allowed: S(n) for n <= 4 (Rado, Lin, Brady), counting the halting step; 500 for five states.
const STEP_LIMIT: [usize; MAX_STATES + 1] = [0, 1, 6, 21, 107, 500];
/// Longer outputs are counted, not kept.
const LONGEST_KEPT: usize = 62;
/// Lengths written to the table of five states; the smaller tables are written whole.
const LONGEST_WRITTEN: usize = 12;
/// Where the tables live.
const FOLDER: &str = "crates/smml-core/src/information";

/// Options of `cargo xtask bdm`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// States of the machines; 4 and 5 unless given (5 takes some minutes)
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=MAX_STATES as i64))]
    states: Option<u8>,
    /// Only say whether the files are up to date
    #[arg(long)]
    check: bool,
}

/// Runs `cargo xtask bdm`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let folder = root.join(FOLDER);
    let check = options.check;
    let states = options.states.map_or(vec![4, 5], |n| vec![usize::from(n)]);
    for n in states {
        let start = Instant::now();
        let distribution = Distribution::enumerate(n);
        let text = distribution.table();
        let path = folder.join(format!("ctm_{n}.txt"));
        if check {
            let old = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            ensure!(old == text, "{} is not what `cargo xtask bdm --states {n}` writes", path.display());
        } else {
            std::fs::write(&path, &text).with_context(|| path.display().to_string())?;
        }
        println!(
            "{n} states: {} strings, {} of {} runs halt, longest {} steps, {:.1} s, {}",
            distribution.strings.len(),
            distribution.halting,
            distribution.runs,
            distribution.longest_run,
            start.elapsed().as_secs_f64(),
            if check { "as in the file" } else { "written" },
        );
    }
    Ok(())
}

/// How often each string is the output, over all machines and both blank symbols.
#[derive(Debug, PartialEq)]
struct Distribution {
    states: usize,
    /// Twice the number of machines: each runs on two blank tapes.
    runs: u64,
    halting: u64,
    /// Steps of the longest halting run.
    longest_run: usize,
    /// Halting runs whose output is longer than [`LONGEST_KEPT`].
    too_long: u64,
    /// Counts by (length, bits with the leftmost cell highest).
    strings: BTreeMap<(usize, u64), u64>,
}

impl Distribution {
    fn enumerate(states: usize) -> Self {
        let mut search = Search::new(states, STEP_LIMIT[states]);
        search.run();
        // So far: blank 0, first move to the right. Its mirror image is as frequent, and a machine run on blank 1 is
        // the machine with the symbols exchanged run on blank 0.
        let mut strings = BTreeMap::new();
        for (&(length, bits), &count) in &search.counts {
            let mask = (1 << length) - 1;
            for (image, n) in [(bits, count), (reversed(length, bits), count)] {
                *strings.entry((length, image)).or_insert(0) += n;
                *strings.entry((length, !image & mask)).or_insert(0) += n;
            }
        }
        let too_long = 4 * search.too_long;
        // The machines that halt at once were left out of the mirroring: they have no first move.
        let at_once = search.weight[1];
        for bits in [0, 1] {
            *strings.entry((1, bits)).or_insert(0) += 2 * at_once;
        }
        Distribution {
            states,
            runs: 2 * (4 * states as u64 + 2).pow(2 * states as u32),
            halting: strings.values().sum::<u64>() + too_long,
            longest_run: search.longest_run,
            too_long,
            strings,
        }
    }

    /// The file: a header, and one line for each class of strings that differ by reversal or complement.
    fn table(&self) -> String {
        let n = self.states;
        let longest = if n <= 4 { LONGEST_KEPT } else { LONGEST_WRITTEN };
        let mut text = format!(
            "# Written by `cargo xtask bdm --states {n}`; do not edit.\n\
             # Output frequencies of all {n}-state 2-symbol Turing machines, each run on blank 0 and on blank 1.\n\
             # A line holds a string and how many runs print it: as many print its reverse and its complement.\n\
             states {n}\nstep_limit {}\nlongest_run {}\nruns {}\nhalting {}\nstrings {}\nlongest_listed {longest}\n",
            STEP_LIMIT[n],
            self.longest_run,
            self.runs,
            self.halting,
            self.strings.len(),
        );
        for (&(length, bits), count) in &self.strings {
            let mask = (1 << length) - 1;
            let back = reversed(length, bits);
            if length <= longest && [back, !bits & mask, !back & mask].iter().all(|&image| bits <= image) {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{bits:0length$b} {count}");
            }
        }
        text
    }
}

fn reversed(length: usize, bits: u64) -> u64 {
    bits.reverse_bits() >> (64 - length)
}

/// An instruction that does not halt.
#[derive(Clone, Copy)]
struct Instruction {
    write: u8,
    right: bool,
    next: u8,
}

/// A run that has come to an instruction not chosen yet.
#[derive(Clone, Copy)]
struct Run {
    state: usize,
    head: usize,
    low: usize,
    high: usize,
    steps: usize,
}

/// Depth-first walk over partial machines.
struct Search {
    states: usize,
    limit: usize,
    /// Chosen instructions by 2 state + symbol.
    program: Vec<Option<Instruction>>,
    /// `weight[d]`: machines that share d chosen instructions.
    weight: Vec<u64>,
    /// A tape for each depth, blank outside the visited cells.
    tapes: Vec<Vec<u8>>,
    longest_run: usize,
    too_long: u64,
    counts: BTreeMap<(usize, u64), u64>,
    /// Counts of short outputs by 2^length + bits: `counts` for those that come up all the time.
    short: Vec<u64>,
}

/// Outputs up to this length are counted in an array.
const SHORT: usize = 14;

impl Search {
    fn new(states: usize, limit: usize) -> Self {
        let places = 2 * states;
        Search {
            states,
            limit,
            program: vec![None; places],
            weight: (0..=places).map(|d| (4 * states as u64 + 2).pow((places - d) as u32)).collect(),
            tapes: vec![vec![0; 2 * limit + 3]; places + 1],
            longest_run: 1,
            too_long: 0,
            counts: BTreeMap::new(),
            short: vec![0; 2 << SHORT],
        }
    }

    /// Everything that starts with a move to the right. (A first instruction that stays in the first state never
    /// halts: it meets the blank again and again.)
    fn run(&mut self) {
        if self.states > 1 {
            for write in [0, 1] {
                self.program[0] = Some(Instruction { write, right: true, next: 1 });
                let start = self.limit + 1;
                self.tapes[1][start] = write;
                let run = Run { state: 1, head: start + 1, low: start, high: start + 1, steps: 1 };
                self.choose(1, 2, self.states as u64 - 1, run);
                self.tapes[1][start] = 0;
            }
        }
        for length in 1..=SHORT {
            for bits in 0..1usize << length {
                let count = self.short[(1 << length) + bits];
                if count > 0 {
                    self.counts.insert((length, bits as u64), count);
                }
            }
        }
    }

    /// `run` needs an instruction. `depth` are chosen, `entered` states have been entered, and the runs so far stand
    /// for `relabelled` ways to name the states.
    fn choose(&mut self, depth: usize, entered: usize, relabelled: u64, run: Run) {
        let Run { state, head, low, high, steps } = run;
        if steps >= self.limit {
            return;
        }
        self.halt(depth, relabelled, run);
        // The last place must hold the halting instruction.
        if depth + 1 == self.program.len() {
            return;
        }
        let place = 2 * state + usize::from(self.tapes[depth][head]);
        for next in 0..(entered + 1).min(self.states) {
            let new = next == entered;
            let entered = entered + usize::from(new);
            let relabelled = if new { relabelled * (self.states - next) as u64 } else { relabelled };
            for (write, right) in [(0, false), (0, true), (1, false), (1, true)] {
                self.program[place] = Some(Instruction { write, right, next: next as u8 });
                if !self.can_halt(next) {
                    continue;
                }
                let (before, after) = self.tapes.split_at_mut(depth + 1);
                let tape = &mut after[0];
                tape[low..=high].copy_from_slice(&before[depth][low..=high]);
                let mut end = run;
                if advance(&self.program, tape, &mut end, self.limit) {
                    self.choose(depth + 1, entered, relabelled, end);
                }
                self.tapes[depth + 1][end.low..=end.high].fill(0);
            }
        }
        self.program[place] = None;
    }

    /// Counts the two machines that halt here.
    fn halt(&mut self, depth: usize, relabelled: u64, run: Run) {
        let machines = relabelled * self.weight[depth + 1];
        self.longest_run = self.longest_run.max(run.steps + 1);
        let length = run.high - run.low + 1;
        if length > LONGEST_KEPT {
            self.too_long += 2 * machines;
            return;
        }
        let tape = &self.tapes[depth][run.low..=run.high];
        let bits = tape.iter().fold(0, |bits, &cell| bits << 1 | u64::from(cell));
        let here = 1 << (run.high - run.head);
        for output in [bits & !here, bits | here] {
            if length <= SHORT {
                self.short[(1 << length) + output as usize] += machines;
            } else {
                *self.counts.entry((length, output)).or_insert(0) += machines;
            }
        }
    }

    /// False when no state that can be entered from `state` has an instruction left to choose.
    fn can_halt(&self, state: usize) -> bool {
        let (mut seen, mut todo) = (1u32 << state, 1u32 << state);
        while todo != 0 {
            let s = todo.trailing_zeros() as usize;
            todo &= todo - 1;
            for instruction in &self.program[2 * s..2 * s + 2] {
                let Some(instruction) = instruction else { return true };
                let bit = 1 << instruction.next;
                todo |= bit & !seen;
                seen |= bit;
            }
        }
        false
    }
}

/// Runs until an instruction is missing (true) or the limit is passed (false).
fn advance(program: &[Option<Instruction>], tape: &mut [u8], run: &mut Run, limit: usize) -> bool {
    loop {
        let Some(instruction) = program[2 * run.state + usize::from(tape[run.head])] else { return true };
        if run.steps >= limit {
            return false;
        }
        tape[run.head] = instruction.write;
        run.state = usize::from(instruction.next);
        run.steps += 1;
        if instruction.right {
            run.head += 1;
            run.high = run.high.max(run.head);
        } else {
            run.head -= 1;
            run.low = run.low.min(run.head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every machine by itself, on both blanks, the tape being the bits of a number.
    fn brute_force(states: usize) -> Distribution {
        let instructions = 4 * states + 2;
        let places = 2 * states;
        let mut strings = BTreeMap::new();
        let (mut halting, mut longest_run) = (0, 0);
        let mut program = vec![0; places];
        for number in 0..instructions.pow(places as u32) {
            (0..places).fold(number, |rest, place| {
                program[place] = rest % instructions;
                rest / instructions
            });
            for blank in [0u64, u64::MAX] {
                let (mut tape, mut state, mut head, mut rightmost, mut leftmost) = (blank, 0, 32, 32, 32);
                for step in 1..=STEP_LIMIT[states] {
                    let code = program[2 * state + (tape >> head & 1) as usize];
                    tape = tape & !(1 << head) | (code as u64 & 1) << head;
                    if code / 2 == 2 * states {
                        let length = leftmost - rightmost + 1;
                        *strings.entry((length, tape >> rightmost & ((1 << length) - 1))).or_insert(0) += 1;
                        halting += 1;
                        longest_run = longest_run.max(step);
                        break;
                    }
                    state = code / 4;
                    head = if code & 2 == 0 { head + 1 } else { head - 1 };
                    (rightmost, leftmost) = (rightmost.min(head), leftmost.max(head));
                }
            }
        }
        let runs = 2 * instructions.pow(places as u32) as u64;
        Distribution { states, runs, halting, longest_run, too_long: 0, strings }
    }

    #[test]
    fn published_totals() {
        // Delahaye and Zenil (2012): machines that halt (on one of the two blanks), and different strings.
        for (states, halting, strings) in [(2, 3_044, 22), (3, 2_147_184, 128), (4, 2_985_384_480, 1832)] {
            let found = Distribution::enumerate(states);
            assert_eq!((found.halting, found.strings.len()), (2 * halting, strings));
            // The longest runs are those of the busy beavers: the step limit cut nothing off.
            assert_eq!(found.longest_run, STEP_LIMIT[states]);
            let mut search = Search::new(states, 3 * STEP_LIMIT[states]);
            search.run();
            assert_eq!(search.longest_run, STEP_LIMIT[states]);
        }
    }

    #[test]
    fn the_committed_table_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER).join("ctm_4.txt");
        assert_eq!(std::fs::read_to_string(path).unwrap(), Distribution::enumerate(4).table());
    }

    #[test]
    fn the_tree_counts_what_listing_all_machines_counts() {
        for states in 1..=3 {
            assert_eq!(Distribution::enumerate(states), brute_force(states));
        }
    }
}
