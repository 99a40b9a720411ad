package twilio

import "sync/atomic"

// Stats are the counts of a Source since it was made.
type Stats struct {
	Webhooks uint64 // received
	Ignored  uint64 // webhooks that said nothing of a call
	Events   uint64 // telephony events delivered
	Appends  uint64 // journal entries they were delivered in
	Asked    uint64 // calls whose beginning was asked of Twilio
	Late     uint64 // calls that only Twilio's lists told of
	Ended    uint64 // calls of which Twilio's lists told how they went on
	// Refused are the webhooks that were refused, by reason.
	Refused map[Reason]uint64
}

// counters is Stats while it is counted. Safe for concurrent use.
type counters struct {
	webhooks, ignored, events, appends, asked, late, ended atomic.Uint64

	refused [16]atomic.Uint64 // by the place of the reason in Reasons
}

func (c *counters) refuse(reason Reason) {
	for i, r := range Reasons {
		if r == reason {
			c.refused[i].Add(1)
		}
	}
}

// Stats returns the counts.
func (s *Source) Stats() Stats {
	c := &s.count
	stats := Stats{
		Webhooks: c.webhooks.Load(), Ignored: c.ignored.Load(), Events: c.events.Load(), Appends: c.appends.Load(),
		Asked: c.asked.Load(), Late: c.late.Load(), Ended: c.ended.Load(), Refused: make(map[Reason]uint64, len(Reasons)),
	}
	for i, reason := range Reasons {
		stats.Refused[reason] = c.refused[i].Load()
	}
	return stats
}
