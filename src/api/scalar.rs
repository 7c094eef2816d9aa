//! Scalars of playbooks: plain values, and places where `${parameters.x}` may stand for one.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A parameter's value: a boolean, a whole number or a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A boolean, a whole number or a text.",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}

macro_rules! int_or_reference {
    ($(#[$doc:meta])* $name:ident, $minimum:expr, $maximum:expr, $what:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(untagged)]
        pub enum $name {
            /// The number itself.
            Int(i64),
            /// `${parameters.x}`, which stands for the whole number.
            Reference(String),
        }

        impl $name {
            /// The smallest number that is accepted.
            pub const MINIMUM: i64 = $minimum;
            /// The largest number that is accepted.
            pub const MAXIMUM: i64 = $maximum;
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": $what,
                    "x-kubernetes-int-or-string": true,
                    "x-kubernetes-validations": [{
                        "rule": format!(
                            "type(self) == int ? (self >= {0} && self <= {1}) : self.matches('^\\\\$\\\\{{parameters\\\\.[A-Za-z][A-Za-z0-9_]*\\\\}}$')",
                            $minimum, $maximum
                        ),
                        "message": format!("must be a whole number from {} to {}, or ${{parameters.NAME}}", $minimum, $maximum),
                    }],
                    "maxLength": 128,
                })
            }
        }
    };
}

int_or_reference!(
    /// A number of replicas, or the parameter that holds it.
    Count, 0, 100_000, "A number of replicas (0 to 100000), or ${parameters.NAME}."
);
int_or_reference!(
    /// A percentage of the peacetime value, or the parameter that holds it.
    Percent, 0, 10_000, "A percentage of the peacetime value (0 to 10000), or ${parameters.NAME}."
);
