//! Reorients volumes that show the same place with flipped or permuted axes.

use super::axes::Axis;
use crate::read::{Geometry, ORDERS};

/// How the axes of one volume run along those of another: a permutation and flips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// For each of the first three axes, the axis of the other volume that it runs along.
    pub(crate) along: [Axis; 3],
    /// Which axes run in the opposite direction.
    pub(crate) flipped: [bool; 3],
}

const SPACE: [Axis; 3] = [Axis::X, Axis::Y, Axis::Z];

impl Turn {
    /// No reorientation.
    pub(crate) const NONE: Self = Turn {
        along: SPACE,
        flipped: [false; 3],
    };

    /// Finds the turn that brings the volume with geometry `theirs` and shape `shape` into the orientation of `ours`. If there is
    /// none, returns how far the two are apart.
    pub(crate) fn between(
        ours: &Geometry,
        theirs: &Geometry,
        shape: [usize; 3],
    ) -> Result<Self, f64> {
        let mut nearest = f64::INFINITY;
        for along in ORDERS {
            for flips in 0..8_usize {
                let flipped = [0, 1, 2].map(|axis| flips >> axis & 1 == 1);
                let turned = turned(theirs, shape, along, flipped);
                let mut turned_shape = [0; 3];
                for (axis, place) in along.into_iter().enumerate() {
                    turned_shape[place] = shape[axis];
                }
                match ours.mismatch(&turned, &turned_shape) {
                    None => {
                        return Ok(Turn {
                            along: along.map(|place| SPACE[place]),
                            flipped,
                        });
                    }
                    // The error is the distance without a turn.
                    Some(distance) if along == ORDERS[0] && flips == 0 => nearest = distance,
                    Some(_) => {}
                }
            }
        }
        Err(nearest)
    }
}

/// The geometry of a volume whose `flipped` axes are reversed and whose axis k then becomes axis `along[k]`.
fn turned(
    geometry: &Geometry,
    shape: [usize; 3],
    along: [usize; 3],
    flipped: [bool; 3],
) -> Geometry {
    let affine = geometry.affine.map(|row| {
        let mut new = [0.0, 0.0, 0.0, row[3]];
        for axis in 0..3 {
            let reversed = flipped[axis];
            new[along[axis]] = if reversed { -row[axis] } else { row[axis] };
            if reversed {
                new[3] += row[axis] * (shape[axis] as f64 - 1.0);
            }
        }
        new
    });
    Geometry { affine }
}
