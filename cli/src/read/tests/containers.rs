//! Volumes in NIfTI-2, NIfTI pairs, NRRD and MetaImage, and gzip streams in practice.

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::build::{gzip, nifti2, zlib};
use super::{as_f64, bytes_of, fault, load, read_bytes};
use crate::read::{AxisOrder, Fault, Format, Geometry, ReadError, Stored, Values, Volume, read};

/// The numbers 0, 1, 2 … with the first axis fastest.
fn counted(shape: &[usize]) -> ArrayD<f64> {
    let count: usize = shape.iter().product();
    let numbers = (0..count).map(|x| x as f64).collect();
    ArrayD::from_shape_vec(IxDyn(shape).f(), numbers).unwrap()
}

/// `counted` as u16.
fn numbers(count: u16, big_endian: bool) -> Vec<u8> {
    let bytes = |x: u16| {
        if big_endian {
            x.to_be_bytes()
        } else {
            x.to_le_bytes()
        }
    };
    (0..count).flat_map(bytes).collect()
}

/// Writes the files and reads the first one.
fn read_files(files: &[(&str, &[u8])]) -> Result<Volume, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    read(folder.path().join(files[0].0))
}

fn assert_counted(volume: &Volume, shape: &[usize], format: Format) {
    assert_eq!(as_f64(&volume.values), counted(shape));
    assert_eq!(volume.values.shape(), shape);
    assert_eq!(volume.format, format);
    assert_eq!(format.axes(), AxisOrder::XyzFirst);
    assert_eq!(volume.stored, Stored::Integer { max: 65535 });
}

#[test]
fn gzip_can_have_padding_members_and_a_wrong_name() {
    let expected = load("labels_u8.nii");
    let plain = bytes_of("labels_u8.nii");
    let (first, second) = plain.split_at(400);
    let members = [gzip(first), gzip(second)].concat();
    for (name, bytes) in [
        ("padded.nii.gz", [gzip(&plain), vec![0; 5000]].concat()),
        ("members.nii.gz", members.clone()),
        ("both.nii.gz", [&members[..], &[0; 3]].concat()),
        ("gzipped.nii", gzip(&plain)),
        ("plain.nii.gz", plain.clone()),
        (
            "zeros_between.nii.gz",
            [gzip(first), vec![0; 512], gzip(second)].concat(),
        ),
        ("no_extension", gzip(&plain)),
    ] {
        assert_eq!(
            read_bytes(name, &bytes, "").unwrap().values,
            expected,
            "{name}"
        );
    }
    let other = [gzip(&plain), b"something".to_vec()].concat();
    assert!(matches!(fault("a.nii.gz", &other), Fault::Damaged(_)));
}

#[test]
fn nifti_2_is_read_in_both_byte_orders() {
    for big_endian in [false, true] {
        let file = nifti2(&[3, 4, 2], 512, &numbers(24, big_endian), big_endian, true);
        for (name, bytes) in [("a.nii", file.clone()), ("a.nii.gz", gzip(&file))] {
            let volume = read_bytes(name, &bytes, "").unwrap();
            assert_counted(&volume, &[3, 4, 2], Format::Nifti);
            let affine = [
                [2.0, 0.0, 0.0, -10.0],
                [0.0, 2.0, 0.0, -10.0],
                [0.0, 0.0, 2.0, -10.0],
            ];
            assert_eq!(volume.geometry, Some(Geometry { affine }));
        }
    }
}

#[test]
fn a_pair_can_be_read_by_either_file() {
    let (header, voxels) = (nifti2(&[3, 4], 512, b"", false, false), numbers(12, false));
    let (packed_header, packed_voxels) = (gzip(&header), gzip(&voxels));
    for (h, v) in [("a.hdr", "a.img"), ("a.b.HDR", "a.b.IMG")] {
        for files in [
            [(h, &header[..]), (v, &voxels[..])],
            [(v, &voxels), (h, &header)],
        ] {
            assert_counted(&read_files(&files).unwrap(), &[3, 4], Format::Nifti);
        }
    }
    for (h, v) in [
        ("a.hdr.gz", "a.img.gz"),
        ("a.hdr", "a.img.gz"),
        ("a.hdr", "a.img"),
    ] {
        let files = [(h, &packed_header[..]), (v, &packed_voxels[..])];
        assert_counted(&read_files(&files).unwrap(), &[3, 4], Format::Nifti);
    }
    // In version 1, the magic and the offset of the voxels distinguish a pair.
    let mut bytes = bytes_of("labels_u8.nii");
    let voxels = bytes.split_off(352);
    bytes.truncate(348);
    bytes[344..348].copy_from_slice(b"ni1\0");
    bytes[108..112].fill(0);
    let volume = read_files(&[("a.hdr", &bytes), ("a.img", &voxels)]).unwrap();
    assert_eq!(volume.values, load("labels_u8.nii"));

    let alone = fault("a.hdr", &bytes).to_string();
    assert!(alone.contains("a.img"), "{alone}");
    let alone = fault("a.img", &voxels).to_string();
    assert!(alone.contains("a.hdr"), "{alone}");
    bytes[344..348].fill(0);
    let analyze = read_files(&[("a.img", &voxels), ("a.hdr", &bytes)]).unwrap_err();
    assert!(analyze.to_string().contains("Analyze"), "{analyze}");
}

