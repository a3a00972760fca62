//! The reading layer without files: from shapes, formats and options to axes.

use proptest::prelude::*;

use super::fault::Fault;
use super::{Axes, Axis, ClassAxis, Facts, Options, Order, Reading, read};
use crate::read::Geometry;

/// An input whose numbers sum to 1 over the axis `classes`, if any.
struct Input {
    shape: Vec<usize>,
    order: Order,
    classes: Option<usize>,
    geometry: Option<Geometry>,
}

fn input(shape: &[usize], order: Order) -> Input {
    Input {
        shape: shape.to_vec(),
        order,
        classes: None,
        geometry: None,
    }
}

impl Input {
    fn with_classes(self, axis: usize) -> Self {
        Self {
            classes: Some(axis),
            ..self
        }
    }
}

fn reading(options: &Options, prediction: &Input, target: &Input) -> Result<Reading, Fault> {
    let ours = |axis| prediction.classes == Some(axis);
    let theirs = |axis| target.classes == Some(axis);
    let is_unit = || true;
    let facts = |input: &Input| (input.order, input.geometry);
    let of = |input| {
        let (order, geometry) = facts(input);
        (order, geometry)
    };
    let (order, geometry) = of(prediction);
    let prediction = Facts {
        shape: &prediction.shape,
        order,
        geometry,
        sums_to_one: &ours,
        is_unit: &is_unit,
    };
    let (order, geometry) = of(target);
    let target = Facts {
        shape: &target.shape,
        order,
        geometry,
        sums_to_one: &theirs,
        is_unit: &is_unit,
    };
    read(options, &prediction, &target)
}

#[track_caller]
fn read_as(options: &Options, prediction: &Input, target: &Input, expected: [&str; 2]) {
    let reading = reading(options, prediction, target).expect("one reading");
    let found = [reading.prediction.to_string(), reading.target.to_string()];
    assert_eq!(found, expected);
}

#[track_caller]
fn choices(prediction: &Input, target: &Input) -> Vec<String> {
    match reading(&Options::default(), prediction, target) {
        Err(Fault::Ambiguous { readings, .. }) => {
            readings.into_iter().map(|(_, choice)| choice).collect()
        }
        other => panic!("{other:?} is not ambiguous"),
    }
}

use Order::{ClassFirst, Free, Picture, XyzFirst};

/// The shape and format of PRED and of TARGET, and the expected axes of both.
type Expected<'a> = (&'a [usize], Order, &'a [usize], Order, [&'a str; 2]);

#[test]
fn shapes_and_formats_that_leave_one_reading() {
    let plain = Options::default();
    let cases: [Expected<'_>; 13] = [
        (&[3, 9, 8], Free, &[9, 8], Free, ["cyx", "yx"]),
        (&[9, 8], Free, &[9, 8], Free, ["yx", "yx"]),
        (&[3, 5, 9, 8], Free, &[5, 9, 8], Free, ["czyx", "zyx"]),
        (&[5, 3, 9, 8], Free, &[5, 9, 8], Free, ["ncyx", "nyx"]),
        // Axes of length 1 are dropped.
        (&[5, 3, 9, 8], Free, &[5, 1, 9, 8], Free, ["ncyx", "n1yx"]),
        (&[3, 1, 9, 8], ClassFirst, &[9, 8], Picture, ["c1yx", "yx"]),
        (
            &[7, 9, 8, 1, 3],
            XyzFirst,
            &[7, 9, 8],
            XyzFirst,
            ["xyz1c", "xyz"],
        ),
        (
            &[7, 9, 8, 3],
            XyzFirst,
            &[7, 9, 8, 1],
            XyzFirst,
            ["xyzc", "xyz1"],
        ),
        (&[2, 1, 9, 8], Free, &[2, 1, 9, 8], Free, ["n1yx", "n1yx"]),
        // nnU-Net's array and its image have reversed spatial axes, of equal lengths or not.
        (
            &[3, 8, 8, 8],
            ClassFirst,
            &[8, 8, 8],
            XyzFirst,
            ["czyx", "xyz"],
        ),
        (&[3, 8, 9, 7], Free, &[7, 9, 8], XyzFirst, ["czyx", "xyz"]),
        (&[7, 9, 8, 3], Free, &[7, 9, 8], XyzFirst, ["xyzc", "xyz"]),
        (&[9, 8], Picture, &[8, 9], XyzFirst, ["yx", "xy"]),
    ];
    for (ours, our_order, theirs, their_order, expected) in cases {
        read_as(
            &plain,
            &input(ours, our_order),
            &input(theirs, their_order),
            expected,
        );
    }
}

