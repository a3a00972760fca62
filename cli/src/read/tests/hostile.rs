//! Files that promise too much, are truncated, or hold unsupported data.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::build::{bmp, gif, grey, gzip, nifti2, png, tiff, zlib};
use super::{Fault, Values, bytes_of, fault, npy, read_bytes};

const HUGE: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (100000, 100000, 100000)}";

fn npz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("a.npy", SimpleFileOptions::default())
        .unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        data,
    ]
    .concat()
}

/// A NIfTI file of f32 voxels with these dimensions.
fn nii(dim: [i16; 8]) -> Vec<u8> {
    let mut bytes = bytes_of("pred_cl_f32.nii");
    bytes[40..56].copy_from_slice(&dim.map(i16::to_le_bytes).concat());
    bytes
}

#[test]
fn promises_of_a_quadrillion_numbers_are_refused() {
    let truncated = |fault| match fault {
        Fault::Truncated { expected, found } => (expected, found),
        other => panic!("{other}"),
    };
    assert_eq!(
        truncated(fault("a.npy", &npy(HUGE, &[0; 64]))),
        (4_000_000_000_000_000, 64)
    );
    assert_eq!(
        truncated(fault("a.npz", &npz(&npy(HUGE, &[0; 64])))),
        (4_000_000_000_000_000, 64)
    );
    let dim = [4, 10_000, 10_000, 10_000, 1000, 1, 1, 1];
    assert_eq!(
        truncated(fault("a.nii", &nii(dim))),
        (4_000_000_000_000_000, 1536)
    );
    assert_eq!(
        truncated(fault("a.nii.gz", &gzip(&nii(dim)))),
        (4_000_000_000_000_000, 1536)
    );
    let header =
        r#"{"a":{"dtype":"F32","shape":[1000000000000000],"data_offsets":[0,4000000000000000]}}"#;
    let found = truncated(fault("a.safetensors", &safetensors(header, &[0; 64])));
    assert_eq!(found, (4_000_000_000_000_000, 64));
    for kind in [[8, 0, 0], [8, 0, 1], [1, 3, 1]] {
        let found = fault(
            "a.png",
            &png(30_000_000, i32::MAX as u32, kind, &zlib(&[0; 64])),
        );
        assert!(
            matches!(found, Fault::Malformed { format: "PNG", .. }),
            "{found}"
        );
    }
    let side = i32::MAX as u32;
    let found = fault("a.png", &png(side, side, [16, 0, 0], &zlib(&[0; 64])));
    assert!(
        matches!(found, Fault::Malformed { format: "PNG", .. }),
        "{found}"
    );
}

#[test]
fn products_that_overflow_are_refused() {
    for shape in [
        "(4294967296, 4294967296)",
        "(18446744073709551615,)",
        "(4294967296, 0, 4294967296)",
    ] {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}");
        let found = fault("a.npy", &npy(&header, b""));
        assert!(matches!(found, Fault::TooLarge { .. }), "{found}");
    }
    let found = fault(
        "a.nii.gz",
        &gzip(&nii([7, 32767, 32767, 32767, 32767, 32767, 32767, 32767])),
    );
    assert!(matches!(found, Fault::TooLarge { .. }), "{found}");
    // Sixteen tensors of 2^60 bytes, the last one byte shorter, so that they end at u64::MAX.
    let tensors: Vec<String> = (0..16_u64)
        .map(|i| {
            let (start, end) = (i << 60, (i << 60) + ((1 << 60) - u64::from(i == 15)));
            let size = end - start;
            format!(r#""{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{end}]}}"#)
        })
        .collect();
    let header = format!("{{{}}}", tensors.join(","));
    let found = read_bytes("a.safetensors", &safetensors(&header, b""), ":15")
        .unwrap_err()
        .fault;
    assert!(
        matches!(
            found,
            Fault::Truncated {
                expected: u64::MAX,
                found: 0
            }
        ),
        "{found}"
    );
}

