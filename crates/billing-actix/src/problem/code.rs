//! Every code that a client can meet: its text, its status and its title never change.

use actix_web::http::StatusCode;

/// Declares each code once: variant, text, status, title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, for a program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them, for the documentation and for tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable text.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The status that it is answered with, unless the cause asks for another.
            pub(crate) fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }

            /// The fixed title of this type of problem.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    InvalidJson, "invalid_json", BAD_REQUEST, "The body is not valid JSON";
    /// The JSON has another shape than the operation's.
    InvalidRequest, "invalid_request", BAD_REQUEST, "The body does not have the expected shape";
    /// A query parameter is missing or malformed.
    InvalidQuery, "invalid_query", BAD_REQUEST, "The query is not valid";
    /// The id in the path is not an id of this kind.
    InvalidId, "invalid_id", BAD_REQUEST, "The id is not valid";
    /// One of several fields that belong together is missing.
    IncompleteData, "incomplete_data", BAD_REQUEST, "Some fields are missing";
    /// `Idempotency-Key` is empty, too long or not printable.
    InvalidIdempotencyKey, "invalid_idempotency_key", BAD_REQUEST, "The idempotency key is not valid";
    /// Two kinds of credentials in one request.
    AmbiguousCredentials, "ambiguous_credentials", BAD_REQUEST, "More than one credential was sent";
    /// The framework could not read the request.
    BadRequest, "bad_request", BAD_REQUEST, "The request could not be read";
    /// Embargo.
    CountryNotSupported, "country_not_supported", BAD_REQUEST, "The country is not supported";
    /// The state machine refused.
    InvalidTransition, "invalid_transition", BAD_REQUEST, "The state does not allow this";
    /// F.5 row 2.
    InvalidSignature, "invalid_signature", BAD_REQUEST, "The signature is not valid";
    /// The signature is right and the body is no event.
    InvalidEvent, "invalid_event", BAD_REQUEST, "The body is not an event";
    /// A test event at a live service, or the other way round.
    WrongMode, "wrong_mode", BAD_REQUEST, "The event is of the other mode";
    /// The provider rejected what we sent (F.5 row 8).
    StripeError, "stripe_error", BAD_REQUEST, "The payment provider rejected the request";
    /// Fewer licences are free than were asked for.
    NotEnoughLicenses, "not_enough_licenses", BAD_REQUEST, "Not enough licences are free";
    /// No credentials.
    AuthenticationRequired, "authentication_required", UNAUTHORIZED, "Authentication is required";
    /// A bearer token that opens nothing.
    InvalidToken, "invalid_token", UNAUTHORIZED, "The bearer token is not valid";
    /// An API key that opens nothing (E-010).
    InvalidApiKey, "invalid_api_key", UNAUTHORIZED, "The API key is not valid";
    /// The caller is known and may not do this.
    Forbidden, "forbidden", FORBIDDEN, "This caller may not do this";
    /// E-011.
    ProjectInactive, "project_inactive", FORBIDDEN, "The project is not active";
    /// E-011.
    OtherProject, "other_project", FORBIDDEN, "The object belongs to another project";
    /// No such route or object, or it is somebody else's.
    NotFound, "not_found", NOT_FOUND, "There is no such thing here";
    /// F.5 row 36.
    UserNotFound, "user_not_found", NOT_FOUND, "There is no such user";
    /// The route exists with other methods; `Allow` names them.
    MethodNotAllowed, "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// The same key with another request.
    IdempotencyKeyReused, "idempotency_key_reused", CONFLICT, "The idempotency key was used for another request";
    ///
    CheckoutIntentAlreadyPaid, "checkout_intent_already_paid", CONFLICT, "The checkout is already paid";
    /// The payment belongs to another sale.
    LinkedElsewhere, "linked_elsewhere", CONFLICT, "The payment belongs to another purchase";
    /// There is nothing to retry.
    AlreadyProvisioned, "already_provisioned", CONFLICT, "Everything is provisioned";
    /// The event has had its effect: replaying or discarding it would change nothing.
    EventAlreadyApplied, "event_already_applied", CONFLICT, "The event is applied";
    /// Nobody has the licence.
    LicenseNotAssigned, "license_not_assigned", CONFLICT, "The licence is not assigned";
    /// Others kept changing the same record; the same request may succeed now.
    Conflict, "conflict", CONFLICT, "The record was changed at the same time";
    /// The body did not come to its end in time.
    BodyTimeout, "body_timeout", REQUEST_TIMEOUT, "The body was sent too slowly";
    /// The body is larger than this route takes.
    PayloadTooLarge, "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is declared to be something else than JSON.
    UnsupportedMediaType, "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    /// Fields with values that break a rule; `fields` names each.
    ValidationFailed, "validation_failed", UNPROCESSABLE_ENTITY, "Some values are not valid";
    ///
    SlugReserved, "slug_reserved", UNPROCESSABLE_ENTITY, "The slug or the name is reserved";
    ///
    ConflictFailed, "conflict_failed", UNPROCESSABLE_ENTITY, "An earlier purchase needs attention";
    ///
    RangeExceeded, "range_exceeded", UNPROCESSABLE_ENTITY, "The quantity is out of range";
    ///
    DoesNotExist, "does_not_exist", UNPROCESSABLE_ENTITY, "The price does not exist";
    ///
    AdminEmailMismatch, "admin_email_mismatch", UNPROCESSABLE_ENTITY, "The address is not the caller's";
    ///
    RedirectNotAllowed, "redirect_not_allowed", UNPROCESSABLE_ENTITY, "The return address is not allowed";
    ///
    LicenseRevoked, "license_revoked", UNPROCESSABLE_ENTITY, "The licence was revoked";
    /// The plan has not begun or is over.
    PlanNotCurrent, "plan_not_current", UNPROCESSABLE_ENTITY, "The plan is not current";
    /// A bug, a panic included.
    InternalError, "internal_error", INTERNAL_SERVER_ERROR, "Something went wrong on our side";
    /// F.5 row 9.
    StripeNotConfigured, "stripe_not_configured", INTERNAL_SERVER_ERROR, "The payment provider is not configured";
    /// F.5 row 8.
    StripeUnavailable, "stripe_unavailable", BAD_GATEWAY, "The payment provider is not available";
    /// C-004.
    BillingDisabled, "billing_disabled", SERVICE_UNAVAILABLE, "Billing is switched off";
    /// The database.
    StoreUnavailable, "store_unavailable", SERVICE_UNAVAILABLE, "The service cannot reach its store";
    /// Too many bodies are being read that nobody has verified.
    Overloaded, "overloaded", SERVICE_UNAVAILABLE, "The service is reading as much as it can hold";
    /// F.5 row 42.
    NotReady, "not_ready", SERVICE_UNAVAILABLE, "The service is not ready";
    /// The request took longer than the service allows.
    RequestTimeout, "request_timeout", SERVICE_UNAVAILABLE, "The request took too long";
}

impl Code {
    /// The `type` of the problem: `/problems/` and the text with dashes.
    pub fn type_uri(self) -> String {
        format!("/problems/{}", self.text().replace('_', "-"))
    }
}