#[test]
fn numbers_that_sum_to_one_determine_the_class_axis() {
    let plain = Options::default();
    let four = |axis| input(&[6, 6, 6, 6], Free).with_classes(axis);
    read_as(&plain, &four(0), &four(0), ["czyx", "czyx"]);
    read_as(&plain, &four(1), &four(1), ["ncyx", "ncyx"]);
    // With classes last, the first axis can be samples or slices.
    assert_eq!(choices(&four(3), &four(3)).len(), 2);
    read_as(
        &plain,
        &input(&[2, 2, 2], Free).with_classes(0),
        &input(&[2, 2], Free),
        ["cyx", "yx"],
    );
}

#[test]
fn every_choice_in_an_error_gives_one_reading() {
    let cases = [
        (input(&[5, 9, 8], Free), input(&[5, 9, 8], Free)),
        (input(&[2, 9, 8, 1], Free), input(&[2, 9, 8, 1], Free)),
        (input(&[4, 6, 8, 2], Free), input(&[4, 6, 8], Free)),
        (input(&[4, 4, 4, 2], Free), input(&[4, 4, 4], XyzFirst)),
        (input(&[4, 4, 4, 2], XyzFirst), input(&[4, 4, 4], Free)),
        (input(&[4, 4, 4, 4], Free), input(&[4, 4, 4, 4], Free)),
    ];
    for (prediction, target) in cases {
        let choices = choices(&prediction, &target);
        assert!(choices.len() > 1, "{choices:?}");
        let mut found = Vec::new();
        for choice in &choices {
            let words: Vec<&str> = choice.split(' ').collect();
            let after = |option: &str| {
                let place = words.iter().position(|word| *word == option)?;
                words[place + 1].parse::<Axes>().ok()
            };
            let options = Options {
                axes: after("--axes"),
                target_axes: after("--target-axes"),
                ..Options::default()
            };
            let reading = reading(&options, &prediction, &target).expect("a choice is one reading");
            assert!(!found.contains(&reading), "{choices:?}");
            found.push(reading);
        }
    }
}

#[test]
fn options_select_a_reading_or_contradict_it() {
    let volume = || input(&[5, 9, 8], Free);
    let foreground = Options {
        foreground: true,
        ..Options::default()
    };
    read_as(&foreground, &volume(), &volume(), ["zyx", "zyx"]);
    let stack = Options {
        batch: Some(true),
        ..foreground.clone()
    };
    read_as(&stack, &volume(), &volume(), ["nyx", "nyx"]);
    let keras = Options {
        class_axis: Some(ClassAxis::Last),
        ..Options::default()
    };
    let one = || input(&[2, 9, 8, 1], Free);
    read_as(&keras, &one(), &one(), ["nyx1", "nyx1"]);
    let three = || input(&[2, 9, 8, 3], Free);
    read_as(&keras, &three(), &three(), ["nyxc", "nyxc"]);
    let first = Options {
        class_axis: Some(ClassAxis::First),
        ..Options::default()
    };
    let nifti = || input(&[3, 6, 9, 8], XyzFirst);
    read_as(&first, &nifti(), &nifti(), ["cxyz", "cxyz"]);
    let contradicting = Options {
        axes: "cyx".parse().ok(),
        ..stack
    };
    assert!(matches!(
        reading(&contradicting, &volume(), &volume()),
        Err(Fault::Option { .. })
    ));
    let short = Options {
        axes: "yx".parse().ok(),
        ..Options::default()
    };
    assert!(matches!(
        reading(&short, &volume(), &volume()),
        Err(Fault::Option { .. })
    ));
    assert!("nyyx".parse::<Axes>().is_err() && "q".parse::<Axes>().is_err());
    assert_eq!(
        "bcdhw".parse::<Axes>().map(|axes| axes.to_string()),
        Ok("nczyx".to_owned())
    );
}

