//! The position of a volume in space, to detect that two files show different places.

/// The map from voxel indices `(i, j, k)` to a position in the file's unit (mm as a rule): `affine · (i, j, k, 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Geometry {
    pub affine: [[f64; 4]; 3],
}

/// How an axis of a volume runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Direction {
    /// The axis of space that it is nearest to: 0 to the right, 1 to the front, 2 up.
    pub along: usize,
    /// Whether it runs that way, and not the opposite one.
    pub positive: bool,
    /// The distance between neighbouring voxels.
    pub spacing: f64,
}

/// The orders of three axes.
pub(crate) const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// Displacements below this part of the smallest voxel edge are rounding. A NIfTI affine is stored in f32, whose
/// rounding moves the corner of a volume of 500 voxels by some 1e-4 of a voxel; shifts that change a result are
/// hundreds of times larger than this.
const TOLERANCE: f64 = 1e-3;

impl Geometry {
    /// From the step along each axis and the position of the first voxel. `signs` converts the file's axes to those of NIfTI.
    pub(super) fn new(steps: [[f64; 3]; 3], origin: [f64; 3], signs: [f64; 3]) -> Self {
        let row =
            |i: usize| [steps[0][i], steps[1][i], steps[2][i], origin[i]].map(|x| x * signs[i]);
        Self {
            affine: [row(0), row(1), row(2)],
        }
    }

    /// The largest displacement between the outer corners of a volume of `shape` under the two maps, if it exceeds
    /// rounding. The first three axes of `shape` are the spatial ones. The result is infinite if a map is not finite.
    pub(crate) fn mismatch(&self, other: &Geometry, shape: &[usize]) -> Option<f64> {
        let mut largest = 0.0_f64;
        for corner in 0..8 {
            // Voxels are centred on their indices, so the volume reaches from −½ to n − ½.
            let index = [0, 1, 2].map(|axis| match corner >> axis & 1 {
                0 => -0.5,
                _ => shape.get(axis).map_or(1.0, |&n| n as f64) - 0.5,
            });
            let distance = norm(std::array::from_fn(|row| {
                self.position(row, index) - other.position(row, index)
            }));
            // `max` would drop a NaN.
            largest = if distance.is_nan() {
                f64::INFINITY
            } else {
                largest.max(distance)
            };
            if largest.is_infinite() {
                return Some(largest);
            }
        }
        let edge = self.smallest_edge().min(other.smallest_edge());
        (largest > TOLERANCE * edge).then_some(largest)
    }

    /// How each of the first three axes runs; `None` if a step is 0 or not finite.
    pub(crate) fn directions(&self) -> Option<[Direction; 3]> {
        let steps = [0, 1, 2].map(|axis| self.affine.map(|row| row[axis]));
        let lengths = steps.map(norm);
        if !lengths
            .iter()
            .all(|length| length.is_finite() && *length > 0.0)
        {
            return None;
        }
        let share = |axis: usize, row: usize| steps[axis][row].abs() / lengths[axis];
        // The order in which the axes run most along those of space.
        let fit = |order: &[usize; 3]| -> f64 { (0..3).map(|axis| share(axis, order[axis])).sum() };
        let mut best = ORDERS[0];
        for order in &ORDERS[1..] {
            if fit(order) > fit(&best) {
                best = *order;
            }
        }
        Some([0, 1, 2].map(|axis| Direction {
            along: best[axis],
            positive: steps[axis][best[axis]] > 0.0,
            spacing: lengths[axis],
        }))
    }

    fn position(&self, row: usize, index: [f64; 3]) -> f64 {
        let a = self.affine[row];
        a[0] * index[0] + a[1] * index[1] + a[2] * index[2] + a[3]
    }

    fn smallest_edge(&self) -> f64 {
        let edge = |axis| norm(std::array::from_fn(|row| self.affine[row][axis]));
        edge(0).min(edge(1)).min(edge(2))
    }
}

fn norm([x, y, z]: [f64; 3]) -> f64 {
    x.hypot(y).hypot(z)
}

#[cfg(test)]
mod tests {
    use super::Geometry;

    const PLAIN: Geometry = Geometry {
        affine: [
            [2.0, 0.0, 0.0, -90.0],
            [0.0, 2.0, 0.0, -126.0],
            [0.0, 0.0, 3.0, -72.0],
        ],
    };

    fn changed(row: usize, column: usize, by: f64) -> Geometry {
        let mut geometry = PLAIN;
        geometry.affine[row][column] += by;
        geometry
    }

    #[test]
    fn equal_geometries_match() {
        assert_eq!(PLAIN.mismatch(&PLAIN, &[91, 109, 91]), None);
        assert_eq!(PLAIN.mismatch(&changed(0, 3, 1e-5), &[91, 109, 91]), None);
    }

    #[test]
    fn a_shift_is_reported_in_the_unit_of_the_file() {
        let found = PLAIN.mismatch(&changed(2, 3, -1.5), &[91, 109, 91, 4]);
        assert_eq!(found, Some(1.5));
    }

    #[test]
    fn a_different_spacing_is_measured_at_the_far_corner() {
        let found = PLAIN.mismatch(&changed(1, 1, 0.1), &[91, 109, 91]).unwrap();
        assert!((found - 10.85).abs() < 1e-9, "{found}");
        // Also along an axis of one voxel, or one that the array lacks.
        assert!(PLAIN.mismatch(&changed(2, 2, 0.1), &[91, 109]).is_some());
    }

    #[test]
    fn axes_run_along_the_nearest_axes_of_space() {
        // A sagittal volume, turned a little: i to the back, j down, k to the right.
        let turned = Geometry {
            affine: [
                [0.1, 0.0, 4.0, 0.0],
                [-0.5, 0.05, 0.3, 0.0],
                [0.05, -0.6, 0.2, 0.0],
            ],
        };
        let found = turned.directions().expect("three directions");
        assert_eq!(found.map(|axis| axis.along), [1, 2, 0]);
        assert_eq!(found.map(|axis| axis.positive), [false, false, true]);
        assert!((found[1].spacing - 0.602).abs() < 1e-3);
        let spacing = PLAIN.directions().map(|axes| axes.map(|axis| axis.spacing));
        assert_eq!(spacing, Some([2.0, 2.0, 3.0]));
        assert_eq!(changed(0, 0, -2.0).directions(), None);
    }

    #[test]
    fn a_non_finite_geometry_never_matches() {
        let broken = changed(0, 0, f64::NAN);
        assert_eq!(broken.mismatch(&broken, &[2, 2, 2]), Some(f64::INFINITY));
        let huge = changed(0, 3, f64::INFINITY);
        assert_eq!(PLAIN.mismatch(&huge, &[2, 2, 2]), Some(f64::INFINITY));
    }
}
