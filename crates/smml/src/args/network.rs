//! What `--network` says in `smml dbm`.

use super::graph::shape;
use smml_hw::topology::{Layout, Shape};
use std::path::PathBuf;

/// Most layers of hidden units.
const MOST_LAYERS: usize = 16;

/// What `--network` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Named {
    Family(Shape),
    Layers(Vec<u32>),
    /// Anything else: a file.
    File(PathBuf),
}

impl Named {
    /// Reads `p14`, `z12,4`, `layers:500,500`; whatever looks like none of these is a file.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let bad = |why: String| format!("--network {text}: {why}");
        if let Some(list) = text.strip_prefix("layers:") {
            let units: Option<Vec<u32>> =
                list.split(',').map(|n| n.trim().parse().ok().filter(|n| *n > 0)).collect();
            return match units {
                Some(units) if units.len() <= MOST_LAYERS => Ok(Named::Layers(units)),
                _ => Err(bad(format!(
                    "'{list}' are no units of 1 to {MOST_LAYERS} hidden layers, such as layers:500,500"
                ))),
            };
        }
        let digits = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (word, sizes) = text.split_at(digits);
        let family = match word.to_ascii_lowercase().as_str() {
            "p" | "pegasus" => "pegasus",
            "z" | "zephyr" => "zephyr",
            "c" | "chimera" => "chimera",
            "k" | "king" => "king",
            _ => return Ok(Named::File(text.into())),
        };
        if sizes.is_empty() || !sizes.bytes().all(|b| b.is_ascii_digit() || b == b',') {
            return Ok(Named::File(text.into()));
        }
        let sizes: Vec<u32> = sizes
            .split(',')
            .map(|n| n.parse().map_err(|_| bad(format!("'{n}' is not a size"))))
            .collect::<Result<_, _>>()?;
        let shape = shape(family, &sizes, false).map_err(bad)?;
        Layout::new(shape).map_err(|e| bad(e.to_string()))?;
        Ok(Named::Family(shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_names() {
        let named = |text: &str| Named::of(text).unwrap();
        assert_eq!(named("p14"), Named::Family(Shape::Pegasus { size: 14, fabric: true }));
        assert_eq!(named("z12"), Named::Family(Shape::Zephyr { size: 12, tile: 4 }));
        assert_eq!(named("zephyr3,2"), Named::Family(Shape::Zephyr { size: 3, tile: 2 }));
        assert_eq!(named("chimera16"), Named::Family(Shape::Chimera { rows: 16, columns: 16, tile: 4 }));
        assert_eq!(named("king6,7"), Named::Family(Shape::King { rows: 6, columns: 7 }));
        assert_eq!(named("layers:500,20"), Named::Layers(vec![500, 20]));
        for file in ["p14.rudy", "./p14", "graph", "p"] {
            assert_eq!(named(file), Named::File(file.into()));
        }
        for (bad, why) in [
            ("p1", "size m"),
            ("p3,4", "it takes SIZE"),
            ("z0", "size m"),
            ("p99999999999", "not a size"),
            ("layers:", "no units"),
            ("layers:5,0", "no units"),
        ] {
            let message = Named::of(bad).unwrap_err();
            assert!(message.starts_with(&format!("--network {bad}: ")) && message.contains(why), "{message}");
        }
    }
}
