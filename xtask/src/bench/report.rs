//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::{kubectl, median, mode, raw};

/// One pair: the same fleet, one after the other.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The raw client, as it was before and after the operator.
    pub raw: raw::Measured,
    /// The switch by the operator.
    pub switch: mode::Measured,
    /// Its return.
    pub restore: mode::Measured,
    /// Bytes of the mode's journal, by kind of record.
    pub journal: Vec<(String, usize)>,
}

/// All pairs of one size.
#[derive(Clone, Debug)]
pub struct Size {
    /// How many targets.
    pub targets: usize,
    /// The pairs.
    pub pairs: Vec<Pair>,
}

/// Memory and rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// How many targets.
    pub targets: usize,
    /// Before any mode, in KiB.
    pub idle: u64,
    /// The most up to Active, listing included, in KiB.
    pub switch: u64,
    /// At rest while Active, in KiB.
    pub rest: u64,
    /// The most up to Closed, in KiB.
    pub restore: u64,
    /// Requests at rest, watches and the lease left out.
    pub requests_at_rest: usize,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Sizes with their pairs.
    pub sizes: Vec<Size>,
    /// Memory and rest.
    pub memory: Memory,
    /// Milliseconds of the pure plan of 10,000 projections.
    pub plan: f64,
    /// kubectl.
    pub kubectl: kubectl::Measured,
}

impl Size {
    fn median(&self, figure: impl Fn(&Pair) -> f64) -> f64 {
        median(self.pairs.iter().map(figure))
    }

    /// The lowest and the highest.
    fn spread(&self, figure: impl Fn(&Pair) -> f64) -> [f64; 2] {
        let all = || self.pairs.iter().map(&figure);
        let (lowest, highest) = (all().reduce(f64::min), all().reduce(f64::max));
        [lowest, highest].map(Option::unwrap_or_default)
    }

    fn switch(&self) -> Value {
        let per_target = self.targets as f64;
        json!({
            "spread": self.spread(|p| p.switch.rate / p.raw.switch.rate),
            "ratio": self.median(|p| p.switch.rate / p.raw.switch.rate),
            "ratio_from_first_write": self.median(|p| p.switch.rate_of_writes / p.raw.switch.rate),
            "rate": self.median(|p| p.switch.rate),
            "raw_rate": self.median(|p| p.raw.switch.rate),
            "seconds": self.median(|p| p.switch.seconds),
            "requests_per_target": self.median(|p| p.switch.requests.len() as f64 / per_target),
            "bytes_ratio": self.median(|p| p.switch.bytes as f64 / p.raw.switch.bytes as f64),
            "requests": kinds(self.pairs.iter().map(|p| &p.switch)),
        })
    }

    fn restore(&self) -> Value {
        let per_target = self.targets as f64;
        let raw_bytes = |p: &Pair| (p.raw.restore.bytes + p.raw.owners.bytes) as f64;
        json!({
            "spread": self.spread(|p| p.restore.rate / p.raw.restore.rate),
            "ratio": self.median(|p| p.restore.rate / p.raw.restore.rate),
            "ratio_from_first_write": self.median(|p| p.restore.rate_of_writes / p.raw.restore.rate),
            "rate": self.median(|p| p.restore.rate),
            "raw_rate": self.median(|p| p.raw.restore.rate),
            "seconds": self.median(|p| p.restore.seconds),
            "requests_per_target": self.median(|p| p.restore.requests.len() as f64 / per_target),
            "bytes_ratio": self.median(|p| p.restore.bytes as f64 / raw_bytes(p)),
            "requests": kinds(self.pairs.iter().map(|p| &p.restore)),
        })
    }

    fn journal(&self) -> Value {
        let per_change = |wanted: Option<&str>| {
            self.median(|p| {
                let of = p.journal.iter();
                let bytes: usize = of
                    .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == kind))
                    .map(|(_, bytes)| bytes)
                    .sum();
                bytes as f64 / self.targets as f64
            })
        };
        json!({
            "bytes_per_change": per_change(None),
            "plan": per_change(Some("Plan")),
            "intents": per_change(Some("Intents")),
            "outcomes": per_change(Some("Outcomes")),
        })
    }
}

/// What was sent, by verb and kind, as the median run sent it.
fn kinds<'a>(runs: impl Iterator<Item = &'a mode::Measured>) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for run in runs {
        let mut own: BTreeMap<String, f64> = BTreeMap::new();
        for request in &run.requests {
            *own.entry(request.kind()).or_default() += 1.0;
        }
        for (kind, count) in own {
            counts.entry(kind).or_default().push(count);
        }
    }
    counts
        .into_iter()
        .map(|(kind, all)| (kind, median(all)))
        .collect()
}