#[test]
fn nifti_2_holds_axes_longer_than_32767() {
    let file = nifti2(&[40_000, 1, 1], 2, &[3; 40_000], false, true);
    let volume = read_bytes("a.nii", &file, "").unwrap();
    assert_eq!(volume.values.shape(), [40_000, 1, 1]);
}

fn nrrd(fields: &str, data: &[u8]) -> Vec<u8> {
    let header =
        format!("NRRD0004\n# A comment: here\ntype: unsigned short\n{fields}\nkey:=a: value\n\n");
    [header.as_bytes(), data].concat()
}

const NRRD_3D: &str = "dimension: 3\nsizes: 3 4 2";

#[test]
fn nrrd_is_read_raw_and_gzipped_attached_and_detached() {
    let little = numbers(24, false);
    let header = |rest: &str| format!("{NRRD_3D}\n{rest}");
    let attached = |rest: &str, data: &[u8]| nrrd(&header(rest), data);
    let dos = String::from_utf8(attached("endian: little\nencoding: raw", b""));
    let dos = [dos.unwrap().replace('\n', "\r\n").as_bytes(), &little].concat();
    for bytes in [
        attached("endian: little\nencoding: raw", &little),
        attached("endian: big\nencoding: raw", &numbers(24, true)),
        attached("endian: little\nencoding: gzip", &gzip(&little)),
        attached(
            "Endian: little\nencoding: GZ\nbyte skip: 3",
            &gzip(&[b"abc", &little[..]].concat()),
        ),
        attached(
            "endian: little\nencoding: raw\nbyte skip: -1",
            &[b"abc", &little[..]].concat(),
        ),
        dos,
    ] {
        let volume = read_bytes("a.seg.nrrd", &bytes, "").unwrap();
        assert_counted(&volume, &[3, 4, 2], Format::Nrrd);
        assert_eq!(volume.geometry, None);
    }
    let detached = attached(
        "endian: little\nencoding: raw\ndata file: b.raw\nline skip: 2\nbyte skip: 1",
        b"",
    );
    let data = [b"a\nb\nc", &little[..]].concat();
    let volume = read_files(&[("a.nhdr", &detached), ("b.raw", &data)]).unwrap();
    assert_counted(&volume, &[3, 4, 2], Format::Nrrd);
    let missing = read_files(&[("a.nhdr", &detached)]).unwrap_err();
    assert!(matches!(missing.fault, Fault::Io(_)), "{missing}");
    let several = attached("endian: little\nencoding: raw\ndata file: LIST\nb.raw", b"");
    assert!(matches!(
        fault("a.nhdr", &several),
        Fault::Unsupported { .. }
    ));
}

#[test]
fn nrrd_gives_the_geometry_and_the_spatial_axes() {
    let space =
        "endian: little\nencoding: raw\nspace: left-posterior-superior\nspace origin: (10, -20,5)";
    let plain = nrrd(
        &format!("{NRRD_3D}\n{space}\nspace directions: (2,0,0) (0, 3,0) (0,0,4)"),
        &numbers(24, false),
    );
    let expected = Geometry {
        affine: [
            [-2.0, 0.0, 0.0, -10.0],
            [0.0, -3.0, 0.0, 20.0],
            [0.0, 0.0, 4.0, 5.0],
        ],
    };
    assert_eq!(
        read_bytes("a.nrrd", &plain, "").unwrap().geometry,
        Some(expected)
    );
    // Interleaved channels come last.
    let channels = nrrd(
        &format!(
            "dimension: 4\nsizes: 2 3 4 2\nkinds: list domain domain domain\n{space}\nspace directions: none (2,0,0) (0,3,0) (0,0,4)"
        ),
        &numbers(48, false),
    );
    let volume = read_bytes("a.nrrd", &channels, "").unwrap();
    let stored = counted(&[2, 3, 4, 2]);
    assert_eq!(
        as_f64(&volume.values),
        stored.permuted_axes(vec![1, 2, 3, 0])
    );
    assert_eq!(volume.geometry, Some(expected));
}