#[test]
fn tensors_that_overlap_or_leave_holes_are_refused() {
    for (first, second, size) in [
        ("[0,4]", "[2,6]", 6),
        ("[0,4]", "[6,10]", 10),
        ("[4,0]", "[4,8]", 8),
        ("[0,4]", "[4,8]", 9),
    ] {
        let header = format!(
            r#"{{"a":{{"dtype":"F32","shape":[1],"data_offsets":{first}}},"b":{{"dtype":"F32","shape":[1],"data_offsets":{second}}}}}"#
        );
        let found = fault("a.safetensors", &safetensors(&header, &vec![0; size]));
        assert!(
            matches!(
                found,
                Fault::Malformed {
                    format: "safetensors",
                    ..
                }
            ),
            "{found}"
        );
    }
    for length in [100, 200_000_000, u64::MAX] {
        let found = fault(
            "a.safetensors",
            &[&length.to_le_bytes()[..], b"{}"].concat(),
        );
        assert!(
            matches!(
                found,
                Fault::Malformed {
                    format: "safetensors",
                    ..
                }
            ),
            "{found}"
        );
    }
}

#[test]
fn wrong_sizes_of_zip_entries_are_harmless() {
    let good = npz(&bytes_of("labels_u8.npy"));
    let directory = good.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for (size, is_readable) in [(0_u32, false), (100, false), (u32::MAX - 1, true)] {
        let mut bytes = good.clone();
        bytes[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        // The result is right or an error, whatever size the entry promises.
        let found = read_bytes("a.npz", &bytes, "");
        assert!(!is_readable || found.is_ok(), "{found:?}");
        if let Ok(volume) = found {
            assert_eq!(volume.values, super::load("labels_u8.npy"));
        }
    }
}

#[test]
fn damage_to_compressed_data_is_detected() {
    let mut bytes = bytes_of("labels_u8_qform.nii.gz");
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let found = fault("a.nii.gz", &bytes);
    assert!(matches!(found, Fault::Damaged(_)), "{found}");

    let mut bytes = bytes_of("both_stored.npz");
    let data = bytes.windows(6).position(|w| w == b"\x93NUMPY").unwrap() + 500;
    bytes[data] ^= 1;
    let found = read_bytes("a.npz", &bytes, ":pred_cl").unwrap_err().fault;
    assert!(matches!(found, Fault::Damaged(_)), "{found}");
}

#[test]
fn files_with_other_content_are_refused() {
    for (name, format) in [
        ("a.npy", "npy"),
        ("a.npz", "npz"),
        ("a.nii", "NIfTI"),
        ("a.png", "PNG"),
        ("a.safetensors", "safetensors"),
        ("a.nrrd", "NRRD"),
        ("a.mha", "MetaImage"),
        ("a.tif", "TIFF"),
        ("a.bmp", "BMP"),
        ("a.gif", "GIF"),
    ] {
        for content in [&b""[..], b"no such file", &[0; 1000], &[0xff; 1000]] {
            match fault(name, content) {
                Fault::Malformed { format: found, .. } => assert_eq!(found, format),
                other => panic!("{name}: {other}"),
            }
        }
    }
    assert!(matches!(
        fault("a.nii.gz", b"no such file"),
        Fault::Malformed { .. } | Fault::Damaged(_)
    ));
}

#[test]
fn unsupported_number_types_are_refused() {
    let unsupported = |name: &str, bytes: &[u8], part: &str| match fault(name, bytes) {
        Fault::Unsupported { found, .. } => assert!(found.contains(part), "{found}"),
        other => panic!("{name}: {other}"),
    };
    for descr in [
        "'<c8'",
        "'|O'",
        "'<U3'",
        "'<f16'",
        "'<M8[ns]'",
        "'=f4'",
        "'|f4'",
        "'é4'",
        "''",
        "[('a', '<f4')]",
    ] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}");
        unsupported(
            "a.npy",
            &npy(&header, &[0; 64]),
            if descr.starts_with('[') {
                "structured"
            } else {
                "dtype"
            },
        );
    }
    for (datatype, part) in [
        (32, "Complex64"),
        (128, "Rgb24"),
        (1536, "Float128"),
        (1, "datatype 1"),
    ] {
        let mut bytes = bytes_of("labels_u8.nii");
        bytes[70..72].copy_from_slice(&i16::to_le_bytes(datatype));
        unsupported("a.nii", &bytes, part);
    }
    let header = r#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#;
    unsupported("a.safetensors", &safetensors(header, &[0]), "F8_E4M3");
}

