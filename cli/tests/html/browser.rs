//! The page in Chromium, which `UNIFOCAL_CHROMIUM` names. `./test cli` sets it.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::program::text;
use crate::run::{files, page, scored};

/// The output of Chromium for the page in a folder.
fn chromium(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let profile = TempDir::new().expect("a folder");
    let page = folder.join("page.html").canonicalize().expect("a page");
    let output = Command::new(program)
        .current_dir(folder)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1100,4000",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The colours of a screenshot.
fn colours(path: &Path) -> HashSet<[u8; 3]> {
    let file = BufReader::new(File::open(path).expect("a screenshot"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG file");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut bytes).expect("pixels");
    let pixels = bytes.chunks_exact(info.color_type.samples());
    pixels.map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

#[test]
fn chromium_shows_the_page() {
    let Ok(program) = std::env::var("UNIFOCAL_CHROMIUM") else {
        println!("UNIFOCAL_CHROMIUM names no browser: the page is checked by parsing only");
        return;
    };
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    let (parsed, _) = page(folder, &["results.csv"]);
    let shown = chromium(&program, folder, &["--dump-dom"]);
    for row in parsed.section("summary").rows() {
        for cell in row {
            assert!(
                shown.contains(&format!(">{cell}<")),
                "{cell} is not in {shown}"
            );
        }
    }
    // A screenshot has text, curves, and the colours of the pictures within the page.
    chromium(&program, folder, &["--screenshot=light.png"]);
    let light = colours(&folder.join("light.png"));
    assert!(light.len() > 100, "{} colours", light.len());
    for colour in [
        [255, 0, 255],
        [0, 255, 0],
        [255, 165, 0],
        [255, 255, 255],
        [0x1a; 3],
    ] {
        assert!(light.contains(&colour), "{colour:?} is not there");
    }
    assert!(!light.contains(&[0x16, 0x18, 0x1b]));
    // In the dark, its background is dark.
    let dark = [
        "--blink-settings=preferredColorScheme=0",
        "--screenshot=dark.png",
    ];
    chromium(&program, folder, &dark);
    assert!(colours(&folder.join("dark.png")).contains(&[0x16, 0x18, 0x1b]));
}
