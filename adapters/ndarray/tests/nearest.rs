//! Targets at other sizes.

use ndarray::{Array2, Array3, Axis};
use unifocal_ndarray::{Error, nearest};

/// Each voxel of the new size takes the voxel that covers its middle; a whole factor copies nothing.
#[test]
fn each_voxel_takes_the_nearest() {
    for of in 1..12 {
        for length in 1..16 {
            let array = Array3::from_shape_fn((2, of, 3), |(n, y, x)| 100 * n + 10 * y + x);
            let found = nearest(array.view(), &[length, 3]).expect("a valid size");
            assert_eq!(found.shape(), [2, length, 3]);
            assert_eq!(found.is_view(), of % length == 0, "{of} to {length}");
            for (index, row) in found.axis_iter(Axis(1)).enumerate() {
                let middle = (index as f64 + 0.5) / length as f64;
                let expected = (middle * of as f64 + 1e-9).floor() as usize;
                assert_eq!(
                    row,
                    array.index_axis(Axis(1), expected),
                    "{index}: {of} to {length}"
                );
            }
        }
    }
}

#[test]
fn impossible_sizes_are_errors() {
    let labels = Array2::<u8>::zeros((2, 3));
    for size in [&[0][..], &[1, 1, 1]] {
        let error = nearest(labels.view(), size).unwrap_err();
        assert!(
            matches!(error, Error::Size { what: "target", .. }),
            "{size:?}"
        );
    }
    assert_eq!(
        nearest(labels.view(), &[0]).unwrap_err().to_string(),
        "the shape of the target is [2, 3] and the new size of its last axes is [0], expected no more lengths than axes, and none of 0"
    );
    let empty = Array2::<u8>::zeros((2, 0));
    assert!(matches!(
        nearest(empty.view(), &[1]),
        Err(Error::Size { .. })
    ));
}