impl Report {
    /// One object. A figure at the top is the worst of the sizes.
    pub fn json(&self) -> Value {
        let sizes: Vec<Value> = self
            .sizes
            .iter()
            .map(|size| {
                json!({
                    "targets": size.targets, "pairs": size.pairs.len(),
                    "switch": size.switch(), "restore": size.restore(), "journal": size.journal(),
                })
            })
            .collect();
        let worst = |pointer: &str, least: bool| {
            let all = sizes
                .iter()
                .filter_map(|size| size.pointer(pointer)?.as_f64());
            let worst = if least {
                all.reduce(f64::min)
            } else {
                all.reduce(f64::max)
            };
            json!(worst)
        };
        let direction = |name: &str| {
            let at = |figure: &str, least| worst(&format!("/{name}/{figure}"), least);
            json!({
                "ratio": at("ratio", true),
                "ratio_from_first_write": at("ratio_from_first_write", true),
                "requests_per_target": at("requests_per_target", false),
                "bytes_ratio": at("bytes_ratio", false),
            })
        };
        let memory = &self.memory;
        let above = |kib: u64| kib.saturating_sub(memory.idle) as f64 / 1024.0;
        json!({
            "switch": direction("switch"),
            "restore": direction("restore"),
            "journal": {"bytes_per_change": worst("/journal/bytes_per_change", false)},
            "memory": {
                "targets": memory.targets,
                "mib_idle": memory.idle as f64 / 1024.0,
                "mib_above_idle": above(memory.switch),
                "mib_above_idle_at_rest": above(memory.rest),
                "mib_above_idle_restore": above(memory.restore),
            },
            "plan": {"ms_10000": self.plan},
            "rest": {"requests": memory.requests_at_rest},
            "kubectl": {"by_name_rate": self.kubectl.by_name, "xargs_rate": self.kubectl.xargs},
            "sizes": sizes,
        })
    }

    /// A table.
    pub fn text(&self) -> String {
        let json = self.json();
        let mut text = String::from("figure                                 measured     wanted\n");
        for (name, pointer, wanted) in ROWS {
            let figure = json.pointer(pointer).and_then(Value::as_f64);
            let figure = figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.3}"));
            let _ = writeln!(text, "{name:<36} {figure:>10}     {wanted}");
        }
        for size in json["sizes"].as_array().into_iter().flatten() {
            let _ = writeln!(
                text,
                "\n{} targets, {} pairs",
                size["targets"], size["pairs"]
            );
            for direction in ["switch", "restore"] {
                let of = &size[direction];
                let figure = |name: &str| of[name].as_f64().unwrap_or_default();
                let _ = writeln!(
                    text,
                    "  {direction:<8} {:>7.1}/s, raw {:>7.1}/s, ratio {:.3} ({:.3} to {:.3}; {:.3} from the \
                     first write), {:.4} requests a target, bytes {:.3} × raw, {:.1} s in all",
                    figure("rate"),
                    figure("raw_rate"),
                    figure("ratio"),
                    of["spread"][0].as_f64().unwrap_or_default(),
                    of["spread"][1].as_f64().unwrap_or_default(),
                    figure("ratio_from_first_write"),
                    figure("requests_per_target"),
                    figure("bytes_ratio"),
                    figure("seconds"),
                );
                let _ = writeln!(text, "           sent: {}", of["requests"]);
            }
            let _ = writeln!(text, "  journal  bytes a change: {}", size["journal"]);
        }
        text
    }
}

/// The rows of the table: name, place, and what is wanted.
const ROWS: &[(&str, &str, &str)] = &[
    ("switch: rate / raw rate", "/switch/ratio", "≥ 0.90"),
    (
        "switch: requests a target",
        "/switch/requests_per_target",
        "≤ 1.03",
    ),
    ("switch: bytes / raw bytes", "/switch/bytes_ratio", "≤ 1.3"),
    ("restore: rate / raw rate", "/restore/ratio", "≥ 0.90"),
    (
        "restore: requests a target",
        "/restore/requests_per_target",
        "≤ 2.06",
    ),
    ("restore: bytes / raw bytes", "/restore/bytes_ratio", ""),
    (
        "journal: bytes a change",
        "/journal/bytes_per_change",
        "≤ 400",
    ),
    ("memory above idle, MiB", "/memory/mib_above_idle", "≤ 64"),
    (
        "memory above idle at rest, MiB",
        "/memory/mib_above_idle_at_rest",
        "",
    ),
    (
        "memory above idle, restore, MiB",
        "/memory/mib_above_idle_restore",
        "",
    ),
    ("plan of 10,000 projections, ms", "/plan/ms_10000", "≤ 100"),
    ("requests at rest", "/rest/requests", "0"),
    (
        "kubectl scale by name, targets/s",
        "/kubectl/by_name_rate",
        "",
    ),
    (
        "xargs -P8 kubectl scale, targets/s",
        "/kubectl/xargs_rate",
        "",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs read these names from the last line.
    #[test]
    fn the_object_has_the_documented_figures() {
        let pair = Pair {
            raw: raw::Measured::default(),
            switch: mode::Measured::default(),
            restore: mode::Measured::default(),
            journal: vec![("Plan".into(), 40)],
        };
        let size = Size {
            targets: 4,
            pairs: vec![pair],
        };
        let report = Report {
            sizes: vec![size],
            ..Report::default()
        };
        let json = report.json();
        assert_eq!(
            json.pointer("/journal/bytes_per_change"),
            Some(&json!(10.0))
        );
        for (name, pointer, _) in ROWS {
            assert!(json.pointer(pointer).is_some(), "{name}");
        }
        assert!(report.text().contains("4 targets, 1 pairs"));
    }
}
