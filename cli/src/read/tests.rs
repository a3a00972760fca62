//! Every fixture reads like the plain `.npy` file of the same numbers. Hostile files give the right error and never panic.

#[path = "../../tests/build/mod.rs"]
mod build;
mod containers;
mod hostile;
mod pictures;
mod windows;

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};

use super::{Fault, Format, Geometry, ReadError, Values, Volume, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn load(name: &str) -> Values {
    read(fixture(name)).unwrap().values
}

fn geometry(name: &str) -> Option<Geometry> {
    read(fixture(name)).unwrap().geometry
}

/// Writes `bytes` to a file with this name and reads it; `key` is appended to the name.
fn read_bytes(name: &str, bytes: &[u8], key: &str) -> Result<Volume, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(format!("{}{key}", path.display()))
}

fn fault(name: &str, bytes: &[u8]) -> Fault {
    read_bytes(name, bytes, "").unwrap_err().fault
}

/// A version 1 `.npy` file.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn as_f64(values: &Values) -> ArrayD<f64> {
    match values {
        Values::U8(a) => a.mapv(f64::from),
        Values::U16(a) => a.mapv(f64::from),
        Values::I32(a) => a.mapv(f64::from),
        Values::I64(a) => a.mapv(|x| x as f64),
        Values::F32(a) => a.mapv(f64::from),
        Values::F64(a) => a.clone().into_owned(),
    }
}

#[test]
fn predictions_are_equal_in_every_format() {
    let expected = load("pred_cl.npy");
    assert_eq!(expected.shape(), [4, 6, 8, 2]);
    for name in [
        "pred_cl_fortran.npy",
        "pred_cl_big_endian.npy",
        "both_stored.npz:pred_cl",
        "both_deflated.npz:pred_cl",
        "one.npz",
        "one.npz:arr_0",
        "pred_cl_f32.nii",
        "pred_cl_f32_big_endian.nii",
        "pred_cl_f32.safetensors",
        "pred_cl_f32.safetensors:pred_cl",
    ] {
        assert_eq!(load(name), expected, "{name}");
    }
    let wide = Values::F64((as_f64(&expected)).into());
    for name in [
        "pred_cl_f64_fortran_big_endian.npy",
        "pred_cl_f64.nii.gz",
        "pred_cl_f64_big_endian.nii.gz",
    ] {
        assert_eq!(load(name), wide, "{name}");
    }
}

#[test]
fn channels_first_and_last_hold_the_same_prediction() {
    let mut first = as_f64(&load("pred_cf.npy"));
    assert_eq!(first.shape(), [2, 4, 6, 8]);
    first = first.permuted_axes(vec![1, 2, 3, 0]);
    assert_eq!(first, as_f64(&load("pred_cl.npy")));
}

#[test]
fn half_precision_widens_to_f32() {
    let expected = load("pred_cl_f16.npy");
    assert!(matches!(expected, Values::F32(_)));
    assert_eq!(load("pred_f16.safetensors:pred_cl"), expected);
    let difference = as_f64(&expected) - as_f64(&load("pred_cl.npy"));
    // Half an ulp of f16 just below 1.
    assert!(difference.iter().all(|d| d.abs() <= 2.5e-4));
}

#[test]
fn labels_are_equal_in_every_format() {
    let expected = load("labels_u8.npy");
    assert!(matches!(expected, Values::U8(_)));
    let Values::I64(wide) = load("labels_i64.npy") else {
        panic!("not i64")
    };
    assert_eq!(as_f64(&expected).sum(), 144.0);
    for name in [
        "labels_bool.npy",
        "both_stored.npz:labels",
        "both_deflated.npz:labels.npy",
        "labels_u8.nii",
        "labels_u8_qform.nii.gz",
        "labels_u8_shifted.nii",
    ] {
        assert_eq!(load(name), expected, "{name}");
    }
    assert_eq!(Values::U8((wide.mapv(|x| x as u8)).into()), expected);
    let medium = Values::I32((wide.mapv(|x| x as i32)).into());
    for name in [
        "labels_i16_big_endian.nii",
        "labels_version2.npy",
        "labels_version3.npy",
    ] {
        assert_eq!(load(name), medium, "{name}");
    }
    for name in ["labels_u32_big_endian.npy", "labels_i64.safetensors"] {
        assert_eq!(load(name), Values::I64(wide.clone()), "{name}");
    }
}

