//! Who owns a count of replicas: the workload itself, or an autoscaler, which has bounds for it in
//! place of a count. A chain is followed to its end: `KEDA`'s `ScaledObject` makes an autoscaler and
//! would put its bounds back.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds;
use crate::field::{Image, Path, Projection};

/// The autoscaler of the cluster.
pub const AUTOSCALER: &str = "HorizontalPodAutoscaler";
/// `KEDA`'s, which makes one of those.
pub const SCALED_OBJECT: &str = "keda.sh/ScaledObject";

/// A kind that owns counts: where it has its bounds, and what they are where they are left out.
#[derive(Debug, PartialEq, Eq)]
struct Scaler {
    kind: &'static str,
    minimum: [&'static str; 2],
    maximum: [&'static str; 2],
    least: i64,
    most: i64,
    /// The annotation that stops it at a count.
    pause: Option<&'static str>,
}

/// Both kinds. A [`SCALED_OBJECT`] is asked for after the [`AUTOSCALER`].
static SCALERS: [Scaler; 2] = [
    Scaler {
        kind: AUTOSCALER,
        minimum: ["spec", "minReplicas"],
        maximum: ["spec", "maxReplicas"],
        least: 1,
        most: i64::MAX,
        pause: None,
    },
    Scaler {
        kind: SCALED_OBJECT,
        minimum: ["spec", "minReplicaCount"],
        maximum: ["spec", "maxReplicaCount"],
        least: 0,
        most: 100,
        pause: Some("autoscaling.keda.sh/paused-replicas"),
    },
];

impl Scaler {
    fn pause(&self) -> Option<Path> {
        Some(Path::fields(["metadata", "annotations", self.pause?]))
    }
}

/// The kinds that are asked for, each with the fields that are read.
pub fn asked() -> impl Iterator<Item = (&'static str, Vec<Path>)> {
    SCALERS.iter().map(|scaler| {
        let mut paths = vec![
            scaled(),
            owned_by(),
            Path::fields(scaler.minimum),
            Path::fields(scaler.maximum),
        ];
        paths.extend(scaler.pause());
        paths.sort();
        (scaler.kind, paths)
    })
}

fn scaled() -> Path {
    Path::fields(["spec", "scaleTargetRef"])
}

fn owned_by() -> Path {
    Path::fields(["metadata", "ownerReferences"])
}

/// Namespace, group, kind and name of a workload.
pub type Owned = (String, String, String, String);

/// The owners of counts in some namespaces.
#[derive(Debug, Default)]
pub struct Owners<'a> {
    by_workload: BTreeMap<Owned, Vec<Owner<'a>>>,
}

/// An autoscaler that owns a count.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The autoscaler.
    pub object: &'a Projection,
    scaler: &'static Scaler,
}

/// What a count is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// This, whatever the load.
    Fixed(i64),
    /// At least this where it grows, at most this where it shrinks.
    From {
        /// What it is.
        base: i64,
        /// What it is to become.
        after: i64,
    },
    /// Whatever the load asks for between these.
    Within {
        /// At least.
        minimum: Option<i64>,
        /// At most; it has the last word.
        maximum: Option<i64>,
    },
}

impl Aim {
    /// The bounds that bring a count there, where they are `least` and `most` now.
    fn bounds(self, least: i64, most: i64) -> (i64, i64) {
        match self {
            Self::Fixed(count) => (count, count),
            Self::From { base, after } if after >= base => {
                let lower = least.max(after);
                (lower, most.max(lower))
            }
            Self::From { after, .. } => {
                let upper = most.min(after);
                (least.min(upper), upper)
            }
            Self::Within { minimum, maximum } => {
                let lower = minimum.map_or(least, |minimum| least.max(minimum));
                let upper = most.max(lower);
                let upper = maximum.map_or(upper, |maximum| upper.min(maximum));
                (lower.min(upper), upper)
            }
        }
    }
}

/// What an autoscaler keeps a count to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The workload.
    pub of: Owned,
    /// At least.
    pub least: i64,
    /// At most.
    pub most: i64,
}

/// What an autoscaler keeps a count to once these of its fields are changed; nothing where the
/// object is none.
pub fn kept<'a>(object: &Projection, changed: impl Fn(&Path) -> Option<&'a Image>) -> Option<Kept> {
    let target = &object.target;
    let kind = match kinds::group_of(&target.api_version) {
        "autoscaling" => target.kind.clone(),
        group => format!("{group}/{}", target.kind),
    };
    let scaler = SCALERS.iter().find(|scaler| scaler.kind == kind)?;
    let owner = Owner { object, scaler };
    let value = |path: &Path| match changed(path) {
        Some(image) => image.value(),
        None => owner.value(path),
    };
    let bound = |names, otherwise| {
        let value = value(&Path::fields(names)).and_then(Value::as_i64);
        value.unwrap_or(otherwise)
    };
    let stopped = scaler.pause().and_then(|pause| {
        let count = value(&pause)?.as_str()?;
        count.parse::<i64>().ok()
    });
    let (least, most) = match stopped {
        Some(count) => (count, count),
        None => (
            bound(scaler.minimum, scaler.least),
            bound(scaler.maximum, scaler.most),
        ),
    };
    Some(Kept {
        of: owner.scales(),
        least,
        most,
    })
}

/// A field through which an owner is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Which field.
    pub path: Path,
    /// What it holds.
    pub base: Image,
    /// What it is to hold.
    pub after: Image,
    /// What that means, in a sentence.
    pub why: String,
}

