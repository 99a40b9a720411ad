package main

import (
	"context"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// facts are what the journal knows and a doctor wants to.
type facts struct {
	// Journal is false where there is none yet.
	Journal  bool  `json:"journal"`
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"max_bytes"`
	Free     int64 `json:"free_bytes"`
	// Fsync is how long one small write took to become durable, measured when
	// the journal was opened.
	Fsync time.Duration `json:"fsync_ns"`
	// Calls is how many of the newest calls were looked at, Busiest how many of
	// them began within one minute, at BusiestAt.
	Calls     int       `json:"calls"`
	Busiest   int       `json:"busiest_minute"`
	BusiestAt time.Time `json:"busiest_at,omitzero"`
	// Parked is how many calls wait for a person.
	Parked int `json:"parked"`
	// Heard are the newest calls by source.
	Heard map[string]heardFrom `json:"heard,omitempty"`
}

// heardFrom is the newest call of a source.
type heardFrom struct {
	Call telephony.CallID `json:"call"`
	At   time.Time        `json:"at"`
	// Stamped says that its events carry the phone system's own time.
	Stamped bool `json:"stamped"`
}

// factsQuery asks for all of them.
type factsQuery struct{}

var factsQuestion = question[factsQuery, facts]{"/v1/facts", answerFacts}

func answerFacts(ctx context.Context, d *desk, _ factsQuery) (facts, error) {
	j, found := d.journal.(*journal.Journal)
	if !found {
		return facts{}, nil
	}
	state, err := j.State(ctx)
	if err != nil {
		return facts{}, err
	}
	views, err := d.views(ctx, maxListed, true)
	if err != nil {
		return facts{}, err
	}
	f := facts{
		Journal: true, Bytes: state.Bytes, MaxBytes: state.MaxBytes, Free: state.Free, Fsync: j.FsyncTime(), Calls: len(views),
		Heard: make(map[string]heardFrom),
	}
	f.Busiest, f.BusiestAt = busiestMinute(views)
	for _, v := range views {
		if len(parkedOf(v)) > 0 {
			f.Parked++
		}
		id := v.State.ID
		if _, known := f.Heard[id.Source()]; known {
			continue // the newest come first
		}
		stamped, err := d.stamped(ctx, id)
		if err != nil {
			return facts{}, err
		}
		f.Heard[id.Source()] = heardFrom{id, v.State.StartedAt, stamped}
	}
	return f, nil
}

// stamped reports whether an event of a call carries the phone system's time.
func (d *desk) stamped(ctx context.Context, id telephony.CallID) (bool, error) {
	entries, err := bridge.ReadEntries(ctx, d.journal, id)
	for _, entry := range entries {
		for _, e := range entry.Events {
			if e.Raw["Timestamp"] != "" {
				return true, nil
			}
		}
	}
	return false, err
}

// busiestMinute is the largest number of calls that began within a minute.
func busiestMinute(views []bridge.View) (most int, at time.Time) {
	starts := make([]time.Time, 0, len(views))
	for _, v := range views {
		starts = append(starts, v.State.StartedAt)
	}
	slices.SortFunc(starts, time.Time.Compare)
	first := 0
	for i, start := range starts {
		for start.Sub(starts[first]) >= time.Minute {
			first++
		}
		if n := i - first + 1; n > most {
			most, at = n, starts[first]
		}
	}
	return most, at.UTC()
}