#[test]
fn pictures_are_read_as_stored_numbers() {
    let Values::U8(expected) = load("labels2d.npy") else {
        panic!("not u8")
    };
    assert_eq!(
        (expected.shape(), expected.view().sum()),
        (&[32, 32][..], 10)
    );
    for name in [
        "labels2d_8bit.png",
        "labels2d_1bit.png",
        "labels2d_palette.png",
    ] {
        assert_eq!(load(name), Values::U8(expected.clone()), "{name}");
    }
    let thousands = expected.mapv(|x| u16::from(x) * 1000);
    assert_eq!(
        load("labels2d_16bit_times_1000.png"),
        Values::U16((thousands).into())
    );
}

#[test]
fn scaled_voxels_equal_those_of_nibabel() {
    assert_eq!(
        load("pred_cl_i16_scaled.nii"),
        load("pred_cl_i16_scaled.npy")
    );
}

#[test]
fn geometry_distinguishes_a_shift_from_rounding() {
    let shape = [4, 6, 8];
    let volume = geometry("pred_cl_f32.nii").unwrap();
    let spacing: f64 = volume.affine.iter().map(|row| row[0] * row[0]).sum();
    assert!((spacing.sqrt() - 0.8).abs() < 1e-6);
    for name in [
        "labels_u8.nii",
        "labels_u8_qform.nii.gz",
        "labels_i16_big_endian.nii",
        "pred_cl_f64_big_endian.nii.gz",
    ] {
        assert_eq!(
            volume.mismatch(&geometry(name).unwrap(), &shape),
            None,
            "{name}"
        );
    }
    let shifted = geometry("labels_u8_shifted.nii").unwrap();
    let found = volume.mismatch(&shifted, &shape).unwrap();
    assert!((found - 1.5).abs() < 1e-6, "{found}");
    assert_eq!(geometry("labels_u8.npy"), None);
}

#[test]
fn a_nifti_file_without_orientation_has_no_geometry() {
    let mut bytes = std::fs::read(fixture("labels_u8.nii")).unwrap();
    bytes[252..256].fill(0);
    assert_eq!(read_bytes("a.nii", &bytes, "").unwrap().geometry, None);
}

#[test]
fn a_key_selects_an_array() {
    let problem = |spec: &str| read(fixture(spec)).unwrap_err();
    let message = problem("both_stored.npz").to_string();
    assert!(message.ends_with("both_stored.npz: found 2 arrays, expected one: choose it by FILE:KEY, with one of the keys labels, pred_cl"), "{message}");
    let message = problem("pred_f16.safetensors:pred").to_string();
    assert!(
        message.ends_with(
            "pred_f16.safetensors: found no array \"pred\", expected one of: pred_cf, pred_cl"
        ),
        "{message}"
    );
    assert!(matches!(
        problem("labels_u8.npy:x").fault,
        Fault::KeyNotTaken { .. }
    ));
    assert!(matches!(problem("absent.npz:x").fault, Fault::Io(_)));
}

#[test]
fn colons_can_occur_in_paths_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("a:b")).unwrap();
    std::fs::copy(fixture("both_stored.npz"), at("a:b/c:d.npz")).unwrap();
    std::fs::copy(fixture("labels_u8.npy"), at("e:f.npy")).unwrap();
    assert_eq!(
        read(at("a:b/c:d.npz:labels")).unwrap().values,
        load("labels_u8.npy")
    );
    assert_eq!(read(at("e:f.npy")).unwrap().values, load("labels_u8.npy"));

    let header = br#"{"net:0":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#;
    let bytes = [
        &(header.len() as u64).to_le_bytes(),
        &header[..],
        &[0x80, 0x3f, 0, 0xc0],
    ]
    .concat();
    std::fs::write(at("g.safetensors"), bytes).unwrap();
    let values = read(at("g.safetensors:net:0")).unwrap().values;
    assert_eq!(
        values,
        Values::F32((ndarray::arr1(&[1.0, -2.0]).into_dyn()).into())
    );
}

