//! The numbers of a run, gathered from its files of results.

use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use super::score_name::ScoreName;
use crate::failure::Failure;
use crate::metrics::{Confusion, Empty};
use crate::reading::classes::Name;
use crate::results::{self, Layout, Record};

/// The numbers of a run. Of each case they hold its name, a number per class and score, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) cases: Vec<String>,
    /// The cases without a score, and why.
    pub(crate) failed: Vec<(String, String)>,
    /// The options of the run.
    pub(crate) run: String,
    pub(crate) empty: Empty,
    /// The loss of the cases, then the scores of each class.
    pub(crate) columns: Vec<Column>,
}

/// The values of one score.
#[derive(Debug)]
pub(crate) struct Column {
    /// The class; `None` for the case as a whole.
    pub(crate) class: Option<Name>,
    pub(crate) score: ScoreName,
    /// The cases, by their index, and the value in each.
    pub(crate) values: Vec<(u32, f64)>,
    /// The counts of each case, to be added up, for metrics.
    pub(crate) confusions: Vec<(u32, Confusion)>,
}

/// Gathers these scores from the files of a run.
pub(super) fn gather(
    files: &[impl AsRef<Path>],
    scores: &[ScoreName],
    empty: Option<Empty>,
) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    let mut columns = Columns::new(scores);
    let mut seen = FxHashSet::default();
    let mut common: Option<Layout> = None;
    for file in files {
        let file = file.as_ref();
        for found in results::read(file)? {
            let (record, layout) = found?;
            match &common {
                Some(common) if *common != layout => {
                    return Err(Failure::file(
                        file,
                        format!(
                            "has results of different runs: found {:?} and {:?}",
                            common.run, layout.run
                        ),
                    ));
                }
                Some(_) => {}
                None => common = Some(layout.clone()),
            }
            let empty = empty.unwrap_or(layout.empty);
            if let Some(error) = record.error {
                gathered.failed.push((record.key.case, error));
                continue;
            }
            let case = gathered.cases.len() as u32;
            columns.add(case, &record, empty);
            let name = record.key.case.clone();
            if !seen.insert(record.key) {
                return Err(Failure::file(file, format!("has the case {name} again")));
            }
            gathered.cases.push(name);
        }
    }
    if let Some(layout) = common {
        gathered.empty = empty.unwrap_or(layout.empty);
        gathered.run = layout.run;
    }
    gathered.columns = columns.sorted();
    Ok(gathered)
}

struct Columns<'a> {
    scores: &'a [ScoreName],
    columns: Vec<Column>,
    /// Where the columns of a class start.
    places: FxHashMap<Name, usize>,
}

impl<'a> Columns<'a> {
    fn new(scores: &'a [ScoreName]) -> Self {
        let loss = scores.iter().find(|score| **score == ScoreName::Loss);
        Self {
            scores,
            columns: loss.map(|loss| column(None, *loss)).into_iter().collect(),
            places: FxHashMap::default(),
        }
    }

    fn add(&mut self, case: u32, record: &Record, empty: Empty) {
        let Self {
            scores,
            columns,
            places,
        } = self;
        if scores.contains(&ScoreName::Loss) {
            columns[0]
                .values
                .extend(record.value.map(|value| (case, value)));
        }
        for class in &record.per_class {
            let place = *places.entry(class.class.clone()).or_insert_with(|| {
                let first = columns.len();
                let of_class = |score: &ScoreName| column(Some(class.class.clone()), *score);
                columns.extend(scores.iter().map(of_class));
                first
            });
            for column in &mut columns[place..place + scores.len()] {
                let value = column.score.of(class, empty);
                column.values.extend(value.map(|value| (case, value)));
                if column.score.metric().is_some() {
                    column.confusions.push((case, class.confusion));
                }
            }
        }
    }

    /// The columns, in the order of the labels. Regions stay in the order in which they occur.
    fn sorted(self) -> Vec<Column> {
        let mut columns = self.columns;
        columns.sort_by_key(|column| match column.class {
            None => (0, 0),
            Some(Name::Label(label)) => (1, label),
            Some(Name::Region(_)) => (2, 0),
        });
        columns
    }
}

fn column(class: Option<Name>, score: ScoreName) -> Column {
    Column {
        class,
        score,
        values: Vec::new(),
        confusions: Vec::new(),
    }
}
