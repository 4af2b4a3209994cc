//! A programmed network as the memory of a machine, in hexadecimal, and the machine that runs from it.

use super::{
    format::Format,
    network::FixedNetwork,
    sigmoid::{LARGEST, SigmoidTable},
};
use crate::error::{Error, Result};
use smml_core::error::same_length;
use std::fmt::Write;

/// First words of an image.
const HEAD: &str = "smml p-bit memory image, version 1";
/// The sections, in order, with the hexadecimal digits of a number in each.
const SECTIONS: [(&str, usize); 8] = [
    ("order", 8),
    ("starts", 8),
    ("ends", 8),
    ("couplings", 4),
    ("fields", 4),
    ("sigmoid 0", 4),
    ("sigmoid 1", 4),
    ("sigmoid 2", 4),
];

/// All that a machine of p-bits has in its memories: for every node its row of wires and its field, the order of nodes with
/// the colours' ends, and the table of the sigmoid.
///
/// As text ([`MemoryImage::to_hex`]) it has one section for each memory, headed by a comment, with one hexadecimal number a
/// line, as hardware simulators read it; numbers with a sign in two's complement.
///
/// [`MemoryImage::run`] is the machine in software, written from the image alone, one node at a time: given the same
/// random numbers it has the same states, bit for bit, as [`Chains`](super::Chains).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryImage {
    format: Format,
    /// Nodes, colour by colour.
    order: Vec<u32>,
    /// How many of `order` come before the end of each colour.
    colour_ends: Vec<u32>,
    /// Where the row of each node starts; one more for the end of the last one.
    starts: Vec<u32>,
    ends: Vec<u32>,
    couplings: Vec<i16>,
    fields: Vec<i16>,
    sigmoid: [Vec<i16>; 3],
}

