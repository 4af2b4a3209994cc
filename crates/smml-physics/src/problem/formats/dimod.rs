//! The JSON form of dimod's binary quadratic models, schema 3.0.0 without bytes.
//!
//! Labels become names: numbers as their digits, strings as they are, lists (dimod's tuples) as their JSON text. The
//! writer makes of a name that is a whole number a number again, and of one that is a list a list.

use super::{
    Form, Problem, Sense,
    text::{Entries, Source},
};
use crate::problem::Builder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smml_core::error::{Error, Result};

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    version: Version,
    use_bytes: bool,
    num_variables: u64,
    num_interactions: u64,
    variable_labels: Vec<Value>,
    variable_type: String,
    offset: f64,
    linear_biases: Vec<f64>,
    quadratic_biases: Vec<f64>,
    quadratic_head: Vec<u64>,
    quadratic_tail: Vec<u64>,
}

#[derive(Deserialize)]
struct Version {
    bqm_schema: String,
}

/// What is written, in dimod's order.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: serde_json::Map<String, Value>,
    use_bytes: bool,
    index_type: &'static str,
    bias_type: &'static str,
    num_variables: usize,
    num_interactions: usize,
    variable_labels: Vec<Value>,
    variable_type: &'static str,
    offset: f64,
    info: serde_json::Map<String, Value>,
    linear_biases: &'a [f64],
    quadratic_biases: Vec<f64>,
    quadratic_head: Vec<u32>,
    quadratic_tail: Vec<u32>,
}

pub(super) fn read(source: &mut Source<'_>) -> Result<Problem> {
    let model: Model = serde_json::from_slice(source.text).map_err(|e| {
        let place = format!("line {}, column {}", e.line(), e.column());
        Error::corrupt(source.path, place, format!("no binary quadratic model: {e}"))
    })?;
    let refuse = |field: &str, value: String, allowed: &str| {
        Err(Error::corrupt(source.path, format!("field {field}"), format!("{value}: must be {allowed}")))
    };
    if model.kind != "BinaryQuadraticModel" {
        return refuse("type", format!("{:?}", model.kind), "BinaryQuadraticModel");
    }
    if !model.version.bqm_schema.starts_with("3.") {
        return refuse("version.bqm_schema", format!("{:?}", model.version.bqm_schema), "3.0.0");
    }
    if model.use_bytes {
        return refuse("use_bytes", "true".into(), "false");
    }
    let form = match model.variable_type.as_str() {
        "SPIN" => Form::Spin,
        "BINARY" => Form::Binary,
        other => return refuse("variable_type", format!("{other:?}"), "SPIN or BINARY"),
    };
    let n = model.linear_biases.len();
    if n == 0 {
        return refuse("linear_biases", "no variables".into(), "at least one");
    }
    let m = model.quadratic_biases.len();
    for (field, found, expected) in [
        ("num_variables", model.num_variables, n),
        ("variable_labels", model.variable_labels.len() as u64, n),
        ("num_interactions", model.num_interactions, m),
        ("quadratic_head", model.quadratic_head.len() as u64, m),
        ("quadratic_tail", model.quadratic_tail.len() as u64, m),
    ] {
        if found != expected as u64 {
            let allowed = format!("{expected}, as there are biases");
            return refuse(field, format!("{found} entries"), &allowed);
        }
    }
    let mut entries = Entries::default();
    let mut b = Builder::new(form, Sense::Minimise, n)?;
    let place = |field: &str, k: usize, e: Error| {
        Error::corrupt(source.path, format!("field {field}[{k}]"), e.to_string())
    };
    b.offset(model.offset).map_err(|e| place("offset", 0, e))?;
    for (i, &a) in model.linear_biases.iter().enumerate() {
        b.term(&[i as u32], a).map_err(|e| place("linear_biases", i, e))?;
    }
    for k in 0..m {
        let (i, j) = (model.quadratic_head[k], model.quadratic_tail[k]);
        for (field, v) in [("quadratic_head", i), ("quadratic_tail", j)] {
            if v >= n as u64 {
                return refuse(&format!("{field}[{k}]"), v.to_string(), &format!("a variable below {n}"));
            }
        }
        if i == j {
            return refuse(&format!("quadratic_tail[{k}]"), j.to_string(), "another variable than the head");
        }
        entries.note(1, i as u32, j as u32, 0);
        b.term(&[i as u32, j as u32], model.quadratic_biases[k])
            .map_err(|e| place("quadratic_biases", k, e))?;
    }
    let mut names = Vec::with_capacity(n);
    for (k, label) in model.variable_labels.iter().enumerate() {
        names.push(match label {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Array(_) => label.to_string(),
            other => {
                return refuse(
                    &format!("variable_labels[{k}]"),
                    other.to_string(),
                    "a string, number or list",
                );
            }
        });
    }
    // The labels that dimod gives by itself say nothing.
    if names.iter().enumerate().any(|(i, name)| *name != i.to_string()) {
        b.names(names)?;
    }
    source.line = 1;
    source.warn_repeated(&entries);
    source.build(b)
}

pub(super) fn write(problem: &Problem) -> Result<String> {
    let label = |i: usize| match problem.names().map(|names| &names[i]) {
        None => Value::from(i),
        Some(name) => match serde_json::from_str::<Value>(name) {
            Ok(value @ Value::Array(_)) => value,
            // Only digits that are read back as they are: 007 is a string.
            Ok(Value::Number(number)) if number.to_string() == *name && !number.is_f64() => {
                Value::Number(number)
            }
            _ => Value::String(name.clone()),
        },
    };
    let (mut head, mut tail, mut biases) = (Vec::new(), Vec::new(), Vec::new());
    for (i, j, w) in problem.pairs().edges() {
        head.push(i);
        tail.push(j);
        biases.push(w);
    }
    let written = Written {
        kind: "BinaryQuadraticModel",
        version: [("bqm_schema".to_string(), Value::from("3.0.0"))].into_iter().collect(),
        use_bytes: false,
        index_type: if problem.n_variables() <= i32::MAX as usize { "int32" } else { "int64" },
        bias_type: "float64",
        num_variables: problem.n_variables(),
        num_interactions: biases.len(),
        variable_labels: (0..problem.n_variables()).map(label).collect(),
        variable_type: if problem.form() == Form::Spin { "SPIN" } else { "BINARY" },
        offset: problem.offset(),
        info: serde_json::Map::new(),
        linear_biases: problem.linear(),
        quadratic_biases: biases,
        quadratic_head: head,
        quadratic_tail: tail,
    };
    serde_json::to_string(&written)
        .map_err(|e| Error::Undefined { what: "the JSON form of this problem".into(), why: e.to_string() })
}