#[test]
fn extensions_determine_the_format() {
    for name in [
        "a.npy",
        "a.npz",
        "a.nii",
        "b.c.NII.GZ",
        "a.Png",
        "a.safetensors",
        "a.seg.nrrd",
        "a.nhdr",
        "a.mha",
        "a.MHD",
        "a.tif",
        "a.tiff",
        "a.bmp",
        "a.gif",
        "a.hdr",
    ] {
        assert!(Format::by_name(Path::new(name)).is_some(), "{name}");
    }
    for name in [
        "a",
        "a.gz",
        "a.nii.bz2",
        "npy",
        "a.jpg",
        "a.raw",
        "a.img",
        "..",
    ] {
        assert_eq!(Format::by_name(Path::new(name)), None, "{name}");
    }
    assert!(matches!(
        fault("a.xyz", b""),
        Fault::UnknownExtension { .. }
    ));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a.npy")).unwrap();
    let error = read(folder.path().join("a.npy")).unwrap_err();
    assert!(matches!(error.fault, Fault::NotAFile));
}

#[test]
fn npy_headers_of_other_writers_are_read() {
    let expected = Values::F32((ArrayD::from_elem(vec![1, 2], 1.0)).into());
    let data = [0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f];
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }  \n",
        "{'shape':(1,2),'fortran_order':True,'descr':'<f4'}",
        r#"{"descr": "<f4", "fortran_order": False, "shape": (1L, 2L,)}"#,
    ] {
        assert_eq!(
            read_bytes("a.npy", &npy(header, &data), "").unwrap().values,
            expected
        );
    }
    let scalar = npy(
        "{'descr': '>i8', 'fortran_order': False, 'shape': ()}",
        &[0, 0, 0, 0, 0, 0, 1, 0],
    );
    let scalar = read_bytes("a.npy", &scalar, "").unwrap().values;
    assert_eq!(scalar, Values::I64((ndarray::arr0(256).into_dyn()).into()));
    let empty = npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0)}",
        b"",
    );
    assert_eq!(
        read_bytes("a.npy", &empty, "").unwrap().values.shape(),
        [3, 0]
    );
}

#[test]
fn an_error_gives_the_index_of_a_number_that_does_not_fit() {
    for (order, expected) in [("False", [1, 0]), ("True", [0, 1])] {
        let header = format!("{{'descr': '<u8', 'fortran_order': {order}, 'shape': (2, 2)}}");
        let data: Vec<u8> = [1, 2, u64::MAX, 3]
            .iter()
            .flat_map(|x: &u64| x.to_le_bytes())
            .collect();
        match fault("a.npy", &npy(&header, &data)) {
            Fault::OutOfRange { value, index } => {
                assert_eq!((value, index), (u64::MAX, expected.to_vec()));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn an_array_larger_than_one_chunk_is_read_completely() {
    let header = "{'descr': '<u2', 'fortran_order': False, 'shape': (3, 50000)}";
    let data: Vec<u8> = (0..150_000u32)
        .flat_map(|x| (x as u16).to_le_bytes())
        .collect();
    let Values::U16(array) = read_bytes("a.npy", &npy(header, &data), "").unwrap().values else {
        panic!("not u16");
    };
    assert_eq!(
        array.view().index_axis(Axis(0), 2)[49_999],
        149_999_u32 as u16
    );
    assert!(
        array
            .view()
            .iter()
            .zip(0..)
            .all(|(&found, x): (_, u32)| found == x as u16)
    );
}
