//! Replicas on their way between the ends of the ladder.

use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result, same_length};

/// Where a replica was last, of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Last {
    /// At neither.
    Neither,
    /// At the first rung.
    First,
    /// At the last rung, without having been at the first.
    Top,
    /// At the last rung, and at the first before.
    TopAfterFirst,
}

/// Counts of round trips, and at every rung of replicas that come from the one end or the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawFlow")]
pub(super) struct Flow {
    last: Vec<Last>,
    trips: Vec<u64>,
    /// Visits of each rung by replicas that were last at the first rung, and at the last one.
    visits: Vec<[u64; 2]>,
}

#[derive(Deserialize)]
struct RawFlow {
    last: Vec<Last>,
    trips: Vec<u64>,
    visits: Vec<[u64; 2]>,
}

impl TryFrom<RawFlow> for Flow {
    type Error = Error;
    fn try_from(raw: RawFlow) -> Result<Self> {
        same_length("round trips", raw.trips.len(), raw.last.len())?;
        same_length("visits of rungs", raw.visits.len(), raw.last.len())?;
        Ok(Flow { last: raw.last, trips: raw.trips, visits: raw.visits })
    }
}

impl Flow {
    pub(super) fn new(n_rungs: usize) -> Self {
        Flow { last: vec![Last::Neither; n_rungs], trips: vec![0; n_rungs], visits: vec![[0; 2]; n_rungs] }
    }
    pub(super) fn n_rungs(&self) -> usize {
        self.last.len()
    }
    /// Counts a step that left replica `labels[r]` on rung r.
    pub(super) fn count(&mut self, labels: &[u32]) {
        let top = labels.len() - 1;
        for (rung, label) in labels.iter().enumerate() {
            let last = &mut self.last[*label as usize];
            if rung == 0 {
                self.trips[*label as usize] += u64::from(*last == Last::TopAfterFirst);
                *last = Last::First;
            } else if rung == top {
                *last = match last {
                    Last::First | Last::TopAfterFirst => Last::TopAfterFirst,
                    Last::Neither | Last::Top => Last::Top,
                };
            }
            match last {
                Last::Neither => {}
                Last::First => self.visits[rung][0] += 1,
                Last::Top | Last::TopAfterFirst => self.visits[rung][1] += 1,
            }
        }
    }
    /// Round trips of each replica.
    pub(super) fn trips(&self) -> &[u64] {
        &self.trips
    }
    /// f of every rung: the fraction of replicas there that were last at the first rung; `None` for a rung that no
    /// replica from an end has reached.
    pub(super) fn fractions(&self) -> Vec<Option<f64>> {
        let fraction = |v: &[u64; 2]| (v[0] + v[1] > 0).then(|| v[0] as f64 / (v[0] + v[1]) as f64);
        self.visits.iter().map(fraction).collect()
    }
}
