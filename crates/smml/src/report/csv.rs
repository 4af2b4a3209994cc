//! Figures as CSV: the numbers behind a plot in long format (`series,x,y,error`), an image as rows of grey values,
//! a table as it is.

use super::figure::{Content, Figure};
use crate::error::Failure;

/// The text of the file.
pub(crate) fn csv(figure: &Figure) -> Result<Vec<u8>, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::File(format!("figure {} as CSV: {e}", figure.id));
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    match &figure.content {
        Content::Plot { series, .. } => {
            writer.write_record(["series", "x", "y", "error"]).map_err(|e| failed(&e))?;
            for s in series {
                for (i, (x, y)) in s.points.iter().enumerate() {
                    let error = s.errors.get(i).map_or(String::new(), |e| number(*e));
                    let record = [s.name.as_str(), &number(*x), &number(*y), &error];
                    writer.write_record(record).map_err(|e| failed(&e))?;
                }
            }
        }
        Content::Image { width, pixels, .. } => {
            for row in pixels.chunks((*width).max(1)) {
                writer.write_record(row.iter().map(u8::to_string)).map_err(|e| failed(&e))?;
            }
        }
        Content::Table { head, rows, .. } => {
            for row in [head].into_iter().chain(rows) {
                writer.write_record(row).map_err(|e| failed(&e))?;
            }
        }
    }
    writer.into_inner().map_err(|e| failed(&e))
}

/// The shortest text that reads back as the same number, with an exponent for large and small ones.
fn number(x: f64) -> String {
    let text = format!("{x:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::{Axis, Series, Style};

    #[test]
    fn long_format_reads_back() {
        let points = vec![(1.0, 0.1), (2.5e300, f64::NAN), (-0.0, f64::NEG_INFINITY)];
        let series = vec![
            Series::new("a, \"b\"", Style::Points, points.clone()).with_errors(vec![0.5, 1e-300, 0.0]),
            Series::new("line", Style::Line, points.clone()),
        ];
        let figure = Figure::plot("f", "", "", Axis::linear(""), Axis::linear(""), series);
        let text = csv(&figure).expect("csv");
        let mut reader = ::csv::Reader::from_reader(text.as_slice());
        assert_eq!(reader.headers().expect("head"), vec!["series", "x", "y", "error"]);
        let rows: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
        assert_eq!(rows.len(), 6);
        assert_eq!(&rows[0][0], "a, \"b\"");
        for (row, (x, y)) in rows.iter().zip(points.iter().chain(&points)) {
            let read = |i: usize| row[i].parse::<f64>().expect("number").to_bits();
            assert_eq!(read(1), x.to_bits());
            assert!(row[2].parse::<f64>().expect("number") == *y || y.is_nan());
        }
        assert_eq!((&rows[1][3], &rows[4][3]), ("1e-300", ""));
    }

    #[test]
    fn tables_are_as_they_are() {
        let rows = vec![vec!["a, b".to_string(), "1".to_string()]];
        let figure = Figure::table("f", "", "", &["", "x"], rows);
        assert_eq!(csv(&figure).expect("csv"), b",x\n\"a, b\",1\n");
    }

    #[test]
    fn images_are_rows_of_grey_values() {
        let figure = Figure::image("f", "", "", 3, 2, vec![0, 1, 255, 7, 8, 9]);
        assert_eq!(csv(&figure).expect("csv"), b"0,1,255\n7,8,9\n");
    }
}
