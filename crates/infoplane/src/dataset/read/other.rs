//! Formats that are not read: what to do about them, in a line.

/// What to do with a file of another format, told by the end of its name or its first bytes.
pub(super) fn advice(extension: &str, first: &[u8]) -> Option<String> {
    let pandas = |call: &str| {
        format!("save it as CSV: python -c \"import pandas as p; p.{call}.to_csv('table.csv', index=False)\"")
    };
    let unpack = |program: &str| format!("unpack it, or pipe it: {program} -dc FILE | infoplane … -");
    Some(match (extension, first) {
        ("parquet" | "pq", _) | (_, [b'P', b'A', b'R', b'1', ..]) => pandas("read_parquet('FILE')"),
        ("feather" | "arrow" | "ipc", _) | (_, [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [b'F', b'E', b'A', b'1', ..]) => {
            pandas("read_feather('FILE')")
        }
        ("jsonl" | "ndjson", _) => pandas("read_json('FILE', lines=True)"),
        ("json", _) => pandas("read_json('FILE')"),
        ("xlsx" | "xls" | "ods", _) => "save it as CSV in the spreadsheet".into(),
        ("dta", _) => pandas("read_stata('FILE')"),
        ("sav", _) => pandas("read_spss('FILE')"),
        ("sas7bdat" | "xpt", _) => pandas("read_sas('FILE')"),
        ("arff", _) => {
            "save it as CSV: python -c \"import pandas as p, scipy.io.arff as a; \
             p.DataFrame(a.loadarff('FILE')[0]).to_csv('table.csv', index=False)\""
                .into()
        }
        ("rds", _) => "save it as CSV: Rscript -e \"write.csv(readRDS('FILE'), 'table.csv', row.names=FALSE)\"".into(),
        ("rdata" | "rda", _) => "save what it holds as CSV in R: write.csv(x, 'table.csv', row.names=FALSE)".into(),
        ("pt" | "pth", _) => {
            "it runs code when it is loaded; save arrays: np.savez('acts.npz', **{k: v.numpy() for k, v in torch.load('FILE').items()})"
                .into()
        }
        ("pkl" | "pickle" | "joblib", _) | (_, [0x80, 2..=5, ..]) => {
            "it runs code when it is loaded; save a table as CSV, df.to_csv('table.csv', index=False), arrays with np.savez"
                .into()
        }
        ("bz2", _) | (_, [b'B', b'Z', b'h', ..]) => unpack("bzip2"),
        ("xz" | "lzma", _) | (_, [0xfd, b'7', b'z', b'X', b'Z', ..]) => unpack("xz"),
        ("zst", _) | (_, [0x28, 0xb5, 0x2f, 0xfd, ..]) => unpack("zstd"),
        ("7z" | "rar" | "tar" | "tgz", _) | (_, [b'7', b'z', 0xbc, 0xaf, ..]) => "unpack it".into(),
        _ => return None,
    })
}
