//! The repository's README shows the same example as this crate's README, which runs as a doc test.

const CRATE: &str = include_str!("../README.md");
const REPOSITORY: &str = include_str!("../../../README.md");

#[test]
fn repository_shows_the_example_of_the_crate() {
    let (_, rest) = CRATE
        .split_once("```rust\n")
        .expect("the README has an example");
    let (example, _) = rest.split_once("```").expect("the example ends");
    assert!(
        REPOSITORY.contains(&format!("```rs\n{example}```")),
        "README.md and this crate's README.md must show the same example"
    );
}
