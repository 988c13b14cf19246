//! The conversation with the provider as documents in the columns of an intent.

use billing_domain::checkout::intent::{
    Checkout, CheckoutRequest, CheckoutUi, OpenedSession, Quantity,
};
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::PriceId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Cells, json_text};

/// The columns that depend on the state of the conversation.
pub(crate) struct CheckoutCells {
    pub(crate) request: Option<String>,
    pub(crate) requested_at: Option<Timestamp>,
    pub(crate) session: Option<String>,
}

/// Writes the conversation out.
pub(crate) fn checkout_cells(checkout: &Checkout) -> CheckoutCells {
    let (request, requested_at, session) = match checkout {
        Checkout::NotStarted => (None, None, None),
        Checkout::Closed {
            attempt: _,
            request,
        } => (Some(request), None, None),
        Checkout::Requested {
            attempt: _,
            request,
            requested_at,
        } => (Some(request), Some(*requested_at), None),
        Checkout::Opened {
            attempt: _,
            request,
            session,
        } => (Some(request), None, Some(session)),
    };
    CheckoutCells {
        request: request.map(|request| json_text(&RequestDocument::of(request))),
        requested_at,
        session: session.map(|session| json_text(&SessionDocument::of(session))),
    }
}

/// Reads the column `checkout_request`.
pub(crate) fn read_request(cells: &Cells, text: &str) -> Result<CheckoutRequest, StoreError> {
    let document: RequestDocument = cells.json("checkout_request", text)?;
    cells.present("checkout_request", document.request())
}

/// Reads the column `opened_session`.
pub(crate) fn read_session(cells: &Cells, text: &str) -> Result<OpenedSession, StoreError> {
    let document: SessionDocument = cells.json("opened_session", text)?;
    cells.present("opened_session", document.session())
}

#[derive(Serialize, Deserialize)]
struct RequestDocument {
    price_id: PriceId,
    price: String,
    is_recurring: bool,
    quantity: u32,
    admin_email: String,
    ui: UiDocument,
    success_url: String,
    cancel_url: String,
    trial_days: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UiDocument {
    Hosted,
    Custom,
}

#[derive(Serialize, Deserialize)]
struct SessionDocument {
    id: String,
    url: Option<String>,
    client_secret: Option<String>,
    expires_at: i64,
}

impl RequestDocument {
    fn of(request: &CheckoutRequest) -> Self {
        let CheckoutRequest {
            price_id,
            price,
            is_recurring,
            quantity,
            admin_email,
            ui,
            success_url,
            cancel_url,
            trial_days,
        } = request;
        Self {
            price_id: *price_id,
            price: price.to_string(),
            is_recurring: *is_recurring,
            quantity: quantity.count(),
            admin_email: admin_email.to_string(),
            ui: match ui {
                CheckoutUi::Hosted => UiDocument::Hosted,
                CheckoutUi::Custom => UiDocument::Custom,
            },
            success_url: success_url.clone(),
            cancel_url: cancel_url.clone(),
            trial_days: *trial_days,
        }
    }

    fn request(self) -> Option<CheckoutRequest> {
        Some(CheckoutRequest {
            price_id: self.price_id,
            price: ProviderRef::parse(&self.price).ok()?,
            is_recurring: self.is_recurring,
            quantity: Quantity::parse(i64::from(self.quantity)).ok()?,
            admin_email: Email::parse(&self.admin_email).ok()?,
            ui: match self.ui {
                UiDocument::Hosted => CheckoutUi::Hosted,
                UiDocument::Custom => CheckoutUi::Custom,
            },
            success_url: self.success_url,
            cancel_url: self.cancel_url,
            trial_days: self.trial_days,
        })
    }
}

impl SessionDocument {
    fn of(session: &OpenedSession) -> Self {
        let OpenedSession {
            id,
            url,
            client_secret,
            expires_at,
        } = session;
        Self {
            id: id.to_string(),
            url: url.clone(),
            client_secret: client_secret.clone(),
            expires_at: expires_at.unix_micros(),
        }
    }

    fn session(self) -> Option<OpenedSession> {
        Some(OpenedSession {
            id: ProviderRef::parse(&self.id).ok()?,
            url: self.url,
            client_secret: self.client_secret,
            expires_at: Timestamp::from_unix_micros(self.expires_at).ok()?,
        })
    }
}
