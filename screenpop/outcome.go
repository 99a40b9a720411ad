package screenpop

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Result is how a pop ended.
type Result string

// The results.
const (
	// Accepted: Zendesk took it. Whether the agent saw it nobody can tell.
	Accepted Result = "accepted"
	// Late: the deadline was over before Zendesk had taken it; it was dropped.
	Late Result = "late"
	// Refused: Zendesk said no, and would say it again.
	Refused Result = "refused"
	// Failed: no attempt came through, or talkbridge is stopping.
	Failed Result = "failed"
)

// Outcome is what became of a Pop. In JSON its latency is in seconds.
type Outcome struct {
	Agent  int64  `json:"agent"`
	Ticket int64  `json:"ticket,omitzero"`
	User   int64  `json:"user,omitzero"`
	Result Result `json:"result"`
	// Latency is from the fact to this outcome, never negative: for an
	// accepted pop, until Zendesk said so.
	Latency time.Duration `json:"-"`
	// Attempts is how many requests were made, 0 to 2.
	Attempts int `json:"attempts,omitzero"`
	// Err is why it was not accepted, for people; at most 300 bytes.
	Err string `json:"error,omitzero"`
}

// plainOutcome is an Outcome without methods.
type plainOutcome Outcome

// wireOutcome is an Outcome as it is written.
type wireOutcome struct {
	plainOutcome

	Latency float64 `json:"latency"`
}

// MarshalJSON writes the latency in seconds.
func (o Outcome) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireOutcome{plainOutcome(o), o.Latency.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (o *Outcome) UnmarshalJSON(text []byte) error {
	var wire wireOutcome
	if err := json.Unmarshal(text, &wire); err != nil {
		return fmt.Errorf("read pop outcome: %w", err)
	}
	*o = Outcome(wire.plainOutcome)
	o.Latency = time.Duration(math.Round(wire.Latency * float64(time.Second)))
	return nil
}
