//! Any window of a file holds the numbers of the whole that lie in it.

use std::ops::Range;

use ndarray::Slice;
use proptest::prelude::*;

use super::{as_f64, bytes_of, fixture, read};
use crate::read::{Fault, header, window};

const FILES: [&str; 6] = [
    "pred_cl_f64_fortran_big_endian.npy",
    "labels_u8.npy",
    "pred_cl_i16_scaled.nii",
    "pred_cl_f64.nii.gz",
    "pred_cl_f64_big_endian.nii.gz",
    "labels_u8_qform.nii.gz",
];

proptest! {
    #[test]
    fn a_window_is_a_part_of_the_whole(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 8),
    ) {
        for file in FILES {
            let whole = read(fixture(file)).unwrap();
            let shape = whole.values.shape().to_vec();
            let header = header(fixture(file)).unwrap();
            prop_assert_eq!(header.shape(), &shape);
            let ranges: Vec<Range<usize>> = shape
                .iter()
                .zip(&places)
                .map(|(length, (start, end))| {
                    let start = start.index(*length);
                    start..start + 1 + end.index(length - start)
                })
                .collect();
            let part = window(fixture(file), &ranges).unwrap();
            let mut expected = as_f64(&whole.values);
            expected.slice_each_axis_inplace(|axis| Slice::from(ranges[axis.axis.0].clone()));
            prop_assert_eq!(as_f64(&part.values), expected, "{}", file);
            prop_assert_eq!(part.geometry, whole.geometry);
            let first: Vec<usize> = ranges.iter().map(|range| range.start).collect();
            prop_assert_eq!(part.whole.unwrap().first, first);
        }
    }
}

/// A window is refused for what is wrong outside of it, too.
#[test]
fn a_window_of_a_torn_file_is_refused_like_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        let bytes = bytes_of(file);
        let path = folder.path().join(file);
        for cut in [bytes.len() / 2, bytes.len() - 20] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let expected = read(&path).unwrap_err().to_string();
            let shape = read(fixture(file)).unwrap().values.shape().to_vec();
            let first: Vec<Range<usize>> = shape.iter().map(|_| 0..1).collect();
            let last: Vec<Range<usize>> = shape.iter().map(|n| n - 1..*n).collect();
            for ranges in [first, last] {
                assert_eq!(window(&path, &ranges).unwrap_err().to_string(), expected);
            }
        }
    }
    let refused = window(fixture("one.npz"), std::slice::from_ref(&(0..1)))
        .unwrap_err()
        .fault;
    assert!(matches!(refused, Fault::Unsupported { .. }), "{refused}");
}