impl MemoryImage {
    /// The memories of a network.
    pub fn of(network: &FixedNetwork) -> Self {
        let wiring = network.wiring();
        let n = wiring.n_nodes();
        let mut starts = Vec::with_capacity(n + 1);
        let (mut ends, mut couplings) = (Vec::new(), Vec::new());
        for i in 0..n {
            starts.push(ends.len() as u32);
            for wire in &network.wires[wiring.row(i)] {
                ends.push(wire.end);
                couplings.push(wire.double / 2);
            }
        }
        starts.push(ends.len() as u32);
        let colouring = wiring.colouring();
        let mut colour_ends = Vec::new();
        let mut before = 0;
        for colour in 0..colouring.n_colours() {
            before += colouring.class(colour).len() as u32;
            colour_ends.push(before);
        }
        let table = SigmoidTable::get();
        MemoryImage {
            format: network.format(),
            order: wiring.order().to_vec(),
            colour_ends,
            starts,
            ends,
            couplings,
            fields: network.field_codes().to_vec(),
            sigmoid: [0, 1, 2].map(|k| table.coefficients[k].numbers().to_vec()),
        }
    }
    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.fields.len()
    }
    /// Number of colours.
    pub fn n_colours(&self) -> usize {
        self.colour_ends.len()
    }
    /// The number format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// One sweep at β = `gain` 2^(fraction - 12) of the chain whose nodes are up where `up` says; `random` gives a random
    /// 16-bit number for each node in turn.
    ///
    /// Errors: another number of nodes.
    pub fn run(&self, up: &mut [bool], gain: u16, mut random: impl FnMut() -> u16) -> Result<()> {
        same_length("nodes", up.len(), self.n_nodes())?;
        for &i in &self.order {
            let i = i as usize;
            let row = self.starts[i] as usize..self.starts[i + 1] as usize;
            let mut field = i32::from(self.fields[i]);
            for (end, coupling) in self.ends[row.clone()].iter().zip(&self.couplings[row]) {
                field += if up[*end as usize] { i32::from(*coupling) } else { -i32::from(*coupling) };
            }
            // Fields whose argument would be beyond the table are kept within it.
            let gain = u32::from(gain.min(LARGEST));
            let most = (u32::from(LARGEST) / gain.max(1)).max(1);
            let x = field.unsigned_abs().min(most) * gain;
            // The place in a piece of 512 arguments, from its middle, in units of 2^-15 of half a piece.
            let (piece, z) = ((x + 256) as usize / 512, ((x + 256) % 512) as i32 * 128 - 32768);
            let [c0, c1, c2] = [0, 1, 2].map(|k| i32::from(self.sigmoid[k][piece]));
            let times = |a: i32, b: i32| (a * b + 0x4000) >> 15;
            let threshold = (c0 + times(z, c1 + times(z, c2))) as u16;
            let yes = random() <= threshold;
            up[i] = yes != (field < 0);
        }
        Ok(())
    }

    /// The image as text.
    pub fn to_hex(&self) -> String {
        let mut text = format!("// {HEAD}\n// format {}\n// colour ends", self.format);
        for end in &self.colour_ends {
            let _ = write!(text, " {end}");
        }
        text.push('\n');
        for (k, (name, digits)) in SECTIONS.iter().enumerate() {
            let numbers = self.section(k);
            let _ = writeln!(text, "// {name}, {} numbers", numbers.len());
            for number in numbers {
                let _ = writeln!(text, "{number:0digits$x}");
            }
        }
        text
    }
    fn section(&self, k: usize) -> Vec<u32> {
        let signed = |codes: &[i16]| codes.iter().map(|c| u32::from(*c as u16)).collect();
        match k {
            0 => self.order.clone(),
            1 => self.starts.clone(),
            2 => self.ends.clone(),
            3 => signed(&self.couplings),
            4 => signed(&self.fields),
            k => signed(&self.sigmoid[k - 5]),
        }
    }

    /// Reads what [`MemoryImage::to_hex`] wrote.
    ///
    /// Errors: text that is no such image, with the line; memories that do not fit one another.
    pub fn from_hex(text: &str) -> Result<Self> {
        let wrong = |line: usize, why: &str| -> Error {
            Error::out_of_range(format!("line {} of the memory image", line + 1), why, "as smml writes it")
        };
        let mut lines = text.lines().enumerate();
        let mut comment = |what: &str| -> Result<(usize, String)> {
            let (k, line) = lines.next().ok_or_else(|| wrong(0, "nothing"))?;
            match line.strip_prefix("// ").and_then(|l| l.strip_prefix(what)) {
                Some(rest) => Ok((k, rest.trim().to_string())),
                None => Err(wrong(k, line)),
            }
        };
        comment(HEAD)?;
        let format = comment("format")?.1.parse()?;
        let (k, ends) = comment("colour ends")?;
        let colour_ends: Vec<u32> =
            ends.split_whitespace().map(|e| e.parse().map_err(|_| wrong(k, e))).collect::<Result<_>>()?;
        let mut sections: Vec<Vec<u32>> = Vec::new();
        for (k, line) in lines {
            if let Some(head) = line.strip_prefix("// ") {
                let expected = SECTIONS.get(sections.len()).map(|s| s.0);
                if head.split(',').next() != expected {
                    return Err(wrong(k, line));
                }
                sections.push(Vec::new());
            } else {
                let n = sections.len();
                let section = sections.last_mut().ok_or_else(|| wrong(k, line))?;
                if line.len() != SECTIONS[n - 1].1 {
                    return Err(wrong(k, line));
                }
                section.push(u32::from_str_radix(line, 16).map_err(|_| wrong(k, line))?);
            }
        }
        if sections.len() != SECTIONS.len() {
            return Err(wrong(text.lines().count(), "the end"));
        }
        let signed = |k: usize| sections[k].iter().map(|x| *x as u16 as i16).collect::<Vec<i16>>();
        let image = MemoryImage {
            format,
            colour_ends,
            couplings: signed(3),
            fields: signed(4),
            sigmoid: [signed(5), signed(6), signed(7)],
            order: sections[0].clone(),
            starts: sections[1].clone(),
            ends: sections[2].clone(),
        };
        image.check()?;
        Ok(image)
    }
    fn check(&self) -> Result<()> {
        let n = self.n_nodes();
        let wrong =
            |name: &str, value: String, allowed: String| Err(Error::out_of_range(name, value, allowed));
        let mut seen = vec![false; n];
        for &node in &self.order {
            match seen.get_mut(node as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => {
                    return wrong(
                        "node in the order",
                        node.to_string(),
                        format!("every node below {n} once"),
                    );
                }
            }
        }
        if self.order.len() != n || self.colour_ends.last().is_some_and(|e| *e as usize != n) {
            return wrong("nodes in the order", self.order.len().to_string(), n.to_string());
        }
        let rising = |x: &[u32]| x.windows(2).all(|w| w[0] <= w[1]);
        if !rising(&self.colour_ends)
            || !rising(&self.starts)
            || self.starts.len() != n + 1
            || self.starts.first() != Some(&0)
            || self.starts[n] as usize != self.ends.len()
            || self.ends.len() != self.couplings.len()
        {
            return wrong(
                "starts of rows",
                format!("{} starts", self.starts.len()),
                "rows one after the other".into(),
            );
        }
        if let Some(end) = self.ends.iter().find(|e| **e as usize >= n) {
            return wrong("end of a wire", end.to_string(), format!("below {n}"));
        }
        match self.sigmoid.iter().find(|s| s.len() != 64) {
            Some(s) => wrong("pieces of the sigmoid", s.len().to_string(), "64".into()),
            None => Ok(()),
        }
    }
}
