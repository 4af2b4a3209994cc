//! The suffix array in linear time, by induced sorting (SA-IS; Nong, Zhang and Chan, IEEE Trans. Comput. 60, 1471 (2011)).

const NONE: usize = usize::MAX;

/// The starts of all suffixes of `text` in lexicographic order. Symbols are below `alphabet`.
pub(super) fn suffix_array(text: &[usize], alphabet: usize) -> Vec<usize> {
    if text.len() < 2 {
        return (0..text.len()).collect();
    }
    let sorter = Sorter::new(text, alphabet);
    let starts = sorter.leftmost_smaller();
    // Sorts the pieces between leftmost smaller positions, whatever the order within equal ones...
    let rough = sorter.induce(&starts);
    // ...names them in that order, and sorts the shorter text of their names.
    let mut place = vec![NONE; text.len()];
    starts.iter().enumerate().for_each(|(k, &i)| place[i] = k);
    let sorted: Vec<usize> = rough.into_iter().filter(|&i| place[i] != NONE).collect();
    let end = |i: usize| starts.get(place[i] + 1).map_or(text.len(), |&next| (next + 1).min(text.len()));
    let mut names = vec![0; starts.len()];
    let mut name = 0;
    for pair in sorted.windows(2) {
        // The last piece ends with the text and equals no other.
        let (a, b) = (pair[0], pair[1]);
        let last = |i: usize| place[i] + 1 == starts.len();
        if last(a) || last(b) || text[a..end(a)] != text[b..end(b)] {
            name += 1;
        }
        names[place[b]] = name;
    }
    let order: Vec<usize> = if sorted.is_empty() || name + 1 == sorted.len() {
        sorted
    } else {
        suffix_array(&names, name + 1).into_iter().map(|k| starts[k]).collect()
    };
    sorter.induce(&order)
}

struct Sorter<'a> {
    text: &'a [usize],
    /// Whether a suffix is smaller than the next one (type S).
    smaller: Vec<bool>,
    /// Where each symbol's suffixes begin in the array, and where they end.
    begin: Vec<usize>,
    end: Vec<usize>,
}

impl<'a> Sorter<'a> {
    fn new(text: &'a [usize], alphabet: usize) -> Self {
        let n = text.len();
        let mut smaller = vec![false; n];
        for i in (0..n - 1).rev() {
            smaller[i] = text[i] < text[i + 1] || (text[i] == text[i + 1] && smaller[i + 1]);
        }
        let mut end = vec![0; alphabet];
        text.iter().for_each(|&c| end[c] += 1);
        (1..alphabet).for_each(|c| end[c] += end[c - 1]);
        let begin = std::iter::once(0).chain(end.iter().copied()).take(alphabet).collect();
        Sorter { text, smaller, begin, end }
    }

    /// Suffixes of type S that follow one of the other type (LMS).
    fn leftmost_smaller(&self) -> Vec<usize> {
        (1..self.text.len()).filter(|&i| self.smaller[i] && !self.smaller[i - 1]).collect()
    }

    /// All suffixes in order, given the LMS suffixes in order.
    fn induce(&self, order: &[usize]) -> Vec<usize> {
        let n = self.text.len();
        let mut array = vec![NONE; n];
        let mut free = self.end.clone();
        for &i in order.iter().rev() {
            let c = self.text[i];
            free[c] -= 1;
            array[free[c]] = i;
        }
        // From the left, the suffixes that are larger than the next; the last one first of its symbol.
        let mut free = self.begin.clone();
        let last = self.text[n - 1];
        array[free[last]] = n - 1;
        free[last] += 1;
        for k in 0..n {
            let i = array[k];
            if i != NONE && i > 0 && !self.smaller[i - 1] {
                let c = self.text[i - 1];
                array[free[c]] = i - 1;
                free[c] += 1;
            }
        }
        // From the right, those that are smaller, over the places of the LMS suffixes.
        let mut free = self.end.clone();
        for k in (0..n).rev() {
            let i = array[k];
            if i != NONE && i > 0 && self.smaller[i - 1] {
                let c = self.text[i - 1];
                free[c] -= 1;
                array[free[c]] = i - 1;
            }
        }
        array
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(text: &[usize]) -> Vec<usize> {
        let mut array: Vec<usize> = (0..text.len()).collect();
        array.sort_by(|&a, &b| text[a..].cmp(&text[b..]));
        array
    }

    #[test]
    fn all_short_words() {
        for k in 1..4usize {
            for n in 0..9u32 {
                for code in 0..k.pow(n) {
                    let word: Vec<usize> = (0..n).map(|i| code / k.pow(i) % k).collect();
                    assert_eq!(suffix_array(&word, k), naive(&word), "{word:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn sorts(word in prop::collection::vec(0usize..5, 0..300), repeat in 1usize..5) {
            let word = word.repeat(repeat);
            prop_assert_eq!(suffix_array(&word, 5), naive(&word));
        }
    }
}
