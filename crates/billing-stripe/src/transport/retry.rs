//! When a failed attempt is followed by another, and after which pause.

use std::time::Duration;

use super::answer::{Answer, CallError};

/// A caller who waits longer is better told to come back (`RateLimited { retry_after }`).
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The pause before the next attempt; `None` where another attempt is pointless or not wanted.
///
/// Retried are: no answer, 409 (lock, key in use), 429 and 5xx. `Stripe-Should-Retry` beats the
/// status, `Retry-After` beats the drawn pause (<https://docs.stripe.com/error-low-level>).
pub(super) fn pause_after(
    outcome: &Result<Answer, CallError>,
    attempt: u32,
    base: Duration,
) -> Option<Duration> {
    match outcome {
        Ok(_) | Err(CallError::NotConfigured) => None,
        Err(CallError::Unreachable(_)) => Some(drawn_pause(attempt, base)),
        Err(CallError::Refused(error)) => {
            let is_passing = matches!(error.status, 409 | 429 | 500..=599);
            if !error.should_retry.unwrap_or(is_passing) {
                return None;
            }
            match error.retry_after {
                None => Some(drawn_pause(attempt, base)),
                Some(wanted) if wanted <= PAUSE_MAX => Some(wanted),
                Some(_) => None,
            }
        }
    }
}

/// Full jitter: anything from nothing to the doubled base, so that callers who failed together
/// do not come back together.
fn drawn_pause(attempt: u32, base: Duration) -> Duration {
    let longest = base
        .saturating_mul(2_u32.saturating_pow(attempt))
        .min(PAUSE_MAX);
    // Without randomness the longest pause is as good as any.
    let drawn = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(drawn) / f64::from(u32::MAX))
}

/// A key for a POST whose caller gave none: it ties the attempts of one call together.
pub(super) fn random_key() -> Result<String, CallError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| CallError::Unreachable(Box::new(error)))?;
    Ok(format!("call:{}", hex::encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ApiError;

    fn refused(status: u16, should_retry: Option<bool>, retry_after: Option<u64>) -> CallError {
        CallError::Refused(Box::new(ApiError {
            status,
            kind: String::new(),
            code: None,
            param: None,
            message: String::new(),
            request_id: None,
            retry_after: retry_after.map(Duration::from_secs),
            should_retry,
            is_replay: false,
        }))
    }

    fn pause(error: CallError) -> Option<Duration> {
        pause_after(&Err(error), 0, Duration::from_millis(10))
    }

    #[test]
    fn what_passes_is_retried_and_what_stays_is_not() {
        for status in [409, 429, 500, 502, 503, 504] {
            assert!(pause(refused(status, None, None)).is_some(), "{status}");
            assert!(
                pause(refused(status, Some(false), None)).is_none(),
                "{status}"
            );
        }
        for status in [400, 401, 402, 403, 404] {
            assert!(pause(refused(status, None, None)).is_none(), "{status}");
            assert!(
                pause(refused(status, Some(true), None)).is_some(),
                "{status}"
            );
        }
        assert!(pause(CallError::broken("cut")).is_some());
        assert!(pause(CallError::NotConfigured).is_none());
    }

    #[test]
    fn retry_after_is_honoured_exactly_or_handed_on() {
        let wanted = pause(refused(429, None, Some(2)));
        assert_eq!(wanted, Some(Duration::from_secs(2)));
        assert_eq!(pause(refused(429, None, Some(30))), None);
    }

    #[test]
    fn a_drawn_pause_stays_below_its_doubling_limit() {
        for attempt in 0..40 {
            let limit = Duration::from_millis(10).saturating_mul(2_u32.saturating_pow(attempt));
            let drawn = drawn_pause(attempt, Duration::from_millis(10));
            assert!(drawn <= limit.min(PAUSE_MAX), "{attempt}: {drawn:?}");
        }
    }
}
