package asterisk

import "sync/atomic"

// Stats are the counts of a Source since it was made, over all its sessions.
type Stats struct {
	Bytes     uint64 // received
	Messages  uint64 // whole messages received, wanted or not
	Wanted    uint64 // messages that were used
	Skipped   uint64 // events of kinds and variables that are not used
	Malformed uint64 // messages that could not be read, forged ones aside
	Forged    uint64 // events that Asterisk did not write so
	Rejoined  uint64 // events cut by a hostile caller id and put together again
	Events    uint64 // telephony events delivered
	Appends   uint64 // journal entries they were delivered in
	Ignored   uint64 // wanted messages that said nothing
	Late      uint64 // calls that only the call records told of
	Ended     uint64 // calls of which the call records told how they went on
}

// counters is Stats while it is counted. Safe for concurrent use.
type counters struct {
	bytes, messages, wanted, skipped, malformed, forged, rejoined, events, appends, ignored, late, ended atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Bytes: c.bytes.Load(), Messages: c.messages.Load(), Wanted: c.wanted.Load(), Skipped: c.skipped.Load(),
		Malformed: c.malformed.Load(), Forged: c.forged.Load(), Rejoined: c.rejoined.Load(),
		Events: c.events.Load(), Appends: c.appends.Load(), Ignored: c.ignored.Load(),
		Late: c.late.Load(), Ended: c.ended.Load(),
	}
}

// delivered counts an entry of the journal.
func (c *counters) delivered(events int) {
	c.appends.Add(1)
	c.events.Add(uint64(max(events, 0)))
}
