//! The man pages of the program and of each command.

use std::io::{Error, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// The page of this command, or of the program.
pub(crate) fn page(program: Command, name: Option<&str>) -> Result<Vec<u8>, Error> {
    let mut program = program.disable_help_subcommand(true);
    // Commands are named like their pages, such as unifocal-eval.
    program.build();
    let command = name
        .and_then(|name| program.find_subcommand(name))
        .unwrap_or(&program);
    let man = Man::new(command.clone());

    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(notes) = command.get_after_help() {
        write_notes(&notes.to_string(), &mut page)?;
    }
    Ok(page)
}

/// Writes the text below the options without filling its lines, since it has tables and examples.
fn write_notes(notes: &str, page: &mut dyn Write) -> Result<(), Error> {
    let mut roff = Roff::new();
    roff.control("SH", ["NOTES"]).control("nf", []);
    for line in notes.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
