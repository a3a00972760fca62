//! A page loads nothing, runs nothing, and shows names as they are.

use crate::program::{npy, stdout};
use crate::run::{files, page, scored};

#[test]
fn nothing_is_loaded_or_run() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    let (page, _) = page(folder, &["results.csv"]);
    let mut links = 0;
    for element in page.all() {
        assert!(
            ![
                "script", "link", "iframe", "object", "embed", "base", "form"
            ]
            .contains(&&*element.name),
            "{}",
            element.name
        );
        for (name, value) in &element.attributes {
            assert!(!name.starts_with("on"), "{name}");
            // The namespace of SVG is a name, and is not loaded.
            if name != "xmlns" {
                assert!(!value.contains("http"), "{name} is {value}");
            }
            if ["src", "href"].contains(&&**name) {
                assert!(
                    value.starts_with('#') || value.starts_with("data:image/png;"),
                    "{value}"
                );
                links += 1;
            }
        }
        if element.name == "style" {
            assert!(!element.text.contains("url(") && !element.text.contains("@import"));
        }
        // Each anchor is there.
        if let Some(anchor) = element.get("href").and_then(|link| link.strip_prefix('#')) {
            let all = page.all().into_iter();
            assert_eq!(
                all.filter(|target| target.get("id") == Some(anchor))
                    .count(),
                1
            );
        }
    }
    assert!(links > 8 + 3, "{links}");
}

#[test]
fn names_are_text() {
    let folder = files();
    let folder = folder.path();
    let (case, region) = ("<script>alert(1)<&script>", "<b>&\"'");
    for side in ["p", "y"] {
        let array = ndarray::array![[0_u8, 1, 0, 1]];
        npy(folder, &format!("{side}/{case}.npy"), &array.into_dyn());
    }
    let regions = format!("{region}=1");
    let eval = ["eval", "p", "y", "--input", "labels", "--regions", &regions];
    stdout(folder, &[&eval[..], &["--output", "results.csv"]].concat());
    let (page, _) = page(folder, &["results.csv", "--worst", "9"]);
    let worst = page.section("worst").rows();
    assert!(worst.iter().any(|row| row[0] == case), "{worst:?}");
    let rows = page.section("summary").rows();
    assert!(rows.iter().any(|row| row[0] == region), "{rows:?}");
    let charts = &page.section("distributions").text;
    assert!(charts.contains(region), "{charts}");
    for element in page.all() {
        assert!(!["script", "b"].contains(&&*element.name));
    }
}
