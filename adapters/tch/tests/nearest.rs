//! Targets at other sizes, beside libtorch's own.

use tch::{Device, Kind, Tensor};
use unifocal_tch::{Error, nearest};

#[test]
fn the_nearest_voxels_are_those_of_libtorch() {
    for size in [[1, 1], [3, 5], [4, 2], [6, 10], [5, 7], [9, 16]] {
        let target = Tensor::rand([2, 3, 6, 10], (Kind::Double, Device::Cpu));
        let found = nearest(&target, &size).expect("a valid size");
        let expected = target.internal_upsample_nearest_exact2d(size, None, None);
        assert_eq!(found, expected, "{size:?}");
        let is_view = found.data_ptr() >= target.data_ptr()
            && found.stride().iter().any(|stride| *stride > 10 * 6);
        let divides = 6 % size[0] == 0 && 10 % size[1] == 0;
        assert!(is_view || !divides, "{size:?} was copied");
        // Labels, which libtorch does not resize.
        let labels = (&target * 100.0).to_kind(Kind::Int64);
        let found = nearest(&labels, &size).expect("a valid size");
        assert_eq!(found, (&expected * 100.0).to_kind(Kind::Int64));
    }
}

#[test]
fn impossible_sizes_are_errors() {
    let labels = Tensor::zeros([2, 3], (Kind::Uint8, Device::Cpu));
    for size in [&[0][..], &[-1], &[1, 1, 1]] {
        let error = nearest(&labels, size).unwrap_err();
        assert!(
            matches!(error, Error::Size { what: "target", .. }),
            "{size:?}"
        );
    }
    assert_eq!(
        nearest(&labels, &[0]).unwrap_err().to_string(),
        "the shape of the target is [2, 3] and the new size of its last axes is [0], expected no more lengths than axes, and none of 0"
    );
    let found = nearest(&Tensor::new(), &[1]);
    assert!(matches!(found, Err(Error::Layout { what: "target" })));
}
