package ari

import "sync/atomic"

// Stats are the counts of a Source since it was made, over all its sessions.
type Stats struct {
	Bytes     uint64 // received
	Messages  uint64 // messages received, wanted or not
	Skipped   uint64 // messages of kinds and variables that are not used
	Malformed uint64 // messages that could not be read
	Ignored   uint64 // wanted messages that said nothing, or of a channel that nobody knows
	Derived   uint64 // channels whose call Asterisk did not name: it was worked out
	Events    uint64 // telephony events delivered
	Appends   uint64 // journal entries they were delivered in
}

// counters is Stats while it is counted. Safe for concurrent use.
type counters struct {
	bytes, messages, skipped, malformed, ignored, derived, events, appends atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Bytes: c.bytes.Load(), Messages: c.messages.Load(), Skipped: c.skipped.Load(), Malformed: c.malformed.Load(),
		Ignored: c.ignored.Load(), Derived: c.derived.Load(), Events: c.events.Load(), Appends: c.appends.Load(),
	}
}

// delivered counts an entry of the journal.
func (c *counters) delivered(events int) {
	c.appends.Add(1)
	c.events.Add(uint64(max(events, 0)))
}
