//! Tables as they are written, and what is read of them.

use proptest::prelude::*;

use super::*;

fn parse(text: &str, wanted: Wanted<'_>) -> Result<Table, DatasetError> {
    super::parse(Stream::of_bytes(text.as_bytes()), wanted)
}

fn all(text: &str) -> Table {
    parse(text, Wanted::numbers(None, &[])).unwrap()
}

fn names(table: &Table) -> Vec<String> {
    table.number_fields.iter().map(|&field| table.name(field)).collect()
}

fn both<'a>(labels: Columns<'a>, numbers: Columns<'a>) -> Wanted<'a> {
    Wanted { header: None, numbers, labels, except: &[], may_be_text: false }
}

fn texts(column: &TextColumn) -> Vec<&str> {
    column.codes.iter().map(|&code| column.distinct.get(code)).collect()
}

/// 10¹⁷ and 10¹⁷ + 1 are the same number in double precision.
#[test]
fn whole_numbers_that_would_merge_are_refused_and_names_that_are_numbers_are_kept_apart() {
    let text = "x,y\n100000000000000000,1\n100000000000000001,2\n";
    let refused = parse(text, Wanted::numbers(None, &[])).err().expect("refused").to_string();
    assert!(refused.contains("line 2, field 1") && refused.contains("merge"), "{refused}");
    let table = parse(text, Wanted::labels(Columns::All, &[])).unwrap();
    assert_eq!(texts(&table.labels[0]), ["100000000000000000", "100000000000000001"]);
    assert_eq!(all("x\n9007199254740992\n1e300\n2.5\n").numbers[0][0], 9_007_199_254_740_992.0);
}

#[test]
fn the_first_line_is_a_header_if_it_differs_from_what_stands_below() {
    let header = |text: &str| {
        let table = parse(text, Wanted::labels(Columns::All, &[])).unwrap();
        table.names.is_some()
    };
    for text in [
        "a,b\n1,2\n3,4\n",
        "a,class\n1,cat\n2,dog\n",
        "animal\ndog\ncat\ncat\n",
        // Columns that pandas numbers, with and without a column of row numbers.
        ",0,1\n0,5,7\n1,6,8\n",
        "0,1,2\n0.5,1.5,2.5\n2.5,3.5,0.5\n4.5,0.5,1.5\n",
        "2019,2020,2021\n0.5,1.5,2.5\n1.5,2.5,3.5\n4.5,5.5,6.5\n",
        "a,2019\n1,2\n3,4\n",
        "0,1,2,3,4,5,6,7\n5,0,0,3,1,0,0,2\n",
        "flag\nTRUE\nFALSE\n",
        "x\nNA\n2\n",
    ] {
        assert!(header(text), "{text}");
    }
    for text in [
        "1,2\n3,4\n",
        "1,cat\n2,dog\n",
        "dog\ncat\ndog\n",
        "0\n1\n0\n",
        // The first value of a sine and a cosine.
        "0\n0.5\n1.5\n2.5\n",
        "0,1\n0.5,0.9\n0.8,0.6\n1.5,0.1\n",
        "0,0,0\n0.5,1.5,2.5\n1.5,2.5,3.5\n4.5,5.5,6.5\n",
        "0,1\n1,0\n0,1\n",
        "0,1,2,3,4,5,6,7\n8,9,10,11,12,13,14,15\n",
        "NA\n2\n3\n",
        "NA,1\n2,3\n",
    ] {
        assert!(!header(text), "{text}");
    }
    let forced = Wanted { header: Some(true), ..Wanted::numbers(None, &[]) };
    assert_eq!(parse("1,2\n3,4\n", forced).unwrap().numbers, [[3.0], [4.0]]);
}

