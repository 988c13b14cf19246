//! Events about which the provider has to be asked go beside the turns, each subject on a track of its
//! own: a slow answer holds up what follows in its subject, and nobody else.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::waves::Job;
use crate::kernel::id::InboxEventId;
use crate::kernel::text::ProviderRef;
use crate::provider_events::lane::{Lane, LaneHold};
use crate::provider_events::ports::ClaimedEvent;

/// How many events of one worker wait beside its turns at most. Beyond that they are tried again
/// later, as when the provider cannot be reached.
pub(super) const ASIDE_MAX: usize = 256;

/// Whose events follow each other. A lane that was lost and taken again has another fence, and what
/// is on its way under the old one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TrackName {
    hold: LaneHold,
    subject: Option<ProviderRef>,
}

impl TrackName {
    pub(super) fn of(event: &ClaimedEvent) -> Self {
        Self {
            hold: event.hold,
            subject: event.subject.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct Track {
    /// What is neither applied nor on its way.
    waiting: VecDeque<Job>,
    /// What is on its way.
    under_way: Vec<InboxEventId>,
}

impl Track {
    fn ids(&self) -> impl Iterator<Item = InboxEventId> {
        let waiting = self.waiting.iter().map(|job| job.event.id);
        self.under_way.iter().copied().chain(waiting)
    }

    fn set_out(&mut self) -> VecDeque<Job> {
        let jobs = std::mem::take(&mut self.waiting);
        self.under_way = jobs.iter().map(|job| job.event.id).collect();
        jobs
    }
}

#[derive(Debug, Default)]
struct Tracks {
    tracks: HashMap<TrackName, Track>,
    /// Those that nobody has begun, first come first.
    to_begin: VecDeque<TrackName>,
    /// What the tracks found out about lanes.
    lost: Vec<LaneHold>,
    has_failed: bool,
}

impl Tracks {
    fn has_room(&self, more: usize) -> bool {
        let tracks = self.tracks.values();
        let count: usize = tracks.map(|track| track.ids().count()).sum();
        count.saturating_add(more) <= ASIDE_MAX
    }
}

/// What became of an event that came while its subject may be on a track.
pub(super) enum Admission {
    /// Its subject is not: it is the turn's.
    Free(Job),
    /// It waits there.
    Waits,
    /// It would, and there is no room.
    NoRoom(Job),
}

/// What the tracks found out since the last turn.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Somebody else has these.
    pub(super) lost: Vec<LaneHold>,
    /// Something was not brought to an end: the inbox has it.
    pub(super) has_failed: bool,
}

/// The tracks of one worker.
#[derive(Debug, Default)]
pub(super) struct Aside(Mutex<Tracks>);

impl Aside {
    fn lock(&self) -> MutexGuard<'_, Tracks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event follows those of its subject that are on a track.
    pub(super) fn admit(&self, job: Job) -> Admission {
        let mut tracks = self.lock();
        let name = TrackName::of(&job.event);
        let Some(track) = tracks.tracks.get(&name) else {
            return Admission::Free(job);
        };
        if track.ids().any(|id| id == job.event.id) {
            return Admission::Waits;
        }
        if !tracks.has_room(1) {
            return Admission::NoRoom(job);
        }
        let track = tracks.tracks.entry(name).or_default();
        let key = |job: &Job| (job.event.created_at, job.event.id);
        let place = track
            .waiting
            .partition_point(|waits| key(waits) < key(&job));
        track.waiting.insert(place, job);
        Admission::Waits
    }

    /// Whether events of this one's subject are on a track.
    pub(super) fn has_subject_of(&self, event: &ClaimedEvent) -> bool {
        let tracks = self.lock();
        tracks.tracks.contains_key(&TrackName::of(event))
    }

    /// Makes a track of one subject's line, or gives it back if there is no room.
    pub(super) fn open(&self, line: VecDeque<Job>) -> Result<(), VecDeque<Job>> {
        let mut tracks = self.lock();
        if !tracks.has_room(line.len()) {
            return Err(line);
        }
        if let Some(first) = line.front() {
            let name = TrackName::of(&first.event);
            tracks.to_begin.push_back(name.clone());
            let track = tracks.tracks.entry(name).or_default();
            track.waiting.extend(line);
        }
        Ok(())
    }

    /// Whether there is a track that nobody has begun.
    pub(super) fn has_to_begin(&self) -> bool {
        !self.lock().to_begin.is_empty()
    }

    /// The next track that nobody has begun.
    pub(super) fn begin(&self) -> Option<(TrackName, VecDeque<Job>)> {
        let mut tracks = self.lock();
        let name = tracks.to_begin.pop_front()?;
        let jobs = tracks.tracks.get_mut(&name)?.set_out();
        Some((name, jobs))
    }

    /// What has come meanwhile. With nothing left the track ends, and the subject is the turns' again.
    pub(super) fn go_on(&self, name: &TrackName) -> Option<VecDeque<Job>> {
        let mut tracks = self.lock();
        let jobs = tracks.tracks.get_mut(name)?.set_out();
        if jobs.is_empty() {
            tracks.tracks.remove(name);
            return None;
        }
        Some(jobs)
    }

    /// Ends a track whatever waits on it: somebody else has its lane, or the inbox must be read.
    pub(super) fn end(&self, name: &TrackName, findings: Findings) {
        let mut tracks = self.lock();
        tracks.tracks.remove(name);
        tracks.lost.extend(findings.lost);
        tracks.has_failed |= findings.has_failed;
    }

    /// What was found out since this was asked last.
    pub(super) fn findings(&self) -> Findings {
        let mut tracks = self.lock();
        Findings {
            lost: std::mem::take(&mut tracks.lost),
            has_failed: std::mem::take(&mut tracks.has_failed),
        }
    }

    /// What is on a track under one of these holds.
    pub(super) fn in_hand(&self, holds: &[LaneHold]) -> Vec<(InboxEventId, LaneHold)> {
        let holds: HashSet<&LaneHold> = holds.iter().collect();
        let tracks = self.lock();
        let held = tracks.tracks.iter();
        let held = held.filter(|(name, _)| holds.contains(&name.hold));
        held.flat_map(|(name, track)| track.ids().map(|id| (id, name.hold)))
            .collect()
    }

    /// The lanes that are needed until their tracks end.
    pub(super) fn lanes(&self) -> BTreeSet<Lane> {
        let tracks = self.lock();
        tracks.tracks.keys().map(|name| name.hold.lane).collect()
    }

    /// Forgets everything: the inbox has it.
    pub(super) fn clear(&self) {
        *self.lock() = Tracks::default();
    }
}
