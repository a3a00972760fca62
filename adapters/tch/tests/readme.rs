//! The repository's README shows the example of this crate's README, which runs as a doc test.

#[test]
fn repository_shows_the_example_of_the_crate() {
    unifocal_conformance::repository_shows_example_of(include_str!("../README.md"));
}