#[test]
fn nifti_headers_are_checked() {
    let malformed = |bytes: &[u8]| {
        let found = fault("a.nii", bytes);
        assert!(
            matches!(
                found,
                Fault::Malformed {
                    format: "NIfTI",
                    ..
                }
            ),
            "{found}"
        );
    };
    malformed(&nii([0, 4, 6, 8, 2, 1, 1, 1]));
    malformed(&nii([3, 4, 0, 8, 2, 1, 1, 1]));
    malformed(&nii([3, -1, 1, 1, 1, 1, 1, 1]));
    for offset in [0.0, 351.0, -1.0, f32::NAN, f32::INFINITY, 1e30] {
        let mut bytes = bytes_of("labels_u8.nii");
        bytes[108..112].copy_from_slice(&f32::to_le_bytes(offset));
        malformed(&bytes);
    }
    // A valid slope with a NaN intercept.
    let mut bytes = bytes_of("labels_u8.nii");
    bytes[112..120].copy_from_slice(&[2.0, f32::NAN].map(f32::to_le_bytes).concat());
    malformed(&bytes);
    // A quaternion that is not a rotation gives some geometry and does not panic.
    let mut bytes = bytes_of("labels_u8.nii");
    bytes[254..256].fill(0);
    bytes[256..268].copy_from_slice(&[9.0_f32; 3].map(f32::to_le_bytes).concat());
    assert!(read_bytes("a.nii", &bytes, "").unwrap().geometry.is_some());
}