#[test]
fn separators_and_decimal_commas_are_told_from_the_lines() {
    for text in [
        "a,b\n1.5,2\n-0.25,3\n",
        "a;b\n1.5;2\n-0.25;3\n",
        "a;b\n1,5;2\n-0,25;3\n",
        "a\tb\n1.5\t2\n-0.25\t3\n",
        "a\tb\n1,5\t2\n-0,25\t3\n",
        "a|b\n1.5|2\n-0.25|3\n",
        "a b\n1.5   2\n -0.25 3 \n",
        "a, b\n1.5, 2\n-0.25, 3\n",
        "\"a\",\"b\"\n\"1.5\",\"2\"\n\"-0.25\",\"3\"\n",
        "\"a\",\"b\"\n\"1,5\",\"2\"\n\"-0,25\",\"3\"\n",
        "sep=;\na;b\n1,5;2\n-0,25;3\n",
        "# made by hand\na,b\n1.5,2\n# in between\n-0.25,3\n",
        "# made by hand\n# a b\n1.5 2\n-0.25 3\n",
        "# a,b\n1.5 2\n-0.25 3\n",
        "a,b,\n1.5,2,\n-0.25,3,\n",
        "a,b\n1.5,2,\n-0.25,3,\n",
        "a,b\n\n1.5,2\n\n\n-0.25,3\n\n",
        "Table of the year\nby hand\na,b\n1.5,2\n-0.25,3\n",
        "by hand\na,b\n1.5,2\n-0.25,3\n",
    ] {
        let table = all(text);
        assert_eq!(table.numbers, [[1.5, -0.25], [2.0, 3.0]], "{text}");
        assert_eq!(names(&table), ["a", "b"], "{text}");
    }
    // One column of decimal commas, which commas would divide.
    for text in ["a\n1,5\n-0,25\n", "1,5\n-0,25\n", "1,5\n2,05\n", "a\n1,5\n2\n"] {
        assert_eq!(all(text).numbers.len(), 1, "{text}");
        assert_eq!(all(text).numbers[0][0], 1.5, "{text}");
    }
    assert_eq!(all("1,5\n2,7\n").numbers, [[1.0, 2.0], [5.0, 7.0]]);
    // Thousands are no decimals.
    assert!(matches!(
        parse("a,b\n\"1,234\",5\n\"2,345\",6\n", Wanted::numbers(None, &[])),
        Err(DatasetError::NotANumber { .. })
    ));
    let labels = parse("colour\nlight blue\ndark red\n", Wanted::labels(Columns::Last, &[])).unwrap();
    assert_eq!(texts(&labels.labels[0]), ["light blue", "dark red"]);
    let labels = parse("colour, shape\nred, round\nblue\nred, flat\n", Wanted::labels(Columns::Last, &[]));
    assert!(matches!(labels, Err(DatasetError::FieldCount { line: 3, .. })));
}

#[test]
fn row_names_are_no_column() {
    let row_numbers: String = (0..12).map(|row| format!("{row},{}\n", row * 7 % 5)).collect();
    for (text, kept) in [
        (",a,b\n0,1,2\n1,3,4\n", &["a", "b"][..]),
        ("Unnamed: 0,a,b\n7,1,2\n3,3,4\n", &["a", "b"]),
        ("\"\",\"a\"\n\"1\",1\n\"2\",3\n", &["a"]),
        // R's write.table: a header of one field less.
        ("\"a\" \"b\"\n\"1\" 1 2\n\"2\" 3 4\n", &["a", "b"]),
        ("a b\n1 1 2\n2 3 4\n", &["a", "b"]),
        ("a,b\nMazda,1,2\nFord,3,4\n", &["a", "b"]),
        ("a,b\n7,1,2\n3,3,4\n", &["a", "b"]),
        ("a\n1,5\n2,7\n3,6\n", &["a"]),
        (&row_numbers, &["1"]),
    ] {
        let table = all(text);
        assert_eq!(names(&table), kept, "{text}");
        assert!(table.notes.iter().any(|note| note.contains("left out")), "{:?}", table.notes);
    }
    // A first column without a name that measures, and one with a name that counts.
    assert_eq!(all(",a\n0.5,1\n1.5,3\n").numbers.len(), 2);
    let counted: String = (0..12).map(|row| format!("{row},{}\n", row * 7 % 5)).collect();
    let table = all(&format!("id,a\n{counted}"));
    assert_eq!(table.numbers.len(), 2);
    assert!(table.notes[0].contains("column id numbers the rows, 0 to 11"), "{:?}", table.notes);
    // By number it can be had.
    let key = parse(",a\n0,1\n1,3\n", Wanted::numbers(Some("0"), &[])).unwrap();
    assert_eq!(key.numbers, [[0.0, 1.0]]);
}

