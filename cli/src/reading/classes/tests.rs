//! From labels, channels and options to classes.

use super::{Classes, Fault, Name, Options, Region};

fn names(classes: &Classes) -> Vec<i64> {
    let label = |name: &Name| match name {
        Name::Label(label) => *label,
        Name::Region(name) => panic!("{name} is not a label"),
    };
    classes.names.iter().map(label).collect()
}

#[test]
fn classes_of_label_maps_are_the_labels_that_occur() {
    let plain = Options::default();
    let found = Classes::for_labels(&plain, &[0, 1, 4], &[0, 1, 2]).expect("classes");
    assert_eq!(names(&found), [0, 1, 2, 4]);
    let void = Options {
        ignored: vec![255, 254],
        ..Options::default()
    };
    let found = Classes::for_labels(&void, &[0, 1, 255], &[0, 2, 254]).expect("classes");
    assert_eq!(names(&found), [0, 1, 2]);
    // A mask of 0 and 1, and one of 0 and 255.
    let found = Classes::for_labels(&plain, &[0, 1], &[0, 255]).expect("classes");
    assert_eq!(
        (names(&found), found.of(1), found.of(255)),
        (vec![0, 255], &[1][..], &[1][..])
    );
    let listed = Options {
        labels: Some(vec![0, 1, 2, 4]),
        ..Options::default()
    };
    let found = Classes::for_labels(&listed, &[0], &[0, 4]).expect("classes");
    assert_eq!(names(&found), [0, 1, 2, 4]);
    let unlisted = Classes::for_labels(&listed, &[3], &[0]);
    assert!(matches!(unlisted, Err(Fault::Unlisted { label: 3, .. })));
}

#[test]
fn channels_are_labels_if_unambiguous() {
    let plain = Options::default();
    let of = |options: &Options, occurring: &[i64], channels| {
        Classes::for_channels(options, occurring, channels).map(|classes| names(&classes))
    };
    assert_eq!(of(&plain, &[0, 1], 3), Ok(vec![0, 1, 2]));
    assert_eq!(of(&plain, &[0, 1, 2, 4], 4), Ok(vec![0, 1, 2, 4]));
    assert_eq!(of(&plain, &[0, 255], 1), Ok(vec![0, 255]));
    // 255 often marks void voxels.
    assert!(matches!(
        of(&plain, &[0, 1, 255], 3),
        Err(Fault::NoClass { label: 255, .. })
    ));
    assert!(matches!(
        of(&plain, &[0, 1, 7], 2),
        Err(Fault::NoClass { label: 7, .. })
    ));
    let without = |label| Options {
        ignored: vec![label],
        ..Options::default()
    };
    assert_eq!(of(&without(255), &[0, 1, 255], 3), Ok(vec![0, 1, 2]));
    assert_eq!(
        of(&without(255), &[0, 255], 1),
        Err(Fault::WholeForeground { ignored: 255 })
    );
    assert_eq!(of(&without(0), &[0, 1, 2, 3], 3), Ok(vec![1, 2, 3]));
    assert_eq!(
        of(&without(0), &[0, 1, 2], 3),
        Err(Fault::Shift { channels: 3 })
    );
    let listed = Options {
        labels: Some(vec![1, 2, 3]),
        ..without(0)
    };
    assert_eq!(of(&listed, &[0, 1, 2], 3), Ok(vec![1, 2, 3]));
    assert!(matches!(of(&listed, &[1], 2), Err(Fault::Count { .. })));
}

#[test]
fn regions_are_unions() {
    let regions: Vec<Region> = ["whole=1,2,4", "core=1,4", "enhancing=4"]
        .iter()
        .map(|region| region.parse().expect("a region"))
        .collect();
    let options = Options {
        regions,
        ..Options::default()
    };
    let classes = Classes::for_channels(&options, &[0, 1, 2, 4], 3).expect("regions");
    assert_eq!(classes.of(0), [0; 0]);
    assert_eq!(classes.of(2), [0]);
    assert_eq!(classes.of(4), [0, 1, 2]);
    assert!("core".parse::<Region>().is_err() && "=1".parse::<Region>().is_err());
}
