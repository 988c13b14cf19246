//! Collects what is wrong with every field, so that a caller learns all of it at once.

use std::collections::BTreeMap;
use std::fmt::Display;

use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::problem::code::Code;
use crate::problem::{FieldProblem, Problem};

/// The fields of one request that break a rule.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    problems: BTreeMap<String, FieldProblem>,
}

impl Fields {
    /// Begins with what the DTO's own declarations say.
    pub(crate) fn of(dto: &impl Validate) -> Self {
        let mut fields = Self::default();
        if let Err(errors) = dto.validate() {
            fields.add_all("", &errors);
        }
        fields
    }

    fn add_all(&mut self, parent: &str, errors: &ValidationErrors) {
        for (name, kind) in errors.errors() {
            let name = format!("{parent}{name}");
            match kind {
                ValidationErrorsKind::Field(errors) => {
                    for error in errors {
                        let message = match &error.message {
                            Some(message) => message.to_string(),
                            None => format!("breaks the rule `{}`", error.code),
                        };
                        self.refuse(&name, "invalid_format", message);
                    }
                }
                ValidationErrorsKind::Struct(nested) => self.add_all(&format!("{name}."), nested),
                ValidationErrorsKind::List(items) => {
                    for (index, nested) in items {
                        self.add_all(&format!("{name}[{index}]."), nested);
                    }
                }
            }
        }
    }

    /// Notes that a field breaks a rule; the first reason stands.
    pub(crate) fn refuse(&mut self, name: &str, error_code: &str, message: impl Display) {
        self.problems
            .entry(name.to_owned())
            .or_insert_with(|| FieldProblem {
                error_code: error_code.to_owned(),
                developer_message: message.to_string(),
            });
    }

    /// Parses a field, or notes why it cannot be.
    pub(crate) fn parse<T, E: Display>(
        &mut self,
        name: &str,
        error_code: &str,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, error_code, error);
                None
            }
        }
    }

    /// What was built from the fields, if none of them is at fault.
    pub(crate) fn finish<T>(self, built: Option<T>) -> Result<T, Problem> {
        match built {
            Some(value) if self.problems.is_empty() => Ok(value),
            Some(_) | None => {
                let names: Vec<&str> = self.problems.keys().map(String::as_str).collect();
                let detail = format!("not valid: {}", names.join(", "));
                Err(Problem::new(Code::ValidationFailed)
                    .detail(detail)
                    .fields(self.problems))
            }
        }
    }
}
