//! Columns of a file, each as numbers or text, with what each lacks.

use std::path::Path;

use super::npy::Content;
use super::rows::{Reading, reading, upright};
use super::table::{self, Column, Columns, Wanted};
use super::{Array, ArrayFile, Format, Reader, Samples, format, matrix_of};
use crate::dataset::DatasetError;
use crate::estimator::rank;

impl Reader {
    /// Reads the columns of a table, or those of a matrix: numbers where all that is there are numbers, else text as symbols.
    ///
    /// `key` as for [`read_array`](super::read_array). What is missing is NaN, or no symbol, in its column alone, whatever
    /// [`Reader::missing`] says; TRUE and FALSE are 1 and 0; whole numbers beyond 2⁵³ are text. Columns of an array are called by their
    /// numbers.
    ///
    /// # Errors
    /// [`DatasetError`] as [`read_array`](super::read_array), but none for values that are no numbers.
    ///
    /// # Examples
    /// ```
    /// use infoplane::dataset::read::Reader;
    /// use infoplane::estimator::rank::Column;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("people.csv");
    /// std::fs::write(&path, "name,age\nAda,36\n,NA\nAda,41\n")?;
    /// let read = Reader::default().columns(&path, None)?;
    /// let [name, age] = &read.values[..] else { panic!("two columns") };
    /// assert_eq!(name, &Column::symbols("name", vec![Some(0), None, Some(0)]));
    /// assert_eq!(age.name, "age");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn columns(
        &self,
        path: &Path,
        key: Option<&str>,
    ) -> Result<Samples<Vec<rank::Column>>, DatasetError> {
        if format(path)? == Format::Csv {
            return self.columns_of_table(path, key);
        }
        let content = ArrayFile::open(path)?.numbers_or_text(key)?;
        let mut reading = Reading::of_array(content.file());
        let values = match content {
            Content::Numbers(tensor) => of_matrix(&matrix_of(upright(tensor, true, &mut reading)?)?),
            Content::Text(text) if text.shape.iter().filter(|&&length| length != 1).count() > 1 => {
                let allowed = "(n_samples,) for text";
                return Err(DatasetError::Shape { file: text.file, given: text.shape, allowed });
            }
            Content::Text(text) => {
                (reading.rows, reading.width) = (text.codes.len(), 1);
                let symbol = |&code: &u32| (!text.distinct.get(code).is_empty()).then_some(code);
                vec![rank::Column::symbols("0", text.codes.iter().map(symbol).collect())]
            }
        };
        reading.fields = (0..values.len()).collect();
        Ok(Samples { values, missing: Vec::new(), reading })
    }

    fn columns_of_table(
        &self,
        path: &Path,
        key: Option<&str>,
    ) -> Result<Samples<Vec<rank::Column>>, DatasetError> {
        let wanted = Wanted { may_be_text: true, ..Wanted::numbers(key, &self.except) };
        let mut table = table::read(path, wanted)?;
        // What is text is known once the file was read.
        let text: Vec<Column> = table.text_fields.iter().map(|&field| Column::Index(field)).collect();
        let texts = match text.is_empty() {
            true => Vec::new(),
            false => table::read(path, Wanted::labels(Columns::These(&text), &[]))?.labels,
        };
        let fields = table.number_fields.clone();
        let names: Vec<String> = fields.iter().map(|&field| table.name(field)).collect();
        let numbers = std::mem::take(&mut table.numbers);
        let values = fields.iter().zip(names).zip(numbers).map(|((field, name), numbers)| {
            let place = table.text_fields.iter().position(|text| text == field);
            match place.and_then(|place| texts.get(place)) {
                None => rank::Column::numbers(name, numbers),
                Some(text) => {
                    let symbol = |&code: &u32| (!text.distinct.get(code).is_empty()).then_some(code);
                    rank::Column::symbols(name, text.codes.iter().map(symbol).collect())
                }
            }
        });
        let values: Vec<rank::Column> = values.collect();
        let mut reading = reading(&mut table, fields);
        let n_texts = text.len();
        if n_texts > 0 {
            reading
                .notes
                .push(format!("{n_texts} of the columns {} text", if n_texts == 1 { "is" } else { "are" }));
        }
        Ok(Samples { values, missing: Vec::new(), reading })
    }
}

/// The columns of a matrix, called by their numbers.
fn of_matrix(array: &Array) -> Vec<rank::Column> {
    let variable = array.variable();
    (0..array.width()).map(|index| rank::Column::numbers(index.to_string(), variable.column(index))).collect()
}
