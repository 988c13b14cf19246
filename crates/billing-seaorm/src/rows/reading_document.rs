//! What the provider said while an event was decided, as a document in the event's row.

use billing_domain::checkout::ports::{ProviderInvoice, ProviderSession, SessionStatus};
use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::reading::Reading;
use billing_domain::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use billing_domain::subscriptions::subscription::{
    SubscriptionFacts, SubscriptionReport, SubscriptionStatus,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, json_text, micros};

/// The column; absent where nothing was asked, which is nearly always.
pub(crate) fn readings_text(readings: &[Reading]) -> Option<String> {
    if readings.is_empty() {
        return None;
    }
    let documents: Vec<ReadingDocument> = readings.iter().map(ReadingDocument::of).collect();
    Some(json_text(&documents))
}

/// Reads the column.
pub(crate) fn read_readings(cells: &Cells, text: Option<&str>) -> Result<Vec<Reading>, StoreError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let documents: Vec<ReadingDocument> = cells.json("readings", text)?;
    let readings = documents.into_iter().map(ReadingDocument::reading);
    readings
        .map(|reading| cells.present("readings", reading))
        .collect()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ReadingDocument {
    Session {
        id: String,
        answer: Option<SessionDocument>,
    },
    Invoice {
        id: String,
        answer: Option<InvoiceDocument>,
    },
    Subscription {
        id: String,
        answer: Option<SubscriptionDocument>,
    },
    Customer {
        id: String,
        answer: Option<CustomerDocument>,
    },
    CatalogueItem {
        id: String,
        answer: Option<CatalogueDocument>,
    },
}