fn metaimage(fields: &str, data_file: &str, data: &[u8]) -> Vec<u8> {
    let header = format!(
        "ObjectType = Image\nNDims = 3\nDimSize = 3 4 2\nElementType = MET_USHORT\n{fields}\nElementDataFile = {data_file}\n"
    );
    [header.as_bytes(), data].concat()
}

#[test]
fn metaimage_is_read_raw_and_packed_attached_and_detached() {
    let little = numbers(24, false);
    for (fields, data) in [
        (
            "BinaryData = True\nBinaryDataByteOrderMSB = False",
            little.clone(),
        ),
        ("ElementByteOrderMSB = True", numbers(24, true)),
        (
            "CompressedData = True\nCompressedDataSize = 1",
            zlib(&little),
        ),
        ("CompressedData = True", gzip(&little)),
        ("HeaderSize = -1", [b"abc", &little[..]].concat()),
    ] {
        let volume = read_bytes("a.mha", &metaimage(fields, "LOCAL", &data), "").unwrap();
        assert_counted(&volume, &[3, 4, 2], Format::MetaImage);
        let header = metaimage(fields, "b.raw", b"");
        let volume = read_files(&[("a.mhd", &header), ("b.raw", &data)]).unwrap();
        assert_counted(&volume, &[3, 4, 2], Format::MetaImage);
        assert_eq!(volume.geometry, None);
    }
    let text = metaimage("BinaryData = False", "LOCAL", b"1 2 3");
    assert!(matches!(fault("a.mha", &text), Fault::Unsupported { .. }));
    let several = metaimage("", "slice%03d.raw 1 2 1", b"");
    assert!(matches!(
        fault("a.mhd", &several),
        Fault::Unsupported { .. }
    ));
}

#[test]
fn metaimage_has_the_orientation_of_itk() {
    // x points to the front, y to the left.
    let fields = "TransformMatrix = 0 -1 0 1 0 0 0 0 1\nOffset = 10 -20 5\nElementSpacing = 2 3 4";
    let bytes = metaimage(fields, "LOCAL", &numbers(24, false));
    let expected = Geometry {
        affine: [
            [0.0, -3.0, 0.0, -10.0],
            [2.0, 0.0, 0.0, 20.0],
            [0.0, 0.0, 4.0, 5.0],
        ],
    };
    let found = read_bytes("a.mha", &bytes, "").unwrap().geometry.unwrap();
    assert_eq!(found, expected);
    let channels = metaimage("ElementNumberOfChannels = 2", "LOCAL", &numbers(48, false));
    let volume = read_bytes("a.mha", &channels, "").unwrap();
    let stored = counted(&[2, 3, 4, 2]);
    assert_eq!(
        as_f64(&volume.values),
        stored.permuted_axes(vec![1, 2, 3, 0])
    );
}

#[test]
fn a_volume_keeps_the_stored_type_and_the_scaling() {
    let volume = read_bytes("a.nii", &bytes_of("pred_cl_i16_scaled.nii"), "").unwrap();
    assert_eq!(volume.stored, Stored::Integer { max: 32767 });
    let scaling = volume.scaling.unwrap();
    assert!(
        scaling.slope > 0.0 && scaling.error(1.0) < 1e-4,
        "{scaling:?}"
    );
    let exact = as_f64(&load("pred_cl.npy"));
    let error = as_f64(&volume.values) - &exact;
    assert!(error.iter().all(|e| e.abs() <= scaling.error(1.0)));
    let half = read_bytes("a.npy", &bytes_of("pred_cl_f16.npy"), "").unwrap();
    assert_eq!((half.stored, half.scaling), (Stored::F16, None));
    assert_eq!((half.format, half.key), (Format::Npy, None));
    assert_eq!(Format::Npy.axes(), AxisOrder::Free);
    let keyed = read_bytes("a.npz", &bytes_of("both_stored.npz"), ":labels.npy").unwrap();
    assert_eq!(keyed.format, Format::Npz);
    assert_eq!(keyed.key.as_deref(), Some("labels"));
    assert!(matches!(keyed.values, Values::U8(_)));
}