#[test]
fn a_deeply_nested_header_does_not_exhaust_the_stack() {
    let nested = "(".repeat(9_000);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {nested}");
    assert!(matches!(
        fault("a.npy", &npy(&header, b"")),
        Fault::Malformed { .. }
    ));
    let bytes = safetensors(&r#"{"a":"#.repeat(100_000), b"");
    assert!(matches!(
        fault("a.safetensors", &bytes),
        Fault::Malformed { .. }
    ));
}

#[test]
fn png_with_few_bits_or_interlacing_is_read() {
    let two_bits = png(
        3,
        2,
        [2, 0, 0],
        &zlib(&[0, 0b00_01_10_00, 0, 0b11_10_01_00]),
    );
    let expected = |numbers: [u8; 6]| {
        ndarray::arr1(&numbers)
            .into_shape_with_order((2, 3))
            .unwrap()
    };
    let values = read_bytes("a.png", &two_bits, "").unwrap().values;
    assert_eq!(
        values,
        Values::U8((expected([0, 1, 2, 3, 2, 1]).into_dyn()).into())
    );
    // Adam7: (0,0); (0,1) with column 2 of row 0 in pass 4; row 1 in the last. Each row begins with its filter, 0.
    let passes = [&[0, 10][..], &[0, 30], &[0, 20], &[0, 40, 50, 60]].concat();
    let interlaced = png(3, 2, [8, 0, 1], &zlib(&passes));
    let values = read_bytes("a.png", &interlaced, "").unwrap().values;
    assert_eq!(
        values,
        Values::U8((expected([10, 20, 30, 40, 50, 60]).into_dyn()).into())
    );
}

#[test]
fn every_truncation_is_an_error() {
    for name in [
        "labels_u8.npy",
        "one.npz",
        "labels_u8.nii",
        "labels_u8_qform.nii.gz",
        "labels_i64.safetensors",
        "labels2d_8bit.png",
        "labels2d_palette.png",
    ] {
        let bytes = bytes_of(name);
        for length in 0..bytes.len() {
            let found = read_bytes(name, &bytes[..length], "");
            // A picture is complete before its last chunks.
            let is_whole = name.ends_with(".png")
                && found.as_ref().is_ok_and(|v| v.values == super::load(name));
            assert!(found.is_err() || is_whole, "{name}, {length} bytes");
        }
    }
    for (name, bytes) in others() {
        let whole = read_bytes(name, &bytes, "").unwrap().values;
        for length in 0..bytes.len() {
            let found = read_bytes(name, &bytes[..length], "");
            let is_whole =
                name.ends_with(".gif") && found.as_ref().is_ok_and(|v| v.values == whole);
            assert!(found.is_err() || is_whole, "{name}, {length} bytes");
        }
    }
}

/// A file of each format that has no fixture.
fn others() -> Vec<(&'static str, Vec<u8>)> {
    let labels = [0, 1, 2, 3, 2, 1];
    let nrrd = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 3 2 1\nspace: LPS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n\
                space origin: (0,0,0)\nencoding: ";
    let meta = "ObjectType = Image\nNDims = 3\nDimSize = 3 2 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\n\
                ElementType = MET_UCHAR\nCompressedData = ";
    let with =
        |header: &str, end: &str, data: &[u8]| [header.as_bytes(), end.as_bytes(), data].concat();
    let page = grey(3, 2, 8, 1, 1);
    vec![
        ("a.nrrd", with(nrrd, "raw\n\n", &labels)),
        ("b.nrrd", with(nrrd, "gzip\n\n", &gzip(&labels))),
        (
            "a.mha",
            with(meta, "False\nElementDataFile = LOCAL\n", &labels),
        ),
        (
            "b.mha",
            with(meta, "True\nElementDataFile = LOCAL\n", &zlib(&labels)),
        ),
        ("a.tif", tiff(&[(&page, &labels), (&page, &labels)])),
        ("b.tif", tiff(&[(&grey(3, 2, 8, 8, 1), &zlib(&labels))])),
        ("a.bmp", bmp(3, 2, 8, &[3, 2, 1, 0, 0, 1, 2, 0])),
        ("a.gif", gif(3, 2, &labels)),
        ("2.nii", nifti2(&[3, 2, 1], 2, &labels, false, true)),
    ]
}

#[test]
fn promises_in_other_formats_are_refused() {
    let huge = "100000 100000 100000";
    let nrrd = |encoding: &str, data: &[u8]| {
        let header = format!(
            "NRRD0004\ntype: float\nendian: little\ndimension: 3\nsizes: {huge}\nencoding: {encoding}\n\n"
        );
        [header.as_bytes(), data].concat()
    };
    let meta = |packed: &str, data: &[u8]| {
        let header = format!(
            "NDims = 3\nDimSize = {huge}\nElementType = MET_FLOAT\nCompressedData = {packed}\nElementDataFile = LOCAL\n"
        );
        [header.as_bytes(), data].concat()
    };
    for (name, bytes) in [
        ("a.nrrd", nrrd("raw", &[0; 64])),
        ("a.nrrd", nrrd("gzip", &gzip(&[0; 64]))),
        ("a.mha", meta("False", &[0; 64])),
        ("a.mha", meta("True", &zlib(&[0; 64]))),
        ("a.nii", nifti2(&[100_000; 3], 16, &[0; 64], false, true)),
    ] {
        match fault(name, &bytes) {
            Fault::Truncated { expected, found } => {
                assert_eq!((expected, found), (4_000_000_000_000_000, 64), "{name}");
            }
            other => panic!("{name}: {other}"),
        }
    }
    let side = i32::MAX as u32;
    for compression in [1, 5, 8, 32773] {
        let page = grey(side, side, 8, compression, 1);
        let found = fault("a.tif", &tiff(&[(&page, &[0; 64])]));
        assert!(matches!(found, Fault::TooLarge { .. }), "{found}");
        let page = grey(300, 300, 8, compression, 1);
        assert!(matches!(
            fault("a.tif", &tiff(&[(&page, &[0; 2])])),
            Fault::Truncated { .. } | Fault::Malformed { .. } | Fault::Damaged(_)
        ));
    }
    let found = fault("a.bmp", &bmp(i32::MAX, i32::MAX, 32, &[0; 64]));
    assert!(
        matches!(found, Fault::TooLarge { .. } | Fault::Truncated { .. }),
        "{found}"
    );
    let found = fault("a.gif", &gif(65535, 65535, &[0; 6]));
    assert!(matches!(found, Fault::TooLarge { .. }), "{found}");
    // Shapes of 2^64 and more elements.
    for shape in ["4294967296 4294967296 1", "18446744073709551615 2 1"] {
        let bytes = String::from_utf8(nrrd("raw", b""))
            .unwrap()
            .replace(huge, shape);
        assert!(matches!(
            fault("a.nrrd", bytes.as_bytes()),
            Fault::TooLarge { .. }
        ));
        let bytes = String::from_utf8(meta("False", b""))
            .unwrap()
            .replace(huge, shape);
        assert!(matches!(
            fault("a.mha", bytes.as_bytes()),
            Fault::TooLarge { .. }
        ));
    }
}

#[test]
fn overlapping_and_cyclic_pages_are_refused() {
    let page = grey(3, 2, 8, 1, 1);
    let mut bytes = tiff(&[(&page, &[0; 6])]);
    let next = bytes.len() - 6 - 4;
    bytes[next..next + 4].copy_from_slice(&8_u32.to_le_bytes());
    assert!(matches!(fault("a.tif", &bytes), Fault::Malformed { .. }));
    // Twenty directories that share the strip of the first one, which is as long as the file.
    let pages = [(&page[..], &[][..]); 20];
    let mut bytes = tiff(&pages);
    let length = bytes.len() as u32;
    let entries = bytes.len() / 20;
    for page in 0..20 {
        for entry in bytes[8 + page * entries + 2..][..120].chunks_exact_mut(12) {
            match u16::from_le_bytes([entry[0], entry[1]]) {
                273 => entry[8..].fill(0),
                279 => entry[8..].copy_from_slice(&length.to_le_bytes()),
                _ => {}
            }
        }
    }
    let found = fault("a.tif", &bytes);
    assert!(matches!(found, Fault::TooLarge { .. }), "{found}");
}

#[test]
fn headers_cannot_read_devices() {
    for device in ["/dev/zero", "/proc/self/environ", ".", "none.raw"] {
        let header = format!(
            "NRRD0004\ntype: uint8\ndimension: 1\nsizes: 4\nencoding: gzip\nline skip: 1\ndata file: {device}\n"
        );
        let found = fault("a.nhdr", header.as_bytes());
        assert!(
            matches!(
                found,
                Fault::NotAFile | Fault::Truncated { .. } | Fault::Io(_)
            ),
            "{found}"
        );
    }
}

/// Reads a file; the test is that this returns.
fn survives(name: &str, bytes: &[u8]) {
    if let Err(error) = read_bytes(name, bytes, "") {
        assert!(error.to_string().contains(name));
    }
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        in_header in any::<bool>(),
    ) {
        let changed = |name: &str| {
            let mut bytes = bytes_of(name);
            let range = if in_header { bytes.len().min(400) } else { bytes.len() };
            for (index, byte) in &changes {
                bytes[index.index(range)] = *byte;
            }
            bytes
        };
        for name in [
            "pred_cl_f64_fortran_big_endian.npy",
            "one.npz",
            "both_stored.npz",
            "pred_cl_i16_scaled.nii",
            "pred_cl_f64.nii.gz",
            "labels_i64.safetensors",
            "labels2d_16bit_times_1000.png",
            "labels2d_palette.png",
        ] {
            survives(name, &changed(name));
        }
        // The same inside a compressed stream with valid checksums.
        survives("a.npz", &npz(&changed("labels_u8.npy")));
        survives("a.nii.gz", &gzip(&changed("labels_i16_big_endian.nii")));
        for (name, mut bytes) in others() {
            let range = if in_header { bytes.len().min(200) } else { bytes.len() };
            for (index, byte) in &changes {
                bytes[index.index(range)] = *byte;
            }
            survives(name, &bytes);
        }
    }

    #[test]
    fn any_picture_header_and_data_never_panic(
        width in prop_oneof![0_u32..20, any::<u32>()],
        height in prop_oneof![0_u32..20, any::<u32>()],
        depth in prop::sample::select(vec![1_u8, 2, 4, 8, 16, 3]),
        colour in prop::sample::select(vec![0_u8, 3, 2]),
        interlace in 0_u8..3,
        data in prop::collection::vec(0_u8..6, 0..600),
        is_compressed in prop::bool::weighted(0.9),
    ) {
        let data = if is_compressed { zlib(&data) } else { data };
        survives("a.png", &png(width, height, [depth, colour, interlace], &data));
    }

    #[test]
    fn any_npy_header_never_panics(header in "[{}()'\"\\[\\]:,a-z<>|0-9L é]{0,60}", data in any::<[u8; 16]>()) {
        survives("a.npy", &npy(&header, &data));
        let framed = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({header}");
        survives("a.npy", &npy(&framed, &data));
    }
}
