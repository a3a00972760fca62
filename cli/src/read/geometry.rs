//! The position of a volume in space, to detect that two files show different places.

/// The map from voxel indices `(i, j, k)` to a position in the file's unit (mm as a rule): `affine · (i, j, k, 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Geometry {
    pub affine: [[f64; 4]; 3],
}

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
    fn a_non_finite_geometry_never_matches() {
        let broken = changed(0, 0, f64::NAN);
        assert_eq!(broken.mismatch(&broken, &[2, 2, 2]), Some(f64::INFINITY));
        let huge = changed(0, 3, f64::INFINITY);
        assert_eq!(PLAIN.mismatch(&huge, &[2, 2, 2]), Some(f64::INFINITY));
    }
}
