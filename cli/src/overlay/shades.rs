//! Numbers as colours.

use ndarray::{ArrayD, Zip};

use super::colour::{self, Rgb};
use super::maps::Numbers;
use super::marks::Mark;
use crate::report::cells::digits;

/// The colours of some planes, and what they mean. Their scale ends at the largest number of all planes.
pub(super) fn of(numbers: &Numbers, marks: &[ArrayD<Mark>]) -> (Vec<ArrayD<Rgb>>, String) {
    let all = numbers.planes.iter().zip(marks);
    let all = all.flat_map(|(numbers, marks)| numbers.iter().zip(marks));
    let scored = all.filter(|(number, mark)| has_number(**number, **mark));
    let largest = scored.fold(0.0, |largest: f64, (number, _)| largest.max(number.abs()));
    let shade = |number: f64| {
        let share = if largest > 0.0 { number / largest } else { 0.0 };
        if numbers.signed {
            colour::diverging(share)
        } else {
            colour::sequential(share)
        }
    };
    let planes = numbers.planes.iter().zip(marks).map(|(numbers, marks)| {
        Zip::from(numbers)
            .and(marks)
            .map_collect(|number, mark| match has_number(*number, *mark) {
                true => shade(*number),
                false => colour::WITHOUT,
            })
    });
    let name = &numbers.name;
    let most = digits(Some(largest));
    let legend = if numbers.signed {
        format!("{name}: from −{most} (blue) over 0 (white) to {most} (red); grey: not scored")
    } else {
        format!("{name}: from 0 (black) over red and yellow to {most} (white); grey: not scored")
    };
    (planes.collect(), legend)
}

fn has_number(number: f64, mark: Mark) -> bool {
    number.is_finite() && mark != Mark::Unscored
}