impl<'a> Owners<'a> {
    /// Reads who owns what, of the objects of the kinds of [`asked`], in that order.
    pub fn read(found: &'a [Vec<Projection>]) -> Self {
        let mut owners = Self::default();
        for (scaler, objects) in SCALERS.iter().zip(found) {
            for object in objects {
                let owner = Owner { object, scaler };
                let named = owners.by_workload.entry(owner.scales()).or_default();
                named.push(owner);
            }
        }
        owners
    }

    /// The owner of a workload's count; nothing where that is the workload's own.
    ///
    /// # Errors
    /// Why nobody can be told, in a sentence: several would have to be, or one that is made by
    /// something else.
    pub fn of(&self, workload: &Projection) -> Result<Option<Owner<'a>>, String> {
        let target = &workload.target;
        let place = (
            target.namespace.clone(),
            kinds::group_of(&target.api_version).to_owned(),
            target.kind.clone(),
            target.name.clone(),
        );
        let all = self.by_workload.get(&place).map_or(&[][..], Vec::as_slice);
        // What one of the others made is told through that.
        let is_made = |owner: &&Owner<'_>| {
            let maker = owner.maker();
            maker.is_some_and(|(_, _, uid)| all.iter().any(|one| *one.object.target.uid == *uid))
        };
        let tops: Vec<&Owner<'a>> = all.iter().filter(|owner| !is_made(owner)).collect();
        let [top] = tops.as_slice() else {
            let names: Vec<String> = tops.iter().map(|owner| owner.named()).collect();
            return match names.as_slice() {
                [] => Ok(None),
                names => Err(format!(
                    "{} both own its count of replicas and undo each other: let one of them go",
                    names.join(" and ")
                )),
            };
        };
        if let Some((kind, name, _)) = top.maker() {
            return Err(format!(
                "{} owns its count of replicas and is made by {kind} {name}, which would put its \
                 own bounds back: let a `patch` change {kind} {name}, or let it go",
                top.named()
            ));
        }
        if let Some(why) = kinds::left_alone(top.object, false) {
            return Err(format!(
                "{} owns its count of replicas, and {why}",
                top.named()
            ));
        }
        Ok(Some(**top))
    }
}

impl Owner<'_> {
    /// Kind and name, as people read them.
    pub fn named(&self) -> String {
        let target = &self.object.target;
        format!("{} {}", target.kind, target.name)
    }

    fn value(&self, path: &Path) -> Option<&Value> {
        self.object.field(path).and_then(|seen| seen.image.value())
    }

    /// The workload whose count it owns. A `ScaledObject` may leave out that it is a Deployment.
    fn scales(&self) -> Owned {
        let reference = self.value(&scaled());
        let text = |key: &str| {
            let value = reference.and_then(|reference| reference.get(key));
            value.and_then(Value::as_str).unwrap_or_default()
        };
        let (api_version, kind) = match (text("apiVersion"), text("kind")) {
            ("", "") if self.scaler.kind == SCALED_OBJECT => ("apps/v1", "Deployment"),
            ("", kind) if self.scaler.kind == SCALED_OBJECT => ("apps/v1", kind),
            said => said,
        };
        (
            self.object.target.namespace.clone(),
            kinds::group_of(api_version).to_owned(),
            kind.to_owned(),
            text("name").to_owned(),
        )
    }

    /// The least that it lets the count be, where it says so.
    pub fn least(&self) -> Option<i64> {
        let seen = self.object.field(&Path::fields(self.scaler.minimum))?;
        kinds::number(&seen.image)
    }

    /// Kind, name and uid of what made it and keeps it as it is.
    fn maker(&self) -> Option<(&str, &str, &str)> {
        let references = self.value(&owned_by())?.as_array()?;
        let controller = references
            .iter()
            .find(|reference| reference["controller"] == true)?;
        let text = |key: &str| controller[key].as_str().unwrap_or_default();
        Some((text("kind"), text("name"), text("uid")))
    }

    /// Whether it has no say while there are no replicas.
    pub fn sleeps_at_none(&self) -> bool {
        self.scaler.pause.is_none()
    }

    /// What to tell it so that the count becomes what is aimed at. Nothing where it does that already.
    pub fn told(&self, aim: Aim) -> Vec<Told> {
        if let (Some(pause), Aim::Fixed(count) | Aim::From { after: count, .. }) =
            (self.scaler.pause(), aim)
        {
            let is_paused = self.value(&pause).is_some();
            if matches!(aim, Aim::Fixed(_)) || is_paused || count == 0 {
                let why = format!("{} is stopped there", self.named());
                let stopped = self.one(pause, Value::from(count.to_string()), why);
                return stopped.into_iter().collect();
            }
        }
        let (minimum, maximum) = (self.scaler.minimum, self.scaler.maximum);
        let bound = |names, otherwise| {
            let value = self.value(&Path::fields(names)).and_then(Value::as_i64);
            value.unwrap_or(otherwise)
        };
        let (least, most) = (
            bound(minimum, self.scaler.least),
            bound(maximum, self.scaler.most),
        );
        let (lower, upper) = aim.bounds(least, most);
        let mut told = Vec::new();
        if lower != least {
            let why = format!("{} keeps at least {lower}", self.named());
            told.extend(self.one(Path::fields(minimum), lower.into(), why));
        }
        if upper != most {
            let why = format!("{} keeps to at most {upper}", self.named());
            told.extend(self.one(Path::fields(maximum), upper.into(), why));
        }
        told
    }

    fn one(&self, path: Path, after: Value, why: String) -> Option<Told> {
        let seen = self.object.field(&path);
        let base = seen.map_or(Image::Absent, |seen| seen.image.clone());
        let after = Image::Present(after);
        (base != after).then_some(Told {
            path,
            base,
            after,
            why,
        })
    }
}

#[cfg(test)]
mod tests;