#[test]
fn volumes_are_reoriented_or_refused() {
    let geometry = |affine| Some(Geometry { affine });
    let ours = Input {
        geometry: geometry([
            [1.0, 0.0, 0.0, -10.0],
            [0.0, 1.5, 0.0, -20.0],
            [0.0, 0.0, 2.0, 5.0],
        ]),
        ..input(&[7, 9, 8, 3], XyzFirst)
    };
    // The axes are y reversed, x reversed, z.
    let theirs = Input {
        geometry: geometry([
            [0.0, -1.0, 0.0, -4.0],
            [-1.5, 0.0, 0.0, -8.0],
            [0.0, 0.0, 2.0, 5.0],
        ]),
        ..input(&[9, 7, 8], XyzFirst)
    };
    let found = reading(&Options::default(), &ours, &theirs).expect("a turn");
    assert_eq!(found.target.to_string(), "yxz");
    assert_eq!(found.turn.flipped, [true, true, false]);
    let shifted = Input {
        geometry: geometry([
            [1.0, 0.0, 0.0, -8.5],
            [0.0, 1.5, 0.0, -20.0],
            [0.0, 0.0, 2.0, 5.0],
        ]),
        ..input(&[7, 9, 8], XyzFirst)
    };
    let found = reading(&Options::default(), &ours, &shifted);
    assert_eq!(found, Err(Fault::Elsewhere { distance: 1.5 }));
}

/// The axes of an array with classes in one of many orders.
fn order_of(samples: bool, space: usize, last: bool, reversed: bool) -> Vec<Axis> {
    let mut letters = [Axis::Z, Axis::Y, Axis::X][3 - space..].to_vec();
    if reversed {
        letters.reverse();
    }
    let mut axes = if samples {
        vec![Axis::Sample]
    } else {
        Vec::new()
    };
    if last {
        axes.extend(letters);
        axes.push(Axis::Class);
    } else {
        axes.push(Axis::Class);
        axes.extend(letters);
    }
    axes
}

proptest! {
    /// The same data in every order of axes and format is read correctly or refused. If the axes are named, it is read correctly.
    #[test]
    fn the_same_data_is_read_correctly_or_refused(
        lengths in proptest::collection::vec(2_usize..5, 5),
        (samples, space, last) in (any::<bool>(), 2_usize..4, any::<bool>()),
        (nifti, reversed, one_hot) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let length = |axis: &Axis| match axis {
            Axis::Sample => lengths[0],
            Axis::Class => lengths[1],
            Axis::Z => lengths[2],
            Axis::Y => lengths[3],
            _ => lengths[4],
        };
        let input_of = |axes: &[Axis], order| Input {
            shape: axes.iter().map(length).collect(),
            order,
            classes: axes.iter().position(|axis| *axis == Axis::Class),
            geometry: None,
        };
        // NIfTI has no samples, and its spatial axes begin with x. In other files both have the same order.
        let samples = samples && !nifti;
        let ours = order_of(samples, space, last, reversed && nifti);
        let mut theirs = if nifti {
            [Axis::X, Axis::Y, Axis::Z].into_iter().filter(|axis| ours.contains(axis)).collect()
        } else {
            ours.clone()
        };
        if nifti && space == 3 && one_hot {
            theirs.push(Axis::Class);
        } else if nifti || !one_hot {
            theirs.retain(|axis| *axis != Axis::Class);
        }
        let prediction = input_of(&ours, Order::Free);
        let target = input_of(&theirs, if nifti { Order::XyzFirst } else { Order::Free });
        if let Ok(found) = reading(&Options::default(), &prediction, &target) {
            let at = |axes: &[Axis], axis| axes.iter().position(|own| *own == axis);
            for axis in [Axis::Sample, Axis::Class] {
                prop_assert_eq!(found.prediction.position(axis), at(&ours, axis), "{:?}", found);
            }
            // Whatever their letters, the same spatial axes match.
            for axis in [Axis::Z, Axis::Y, Axis::X] {
                let (Some(our), Some(their)) = (at(&ours, axis), at(&theirs, axis)) else { continue };
                prop_assert_eq!(found.prediction.0[our], found.target.0[their], "{:?}", found);
            }
        }
        let named = Options {
            axes: Some(Axes(ours.clone())),
            target_axes: Some(Axes(theirs.clone())),
            ..Options::default()
        };
        let found = reading(&named, &prediction, &target).expect("named axes give one reading");
        prop_assert_eq!((found.prediction.0, found.target.0), (ours, theirs));
    }
}