#[test]
fn columns_are_named_or_numbered_or_both() {
    let text = "id,b,y,a,\"c,d\"\n1,7,0,1,9\n2,8,1,2,9\n";
    let read = |key| parse(text, Wanted::numbers(Some(key), &[])).map(|table| names(&table));
    assert_eq!(read("a,b").unwrap(), ["a", "b"]);
    assert_eq!(read("c,d").unwrap(), ["c,d"]);
    assert_eq!(read("1-3").unwrap(), ["b", "y", "a"]);
    assert_eq!(read("0, a").unwrap(), ["id", "a"]);
    let message = |key| read(key).unwrap_err().to_string();
    assert!(message("a,x").contains("nothing is called \"x\""), "{}", message("a,x"));
    assert!(message("9").contains("no column 9; columns are counted from 0, the last is 4"));
    assert!(message("a,a").contains("inputs = \"a\" twice"));
    let twice = parse("a,b,a\n1,2,3\n4,5,6\n", Wanted::numbers(Some("a"), &[])).err().unwrap().to_string();
    assert!(twice.contains("columns 0, 2 are all called a"), "{twice}");
    assert_eq!(
        parse("a,b,a\n1,2,3\n4,5,6\n", Wanted::numbers(Some("2"), &[])).unwrap().numbers,
        [[3.0, 6.0]]
    );
    // A name goes before a number.
    let numbered = ",2,1\n0,10,20\n1,11,21\n";
    let table = parse(numbered, Wanted::numbers(Some("1"), &[])).unwrap();
    assert_eq!(table.numbers, [[20.0, 21.0]]);
    let except = [Except { column: Column::Name("y".into()), reason: "it is the label".into() }];
    let table = parse(text, Wanted::numbers(None, &except)).unwrap();
    assert_eq!(names(&table), ["id", "b", "a", "c,d"]);
    assert!(table.notes.contains(&"y left out: it is the label".to_owned()), "{:?}", table.notes);
}

#[test]
fn inputs_and_label_are_told_apart() {
    let text = "id,b,y,a\nx1,7,0,1\nx2,8,1,2\n";
    let name = |name: &str| Column::Name(name.into());
    let (columns, label) = ([name("a"), name("b")], [name("y")]);
    let table = parse(text, both(Columns::These(&label), Columns::These(&columns))).unwrap();
    assert_eq!(
        (table.numbers.clone(), names(&table)),
        (vec![vec![1.0, 2.0], vec![7.0, 8.0]], vec!["a".into(), "b".into()])
    );
    let message = |columns: &[Column]| {
        parse(text, both(Columns::These(&label), Columns::These(columns))).err().unwrap().to_string()
    };
    assert!(message(&[name("a"), name("c")]).contains("there are: id, b, y, a"));
    assert!(message(&[name("y")]).contains("inputs = \"y\""));
    assert!(message(&[name("a"), Column::Index(3)]).contains("inputs = \"a\" twice"));
    assert!(message(&[name("id")]).contains("column id is \"x1\""));
    let table = parse("a,b,class\n1,2.5,cat\n-3e2, 4 ,dog\n", both(Columns::Last, Columns::All)).unwrap();
    assert_eq!(table.numbers, [[1.0, -300.0], [2.5, 4.0]]);
    assert_eq!(texts(&table.labels[0]), ["cat", "dog"]);
}

#[test]
fn what_is_missing_is_counted_and_never_a_value() {
    for word in ["", "NA", "NaN", "nan", "null", "None", "?", "-", "N/A"] {
        let table = all(&format!("a,b\n1,2\n{word},4\n5,6\n"));
        assert_eq!(table.missing, [1], "{word}");
        assert!(table.numbers[0][1].is_nan());
        let message = table.refuse_missing().unwrap_err().to_string();
        assert!(
            message
                .contains(&format!("1 of 3 rows lack a value; the first is in line 3, column a, \"{word}\"")),
            "{message}"
        );
        let labels =
            parse(&format!("a,g\n1,u\n2,{word}\n3,v\n"), Wanted::labels(Columns::Key("g"), &[])).unwrap();
        assert_eq!((texts(&labels.labels[0]), labels.missing), (vec!["u", "", "v"], vec![1]));
    }
    // Other columns do not matter.
    assert!(parse("a,b\n1,NA\n2,3\n", Wanted::numbers(Some("a"), &[])).unwrap().missing.is_empty());
    // Of one column an empty line is a row; after the last row it is none.
    assert_eq!(all("a\n1\n\n3\n\n").missing, [1]);
    assert_eq!(all("a\n1\n\"\"\n3\n").missing, [1]);
}

#[test]
fn yes_and_no_are_numbers_if_numbers_are_wanted() {
    let table = all("a,big\n0.5,TRUE\n1.5,FALSE\n");
    assert_eq!(table.numbers[1], [1.0, 0.0]);
    assert!(table.notes.contains(&"TRUE is 1, FALSE is 0".to_owned()));
    let labels = parse("big\nTrue\nFalse\n", Wanted::labels(Columns::Last, &[])).unwrap();
    assert_eq!(texts(&labels.labels[0]), ["True", "False"]);
}

