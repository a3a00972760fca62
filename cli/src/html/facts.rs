//! How the cases of a run were read, and the files of its worst ones, from its files of results.

use std::path::Path;

use crate::failure::Failure;
use crate::results::{self, Record};

/// How some cases were read.
pub(super) struct Reading {
    /// The parts of the text, each a line.
    pub(super) lines: Vec<String>,
    pub(super) cases: usize,
    /// The first of them.
    pub(super) first: String,
}

/// The facts about a run that its summary does not have.
#[derive(Default)]
pub(super) struct Facts {
    /// In the order in which they occur.
    pub(super) readings: Vec<Reading>,
    /// The records of the cases that were asked for, in that order.
    pub(super) records: Vec<Record>,
}

/// Reads the files of a run, and keeps the records of these cases: their indices among those with a score.
pub(super) fn read(files: &[impl AsRef<Path>], wanted: &[u32]) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let mut kept: Vec<(u32, Record)> = Vec::new();
    let mut case = 0;
    for file in files {
        for found in results::read(file.as_ref())? {
            let (record, _) = found?;
            if record.error.is_some() {
                continue;
            }
            facts.add(&record);
            if wanted.contains(&case) {
                kept.push((case, record));
            }
            case += 1;
        }
    }
    kept.sort_by_key(|(case, _)| wanted.iter().position(|wanted| wanted == case));
    facts.records = kept.into_iter().map(|(_, record)| record).collect();
    Ok(facts)
}

impl Facts {
    fn add(&mut self, record: &Record) {
        let lines = record.reading.split("; ").map(str::to_owned);
        let lines: Vec<String> = lines.collect();
        match self
            .readings
            .iter_mut()
            .find(|reading| reading.lines == lines)
        {
            Some(reading) => reading.cases += 1,
            None => self.readings.push(Reading {
                lines,
                cases: 1,
                first: record.key.case.clone(),
            }),
        }
    }
}
