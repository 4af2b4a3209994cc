use super::*;

#[test]
fn display_shows_the_error_in_the_last_digits() {
    let shown = |v, e| with_error(v, e);
    assert_eq!(shown(-1.41523, 0.000_32), "-1.4152(3)");
    assert_eq!(shown(-1.41523, 0.000_12), "-1.41523(12)");
    assert_eq!(shown(-1.41523, 0.000_96), "-1.4152(10)");
    assert_eq!(shown(1234.6, 34.0), "1230(30)");
    assert_eq!(shown(1234.6, 12.0), "1235(12)");
    assert_eq!(shown(0.5, 0.0), "0.5");
    assert_eq!(shown(2.0, 1.0), "2.0(10)");
    assert_eq!(shown(f64::NAN, 1.0), "NaN");
    assert_eq!(shown(1.0, f64::INFINITY), "1(inf)");
    assert_eq!(format!("[{:>12}]", Estimate::from_counts(1, 4).unwrap()), "[      0.2(2)]");
}

#[test]
fn typed_answers_for_short_and_constant_series() {
    assert!(matches!(Estimate::from_chain(&[1.0, 2.0]), Err(Error::TooShort { have: 2, .. })));
    let constant = Estimate::from_chain(&[0.1; 50]).unwrap();
    assert_eq!((constant.value, constant.std_error, constant.source), (0.1, 0.0, Source::Constant));
    assert_eq!((constant.z(0.1), constant.z(0.2)), (0.0, f64::NEG_INFINITY));
    // A straight line never forgets where it was.
    let drift: Vec<f64> = (0..200).map(f64::from).collect();
    assert!(matches!(Estimate::from_chain(&drift), Err(Error::TooShort { have: 200, .. })));
    assert!(Estimate::from_chain(&[1.0, f64::NAN, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]).is_err());
    assert!(Estimate::from_population(&[1.0, 2.0], &[f64::NEG_INFINITY; 2]).is_err());
    assert!(Estimate::from_population(&[1.0, 2.0], &[0.0, f64::NAN]).is_err());
    assert!(matches!(Estimate::from_population(&[1.0, 2.0], &[0.0, -1e4]), Err(Error::TooShort { .. })));
}

#[test]
fn searches_have_a_best_and_no_mean() {
    let found = SearchResults::new(vec![(-1.0, 'a'), (-3.0, 'b'), (-3.0, 'c'), (-2.0, 'd')]).unwrap();
    assert_eq!(found.best(), (-3.0, &'b'));
    assert_eq!(found.success(-3.0).value, 0.5);
    assert!(SearchResults::<()>::new(vec![]).is_err() && SearchResults::new(vec![(f64::NAN, ())]).is_err());
}