/// Without the address, which is personal and nothing that is proved rests on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerDocument {
    is_deleted: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueDocument {
    is_price: bool,
    is_active: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionDocument {
    intent_id: Option<Uuid>,
    status: String,
    customer: Option<String>,
    subscription: Option<String>,
    invoice: Option<String>,
    is_paid: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceDocument {
    customer: Option<String>,
    subscription: Option<String>,
    intent_id: Option<Uuid>,
    is_paid: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionDocument {
    intent_id: Option<Uuid>,
    customer: String,
    status: String,
    quantity: u32,
    price: Option<String>,
    period_start: Option<i64>,
    period_end: Option<i64>,
    trial_end: Option<i64>,
    cancel_at: Option<i64>,
    canceled_at: Option<i64>,
    ended_at: Option<i64>,
    has_pending_update: bool,
}

const SESSION_STATUSES: [(SessionStatus, &str); 3] = [
    (SessionStatus::Open, "open"),
    (SessionStatus::Complete, "complete"),
    (SessionStatus::Expired, "expired"),
];

fn text(reference: Option<&ProviderRef>) -> Option<String> {
    reference.map(ToString::to_string)
}

/// A text or a number that no reading has.
struct Senseless;

/// What makes no sense is an error; absent stays absent.
fn reference(text: Option<&str>) -> Result<Option<ProviderRef>, Senseless> {
    text.map(ProviderRef::parse)
        .transpose()
        .map_err(|_| Senseless)
}

fn time(micros: Option<i64>) -> Result<Option<Timestamp>, Senseless> {
    micros
        .map(Timestamp::from_unix_micros)
        .transpose()
        .map_err(|_| Senseless)
}

impl ReadingDocument {
    fn of(reading: &Reading) -> Self {
        match reading {
            Reading::Session(id, answer) => Self::Session {
                id: id.to_string(),
                answer: answer.as_ref().map(SessionDocument::of),
            },
            Reading::Invoice(id, answer) => Self::Invoice {
                id: id.to_string(),
                answer: answer.as_ref().map(InvoiceDocument::of),
            },
            Reading::Subscription(id, answer) => Self::Subscription {
                id: id.to_string(),
                answer: answer.as_ref().map(SubscriptionDocument::of),
            },
            Reading::Customer(id, answer) => Self::Customer {
                id: id.to_string(),
                answer: answer.as_ref().map(|report| CustomerDocument {
                    is_deleted: report.is_deleted,
                }),
            },
            Reading::CatalogueItem(id, answer) => Self::CatalogueItem {
                id: id.to_string(),
                answer: answer.as_ref().map(|report| CatalogueDocument {
                    is_price: report.item == CatalogueItem::Price,
                    is_active: report.is_active,
                }),
            },
        }
    }

    fn reading(self) -> Option<Reading> {
        Some(match self {
            Self::Session { id, answer } => {
                let id = ProviderRef::parse(&id).ok()?;
                let answer = match answer {
                    Some(document) => Some(document.session(id.clone())?),
                    None => None,
                };
                Reading::Session(id, answer)
            }
            Self::Invoice { id, answer } => {
                let id = ProviderRef::parse(&id).ok()?;
                let answer = match answer {
                    Some(document) => Some(document.invoice(id.clone())?),
                    None => None,
                };
                Reading::Invoice(id, answer)
            }
            Self::Subscription { id, answer } => {
                let id = ProviderRef::parse(&id).ok()?;
                let answer = match answer {
                    Some(document) => Some(document.report(id.clone())?),
                    None => None,
                };
                Reading::Subscription(id, answer)
            }
            Self::Customer { id, answer } => {
                let id = ProviderRef::parse(&id).ok()?;
                let answer = answer.map(|document| CustomerReport {
                    id: id.clone(),
                    email: None,
                    is_deleted: document.is_deleted,
                });
                Reading::Customer(id, answer)
            }
            Self::CatalogueItem { id, answer } => {
                let id = ProviderRef::parse(&id).ok()?;
                let answer = answer.map(|document| document.report(id.clone()));
                Reading::CatalogueItem(id, answer)
            }
        })
    }
}

impl CatalogueDocument {
    fn report(&self, id: ProviderRef) -> CatalogueReport {
        let item = if self.is_price {
            CatalogueItem::Price
        } else {
            CatalogueItem::Product
        };
        CatalogueReport {
            item,
            id,
            is_active: self.is_active,
        }
    }
}

impl SessionDocument {
    fn of(session: &ProviderSession) -> Self {
        let ProviderSession {
            id: _,
            intent_id,
            status,
            customer,
            subscription,
            invoice,
            is_paid,
        } = session;
        let status = SESSION_STATUSES
            .iter()
            .find(|(of, _)| of == status)
            .map_or("", |(_, name)| name);
        Self {
            intent_id: intent_id.map(|id| id.uuid()),
            status: status.to_owned(),
            customer: text(customer.as_ref()),
            subscription: text(subscription.as_ref()),
            invoice: text(invoice.as_ref()),
            is_paid: *is_paid,
        }
    }

    fn session(self, id: ProviderRef) -> Option<ProviderSession> {
        let status = SESSION_STATUSES
            .iter()
            .find(|(_, name)| *name == self.status);
        Some(ProviderSession {
            id,
            intent_id: self.intent_id.map(IntentId::from_uuid),
            status: status?.0,
            customer: reference(self.customer.as_deref()).ok()?,
            subscription: reference(self.subscription.as_deref()).ok()?,
            invoice: reference(self.invoice.as_deref()).ok()?,
            is_paid: self.is_paid,
        })
    }
}

impl InvoiceDocument {
    fn of(invoice: &ProviderInvoice) -> Self {
        let ProviderInvoice {
            id: _,
            customer,
            subscription,
            intent_id,
            is_paid,
        } = invoice;
        Self {
            customer: text(customer.as_ref()),
            subscription: text(subscription.as_ref()),
            intent_id: intent_id.map(|id| id.uuid()),
            is_paid: *is_paid,
        }
    }

    fn invoice(self, id: ProviderRef) -> Option<ProviderInvoice> {
        Some(ProviderInvoice {
            id,
            customer: reference(self.customer.as_deref()).ok()?,
            subscription: reference(self.subscription.as_deref()).ok()?,
            intent_id: self.intent_id.map(IntentId::from_uuid),
            is_paid: self.is_paid,
        })
    }
}

impl SubscriptionDocument {
    fn of(report: &SubscriptionReport) -> Self {
        let SubscriptionReport { intent_id, facts } = report;
        let SubscriptionFacts {
            provider_id: _,
            customer,
            status,
            quantity,
            price,
            period_start,
            period_end,
            trial_end,
            cancel_at,
            canceled_at,
            ended_at,
            has_pending_update,
        } = facts;
        Self {
            intent_id: intent_id.map(|id| id.uuid()),
            customer: customer.to_string(),
            status: status.name().to_owned(),
            quantity: *quantity,
            price: text(price.as_ref()),
            period_start: micros(*period_start),
            period_end: micros(*period_end),
            trial_end: micros(*trial_end),
            cancel_at: micros(*cancel_at),
            canceled_at: micros(*canceled_at),
            ended_at: micros(*ended_at),
            has_pending_update: *has_pending_update,
        }
    }

    fn report(self, id: ProviderRef) -> Option<SubscriptionReport> {
        Some(SubscriptionReport {
            intent_id: self.intent_id.map(IntentId::from_uuid),
            facts: SubscriptionFacts {
                provider_id: id,
                customer: ProviderRef::parse(&self.customer).ok()?,
                status: SubscriptionStatus::parse(&self.status)?,
                quantity: self.quantity,
                price: reference(self.price.as_deref()).ok()?,
                period_start: time(self.period_start).ok()?,
                period_end: time(self.period_end).ok()?,
                trial_end: time(self.trial_end).ok()?,
                cancel_at: time(self.cancel_at).ok()?,
                canceled_at: time(self.canceled_at).ok()?,
                ended_at: time(self.ended_at).ok()?,
                has_pending_update: self.has_pending_update,
            },
        })
    }
}