#[test]
fn errors_name_line_and_column() {
    let message = |text| parse(text, both(Columns::Last, Columns::All)).err().unwrap().to_string();
    assert!(message("1,0\ninf,1\n").contains("line 2, column 0 is \"inf\"; allowed are finite numbers"));
    assert!(
        message("a,b,y\n1,x,0\n2,3,1\n")
            .contains("line 2, column b is \"x\"; allowed are finite numbers (columns of numbers: a)")
    );
    assert!(message("1,0\n1,1,1\n2,3\n").contains("line 2 has 3 fields; allowed are 2"));
    assert!(message("a,b\n").contains("no values"));
    assert!(message("").contains("no values"));
    assert!(message("# only a comment\n").contains("no values"));
    assert!(message("a,b\n1,2\n3,\"4\n").contains("the quoted text that begins in line 3"));
}

#[test]
fn a_line_after_a_comment_is_data_if_it_can_be() {
    let labels = |text: &str| {
        let table = parse(text, Wanted::labels(Columns::Key("0"), &[])).unwrap();
        texts(&table.labels[0]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(labels("color,n\n#ff0000,1\n#00ff00,2\n"), ["#ff0000", "#00ff00"]);
    assert_eq!(labels("#ff0000,1\n#00ff00,2\n"), ["#ff0000", "#00ff00"]);
    assert_eq!(all("# u\n1\n2\n# note\n3\n").numbers, [[1.0, 2.0, 3.0]]);
    assert_eq!(names(&all("# u\n1\n2\n")), ["u"]);
    assert!(all("# two words\n1\n2\n").names.is_none());
}

#[test]
fn a_single_line_of_labels_is_a_column_of_them() {
    let table = parse("0,1,0,0,1\n", Wanted::labels(Columns::Last, &[])).unwrap();
    assert_eq!((table.n_rows, texts(&table.labels[0])), (5, vec!["0", "1", "0", "0", "1"]));
}

#[test]
fn one_hot_columns_are_one_label() {
    let table = parse("a,b,c\n1,0,0\n0,0,1\n0,1,0\n", Wanted::labels(Columns::Last, &[])).unwrap();
    assert!(table.one_hot && table.labels.len() == 3);
    let table = parse("a,b,c\n1,0,1\n0,0,1\n0,1,0\n", Wanted::labels(Columns::Last, &[])).unwrap();
    assert_eq!(table.label_fields, [2]);
    assert_eq!(table.notes, ["labels are the last column, c"]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_give_the_same_twice(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }

    #[test]
    fn arbitrary_tables_never_panic_and_give_the_same_twice(text in "([-0-9a,;. \t\"#\r]{0,9}\n){0,8}[0-9,;\"]{0,5}") {
        check(text.as_bytes())?;
    }

    #[test]
    fn numbers_come_back_however_they_are_written(
        rows in prop::collection::vec((-1e6..1e6f64, -1e6..1e6f64), 2..20),
        separator in 0usize..5,
        decimal_comma in any::<bool>(),
        header in any::<bool>(),
    ) {
        let separator = [",", ";", "\t", "|", "  "][separator];
        let number = |value: f64| match decimal_comma && separator != "," {
            true => format!("{value:?}").replace('.', ","),
            false => format!("{value:?}"),
        };
        let lines = rows.iter().map(|&(a, b)| format!("{}{separator}{}\n", number(a), number(b)));
        let text = format!("{}{}", if header { format!("u{separator}v\n") } else { String::new() }, lines.collect::<String>());
        let table = parse(&text, Wanted::numbers(None, &[])).unwrap();
        prop_assert_eq!(&table.numbers, &[rows.iter().map(|row| row.0).collect::<Vec<_>>(), rows.iter().map(|row| row.1).collect()]);
        prop_assert_eq!(table.names.is_some(), header);
    }
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    for wanted in [
        Wanted::numbers(None, &[]),
        Wanted::numbers(Some("1"), &[]),
        Wanted::labels(Columns::Last, &[]),
        Wanted::labels(Columns::All, &[]),
        both(Columns::Last, Columns::All),
    ] {
        let read = || {
            let table = super::parse(Stream::of_bytes(bytes), wanted);
            table
                .map(|table| {
                    (table.n_rows, table.missing, table.notes, table.number_fields, table.label_fields)
                })
                .ok()
        };
        prop_assert_eq!(read(), read());
    }
    let format = || open(Stream::of_bytes(bytes), None).map(|opened| opened.format).ok();
    prop_assert_eq!(format(), format());
    Ok(())
}
