//! Fault injection: the n-th call through any port fails, before or after its effect.

use std::sync::{Arc, Mutex};

/// When a failing call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// Nothing has happened.
    BeforeEffect,
    /// Everything has happened and the answer is lost.
    AfterEffect,
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Nothing.
    Calm,
    /// One call.
    Once(u64, FaultPoint),
    /// One call and every later one, until [`Faults::restart`]: the program is gone.
    Crash(u64, FaultPoint),
}

#[derive(Debug)]
struct State {
    plan: Plan,
    calls: Vec<&'static str>,
}

/// Counts every port call of the memory store and the fake provider that share it. Clones share
/// the count.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Mutex<State>>);

/// A call failed because the test asked for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("injected fault at port call {number} (`{port}`)")]
pub struct InjectedFault {
    /// Which call, from 1.
    pub number: u64,
    /// Of which port method.
    pub port: &'static str,
}

/// A call that has begun; [`PortCall::end`] says whether its answer arrives.
#[derive(Debug)]
#[must_use = "a call that does not end cannot lose its answer"]
pub struct PortCall {
    answer: Result<(), InjectedFault>,
}

impl PortCall {
    /// Ends the call.
    ///
    /// # Errors
    /// [`InjectedFault`] if the answer is to be lost.
    pub fn end(self) -> Result<(), InjectedFault> {
        self.answer
    }
}

impl Faults {
    /// Counts and lets everything pass.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            plan: Plan::Calm,
            calls: Vec::new(),
        })))
    }

    /// Lets the n-th call from now fail, and only that one; `n` counts from 1.
    pub fn fail_nth(&self, n: u64, point: FaultPoint) {
        self.replan(Plan::Once(n, point));
    }

    /// Lets the n-th call from now fail and every later one with it, until [`Self::restart`].
    pub fn crash_at(&self, n: u64, point: FaultPoint) {
        self.replan(Plan::Crash(n, point));
    }

    /// Ends every fault and counts from zero again.
    pub fn restart(&self) {
        self.replan(Plan::Calm);
    }

    /// How many calls there were since the last plan.
    pub fn call_count(&self) -> u64 {
        count(&self.state().calls)
    }

    /// The names of the calls since the last plan.
    pub fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// Begins a call of a port method.
    ///
    /// # Errors
    /// [`InjectedFault`] if it is to fail before its effect.
    pub fn begin(&self, port: &'static str) -> Result<PortCall, InjectedFault> {
        let mut state = self.state();
        state.calls.push(port);
        let number = count(&state.calls);
        let fault = InjectedFault { number, port };
        let point = match state.plan {
            Plan::Calm => None,
            Plan::Once(n, point) => (number == n).then_some(point),
            // After the crash nothing has an effect any more.
            Plan::Crash(n, _) if number > n => Some(FaultPoint::BeforeEffect),
            Plan::Crash(n, point) => (number == n).then_some(point),
        };
        match point {
            None => Ok(PortCall { answer: Ok(()) }),
            Some(FaultPoint::BeforeEffect) => Err(fault),
            Some(FaultPoint::AfterEffect) => Ok(PortCall { answer: Err(fault) }),
        }
    }

    fn replan(&self, plan: Plan) {
        let mut state = self.state();
        state.plan = plan;
        state.calls.clear();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

fn count(calls: &[&'static str]) -> u64 {
    u64::try_from(calls.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(faults: &Faults) -> Result<(), InjectedFault> {
        faults.begin("call").and_then(PortCall::end)
    }

    #[test]
    fn only_the_nth_call_fails() {
        let faults = Faults::new();
        faults.fail_nth(2, FaultPoint::AfterEffect);
        assert!(outcome(&faults).is_ok());
        let call = faults.begin("commit").unwrap();
        assert_eq!(
            call.end(),
            Err(InjectedFault {
                number: 2,
                port: "commit"
            })
        );
        assert!(outcome(&faults).is_ok());
        assert_eq!(faults.call_count(), 3);
    }

    #[test]
    fn after_a_crash_nothing_works_until_the_restart() {
        let faults = Faults::new();
        faults.crash_at(1, FaultPoint::BeforeEffect);
        assert!(outcome(&faults).is_err());
        assert!(outcome(&faults.clone()).is_err());
        faults.restart();
        assert!(outcome(&faults).is_ok());
        assert_eq!(faults.calls(), ["call"]);
    }
}
