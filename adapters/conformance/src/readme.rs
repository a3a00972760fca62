//! The examples that the repository's README shows of other crates.

const REPOSITORY: &str = include_str!("../../../README.md");

/// Asserts that the repository's README shows the first example of a crate's README, which runs there as a doc test.
pub fn repository_shows_example_of(readme: &str) {
    let (_, rest) = readme
        .split_once("```rust\n")
        .expect("the README has an example");
    let (example, _) = rest.split_once("```").expect("the example ends");
    assert!(
        REPOSITORY.contains(&format!("```rs\n{example}```")),
        "README.md and the crate's README.md must show the same example"
    );
}
