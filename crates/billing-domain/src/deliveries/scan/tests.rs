//! Windows: each with a piece of the one before, the oldest first, none that nobody lists any more.

use proptest::prelude::*;

use super::*;

const POLICY: ScanPolicy = ScanPolicy {
    interval: Duration::minutes(5),
    delay: Duration::minutes(2),
    overlap: Duration::hours(1),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + seconds).unwrap()
}

fn id(text: &str) -> ProviderRef {
    ProviderRef::parse(text).unwrap()
}

fn days(count: i64) -> i64 {
    count * 86_400
}

#[test]
fn a_window_reaches_back_into_the_one_before_and_stops_short_of_now() {
    let mut scan = Scan::since(ScanKind::AllEvents, at(0));
    assert_eq!(scan.begin(at(1_000), &POLICY), None);
    let window = scan.window.clone().unwrap();
    assert_eq!((window.from, window.until), (at(-3_600), at(880)));
    scan.page_read(None);
    assert_eq!((scan.position, scan.window.clone()), (at(880), None));
    // Two seconds later there is nothing that can be missing.
    scan.begin(at(1_000), &POLICY);
    assert_eq!(scan.window, None);
    assert_eq!(scan.finished_at, Some(at(1_000)));
}

#[test]
fn an_interrupted_window_goes_on_where_it_was() {
    let mut scan = Scan::since(ScanKind::AllEvents, at(0));
    scan.begin(at(1_000), &POLICY);
    scan.page_read(Some(id("evt_9")));
    let kept = scan.window.clone();
    assert_eq!(kept.as_ref().unwrap().after, Some(id("evt_9")));
    scan.begin(at(50_000), &POLICY);
    assert_eq!(scan.window, kept, "the window that was begun");
    assert_eq!(scan.position, at(0), "nothing is done before it is read");
    scan.restart_window();
    assert_eq!(scan.window.unwrap().after, None);
}

#[test]
fn after_an_outage_the_oldest_events_are_read_first() {
    let mut scan = Scan::since(ScanKind::AllEvents, at(0));
    let now = at(days(2));
    let mut windows = 0;
    loop {
        scan.begin(now, &POLICY);
        let Some(window) = scan.window.clone() else {
            break;
        };
        assert!(window.until.since(scan.position) <= WINDOW_MAX);
        scan.page_read(None);
        windows += 1;
    }
    assert_eq!(windows, 8, "48 hours in windows of six");
    assert_eq!(scan.position, now.minus(POLICY.delay));
}

#[test]
fn failed_deliveries_are_looked_at_for_as_long_as_they_are_tried() {
    let mut scan = Scan::since(ScanKind::FailedDeliveries, at(0));
    scan.begin(at(600), &POLICY);
    let window = scan.window.unwrap();
    assert_eq!((window.from, window.until), (at(-days(4)), at(480)));
}

#[test]
fn the_horizon_is_warned_of_and_what_is_behind_it_is_said_to_be_lost() {
    let mut scan = Scan::since(ScanKind::AllEvents, at(0));
    assert!(!scan.is_near_horizon(at(days(23))), "it has only begun");
    assert_eq!(scan.clone().begin(at(days(32)), &POLICY), None);
    scan.finished_at = Some(at(0));
    assert!(!scan.is_near_horizon(at(days(23) - 1)));
    assert!(scan.is_near_horizon(at(days(23))));
    assert_eq!(scan.clone().begin(at(days(30)), &POLICY), None);
    scan.window = Some(ScanWindow {
        from: at(0),
        until: at(600),
        after: Some(id("evt_forgotten")),
    });
    let lost = scan.begin(at(days(32)), &POLICY);
    let (from, until) = (at(0), at(days(2)));
    assert_eq!(lost, Some(LostRange { from, until }));
    let window = scan.window.clone().unwrap();
    assert_eq!((window.from, window.after), (at(days(2)), None));
    assert_eq!(scan.begin(at(days(32)), &POLICY), None, "it is said once");
}

#[test]
fn a_kind_is_read_back_by_its_name() {
    for kind in ScanKind::ALL {
        assert_eq!(ScanKind::parse(kind.name()), Some(kind));
    }
    assert_eq!(ScanKind::parse("some_events"), None);
}

proptest! {
    /// Whenever turns come and wherever they are cut off, no time between the start and the end
    /// stays unread, as long as the scan is not a month late.
    #[test]
    fn windows_leave_no_gap(
        pauses in prop::collection::vec((1_i64..200_000, any::<bool>()), 1..40),
    ) {
        let mut scan = Scan::since(ScanKind::AllEvents, at(0));
        let (mut now, mut read_until) = (0, at(0));
        for (pause, is_cut_off) in pauses {
            now += pause;
            prop_assert_eq!(scan.begin(at(now), &POLICY), None);
            if let Some(window) = scan.window.clone() {
                prop_assert!(window.from <= read_until);
                prop_assert!(window.until <= at(now).minus(POLICY.delay));
                if is_cut_off {
                    scan.page_read(Some(id("evt_1")));
                } else {
                    scan.page_read(None);
                    read_until = window.until;
                }
            }
            prop_assert_eq!(scan.position, read_until);
            // A scan that is a month late is another matter.
            if now - (scan.position.unix_seconds() - at(0).unix_seconds()) > days(20) { break; }
        }
    }
}
